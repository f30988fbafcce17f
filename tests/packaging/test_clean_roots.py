"""What README.md says about installing, in clean installations of Debian without a network, up to a scraped metric."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cleanroot import MADE, ROOT, CleanRoot

pytestmark = pytest.mark.e2e
WHEELS = {"bookworm": MADE / "wheels", "trixie": MADE / "wheels-3.13"}
FROM_WHEELS = "--no-index --find-links /wheels"

SCRAPE = r"""
import sys, time, urllib.request
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    try:
        page = urllib.request.urlopen("http://localhost:19979/metrics", timeout=5).read().decode()
    except OSError as error:
        page = str(error)
    if 'docker_events_total{type="container",action="die"} 1.0' in page:
        sys.exit()
    time.sleep(0.1)
sys.exit(page)
"""
DIED = (
    'time=\\"$now\\" level=info msg=\\"ignoring event\\" container=$(printf "8d%.0s" $(seq 32)) module=libcontainerd '
)
DIED += 'namespace=moby topic=/tasks/delete type=\\"*events.TaskDelete\\"'
NOW = "now=$(date -u +%Y-%m-%dT%H:%M:%S.000000000Z)"
FOLLOW = f"""
{NOW}
echo "$(date '+%b %e %H:%M:%S') vm dockerd[42]: {DIED}" > /var/log/messages
docker-logwatch run &
python3 /tests/scrape.py
kill $!
"""


@pytest.fixture
def clean(
    need: Callable[..., None], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., CleanRoot]]:
    """Unpack a clean root; it is shut down with the test."""
    need("systemd-nspawn", "nsenter", root=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/scrape.py").write_text(SCRAPE)
    roots: list[CleanRoot] = []

    def unpack(release: str, **folders: Path) -> CleanRoot:
        missing = [path for path in (MADE / f"{release}.tar", WHEELS[release] / "complete") if not path.exists()]
        if missing:
            reason = f"{missing[0].relative_to(ROOT)} is missing here: make roots"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
        one = CleanRoot(release, tmp_path / "root", wheels=WHEELS[release], tests=tmp_path / "tests", **folders)
        roots.append(one)
        return one

    yield unpack
    for one in roots:
        one.end()


@pytest.mark.parametrize("release", WHEELS)
@pytest.mark.parametrize(
    "install",
    [
        f'pipx install --pip-args="{FROM_WHEELS}" docker-logwatch; PATH=$PATH:~/.local/bin',
        f"python3 -m venv /opt/logwatch; /opt/logwatch/bin/pip install {FROM_WHEELS} docker-logwatch; PATH=$PATH:/opt/logwatch/bin",
    ],
    ids=["pipx", "venv"],
)
def test_the_wheel_reaches_a_scraped_metric(clean: Callable[..., CleanRoot], release: str, install: str) -> None:
    clean(release).run(f"{install}\n{FOLLOW}")


def test_the_folder_reaches_a_scraped_metric(clean: Callable[..., CleanRoot], packages: Path) -> None:
    root = clean("bookworm", packages=packages)

    root.run(f"tar -C /opt -xf /packages/docker-logwatch-*.tar.gz; PATH=$PATH:/opt/docker-logwatch\n{FOLLOW}")


def test_the_package_runs_beside_the_perl_logwatch(clean: Callable[..., CleanRoot], packages: Path) -> None:
    """Under a real systemd, over its journal: installed, scraped, upgraded, removed, purged."""
    root = clean("bookworm", packages=packages)
    root.boot()
    install = "DEBIAN_FRONTEND=noninteractive apt-get install --yes --reinstall /packages/docker-logwatch_*.deb"
    root.run(f'{NOW}; echo "{DIED}" | systemd-cat -t dockerd; {install}')

    root.run("python3 /tests/scrape.py")
    assert root.run("systemctl is-enabled docker-logwatch; docker-logwatch healthcheck --ready").startswith("enabled")
    assert root.run("stat -c %a /var/lib/private/docker-logwatch") == "700\n"
    assert root.run("dpkg -S /usr/sbin/logwatch") == "logwatch: /usr/sbin/logwatch\n"
    root.run(f"{install}; python3 /tests/scrape.py")  # what was counted is kept
    gone = root.run(
        "DEBIAN_FRONTEND=noninteractive apt-get purge --yes docker-logwatch; /usr/sbin/logwatch --version"
        "; ls -d /var/lib/private/docker-logwatch /etc/docker-logwatch /usr/lib/docker-logwatch 2>&1 || true"
    )
    assert gone.count("No such file or directory") == 3, gone
