#!/bin/sh
# Make .venv with logwatch (editable) and its development tools; with the argument `run` without these.
set -eu
tools='--group dev'
[ "${1:-}" = run ] && tools=
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "make: $python is older than 3.11; name a newer one: make PYTHON=/path/to/python3" >&2
  exit 2
}
if [ ! -x .venv/bin/pip ]; then
  rm -rf .venv
  if ! "$python" -m venv .venv >/dev/null 2>&1; then
    # Debian keeps venv's ensurepip in a package of its own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      apt-get update -qq
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
      rm -rf .venv
    fi
    "$python" -m venv .venv
  fi
fi
echo "make: installing logwatch and its packages into .venv: about a minute the first time" >&2
.venv/bin/pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
.venv/bin/pip install --quiet --disable-pip-version-check --constraint deploy/constraints.txt --editable '.[suggest,zstd,remote-write,otlp]' $tools
echo "make: compiling" >&2
# An editable installation is not compiled by pip, and where PYTHONDONTWRITEBYTECODE is set each start would do it again.
.venv/bin/python -m compileall -q logwatch
