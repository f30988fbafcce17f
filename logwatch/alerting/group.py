"""Groups and rules under way: what they read, how they stand, and the alerts that a result means."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from logwatch.alerting.alerting_rule import Active, Identity, Truth
from logwatch.alerting.groups import AlertRule, Group, RecordingRule, asks_for_absence
from logwatch.alerting.templates import Scope
from logwatch.alerting.terms import Terms
from logwatch.model import SECOND
from logwatch.promql import Labels, Query, Snapshot

ALERT_NAME = "alertname"
GRACE_NS = 120 * SECOND
"""History kept beyond what expressions look back at: an event's own time may be a little ahead of its header's."""
OWN = ("ALERTS", "ALERTS_FOR_STATE")


@dataclass(slots=True)
class Course:
    """A rule under way."""

    rule: AlertRule | RecordingRule
    key: tuple[str, ...]
    """Tells it from every other rule, also after a restart."""
    names: frozenset[str]
    """Sample names it reads."""
    reach_ns: int
    absence: bool
    result: list[tuple[Labels, float]] | None = None
    evaluated_ns: int = 0
    recorded_ns: int = 0
    """When its result was last recorded, for a rule that records."""
    error: str = ""
    active: dict[Identity, Active] = field(default_factory=dict)

    def evaluate(self, snapshot: Snapshot) -> list[tuple[Labels, float]]:
        """Return the result at the time of the snapshot; raises EvaluationError."""
        result = self.rule.query.evaluate_in(snapshot)
        if isinstance(result, float):
            return [(Labels(), result)]
        return [(sample.labels, sample.value) for sample in result]

    def stands(self) -> bool:
        """Whether all its alerts fire for as long as the result stays: none waits for anything."""
        firing = all(alert.state == "firing" and not alert.keep_since_ns for alert in self.active.values())
        return firing and self.result is not None and len(self.active) == len(self.result)


class Heirs:
    """Finds the rule that goes on with an alert, also where its group is called otherwise now."""

    def __init__(self, courses: Iterable[Course]) -> None:
        self._exactly: dict[tuple[str, ...], Course] = {}
        self._elsewhere: dict[tuple[str, ...], Course] = {}
        for course in courses:
            if isinstance(course.rule, AlertRule):
                self._exactly[course.key] = course
                self._elsewhere.setdefault(course.key[1:3], course)

    def has(self, key: tuple[str, ...]) -> bool:
        """Whether there is a rule of just this key."""
        return key in self._exactly

    def of(self, key: tuple[str, ...]) -> Course | None:
        """The rule of this key, else one of the same name and labels; None if there is none."""
        return self._exactly.get(key) or self._elsewhere.get(key[1:3])


@dataclass(slots=True)
class Circle:
    """A group under way."""

    group: Group
    courses: list[Course]
    on_wall_clock: bool
    evaluated_ns: int = 0
    quiet_at: int = -1
    """The count of changes at which nothing was left to do; -1 while there is."""

    def rule_id(self, course: Course) -> str:
        """How people are told of a rule of this group."""
        return f"{self.group.name}/{course.rule.name}"


def intervals_of(groups: Sequence[Group]) -> dict[str, int]:
    """How far apart the samples of what groups make are: of several, the most frequent one decides."""
    intervals: dict[str, int] = {}
    for group in sorted(groups, key=lambda group: -group.interval_ns):
        for rule in group.rules:
            made = (rule.name,) if isinstance(rule, RecordingRule) else OWN
            intervals.update(dict.fromkeys(made, group.interval_ns))
    return intervals


def circle_of(group: Group, known: Iterable[str], walled: frozenset[str], alike: Counter[tuple[str, ...]]) -> Circle:
    """A group about to begin; `walled` are the metrics that make it follow the wall clock.

    `alike` counts the rules so far that nothing but their place tells from one another.
    """
    courses = []
    for rule in group.rules:
        query = rule.query
        names = query.reads(known)
        reach_ns = max((reading.look_back_ns for reading in query.readings), default=0) + GRACE_NS
        labels = {name: getattr(text, "text", text) for name, text in rule.labels.items()}
        same = (group.name, rule.name, json.dumps(labels, sort_keys=True))
        key = (*same, str(alike[same])) if alike[same] else same
        alike[same] += 1
        courses.append(Course(rule, key, names, reach_ns, asks_for_absence(query.text)))
    return Circle(group, courses, any(course.names & walled for course in courses))


def extend(reach: dict[str, int], query: Query, names: Iterable[str]) -> None:
    """Let history of these names go back as far as the query looks."""
    for name in names:
        reach[name] = max(reach.get(name, 0), (query.look_back_ns(name) or 0) + GRACE_NS)


def truths_of(course: Course, rule: AlertRule, terms: Terms) -> dict[Identity, Truth] | None:
    """Fill labels and annotations in; None (and an error) where two alerts would be one."""
    truths: dict[Identity, Truth] = {}
    external, url = terms.external_labels, terms.external_url
    assert course.result is not None
    for found, value in course.result:
        scope = Scope(found, value, external, url)
        labels: dict[str, str] = {**found.nameless()}
        labels.update({name: template.render(scope) for name, template in rule.labels.items()})
        labels[ALERT_NAME] = rule.name
        labels = {name: text for name, text in labels.items() if text}
        identity = frozenset(labels.items())
        if identity in truths:
            course.error = "two series of the result have the same labels after those of the alert"
            return None
        annotations = {name: template.render(scope) for name, template in rule.annotations.items()}
        truths[identity] = Truth(labels, annotations, value)
    return truths


def with_labels(labels: Labels, further: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a result without its name, and those of the rule."""
    merged = {**labels.nameless(), **further}
    return {name: value for name, value in merged.items() if value}
