"""Correlations as rule files declare them, and events to feed them with."""

from typing import Any

from logwatch.correlations import Correlator
from logwatch.model import SECOND, Correlation, Event, Mark, Outcome, Severity

START = 1_795_465_000 * SECOND
WEB = "3f" * 32
DB = "a0" * 32


def correlation(kind: Any, *steps: str, **more: Any) -> Correlation:
    fields: dict[str, Any] = {
        "id": "oom/killed",
        "event": "container.oom_killed",
        "where": tuple({} for _ in steps),
        "unless": (),
        "within_ns": 30 * SECOND,
        "by": ("id",),
        "attributes": {},
        "severity": Severity.CRITICAL,
        "metrics": (),
        "description": "",
        "mark": Mark("oom.yml", 1, 1),
        **more,
    }
    return Correlation(kind=kind, steps=steps, **fields)


KILLED = correlation("sequence", "container.oom", "container.die")
BY_SIGNAL = correlation(
    "sequence",
    "container.die",
    id="kill/by-signal",
    event="container.killed_by_signal",
    where=({"exit_code": "137"},),
    unless=("container.oom",),
)
NOT_READY = correlation(
    "missing",
    "daemon.start",
    "daemon.ready",
    id="daemon/not-ready",
    event="daemon.not_ready",
    by=("host",),
    unless=("daemon.stop",),
)
FIRST = correlation(
    "first_seen", "registry.error", id="registry/first", event="registry.first_failure", by=("attributes.registry",)
)


def event(kind: str, at: float = 0, container: str | None = WEB, host: str = "vm", **attributes: str) -> Event:
    time_ns = START + round(at * SECOND)
    return Event(time_ns, kind, host, container, "web", attributes, "info", "rule", "log", round(at * 10), None)


def feed(watch: Correlator, *events: Event, seq: int = 1) -> list[Event]:
    made = []
    for number, each in enumerate(events, seq):
        made += watch.advance(each.time_ns) + watch.process(Outcome(number, each))
    return made


def names(made: list[Event]) -> list[str]:
    return [each.event for each in made]
