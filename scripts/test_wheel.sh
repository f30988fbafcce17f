#!/bin/sh
# Run the tests that look at Python with the built wheel: make test-wheel.
#
# Under the Python of a clean Debian 13, and under 3.12, which no Debian has, where this machine has one. Left out are tests of
# daemons and browsers, and those that take long because of processes, kills and large logs: `make test` runs all with the Python of Debian 12.
# Arguments are pytest's. Does nothing where `make roots` makes nothing.
set -eu
cd "$(dirname "$0")/.."

# What each run leaves out.
without="--ignore=tests/attacks --ignore=tests/follower --ignore=tests/test_replay.py --ignore=tests/test_run.py --ignore=tests/test_torture.py"
without="$without --ignore=tests/grafana/test_pictures.py --ignore=tests/web/test_in_a_browser.py"
if python3.12 -c 'import venv' 2>/dev/null; then
  env=$(mktemp -d)
  python3.12 -m venv "$env"
  "$env/bin/pip" install --quiet --disable-pip-version-check --constraint deploy/constraints.txt .make/wheels/docker_logwatch-*.whl \
    hypothesis pytest pytest-rerunfailures pytest-xdist
  # shellcheck disable=SC2086
  PYTHONSAFEPATH=1 "$env/bin/python" -m pytest -p no:cacheprovider --basetemp="$env/tests" -n auto --dist loadgroup -m "not e2e" $without \
    tests/formats tests/matching tests/notifiers/test_tls_and_credentials.py tests/promql tests/web/test_security.py
  rm -rf "$env"
else
  echo "test-wheel: Python 3.12: not tried: there is no python3.12 here" >&2
fi
[ -e .make/trixie.tar ] || exit 0

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
tar -C "$root" -xf .make/trixie.tar
# The checkout is read-only, and PYTHONSAFEPATH keeps its logwatch behind the wheel's.
within() {
  systemd-nspawn --quiet --register=no --keep-unit --private-network --as-pid2 --console=pipe --rlimit=RLIMIT_NOFILE=65536 \
    --machine="lw$$" --directory="$root" --bind-ro="$PWD:/src" --bind-ro="$PWD/.make/wheels-3.13:/wheels" --chdir=/src \
    --setenv=PYTHONSAFEPATH=1 --setenv=PYTHONDONTWRITEBYTECODE=1 --setenv=HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis \
    --setenv=LANG=C.UTF-8 --setenv=CI="${CI:-}" "$@"
}
within python3 -m venv /env
within sh -euc '/env/bin/pip install --quiet --no-index --find-links /wheels "docker-logwatch[suggest,zstd,remote-write,otlp]" cyclonedx-bom \
  hatchling hypothesis kubernetes-validate grafana-foundation-sdk==0.0.21 pytest pytest-rerunfailures pytest-xdist'
# shellcheck disable=SC2086
within /env/bin/python -m pytest -p no:cacheprovider --basetemp=/var/tmp/tests -n auto --dist loadgroup -m "not e2e" $without "$@"
