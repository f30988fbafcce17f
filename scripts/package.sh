#!/bin/sh
# Make dist/docker-logwatch_VERSION_ARCH.deb and dist/docker-logwatch-VERSION-ARCH.tar.gz: one folder with everything that
# logwatch needs but Python itself, for hosts that reach no package registry. In both is sbom.cdx.json, which names the packages in
# them with versions and licences, in CycloneDX's form.
#
# WHEELS is a folder with the wheels of logwatch and of all that it depends on (make wheels).
set -eu
cd "$(dirname "$0")/.."
wheels=${WHEELS:-.make/wheels}
out=${OUT:-dist}
python=.venv/bin/python
version=$($python -c 'import logwatch; print(logwatch.__version__)')
minor=$($python -c 'import sys; print(sys.version_info.minor)')
arch=$(dpkg --print-architecture 2>/dev/null || uname -m)
# The same sources give the same bytes: every file has the time of the last commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
home=$work/usr/lib/docker-logwatch
mkdir -p "$home" "$work/DEBIAN" "$work/usr/bin" "$work/usr/lib/systemd/system" "$work/etc/docker-logwatch/rules" \
  "$work/usr/share/doc/docker-logwatch"

$python -m pip install --quiet --disable-pip-version-check --no-index --find-links "$wheels" --no-compile \
  --target "$home/lib" 'docker-logwatch[otlp,remote-write,zstd]'
mkdir -p "$home/man"
mv "$home/lib/share/man/man1/docker-logwatch.1" "$home/man/"
rm -rf "$home/lib/bin" "$home/lib/share"
$python -m venv --without-pip "$work/env"
$python -m pip --python "$work/env/bin/python" install --quiet --disable-pip-version-check --no-index --find-links "$wheels" --no-compile \
  'docker-logwatch[otlp,remote-write,zstd]'
$python -m cyclonedx_py environment --output-reproducible --output-format JSON --output-file "$home/sbom.cdx.json" "$work/env/bin/python" 2>/dev/null
rm -r "$work/env"
install -m 755 deploy/debian/docker-logwatch "$home/docker-logwatch"
install -m 755 deploy/docker-events.sh "$home/docker-events.sh"
install -m 644 LICENSE README.md CHANGELOG.md "$home/"

mkdir -p "$out"
find "$work" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$work/usr/lib" -cf - docker-logwatch |
  gzip -n > "$out/docker-logwatch-$version-$arch.tar.gz"
echo "$out/docker-logwatch-$version-$arch.tar.gz"
command -v dpkg-deb >/dev/null || exit 0

ln -s ../lib/docker-logwatch/docker-logwatch "$work/usr/bin/docker-logwatch"
install -m 644 deploy/systemd/*.service deploy/systemd/*.timer "$work/usr/lib/systemd/system/"
install -m 644 deploy/debian/logwatch.yml "$work/etc/docker-logwatch/logwatch.yml"
install -m 644 deploy/debian/copyright "$work/usr/share/doc/docker-logwatch/copyright"
mkdir -p "$work/usr/share/man/man1" "$work/usr/share/bash-completion/completions" "$work/usr/share/zsh/vendor-completions" \
  "$work/usr/share/fish/vendor_completions.d"
gzip -n9 < "$home/man/docker-logwatch.1" > "$work/usr/share/man/man1/docker-logwatch.1.gz"
rm -r "$home/man"
completion() { _DOCKER_LOGWATCH_COMPLETE=$1_source "$python" "$home/docker-logwatch"; }
completion bash > "$work/usr/share/bash-completion/completions/docker-logwatch"
completion zsh > "$work/usr/share/zsh/vendor-completions/_docker-logwatch"
completion fish > "$work/usr/share/fish/vendor_completions.d/docker-logwatch.fish"
find "$home" -name __pycache__ -type d -exec rm -r {} +
mv "$home/README.md" "$home/CHANGELOG.md" "$home/sbom.cdx.json" "$work/usr/share/doc/docker-logwatch/"
rm "$home/LICENSE"
for script in postinst prerm postrm; do
  install -m 755 "deploy/debian/$script" "$work/DEBIAN/$script"
done
echo /etc/docker-logwatch/logwatch.yml > "$work/DEBIAN/conffiles"
cat > "$work/DEBIAN/control" <<END
Package: docker-logwatch
Version: $version
Architecture: $arch
Maintainer: logwatch maintainers <maintainers@invalid>
Section: admin
Priority: optional
Depends: python3 (>= 3.$minor), python3 (<< 3.$((minor + 1)))
Installed-Size: $(du -sk "$work/usr" | cut -f1)
Description: events, metrics and alerts from a Docker host's log
 Follows /var/log/messages, syslog or the journal of a Docker host, counts what
 happened to its containers for Prometheus, evaluates alert rules and tells
 Alertmanager and others. Needs read access to the log, and no docker.sock.
 .
 This is not the Perl Logwatch, beside which it can be installed.
END
find "$work" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb -Zgzip --root-owner-group --build "$work" "$out/docker-logwatch_${version}_$arch.deb" >/dev/null
echo "$out/docker-logwatch_${version}_$arch.deb"
