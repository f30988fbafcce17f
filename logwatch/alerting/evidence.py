"""The last lines behind an alert.

Each accepted event leaves its line here, a few per object and action. An alert asks with its
labels and with the matchers of its expression: what is about the same container, action and
type is its evidence. What a line holds is untrusted: control characters are escaped and secrets
masked before it is shown or committed, and not sooner: most lines are never.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from logwatch.matching.redaction import Masker
from logwatch.model import SHORT_ID, Event, Outcome, Record
from logwatch.notation import rfc3339
from logwatch.promql import Matcher, Selector
from logwatch.store.state_table import StateTable

LINES_PER_OBJECT = 3
LINES_PER_ALERT = 5
MOST_OBJECTS = 2000
MOST_WAITING = 1024
"""Lines whose events are held, or have joined another that was."""
LONGEST = 400
"""Characters of a line that are shown."""
MASKED_BYTES = 8192
"""Of a message that are searched for secrets: a secret after its shown part can still reveal what is in that."""

Key = tuple[str, str, str]
"""Type, action, name."""
KIND, ACTION, NAME = range(3)
WORDS = "last_words"
"""In place of the action: what a container printed last."""


class Line(NamedTuple):
    """A line that reported an event, as it is shown."""

    time_ns: int
    path: str
    offset: int
    rule: str
    text: str


class RawLine(NamedTuple):
    """A line that was not shown yet."""

    event: Event
    record: Record


class Evidence:
    """The last lines by object and action. `rules_of` has the rules that feed a metric of their own."""

    def __init__(
        self, rules_of: Mapping[str, Collection[str]], masker: Masker | None = None, last_words: int = 0
    ) -> None:
        """`last_words` is how many of the last lines that a container printed are evidence, too."""
        self._last_words = last_words
        self.table: StateTable[Key, list[Line | RawLine]] = StateTable("evidence", self._encode, _decode)
        """The oldest object first."""
        self._rules_of = rules_of
        self._keys_with: tuple[dict[str, dict[Key, None]], ...] = ({}, {}, {})
        """Those of each type, of each action and of each name."""
        self._waiting: OrderedDict[tuple[str, int], Record] = OrderedDict()
        self._masker = masker or Masker()

    # ── from the log ─────────────────────────────────────────────────────────────────

    def add_line(self, path: str, offset: int, record: Record) -> None:
        """Keep a line until the event it reports is accepted, as far as it may be shown."""
        if len(record.message) > MASKED_BYTES:
            record = record._replace(message=record.message[:MASKED_BYTES])
        self._waiting[path, offset] = record
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)

    def process(self, outcome: Outcome) -> None:
        """Note the line of an accepted event; one that only completes an event adds nothing."""
        event = outcome.event
        if self._last_words:
            self._keep_words(event)
        record = self._waiting.get((event.path, event.offset))
        if outcome.amends or record is None:
            return
        key = (*_type_and_action(event.event), _name(event))
        lines = self.table.pop(key, None) or []
        raw = RawLine(event, record)
        lines.append(raw if len(record.message) < MASKED_BYTES else self._shown(raw))
        self._keep(key, lines[-LINES_PER_OBJECT:])

    def _keep_words(self, event: Event) -> None:
        """Keep what a container, or its health check, printed last: masked and printable already."""
        words = event.attributes.get("last_words") or event.attributes.get("probe_output")
        if words is None or not event.event.startswith("container."):
            return
        key = ("container", WORDS, _name(event))
        text = "\n".join(f"  | {line}" for line in words.splitlines()[-self._last_words :])
        self.table.pop(key, None)
        self._keep(key, [Line(event.time_ns, event.path, event.offset, event.rule, text)])

    def _keep(self, key: Key, lines: list[Line | RawLine]) -> None:
        self.table[key] = lines
        self._index(key)
        if len(self.table) > MOST_OBJECTS:
            self._forget(next(iter(self.table)))

    def _index(self, key: Key) -> None:
        for text, keys_with in zip(key, self._keys_with, strict=True):
            keys_with.setdefault(text, {})[key] = None

    def _forget(self, key: Key) -> None:
        del self.table[key]
        for text, keys_with in zip(key, self._keys_with, strict=True):
            keys = keys_with[text]
            del keys[key]
            if not keys:
                del keys_with[text]

    def _shown(self, line: Line | RawLine) -> Line:
        if isinstance(line, Line):
            return line
        event, record = line
        pid = f"[{record.pid}]" if record.pid else ""
        message = record.message[:MASKED_BYTES].decode("utf-8", "backslashreplace")
        text = self._masker.mask(f"{record.tag}{pid}: {message}")[: LONGEST + 1]
        if not text.isprintable():
            text = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
        text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
        return Line(event.time_ns, event.path, event.offset, event.rule, text)

    def _finish(self, lines: list[Line | RawLine]) -> Sequence[Line]:
        """Show lines, once."""
        lines[:] = shown = [line if type(line) is Line else self._shown(line) for line in lines]
        return shown

    # ── for an alert ─────────────────────────────────────────────────────────────────

    def lines_about(self, labels: Mapping[str, str], selectors: Iterable[Selector]) -> str:
        """The last lines about what an alert with these labels is about, one below the other."""
        found: set[Line] = set()
        for selector in selectors:
            conditions = _conditions(labels, selector)
            kind, rules = _subject(selector.name or ""), self._rules_of.get(selector.name or "")
            if kind is None and rules is None:
                continue
            for key in self._candidates(conditions):
                if key[ACTION] != WORDS and (kind in {None, "", key[KIND]}) and _accepted(key, conditions):
                    lines = self._finish(self.table[key])
                    found.update(line for line in lines if rules is None or line.rule in rules)
        newest = sorted(found)[-LINES_PER_ALERT:]
        shown = [f"{rfc3339(line.time_ns, 3)} {line.path}:{line.offset} {line.text}" for line in newest]
        words = self.table.get(("container", WORDS, labels.get("name", "")), [])
        return "\n".join(
            [*shown, *(f"{rfc3339(line.time_ns, 3)} printed:\n{line.text}" for line in self._finish(words))]
        )

    def _candidates(self, conditions: Iterable[tuple[int, Matcher | str]]) -> Collection[Key]:
        """The fewest objects among which are all that are asked for: those of a type, of an action or of a name."""
        found = [self._keys_with[place].get(asked, {}) for place, asked in conditions if isinstance(asked, str)]
        return min(found, key=len) if found else self.table

    # ── state ────────────────────────────────────────────────────────────────────────

    def _encode(self, lines: list[Line | RawLine]) -> Any:
        return self._finish(lines)

    def restored(self) -> None:
        """Bring the rows into the order of their times."""
        lines = sorted(self.table.items(), key=lambda item: (self._finish(item[1])[-1].time_ns, item[0]))
        for keys_with in self._keys_with:
            keys_with.clear()
        for key, _ in lines:
            dict.__setitem__(self.table, key, dict.pop(self.table, key))  # only the order changes
            self._index(key)


def _decode(_: Key, row: Any) -> list[Line | RawLine]:
    return [Line(*line) for line in row]


@lru_cache(maxsize=256)
def _type_and_action(event: str) -> tuple[str, str]:
    """Cut an event's name in two; thousands of keys share the texts."""
    kind, _, action = event.partition(".")
    return kind, action


def _name(event: Event) -> str:
    return event.name or (event.id or "").removeprefix("sha256:")[:SHORT_ID]


def _subject(metric: str) -> str | None:
    """The type of events that a metric of ours is about; empty for all types, None for none."""
    if metric.startswith(("docker_events", "docker_last_event")):
        return ""
    first, _, rest = metric.partition("_")
    kind = rest.partition("_")[0]
    return kind if first == "docker" and kind else None


def _conditions(labels: Mapping[str, str], selector: Selector) -> list[tuple[int, Matcher | str]]:
    """What is asked of type, action and name: by the expression, and by the alert's labels."""
    places = {"type": KIND, "action": ACTION, "name": NAME}
    asked: list[tuple[int, Matcher | str]] = [
        (places[matcher.label], matcher.value if matcher.operator == "=" else matcher)
        for matcher in selector.matchers
        if matcher.label in places
    ]
    return asked + [(place, labels[label]) for label, place in places.items() if label in labels]


def _accepted(key: Key, conditions: Iterable[tuple[int, Matcher | str]]) -> bool:
    return all(
        key[place] == asked if isinstance(asked, str) else asked.accepts(key[place]) for place, asked in conditions
    )
