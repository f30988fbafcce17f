"""One thing that happened and who has told it, and where it is found: by its object, or by its kind.

A burst opens thousands of tellings of one kind within the ten seconds in which lines join. So a
line that does not say which object it is about never looks at all of them: its rule has a list of
those that it has not told yet, and who names a container finds those that name it, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from logwatch.lifecycle.accounts import merge
from logwatch.model import SECOND, Event

REMEMBERED_NS = 120 * SECOND
"""A telling can be joined for so long by the clock: `docker events --since` catches up on a restart."""
RECENT = 256
"""Most tellings per kind and host among which a line without an id looks for its own."""
NAMELESS = 16
"""Most events without an id that are remembered per kind and host."""
REVOKED = -1
FORGOTTEN = -1
"""When a telling was opened that nobody may join any more."""

Key = tuple[str, str, str]
"""The object that events happen to: host, type (`container`, `image`, …) and id."""


class Telling:
    """One thing that happened, and who has told it."""

    __slots__ = (
        "clock_ns", "deadline_ns", "epoch", "event", "kind", "order", "revoked_by", "seq", "subject", "tellers"
    )  # fmt: skip

    def __init__(
        self, event: Event, kind: Kind, subject: Subject | None, order: int, clock_ns: int, epoch: int | None
    ) -> None:
        self.event = event
        self.kind = kind
        self.subject = subject
        self.order = order
        self.clock_ns = clock_ns
        """When it was opened."""
        self.epoch = epoch
        self.tellers = [event.rule]
        self.revoked_by = event.revoked_by
        self.seq = 0
        """Its number once it passed; 0 while it is held; -1 when it was revoked."""
        self.deadline_ns = 0

    def join(self, rules: Iterable[str]) -> None:
        """Further rules tell of it."""
        for rule in rules:
            if rule not in self.tellers:
                self.tellers.append(rule)
                self.kind.told(self, rule)

    def take(self, event: Event) -> bool:
        """Take in another account; whether that says anything new."""
        merged = merge(self.event, event)
        if merged is self.event:
            return False
        self.event = merged
        self.kind.merged(self)
        return True

    @property
    def forgotten(self) -> bool:
        """Nobody can join it, and it is not held of an object either."""
        return self.clock_ns == FORGOTTEN and (self.seq != 0 or self.subject is None)

    def dump(self) -> str:
        """Return all of it as JSON."""
        key = None if self.subject is None else self.subject.key
        event = [*self.event[:13], sorted(self.event.revoked_by)]
        place = [self.order, self.clock_ns, self.epoch, self.seq, self.deadline_ns]
        return json.dumps([key, [event, place, self.tellers, sorted(self.revoked_by)]])


class Subject:
    """An object, what was told of it lately, and what of that is held."""

    __slots__ = ("held", "key", "tellings")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.tellings: dict[str, list[Telling]] = {}
        self.held: list[Telling] = []

    def told(self) -> list[Telling]:
        """Everything that is remembered of it."""
        return [telling for group in self.tellings.values() for telling in group]


Group = dict[int, Telling]
"""Tellings by their order, the oldest first."""


class Kind:
    """What was told lately on one host of one type.action."""

    __slots__ = ("_by_container", "_untold", "heard_ns", "loose", "passed", "recent")

    def __init__(self) -> None:
        self.recent: Group = {}
        """Of objects."""
        self.passed: Group = {}
        """Without an object, accepted."""
        self.loose: dict[str, Group] = {}
        """Without an object, held; by the rule that opened them."""
        self.heard_ns: int | None = None
        """When a leading or primary line last told of one, to the hour."""
        self._untold: dict[str, Group] = {}
        self._by_container: dict[str, Group] = {}

    def remember(self, telling: Telling, clock_ns: int) -> None:
        """Keep what was told of an object, and of too many or too old ones the last."""
        self._enter(self.recent, telling)
        while self.recent:
            oldest = next(iter(self.recent.values()))
            if len(self.recent) <= RECENT and oldest.clock_ns >= clock_ns - REMEMBERED_NS:
                break
            self.leave(oldest)

    def keep(self, telling: Telling) -> Telling | None:
        """Keep what was accepted without an object; returns the one that had to go for it."""
        self._enter(self.passed, telling)
        if len(self.passed) <= NAMELESS:
            return None
        oldest = next(iter(self.passed.values()))
        self.leave(oldest)
        return oldest

    def hold(self, telling: Telling) -> None:
        """Keep what is held and has no object."""
        self._enter(self.loose.setdefault(telling.tellers[0], {}), telling)

    def holds(self, telling: Telling) -> bool:
        """Whether it has no object and is still held."""
        return telling.order in self.loose.get(telling.tellers[0], ())

    def held(self) -> Iterator[Telling]:
        """Everything that is held and has no object."""
        for group in self.loose.values():
            yield from group.values()

    def _enter(self, group: Group, telling: Telling) -> None:
        group[telling.order] = telling
        for rule, untold in self._untold.items():
            if rule not in telling.tellers:
                untold[telling.order] = telling
        self._file(telling)

    def leave(self, telling: Telling) -> None:
        """Nobody looks for it here any more."""
        order, opener = telling.order, telling.tellers[0]
        self.recent.pop(order, None)
        self.passed.pop(order, None)
        _drop(self.loose, opener, order)
        for untold in self._untold.values():
            untold.pop(order, None)
        container = telling.event.attributes.get("container")
        if container is not None:
            _drop(self._by_container, container, order)

    def told(self, telling: Telling, rule: str) -> None:
        """The rule has told of it."""
        untold = self._untold.get(rule)
        if untold is not None:
            untold.pop(telling.order, None)

    def merged(self, telling: Telling) -> None:
        """More is said of it than when it came."""
        if telling.order in self.recent or telling.order in self.passed or self.holds(telling):
            self._file(telling)

    def _file(self, telling: Telling) -> None:
        container = telling.event.attributes.get("container")
        if container is not None:
            self._by_container.setdefault(container, {})[telling.order] = telling

    def untold(self, rule: str) -> Iterable[Telling]:
        """What this rule has not told of yet, oldest first."""
        untold = self._untold.get(rule)
        if untold is None:
            known = sorted([*self.recent.values(), *self.passed.values(), *self.held()], key=lambda each: each.order)
            untold = self._untold[rule] = {each.order: each for each in known if rule not in each.tellers}
        return untold.values()

    def naming(self, container: str) -> Iterable[Telling]:
        """What names this container, oldest first."""
        return self._by_container.get(container, {}).values()

    def outdated(self, oldest_ns: int) -> list[Telling]:
        """Let go of what was opened before that time; returns what had no object, where the newest such is as old."""
        for telling in [each for each in self.recent.values() if each.clock_ns < oldest_ns]:
            self.leave(telling)
        passed = list(self.passed.values())
        return passed if passed and passed[-1].clock_ns < oldest_ns else []

    def __bool__(self) -> bool:
        """Whether anything is remembered of it."""
        return bool(self.recent or self.passed or self.loose or self.heard_ns is not None)


def _drop(groups: dict[str, Group], key: str, order: int) -> None:
    group = groups.get(key)
    if group is not None and group.pop(order, None) is not None and not group:
        del groups[key]


Told = tuple[Telling, bool, bool]
"""A telling that passes now; or (amends) has passed and says more; or (adopted) had passed without an object."""
NOTHING: list[Told] = []


def joinable(telling: Telling, clock_ns: int) -> bool:
    """Whether it was opened lately enough; what is told of a service lasts for its epoch."""
    return telling.clock_ns >= clock_ns - REMEMBERED_NS or telling.epoch is not None
