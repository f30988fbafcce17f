#!/bin/sh
# Make .make/wheels: logwatch, everything that it depends on, and pip itself, as files for this Python.
#
# The .deb, the image and the folder are made of them, and a host without a package registry installs from them.
set -eu
cd "$(dirname "$0")/.."
wheels=.make/wheels
pip() { .venv/bin/python -m pip --quiet --disable-pip-version-check "$@"; }

if [ ! "$wheels/complete" -nt pyproject.toml ] || [ ! "$wheels/complete" -nt deploy/constraints.txt ]; then
  rm -rf "$wheels"
  # pipx and new environments bring pip, setuptools and wheel up to date before anything else.
  pip wheel --constraint deploy/constraints.txt --wheel-dir "$wheels" '.[suggest,zstd,remote-write,otlp]' pip setuptools wheel
  touch "$wheels/complete"
fi
pip wheel --no-deps --no-build-isolation --wheel-dir "$wheels" .
