"""What expressions give, and what /metrics shows."""

from __future__ import annotations

import math
from collections.abc import Mapping

from logwatch import promql
from logwatch.model import Family
from logwatch.rulefiles.units import duration_text
from logwatch.ruletests.expectations import NAME, Check, Failure, compared, shown
from logwatch.ruletests.running import Performance
from logwatch.ruletests.schema import ExprTestSpec, MetricTestSpec

CLOSE = 1e-12


def judge_expression(check: Check, performance: Performance) -> Failure | None:
    """Compare the whole result."""
    spec = check.spec
    assert isinstance(spec, ExprTestSpec)
    assert check.query is not None
    try:
        result = performance.pipeline.alerts.ask(check.query, check.time_ns)
    except promql.EvaluationError as error:
        return Failure(check.mark, f"{spec.expr} at {duration_text(spec.eval_time)}: {error}")
    found = [({}, result)] if isinstance(result, float) else [(dict(labels), value) for labels, value in result]
    got = {shown(labels): value for labels, value in found}
    expected = {shown(sample.labels): sample.value for sample in spec.exp_samples or ()}
    return _samples(check, spec.expr, expected, got)


def judge_metrics(check: Check, performance: Performance) -> Failure | None:
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
    return _samples(check, spec.metric or "metrics", wanted, got)


def _label_names(keys: Mapping[str, Family], sample: str) -> tuple[str, ...]:
    if sample in keys:
        return tuple(keys[sample].labels)
    base, _, part = sample.rpartition("_")
    return (*keys[base].labels, "le") if part == "bucket" else tuple(keys[base].labels)


def _samples(check: Check, what: str, expected: Mapping[str, float], got: Mapping[str, float]) -> Failure | None:
    near = {name: expected[name] if _same(expected.get(name), value) else value for name, value in got.items()}
    return compared(check, what, _written(expected), _written(near))


def _written(samples: Mapping[str, float]) -> list[str]:
    return [f"{name} {value:.17g}" for name, value in sorted(samples.items())]


def _same(expected: float | None, got: float) -> bool:
    if expected is None:
        return False
    return expected == got or math.isclose(expected, got, rel_tol=CLOSE)
