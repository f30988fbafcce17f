"""The metrics that rules declare, each moved once per accepted event of its rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from logwatch.matching.templates import Lookup, Template, parse
from logwatch.metrics import Registry
from logwatch.metrics.catalog import VOCABULARY
from logwatch.model import FULL_ID, SHORT_ID, Correlation, Event, Family, MetricRule, Rule

VALUE_ERRORS = "logwatch_rule_value_errors_total"
_BELONGS = {"event.name": "name", "event.id": "id"}


class _Metric(NamedTuple):
    """A metric of one rule, its templates compiled."""

    kind: str
    name: str
    labels: tuple[Template, ...]
    value: Template | None


class RuleMetrics:
    """Moves the series of the rules' own metrics."""

    def __init__(self, series: Registry, rules: Sequence[Rule], correlations: Sequence[Correlation]) -> None:
        self._series = series
        self._metrics: dict[str, list[_Metric]] = {}
        self.owned: list[tuple[str, str]] = []
        """Metrics whose series end with their container: the metric, and by what (`name`, `id`)."""
        declaring: list[Rule | Correlation] = [*rules, *correlations]
        for rule in declaring:
            for metric in rule.metrics:
                self._metrics.setdefault(rule.id, []).append(self._declare(metric))
        series.retire_undeclared("rules", {metric.name for metrics in self._metrics.values() for metric in metrics})

    def count(self, event: Event) -> None:
        """Move what the event's rule says."""
        metrics = self._metrics.get(event.rule)
        if metrics is None:
            return
        lookup = _fields(event).get
        for metric in metrics:
            self._move(metric, lookup, event)

    def _move(self, metric: _Metric, lookup: Lookup, event: Event) -> None:
        labels = tuple([template.render(lookup) or "" for template in metric.labels])
        value = 1.0 if metric.value is None else _number(metric.value.render(lookup))
        if value is None or (metric.kind == "counter" and value < 0):
            self._series.add(VALUE_ERRORS, (event.rule,), 1, event.time_ns)
        elif metric.kind == "counter":
            self._series.add(metric.name, labels, value, event.time_ns)
        elif metric.kind == "gauge":
            self._series.set(metric.name, labels, value, event.time_ns)
        else:
            self._series.observe(metric.name, labels, value, event.time_ns)

    def _declare(self, metric: MetricRule) -> _Metric:
        """Make the metric known; rules that share one metric share the order of its labels."""
        names = tuple(sorted(metric.labels))
        family = Family(metric.name, metric.kind, metric.help, names, metric.buckets, metric.max_series)
        labels = tuple(parse(metric.labels[name]) for name in names)
        owner: tuple[int, ...] = ()
        for place, template in enumerate(labels):
            by = _BELONGS.get(template.plain or "")
            if by and not owner:
                owner = (place,)
                self.owned.append((metric.name, by))
        self._series.declare(family, owner)
        return _Metric(metric.kind, metric.name, labels, parse(metric.value) if metric.value else None)


def _fields(event: Event) -> dict[str, str]:
    """Return what templates can name: the attributes, and what every event has."""
    fields = dict(event.attributes)
    fields["event.host"] = event.host
    fields["event.type"], _, fields["event.action"] = event.event.partition(".")
    if event.id is not None:
        fields["event.id"] = event.id
    if event.name is not None:
        fields["event.name"] = event.name
    elif event.id is not None and _is_containers(event.id, fields["event.type"]):
        fields["event.name"] = event.id[:SHORT_ID]  # as the label `name` of docker_container_*
    return fields


def _is_containers(object_id: str, type_: str) -> bool:
    """Whether an id is a container's: of an event of containers, or of a rule's own type, such as what they print."""
    return type_ == "container" or (len(object_id) == FULL_ID and type_ not in VOCABULARY)


def _number(text: str | None) -> float | None:
    """Return the finite number that a text is, else None."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
