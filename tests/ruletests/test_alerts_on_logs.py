"""The shipped alerts on whole logs: none on a host that is well, the right ones on recorded hosts that are not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from parity import RECORDINGS

WEB = "3fa1c0de5b7e4d28860f1c5ab7e92d34c6a8f0e1b2d3948576a0c1e2f3d4b596"
JOB = "c2a94be07d1f4836a5b8e3d07196f2ce8b4d1a60f7e35c2998d0b1a4e6f7c853"
LOOP = "7b0579f9c12836aa80e1f2ce96b4d1a60f7e35c2998d0b1a4e6f7c853c2a94be"
PLAIN = 'Get \\"https://registry.lan:5000/v2/\\": http: server gave HTTP response to HTTPS client'
GONE = 'msg="ignoring event" container={} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
SHIM = "starting signal loop"
FORCE = 'msg="Container failed to exit within 0s of signal 15 - using the force" container={}'


def shim(container: str) -> str:
    path = f"/run/containerd/io.containerd.runtime.v2.task/moby/{container}"
    return f'level=info msg="{SHIM}" namespace=moby path={path} pid=4111 runtime=io.containerd.runc.v2'


DAY = (
    # The engine boots, and a registry without TLS serves an image at the second try.
    (0, 'level=info msg="Starting up"'),
    (2, 'level=info msg="Loading containers: start."'),
    (
        3,
        'level=info msg="Docker daemon" commit=411e817 containerd-snapshotter=false storage-driver=overlay2 version=26.1.5',
    ),
    (4, 'level=info msg="Daemon has completed initialization"'),
    (4, 'level=info msg="API listen on /run/docker.sock"'),
    (60, f'level=info msg="Attempting next endpoint for pull after error: {PLAIN}"'),
    (90, shim(WEB)),
    # A job that is done, one that ends while `stop -t 0` waits for it, and one that is stopped with `-t 0`.
    (120, shim(JOB)),
    (150, f"level=info {GONE.format(JOB)}"),
    (200, shim(LOOP)),
    (230.1, f"level=info {GONE.format(LOOP)}"),
    (230.4, f"level=info {FORCE.format(LOOP)}"),
    (300, f"level=info {FORCE.format(WEB)}"),
    (300.1, f"level=info {GONE.format(WEB)}"),
    (330, shim(WEB)),
    # It stops cleanly and comes back.
    (900, "level=info msg=\"Processing signal 'terminated'\""),
    (901, f"level=info {GONE.format(WEB)}"),
    (902, 'level=info msg="Daemon shutdown complete"'),
    (902, 'level=error msg="Error shutting down http server" error="context canceled"'),
    (960, 'level=info msg="Starting up"'),
    (963, 'level=info msg="Daemon has completed initialization"'),
    (963, 'level=info msg="API listen on /run/docker.sock"'),
    (965, shim(WEB)),
    (3000, shim(JOB)),
    (3030, f"level=info {GONE.format(JOB)}"),
)


def line(seconds: float, rest: str) -> str:
    minute, second = divmod(seconds, 60)
    clock = f"2026-11-23T20:{int(minute):02d}:{second:09.6f}"
    return f'{clock}+00:00 web03 dockerd[640]: time="{clock}123Z" {rest}\n'


def fired(logwatch: Callable[..., str], log: Path) -> set[str]:
    """The names of the alerts that fire anywhere in a log."""
    records = map(json.loads, logwatch("replay", "--alerts", "--format", "jsonl", str(log)).splitlines())
    return {record["labels"]["alertname"] for record in records}


def test_none_fires_on_a_host_that_is_well(logwatch: Callable[..., str], tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text("".join(line(*each) for each in DAY))

    records = map(json.loads, logwatch("replay", "--format", "jsonl", str(log)).splitlines())
    events = Counter(record["event"] for record in records)

    assert {event: events[event] for event in ("daemon.ready", "container.start", "container.die")} == {
        "daemon.ready": 2,
        "container.start": 6,
        "container.die": 5,
    }
    assert fired(logwatch, log) == set()


TROUBLES = {"OomKilled", "RestartLoop", "StartFailed", "StopTimeout"}


@pytest.mark.parametrize(
    ("recording", "more"),
    [("info-traditional", set()), ("debug-iso", {"DockerStorageFull"})],
)
def test_the_right_ones_fire_on_a_host_in_trouble(recording: str, more: set[str], logwatch: Callable[..., str]) -> None:
    expected = {f"DockerContainer{trouble}" for trouble in TROUBLES} | {"DockerDaemonRestarting"} | more

    assert fired(logwatch, RECORDINGS / recording / "messages.xz") == expected
