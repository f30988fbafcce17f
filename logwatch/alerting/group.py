"""Rule groups: rules that are evaluated one after the other, at every multiple of an interval."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from logwatch.alerting.alerting_rule import AlertingRule, AlertRule
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


@dataclass(slots=True)
class GroupState:
    """A group under evaluation."""

    group: Group
    rules: Sequence[AlertingRule | RecordingState]
    follows_wall_clock: bool
    evaluated_ns: int = 0

    def due_ns(self) -> int:
        """The earliest time at which a rule can have another result or other alerts."""
        return min((min(rule.due_ns, rule.live.due_ns) for rule in self.rules), default=NEVER_NS)


def group_state(
    group: Group,
    options: Options,
    watch: Callable[[Query], LiveQuery],
    store: SeriesStore,
    wall_clocked: Collection[Query],
    same: Counter[Key],
) -> GroupState:
    """Prepare a group; `same` counts the rules so far that only their place tells apart."""
    rules: list[AlertingRule | RecordingState] = []
    for rule in group.rules:
        key, rule_id, live = _key(group, rule, same), f"{group.name}/{rule.name}", watch(rule.query)
        if isinstance(rule, AlertRule):
            absence = rule.asks_for_absence
            rules.append(AlertingRule(rule, key, rule_id, live, options, group.limit, asks_for_absence=absence))
        else:
            rules.append(RecordingState(rule, key, rule_id, live, store, group.interval_ns, group.limit))
    return GroupState(group, rules, any(rule.query in wall_clocked for rule in group.rules))


def _key(group: Group, rule: AlertRule | RecordingRule, same: Counter[Key]) -> Key:
    """What tells a rule from every other one, also after a restart."""
    labels = {name: getattr(text, "text", text) for name, text in rule.labels.items()}
    key: Key = (group.name, rule.name, json.dumps(labels, sort_keys=True))
    same[key] += 1
    return (*key, str(same[key] - 1)) if same[key] > 1 else key
