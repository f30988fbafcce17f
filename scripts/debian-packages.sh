#!/bin/sh
# Install the real parts that the end-to-end tests and the benchmark drive. Does nothing
# where it cannot: the tests then skip with a reason (and fail where CI=true).
set -eu
packages="rsyslog logrotate docker.io skopeo busybox-static iptables prometheus prometheus-alertmanager haproxy victoria-metrics mtail openssl systemd systemd-journal-remote xz-utils zstd bzip2 libfaketime mmdebstrap systemd-container docker-compose chromium fonts-dejavu-core"
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || exit 0

missing=
for package in $packages; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "installing$missing" >&2
# Packages start their daemons when they are installed; the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' > $policy
  chmod 755 $policy
  trap 'rm -f $policy' EXIT
fi
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
