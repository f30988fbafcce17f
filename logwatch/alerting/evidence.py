"""The last lines behind an alert.

Each accepted event leaves its line here, a few per object and action. An alert asks with its
labels and with the matchers of its expression: what speaks of the same container, action and
type is its evidence. What a line holds is untrusted: control characters are escaped and secrets
masked before anyone is shown it.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from logwatch.matching.redaction import Masker
from logwatch.model import SECOND, SHORT_ID, Event, Outcome, Record
from logwatch.promql import Matcher, Selector

LINES_PER_OBJECT = 3
LINES_PER_ALERT = 5
MOST_OBJECTS = 2000
MOST_WAITING = 1024
"""Lines whose events are held, or have joined another that was."""
LONGEST = 400
"""Characters of a line that are shown."""
MASKED_BYTES = 8192
"""Of a message that are searched for secrets: a secret behind its shown part may still tell what stands in that."""

Key = tuple[str, str, str]
"""Type, action, name."""


class Line(NamedTuple):
    """A line that told an event."""

    time_ns: int
    path: str
    offset: int
    rule: str
    text: str


class Evidence:
    """The last lines by object and action. `rules_of` tells the rules that feed a metric of their own."""

    def __init__(self, rules_of: Mapping[str, Collection[str]], masker: Masker | None = None) -> None:
        self._rules_of = rules_of
        self._lines: OrderedDict[Key, deque[Line]] = OrderedDict()
        self._waiting: OrderedDict[tuple[str, int], Record] = OrderedDict()
        self._masker = masker or Masker()
        self._dirty: dict[Key, None] = {}

    # ── from the log ─────────────────────────────────────────────────────────────────

    def hold(self, path: str, offset: int, record: Record) -> None:
        """Keep a line until the event it tells is accepted."""
        self._waiting[path, offset] = record
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)

    def take_in(self, outcome: Outcome) -> None:
        """Note the line of an accepted event; one that only completes an event adds nothing."""
        event = outcome.event
        record = self._waiting.get((event.path, event.offset))
        if outcome.amends or record is None:
            return
        kind, _, action = event.event.partition(".")
        key = (kind, action, _name(event))
        lines = self._lines.setdefault(key, deque(maxlen=LINES_PER_OBJECT))
        lines.append(Line(event.time_ns, event.path, event.offset, event.rule, self._shown(record)))
        self._lines.move_to_end(key)
        self._dirty[key] = None
        if len(self._lines) > MOST_OBJECTS:
            oldest, _ = self._lines.popitem(last=False)
            self._dirty[oldest] = None

    def _shown(self, record: Record) -> str:
        pid = f"[{record.pid}]" if record.pid else ""
        message = record.message[:MASKED_BYTES].decode("utf-8", "backslashreplace")
        text = self._masker.mask(f"{record.tag}{pid}: {message}")[: LONGEST + 1]
        text = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

    # ── for an alert ─────────────────────────────────────────────────────────────────

    def behind(self, labels: Mapping[str, str], selectors: Iterable[Selector]) -> str:
        """The last lines about what an alert with these labels is about, one below the other."""
        found: set[Line] = set()
        for selector in selectors:
            conditions = _conditions(labels, selector)
            kind, rules = _subject(selector.name or ""), self._rules_of.get(selector.name or "")
            if kind is None and rules is None:
                continue
            for key, lines in self._lines.items():
                if (kind in {None, "", key[0]}) and _accepted(key, conditions):
                    found.update(line for line in lines if rules is None or line.rule in rules)
        newest = sorted(found)[-LINES_PER_ALERT:]
        return "\n".join(f"{_stamp(line.time_ns)} {line.path}:{line.offset} {line.text}" for line in newest)

    # ── state ────────────────────────────────────────────────────────────────────────

    def changed_rows(self) -> dict[str, str | None]:
        """As `model.Stateful`."""
        rows: dict[str, str | None] = {}
        for key in self._dirty:
            lines = self._lines.get(key)
            rows[json.dumps(["evidence", *key])] = json.dumps(list(lines)) if lines else None
        self._dirty.clear()
        return rows

    def restore(self, key: Sequence[str], row: str) -> None:
        """Take one row in."""
        kind, action, name = key
        lines = [Line(*line) for line in json.loads(row)]
        self._lines[kind, action, name] = deque(lines, maxlen=LINES_PER_OBJECT)

    def restored(self) -> None:
        """All rows are in: bring them into the order of their times."""
        for key in sorted(self._lines, key=lambda key: (self._lines[key][-1].time_ns, key)):
            self._lines.move_to_end(key)


def _name(event: Event) -> str:
    return event.name or (event.id or "").removeprefix("sha256:")[:SHORT_ID]


def _subject(metric: str) -> str | None:
    """The type of events that a metric of ours tells of; empty for all types, None for none."""
    if metric.startswith(("docker_events", "docker_last_event")):
        return ""
    first, _, rest = metric.partition("_")
    kind = rest.partition("_")[0]
    return kind if first == "docker" and kind else None


def _conditions(labels: Mapping[str, str], selector: Selector) -> list[tuple[int, Matcher | str]]:
    """What is asked of type, action and name: by the expression, and by the alert's labels."""
    places = {"type": 0, "action": 1, "name": 2}
    asked: list[tuple[int, Matcher | str]] = [
        (places[matcher.label], matcher) for matcher in selector.matchers if matcher.label in places
    ]
    return asked + [(place, labels[label]) for label, place in places.items() if label in labels]


def _accepted(key: Key, conditions: Iterable[tuple[int, Matcher | str]]) -> bool:
    return all(
        key[place] == asked if isinstance(asked, str) else asked.accepts(key[place]) for place, asked in conditions
    )


def _stamp(time_ns: int) -> str:
    seconds, rest = divmod(time_ns, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"
