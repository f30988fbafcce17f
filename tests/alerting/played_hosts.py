"""Hosts that are played live: recordings with their times moved to now, and one of lines made up."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parent.parent / "data" / "recordings"
ISO = re.compile(rb"(?P<stamp>20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)(?P<fraction>\.\d+)?(?P<zone>Z|\+00:00)")
TRADITIONAL = re.compile(rb"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d")
EPOCH = re.compile(rb'"time":(?P<seconds>\d{10}),"timeNano":(?P<nanoseconds>\d{19})')

Played = Iterator[tuple[float, bytes]]
"""When each line is due (Unix seconds), and the line."""


def recorded(name: str, start: float) -> Played:
    """A recording, moved by whole seconds so that it begins at `start`."""
    lines = lzma.decompress((RECORDINGS / name / "messages.xz").read_bytes()).splitlines(keepends=True)
    first = next(filter(None, map(ISO.search, lines)))
    step = int(start - _seconds(first["stamp"]))
    due = start
    for line in lines:
        found = ISO.search(line)
        if found is not None:
            due = _seconds(found["stamp"]) + float(found["fraction"] or 0) + step
        moved = ISO.sub(lambda stamp: _iso(_seconds(stamp["stamp"]) + step) + line_end(stamp), line)
        moved = EPOCH.sub(lambda epoch: _epoch(int(epoch["nanoseconds"]) + step * 1_000_000_000), moved)
        yield due, TRADITIONAL.sub(lambda _: f"{datetime.fromtimestamp(due, UTC):%b %e %H:%M:%S}".encode(), moved)  # noqa: B023 - called at once


def line_end(stamp: re.Match[bytes]) -> bytes:
    """What follows the seconds of a stamp."""
    return (stamp["fraction"] or b"") + bytes(stamp["zone"])


def _seconds(stamp: bytes) -> float:
    return datetime.fromisoformat(stamp.decode()).replace(tzinfo=UTC).timestamp()


def _iso(seconds: float) -> bytes:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}".encode()


def _epoch(nanoseconds: int) -> bytes:
    return b'"time":%d,"timeNano":%d' % (nanoseconds // 1_000_000_000, nanoseconds)


# ── lines made up, in the form that `docker events` has ──────────────────────────────


def made_up(start: float, path: Path) -> Played:
    """What raises the alerts that no recording does, written into a log of this path."""
    for second, tag, text in sorted([*_story(), *_measured(str(path), start)]):
        due = start + second
        stamp = datetime.fromtimestamp(due, UTC).isoformat(timespec="microseconds")
        yield due, f"{stamp} h1 {tag}[7]: {text}\n".encode()


TimedLine = tuple[float, str, str]
"""Seconds from the start, the tag of the line, and its text."""


def _event(second: float, kind: str, action: str, identity: str = "", **attributes: str) -> TimedLine:
    content = {"Type": kind, "Action": action, "Actor": {"ID": identity, "Attributes": attributes}}
    return second, "docker-events", json.dumps(content)


def _story() -> Iterator[TimedLine]:
    """What the engine reports."""
    web, looper, sick, stuck = (each * 64 for each in "abcd")
    yield _event(-300, "container", "start", web, name="web")  # ran for more than a fifteenth of an hour
    yield _event(10, "container", "die", web, name="web", exitCode="3")
    for second in (5, 7, 9, 11):
        yield _event(second, "container", "start", looper, name="looper")
        yield _event(second + 1, "container", "die", looper, name="looper", exitCode="1")
    yield _event(110, "container", "destroy", looper, name="looper")
    yield _event(6, "container", "start", sick, name="sick")
    yield _event(20, "container", "health_status: unhealthy", sick, name="sick")
    yield _event(60, "container", "health_status: healthy", sick, name="sick")
    yield _event(12, "container", "stop_incomplete", stuck, name="stuck")
    for kind, action, times in (
        ("daemon", "error", 25),
        ("containerd", "crash", 1),
        ("daemon", "not_ready", 1),
        ("api", "error", 60),
        ("image", "pull_failed", 6),
        ("registry", "rate_limited", 1),
        ("registry", "error", 6),
        ("storage", "error", 5),
        ("storage", "pressure", 1),
        ("host", "oom", 1),
        ("kernel", "netns_leak", 12),
        ("kernel", "hung_task", 1),
        ("kernel", "resource_exhausted", 1),
        ("log", "suppressed", 1),
    ):
        for place in range(times):
            yield _event(15 + place / 100, kind, action)
    yield _event(90, "log", "gap")
    yield _event(95, "daemon", "crash")
    yield _event(115, "daemon", "start")


def _measured(path: str, start: float) -> Iterator[TimedLine]:
    """Values of metrics that lines cannot move otherwise: the gauges and counters of rules/made-up.yml."""
    for second, metric, value, labels in (
        (5, "docker_storage_bytes", 99, {"driver": "devicemapper", "kind": "pool_data"}),
        (5, "docker_storage_limit_bytes", 100, {"driver": "devicemapper", "kind": "pool_data"}),
        (90, "docker_storage_bytes", 50, {"driver": "devicemapper", "kind": "pool_data"}),
        (5, "docker_storage_bytes", 30e9, {"driver": "overlay2", "kind": "image_layers"}),
        (5, "docker_storage_reclaimable_bytes", 25e9, {"driver": "overlay2", "kind": "image_layers"}),
        (5, "docker_container_writable_bytes", 95, {"name": "web"}),
        (5, "docker_container_writable_limit_bytes", 100, {"name": "web"}),
        (100, "docker_container_writable_bytes", 1, {"name": "web"}),
        (5, "docker_container_log_bytes", 2e9, {"name": "web"}),
        (70, "docker_container_log_bytes", 1, {"name": "web"}),
        (5, "docker_storage_filesystem_size_bytes", 100, {"mountpoint": "/var"}),
        *(
            (second, "docker_storage_filesystem_avail_bytes", 39 - second / 5, {"mountpoint": "/var"})
            for second in range(5, 120, 5)
        ),
        (5, "logwatch_source_pending_bytes", 1e9, {"path": path}),
        (50, "logwatch_source_pending_bytes", 0, {"path": path}),
        (5, "logwatch_source_last_read_timestamp_seconds", 1, {"path": path}),
        *((second, "logwatch_commit_errors_total", 1, {}) for second in (1, 10, 11, 12)),
        *((second, "logwatch_notifications_errors_total", 1, {"receiver": "r"}) for second in range(1, 40, 2)),
        *((second, "logwatch_notifications_sent_total", 1, {"receiver": "r"}) for second in range(1, 40, 2)),
        (30, "logwatch_notifications_dropped_total", 4, {"receiver": "r"}),
        (20, "logwatch_engine_upgrade_timestamp_seconds", start, {}),
        (25, "logwatch_unknown_line_groups_since_upgrade", 12, {"level": "warning"}),
        *((40, "limited_total", 1, {"path": each}) for each in "abc"),
    ):
        fields = " ".join(f"{name}={text}" for name, text in labels.items())
        yield second, "made-up", f"metric={metric} value={value:.12g} {fields}"


LABELS = {
    "docker_storage_bytes": "driver kind",
    "docker_storage_limit_bytes": "driver kind",
    "docker_storage_reclaimable_bytes": "driver kind",
    "docker_container_writable_bytes": "name",
    "docker_container_writable_limit_bytes": "name",
    "docker_container_log_bytes": "name",
    "docker_storage_filesystem_size_bytes": "mountpoint",
    "docker_storage_filesystem_avail_bytes": "mountpoint",
    "logwatch_source_pending_bytes": "path",
    "logwatch_source_last_read_timestamp_seconds": "path",
    "logwatch_engine_upgrade_timestamp_seconds": "",
    "logwatch_unknown_line_groups_since_upgrade": "level",
    "logwatch_commit_errors_total": "",
    "logwatch_notifications_errors_total": "receiver",
    "logwatch_notifications_sent_total": "receiver",
    "logwatch_notifications_dropped_total": "receiver",
}


def made_up_rules() -> dict[str, object]:
    """A rule file with the metrics of `_measured`, one that is at its limit of series, and a rule that cannot be evaluated."""
    rules = [_rule(metric, names.split()) for metric, names in LABELS.items()]
    limited = _rule("limited_total", ["path"])
    limited["metrics"][0]["max_series"] = 1
    return {"events": [*rules, limited]}


def _rule(metric: str, names: list[str]) -> dict[str, Any]:
    read = {name: f"{{{name}}}" for name in (*names, "value")}
    fed = {
        "counter" if metric.endswith("_total") else "gauge": f"made_up_{metric}",
        "help": "Made up.",
        "labels": {name: text for name, text in read.items() if name != "value"},
        "value": read["value"],
    }
    header = "2026-01-02T03:04:05.678901+00:00 h1 made-up[7]: "
    return {
        "event": f"made_up.{metric}",
        "name": metric,
        "description": "A value of a metric.",
        "program": "made-up",
        "match": [f"metric={metric} "],
        "fields": "logfmt",
        "attributes": read,
        "metrics": [fed],
        "examples": [
            {"line": f"{header}metric={metric} {' '.join(f'{name}=1' for name in read)}", "event": {}},
            {"line": f"{header}metric={metric}s", "event": None},
        ],
    }


def play(hosts: Iterable[tuple[Path, Played]], wait: Callable[[float], None]) -> None:
    """Append each line to its file when it is due."""
    lines = sorted(((due, line, path) for path, played in hosts for due, line in played), key=lambda line: line[0])
    for due, line, path in lines:
        wait(due)
        with path.open("ab") as log:
            log.write(line)
