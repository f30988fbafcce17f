"""What recording rules make of their results."""

from __future__ import annotations

from collections.abc import Mapping

from logwatch.alerting.alerting_rule import Identity
from logwatch.alerting.group import Course, with_labels
from logwatch.alerting.groups import RecordingRule
from logwatch.alerting.memory import Memory
from logwatch.model import SECOND

LOOK_BACK_NS = 300 * SECOND
"""So long Prometheus takes the last sample of a series for its value (query.lookback-delta)."""

Vector = Mapping[Identity, tuple[Mapping[str, str], float]]


def record(course: Course, rule: RecordingRule, recorded: Memory, now_ns: int, limit: int) -> bool:
    """Make series of the result; whether one changed.

    What the rule made before it failed stays for as long as Prometheus sees a last sample.
    """
    vector = _vector(course, rule, limit)
    if vector is not None:
        course.recorded_ns = now_ns
        return recorded.put(rule.name, vector.values(), now_ns, course.key)
    course.recorded_ns = course.recorded_ns or now_ns
    return now_ns - course.recorded_ns > LOOK_BACK_NS and recorded.put(rule.name, (), now_ns, course.key)


def _vector(course: Course, rule: RecordingRule, limit: int) -> Vector | None:
    """The series by their labels; None (and an error) where two would be one, or there are too many."""
    if course.result is None:
        return None
    found = [(with_labels(labels, rule.labels), value) for labels, value in course.result]
    vector = {frozenset(labels.items()): (labels, value) for labels, value in found}
    if len(vector) < len(found):
        course.error = "two series of the result have the same labels after those of the rule"
    elif limit and len(vector) > limit:
        course.error = f"the result has {len(vector)} series, more than the limit of {limit}"
    else:
        return vector
    return None
