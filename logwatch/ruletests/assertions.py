"""Compares what a test expects with what the pipeline produced."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from itertools import zip_longest

from logwatch import promql
from logwatch.model import SECOND, Event, Family, Mark
from logwatch.notation import duration_text, nanoseconds, quoted
from logwatch.ruletests.running import Notification, Performance
from logwatch.ruletests.schema import (
    AlertTestSpec,
    EventSpec,
    EventTestSpec,
    ExprTestSpec,
    MetricTestSpec,
    NotificationSpec,
    NotificationTestSpec,
)

ALERT_NAME, EVIDENCE, NAME = "alertname", "evidence", "__name__"
SO_FAR = frozenset({"event_test", "notification_test"})
"""Lists about everything until a time, not about the state at that time."""
Spec = AlertTestSpec | ExprTestSpec | EventTestSpec | MetricTestSpec | NotificationTestSpec


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation of a test."""

    key: str
    """The list that contains it."""
    spec: Spec
    mark: Mark
    time_ns: int
    query: promql.Query | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met."""

    mark: Mark
    what: str
    expected: tuple[str, ...] = ()
    got: tuple[str, ...] = ()


def compared(check: Check, what: str, expected: Iterable[str], got: Iterable[str]) -> Failure | None:
    """A failure unless both sides have the same lines."""
    left, right = tuple(expected), tuple(got)
    what = f"{what} {'until' if check.key in SO_FAR else 'at'} {duration_text(check.spec.eval_time)}"
    return None if left == right else Failure(check.mark, what, left, right)


def flat(blocks: Iterable[Sequence[str]]) -> list[str]:
    """The lines of several blocks, a line of text each."""
    return [line for block in blocks for text in block for line in text.split("\n")]


def without(texts: Mapping[str, str], name: str) -> dict[str, str]:
    """The texts without one."""
    return {key: text for key, text in texts.items() if key != name}


def shown(labels: Mapping[str, str]) -> str:
    """A label set as PromQL writes it."""
    pairs = ", ".join(f"{name}={quoted(value)}" for name, value in sorted(labels.items()) if name != NAME)
    name = labels.get(NAME, "")
    return f"{name}{{{pairs}}}" if pairs or not name else name


# ── alerts ──────────────────────────────────────────────────────────────────────────────


def assert_alerts(check: Check, performance: Performance) -> Failure | None:
    """Compare all alerts of a name."""
    spec = check.spec
    assert isinstance(spec, AlertTestSpec)
    expected = [
        _alert_lines({**each.exp_labels, ALERT_NAME: spec.alertname}, each.exp_annotations)
        for each in spec.exp_alerts or ()
    ]
    got = [
        _alert_lines(alert.labels, without(alert.annotations, EVIDENCE))
        for group in performance.pipeline.alerts.report().groups
        for rule in group.rules
        if rule.kind == "alerting" and rule.name == spec.alertname
        for alert in rule.alerts
        if alert.state == "firing"
    ]
    return compared(check, f"alerts {spec.alertname}", flat(sorted(expected)), flat(sorted(got)))


def _alert_lines(labels: Mapping[str, str], annotations: Mapping[str, str]) -> tuple[str, ...]:
    filled = {name: value for name, value in labels.items() if value}
    return (shown(filled), *(f"    {name}: {value}" for name, value in sorted(annotations.items())))


# ── events ──────────────────────────────────────────────────────────────────────────────


SHORTEST_ID = 12


def assert_events(check: Check, performance: Performance) -> Failure | None:
    """Compare all events of a kind, or how many there are."""
    spec = check.spec
    assert isinstance(spec, EventTestSpec)
    found = [
        event
        for event in performance.seen.events.values()
        if spec.event is None or fnmatchcase(event.event, spec.event)
    ]
    what = f"events {spec.event or 'of all kinds'}"
    if spec.exp_count is not None:
        if len(found) == spec.exp_count:
            return None
        got = [_event_line(event, performance.start_ns) for event in found]
        return compared(check, what, [f"{spec.exp_count} events"], got)
    expected = [_narrowed(each, spec.event) for each in spec.exp_events or ()]
    lines = [_expected_event(each) for each in expected]
    got = [
        lines[index]
        if index < len(expected) and _matches(event, expected[index], performance.start_ns)
        else _event_line(event, performance.start_ns)
        for index, event in enumerate(found)
    ]
    return compared(check, what, lines, got)


def _narrowed(spec: EventSpec, kind: str | None) -> EventSpec:
    return spec.model_copy(update={"event": spec.event or kind})


def _matches(event: Event, spec: EventSpec, start_ns: int) -> bool:
    attributes = event.attributes
    return (
        (spec.event is None or fnmatchcase(event.event, spec.event))
        and (spec.id is None or _same_id(event.id or "", spec.id))
        and spec.name in {None, event.name}
        and spec.host in {None, event.host}
        and (spec.severity is None or str(spec.severity) == str(event.severity))
        and spec.rule in {None, event.rule}
        and (spec.at is None or nanoseconds(spec.at) == event.time_ns - start_ns)
        and all(attributes.get(name) == value for name, value in spec.attributes.items())
        and (
            not spec.exact
            or attributes.keys() == {name for name, value in spec.attributes.items() if value is not None}
        )
    )


def _same_id(got: str, expected: str) -> bool:
    return got == expected or (len(expected) >= SHORTEST_ID and got.startswith(expected))


def _expected_event(spec: EventSpec) -> str:
    at = None if spec.at is None else duration_text(spec.at)
    named = {
        "id": spec.id,
        "name": spec.name,
        "host": spec.host,
        "severity": spec.severity,
        "rule": spec.rule,
        "at": at,
    }
    words = [spec.event or "*", *(f"{key}={value}" for key, value in named.items() if value is not None)]
    words += [f"{key}={'(none)' if value is None else value}" for key, value in spec.attributes.items()]
    return " ".join(words) + (" (and no other attribute)" if spec.exact else "")


def _event_line(event: Event, start_ns: int) -> str:
    at = f"{(event.time_ns - start_ns) / SECOND:g}s"
    named = {
        "id": event.id,
        "name": event.name,
        "host": event.host,
        "severity": event.severity,
        "rule": event.rule,
        "at": at,
    }
    words = [event.event, *(f"{key}={value}" for key, value in named.items() if value)]
    return " ".join([*words, *(f"{key}={value}" for key, value in event.attributes.items())])


# ── samples ─────────────────────────────────────────────────────────────────────────────


CLOSE = 1e-12


def assert_expression(check: Check, performance: Performance) -> Failure | None:
    """Compare the whole result."""
    spec = check.spec
    assert isinstance(spec, ExprTestSpec)
    assert check.query is not None
    try:
        result = performance.pipeline.alerts.query(check.query, check.time_ns)
    except promql.EvaluationError as error:
        return Failure(check.mark, f"{spec.expr} at {duration_text(spec.eval_time)}: {error}")
    found = [({}, result)] if isinstance(result, float) else [(dict(labels), value) for labels, value in result]
    got = {shown(labels): value for labels, value in found}
    expected = {shown(sample.labels): sample.value for sample in spec.exp_samples or ()}
    return _compared_samples(check, spec.expr, expected, got)


def assert_metrics(check: Check, performance: Performance) -> Failure | None:
    """Compare the samples that are named, or all of a metric."""
    spec = check.spec
    assert isinstance(spec, MetricTestSpec)
    everything = performance.pipeline.series.everything()
    keys = {family.name: family for family in performance.pipeline.series.families()}
    got: dict[str, float] = {}
    for sample in everything:
        names = _label_names(keys, sample.family)
        labels = {label: value for label, value in zip(names, sample.labels, strict=True) if value}
        if sample.value is not None:
            got[shown({NAME: sample.family, **labels})] = sample.value
    expected = {shown(sample.labels): sample.value for sample in spec.exp_samples}
    wanted = {name: value for name, value in expected.items() if value is not None}
    if spec.metric is not None:
        got = {name: value for name, value in got.items() if name.partition("{")[0] == spec.metric}
    else:
        got = {name: value for name, value in got.items() if name in expected}
    return _compared_samples(check, spec.metric or "metrics", wanted, got)


def _label_names(keys: Mapping[str, Family], sample: str) -> tuple[str, ...]:
    if sample in keys:
        return tuple(keys[sample].labels)
    base, _, part = sample.rpartition("_")
    return (*keys[base].labels, "le") if part == "bucket" else tuple(keys[base].labels)


def _compared_samples(
    check: Check, what: str, expected: Mapping[str, float], got: Mapping[str, float]
) -> Failure | None:
    near = {name: expected[name] if _same(expected.get(name), value) else value for name, value in got.items()}
    return compared(check, what, _sample_lines(expected), _sample_lines(near))


def _sample_lines(samples: Mapping[str, float]) -> list[str]:
    return [f"{name} {value:.17g}" for name, value in sorted(samples.items())]


def _same(expected: float | None, got: float) -> bool:
    if expected is None:
        return False
    return expected == got or math.isclose(expected, got, rel_tol=CLOSE)


# ── notifications ───────────────────────────────────────────────────────────────────────


def assert_notifications(check: Check, performance: Performance) -> Failure | None:
    """Compare all notifications of an alert."""
    spec = check.spec
    assert isinstance(spec, NotificationTestSpec)
    sent = [each for each in performance.seen.notifications if each.alert.labels[ALERT_NAME] == spec.alertname]
    wanted = spec.exp_notifications or []
    expected = [_expected_notification(each) for each in wanted]
    pairs = zip_longest(sent, wanted)
    got = [_notification_lines(each, one, performance.start_ns) for each, one in pairs if each is not None]
    return compared(check, f"notifications of {spec.alertname}", flat(expected), flat(got))


def _expected_notification(spec: NotificationSpec) -> list[str]:
    at = "" if spec.at is None else f" at {duration_text(spec.at)}"
    labels = "" if spec.exp_labels is None else f" {shown(spec.exp_labels)}"
    texts = spec.exp_annotations or {}
    return [
        f"{spec.status}{at}{labels}",
        *(f"    {name}: {text}" for name, text in sorted(texts.items())),
        *(f"    evidence: {text}" for text in spec.exp_evidence),
    ]


def _notification_lines(sent: Notification, spec: NotificationSpec | None, start_ns: int) -> list[str]:
    """A notification, as far as the expectation mentions it."""
    alert = sent.alert
    at = timedelta(microseconds=(sent.time_ns - start_ns) // 1000)
    timed = "" if spec is not None and spec.at is None else f" at {duration_text(at)}"
    labelled = "" if spec is not None and spec.exp_labels is None else f" {shown(without(alert.labels, ALERT_NAME))}"
    texts = {} if spec is not None and spec.exp_annotations is None else without(alert.annotations, EVIDENCE)
    evidence = alert.annotations.get(EVIDENCE, "")
    missing = spec is not None and any(text not in evidence for text in spec.exp_evidence)
    proofs = evidence.splitlines() if spec is None or missing else spec.exp_evidence
    return [
        f"{alert.state}{timed}{labelled}",
        *(f"    {name}: {text}" for name, text in sorted(texts.items())),
        *(f"    evidence: {text}" for text in proofs),
    ]


ASSERTIONS: dict[str, Callable[[Check, Performance], Failure | None]] = {
    "alert_rule_test": assert_alerts,
    "promql_expr_test": assert_expression,
    "event_test": assert_events,
    "metric_test": assert_metrics,
    "notification_test": assert_notifications,
}
"""The list of a test file to what compares its entries."""


def verify(check: Check, performance: Performance) -> Failure | None:
    """Compare one expectation with the state at this time."""
    return ASSERTIONS[check.key](check, performance)
