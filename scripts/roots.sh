#!/bin/sh
# Make clean installations of two releases of Debian, as archives, for the tests of packages: a base system with Python, pipx,
# and what the tests of each need. And .make/wheels-3.13: all wheels for the second one's Python, with the tools of the tests.
#
# Does nothing without root or mmdebstrap: the tests then skip with a reason (and fail with CI=true). The archives are
# kept in the user's cache; each is named after what it was made of.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] && command -v mmdebstrap >/dev/null || exit 0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/docker-logwatch/roots
mkdir -p "$cache" .make

# Its files are written once and packed: memory is a better place for that than a disk.
memory=/dev/shm
[ -d $memory ] && [ "$(df -Pk $memory | awk 'NR == 2 {print $4}')" -gt 2000000 ] || memory=${TMPDIR:-/tmp}

make_root() {  # release packages
  sum=$(printf '%s' "$2" | cksum | cut -d' ' -f1)
  archive=$cache/$1-$sum.tar
  if [ ! -e "$archive" ]; then
    echo "making a clean $1" >&2
    unfinished=$cache/unfinished-$$.tar
    TMPDIR=$memory mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io --include="$2" "$1" "$unfinished" >&2
    mv "$unfinished" "$archive"
  fi
  ln -sf "$archive" ".make/$1.tar"
}

# The Perl Logwatch, beside which ours is installed; and systemd, which starts it.
make_root bookworm python3,python3-venv,pipx,ca-certificates,systemd,systemd-sysv,logwatch
# The programs that tests without daemons use; and kustomize, which Debian 12 does not have.
make_root trixie python3,python3-venv,pipx,ca-certificates,openssl,procps,xz-utils,zstd,bzip2,kustomize

wheels=.make/wheels-3.13
if [ ! "$wheels/complete" -nt .make/wheels/complete ]; then
  rm -rf "$wheels"
  pip="$PWD/.venv/bin/python -m pip --quiet --disable-pip-version-check"
  # Packages without wheels of their own have been built for this Python: those are of Python alone.
  # shellcheck disable=SC2086
  $pip download --constraint deploy/constraints.txt --find-links .make/wheels --dest "$wheels" --only-binary=:all: --python-version 3.13 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 --platform manylinux_2_34_x86_64 \
    'docker-logwatch[suggest,zstd,remote-write,otlp]' --group test pip setuptools wheel
  touch "$wheels/complete"
fi
cp .make/wheels/docker_logwatch-*.whl "$wheels/"
