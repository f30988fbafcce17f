"""Events as rules make them, for tests of what becomes of them."""

from typing import Any

from logwatch.lifecycle import Lifecycle
from logwatch.model import SECOND, Consequence, Event, Outcome, Role, State, StateChange

START = 1_795_465_000 * SECOND
WEB = "3f" * 32
DB = "a0" * 32
FAILED = frozenset({"container.start_failed"})


def event(kind: str, at: float = 0, container: str | None = WEB, rule: str = "engine", **more: Any) -> Event:
    time_ns = START + round(at * SECOND)
    fields: dict[str, Any] = {"host": "vm", "name": None, "severity": "info", "path": "log", "offset": 0, **more}
    fields["attributes"] = fields.get("attributes", {})
    return Event(time_ns, kind, id=container, rule=rule, stamp_ns=fields.pop("stamp_ns", time_ns), **fields)


def leading(kind: str, at: float = 0, container: str | None = WEB, rule: str = "docker-events", **more: Any) -> Event:
    return event(kind, at, container, rule, role=Role.LEADING, **more)


def corroborating(kind: str, at: float = 0, container: str | None = WEB, rule: str = "scope", **more: Any) -> Event:
    return event(kind, at, container, rule, role=Role.CORROBORATING, **more)


def shim(at: float = 0, container: str | None = WEB) -> Event:
    return event("container.start", at, container, "shim", revoked_by=FAILED)


def gone(at: float = 0, container: str | None = WEB, rule: str = "shim-gone") -> Event:
    return event("container.die", at, container, rule, revoked_by=FAILED)


def play(*events: Event, life: Lifecycle | None = None) -> list[Consequence]:
    """What comes of events that are read in this order, the clock following the headers; then the end."""
    life = life or Lifecycle(SECOND)
    made: list[Consequence] = []
    for each in events:
        made += life.advance(each.stamp_ns) + life.process(each)
    return made + life.flush()


def accepted(made: list[Consequence]) -> list[Event]:
    """The events as they stand in the history in the end."""
    final = {each.seq: each.event for each in made if isinstance(each, Outcome)}
    return [final[seq] for seq in sorted(final)]


def kinds(made: list[Consequence]) -> list[str]:
    return [each.event.partition(".")[2] for each in accepted(made)]


def states(made: list[Consequence]) -> list[State]:
    return [each.after for each in made if isinstance(each, StateChange)]


def veth(at: float) -> Event:
    return corroborating("container.start", at, None, "veth")
