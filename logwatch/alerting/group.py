"""Rule groups: rules that are evaluated one after the other, at every multiple of an interval."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from logwatch.alerting.alerting_rule import AlertingRule, AlertRule, Ask
from logwatch.alerting.options import Options
from logwatch.alerting.recording_rule import RecordingRule, RecordingState
from logwatch.alerting.series_store import SeriesStore
from logwatch.promql import NEVER_NS, LiveQuery, Query

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A rule group, checked and compiled."""

    name: str
    file: str
    interval_ns: int
    limit: int
    """Alerts or series that one rule may make; 0: any number."""
    rules: tuple[AlertRule | RecordingRule, ...]
    shipped: bool = False
    query_offset_ns: int = 0
    """So much earlier than the group its expressions are evaluated, and what they record begins."""


class GroupState:
    """A group under evaluation; `same` counts the rules so far that differ only in their place."""

    def __init__(
        self,
        group: Group,
        options: Options,
        watch: Callable[[Query, Callable[[int], None], int], LiveQuery],
        store: SeriesStore,
        ask: Ask,
        wall_clocked: Collection[Query],
        same: Counter[Key],
    ) -> None:
        self.group = group
        self.follows_wall_clock = any(rule.query in wall_clocked for rule in group.rules)
        self.due_ns = 0
        """The earliest time at which a rule can have another result or other alerts."""
        self.evaluated_ns = 0
        self.rules: list[AlertingRule | RecordingState] = []
        for rule in group.rules:
            key, rule_id = _key(group, rule, same), f"{group.name}/{rule.name}"
            live = watch(rule.query, self.wake, group.query_offset_ns)
            if isinstance(rule, AlertRule):
                absence = rule.asks_for_absence
                self.rules.append(
                    AlertingRule(rule, key, rule_id, live, options, group.limit, ask, asks_for_absence=absence)
                )
            else:
                shape = group.interval_ns, group.limit, group.query_offset_ns
                self.rules.append(RecordingState(rule, key, rule_id, live, store, *shape))

    def wake(self, time_ns: int = 0) -> None:
        """Be due at that time: a series that a rule reads has changed."""
        self.due_ns = min(self.due_ns, time_ns)

    def due_rules(self, time_ns: int, *, readable: bool) -> Iterator[AlertingRule | RecordingState]:
        """The rules to be evaluated at this time, each when those before it have been."""
        self.evaluated_ns = time_ns
        for rule in self.rules:
            if min(rule.due_ns, rule.live.due_ns) <= time_ns and (readable or not rule.asks_for_absence):
                yield rule
        self.due_ns = min((min(rule.due_ns, rule.live.due_ns) for rule in self.rules), default=NEVER_NS)


def _key(group: Group, rule: AlertRule | RecordingRule, same: Counter[Key]) -> Key:
    """What identifies a rule, also after a restart."""
    labels = {name: getattr(text, "text", text) for name, text in rule.labels.items()}
    key: Key = (group.name, rule.name, json.dumps(labels, sort_keys=True))
    same[key] += 1
    return (*key, str(same[key] - 1)) if same[key] > 1 else key
