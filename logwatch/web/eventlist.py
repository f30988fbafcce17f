"""Events as pages list them: folded, each with a short note; and how many there were when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from logwatch.model import SECOND, Event, Outcome, is_label
from logwatch.notation import counted
from logwatch.store import Query
from logwatch.web.address import Span
from logwatch.web.trouble import PRINTED
from logwatch.web.view import View

NOTED = {"exit_code": "exit {}", "cause": "{}", "signal": "signal {}", "health": "{}", "status": "{}", "reason": "{}"}
"""Attributes that come first in a note, and how."""
LEVELS = {"critical": "bad", "error": "bad", "warning": "warn"}
"""How severities look."""
OPENED = frozenset({"container.start", "container.unpause", "daemon.ready", "containerd.ready"})
"""Events that look well."""
BUCKETS = 120
WIDTH, HEIGHT = 1000.0, 64.0
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One event, or several of one kind about one object that follow each other."""

    seq: int
    event: Event
    count: int = 1

    @property
    def level(self) -> str:
        """How bad it looks."""
        return LEVELS.get(self.event.severity, "ok" if self.event.event in OPENED else "")

    @property
    def is_of_container(self) -> bool:
        """Whether there is a page about its object."""
        return self.event.event.startswith("container.") and bool(self.event.name or self.event.id)

    @property
    def note(self) -> str:
        """What its attributes say, in short."""
        known = self.event.attributes
        first = [text.format(known[key]) for key, text in NOTED.items() if known.get(key)]
        rest = [f"{key} {value}" for key, value in known.items() if key not in NOTED and _is_noted(key, self.event)]
        text = " · ".join([*first, *rest])
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

    @property
    def labels(self) -> list[tuple[str, str]]:
        """All attributes but what was printed."""
        return [(key, value) for key, value in self.event.attributes.items() if key not in PRINTED]

    @property
    def printed(self) -> list[str]:
        """What the container or its health check printed last."""
        return [self.event.attributes[key] for key in PRINTED if self.event.attributes.get(key)]


def _is_noted(key: str, event: Event) -> bool:
    about_container = event.event.startswith("container.")
    return key not in PRINTED and not is_label(key) and not (about_container and key in ("image", "execID"))


def folded(outcomes: Iterable[Outcome]) -> list[Row]:
    """Fold what follows each other with the same event, object and level into the newest of them."""
    rows: list[Row] = []
    for outcome in outcomes:
        row = Row(outcome.seq, outcome.event)
        last = rows[-1] if rows else None
        if last is not None and _kind(last.event) == _kind(row.event):
            rows[-1] = replace(last, count=last.count + 1)
        else:
            rows.append(row)
    return rows


def grouped(outcomes: Iterable[Outcome]) -> list[Row]:
    """Fold all with the same event and object into the newest of them, whatever is between them."""
    rows: dict[tuple[object, ...], Row] = {}
    for outcome in outcomes:
        row = rows.setdefault(_kind(outcome.event), Row(outcome.seq, outcome.event, 0))
        rows[_kind(outcome.event)] = replace(row, count=row.count + 1)
    return list(rows.values())


def _kind(event: Event) -> tuple[object, ...]:
    return (
        event.event,
        event.host,
        event.id,
        event.name,
        event.attributes.get("exit_code"),
        event.attributes.get("health"),
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """How many events there were in one step, as a bar of a drawing."""

    x: float
    width: float
    y: float
    height: float
    level: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many events there were when."""

    bars: list[Bar]
    total: int
    serious: int
    """Of them, those that are errors."""

    @property
    def text(self) -> str:
        """What it shows, for who cannot see it."""
        return f"{counted(self.total, 'event')}, {counted(self.serious, 'error')}"


def histogram(view: View, query: Query, span: Span) -> Histogram:
    """Count the events that match a query over a time."""
    step_ns = span.step_ns(BUCKETS)
    query = replace(query, since_ns=span.since_ns, until_ns=span.until_ns, limit=None)
    counts = view.count_events(query, step_ns)
    by_step: dict[int, dict[str, int]] = {}
    for (step, severity), number in counts.items():
        levels = by_step.setdefault(step, {})
        level = LEVELS.get(severity, "")
        levels[level] = levels.get(level, 0) + number
    most = max((sum(levels.values()) for levels in by_step.values()), default=1)
    bars = [
        bar for step, levels in sorted(by_step.items()) for bar in _bars(step * step_ns, step_ns, levels, most, span)
    ]
    total = sum(counts.values())
    return Histogram(bars, total, sum(levels.get("bad", 0) for levels in by_step.values()))


def _bars(at_ns: int, step_ns: int, levels: Mapping[str, int], most: int, span: Span) -> Iterable[Bar]:
    """The bars of one step, errors at the bottom."""
    across = WIDTH / span.length_ns
    left, right = max(0.0, (at_ns - span.since_ns) * across), min(WIDTH, (at_ns + step_ns - span.since_ns) * across)
    floor = HEIGHT
    for level in ("bad", "warn", ""):
        if number := levels.get(level, 0):
            height = max(2.0, number / most * (HEIGHT - 4))
            floor -= height
            yield Bar(left, max(1.0, right - left - 1), floor, height, level)


def ticks(span: Span) -> list[tuple[float, int]]:
    """Return where on a drawing round moments are, as shares of its width, and the moments."""
    step_ns = span.step_ns(6)
    first = -(-span.since_ns // step_ns) * step_ns
    return [((at - span.since_ns) / span.length_ns, at) for at in range(first, span.until_ns, max(SECOND, step_ns))]
