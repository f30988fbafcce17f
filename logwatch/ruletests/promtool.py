"""Writes tests out for Prometheus' own `promtool test rules`.

promtool cannot read lines, so the series that they made are written: as a Prometheus would have
scraped them, one sample every `interval`, with the marker where a series ended. Its tests begin in
1970, so time is shifted by the start of the test, in the metrics whose values are times too.

Rules that read `logwatch_build_info` ask whether logwatch was scraped before a series began. Their
tests are preceded by as much time as they look back, in which only that series exists.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from math import lcm
from pathlib import Path
from typing import Any

import yaml

from logwatch import promql
from logwatch.alerting import RecordingRule
from logwatch.metrics.catalog import BUILD_INFO
from logwatch.model import SECOND
from logwatch.notation import duration_text, float_text
from logwatch.ruletests.assertions import shown
from logwatch.ruletests.cases import Case, Environment, Plan, TestFile
from logwatch.ruletests.input_series import NoSample, Step
from logwatch.ruletests.running import Performance
from logwatch.ruletests.schema import AlertTestSpec, ExprTestSpec

OWN = frozenset({"ALERTS", "ALERTS_FOR_STATE"})
MOMENTS = "_timestamp_seconds"
"""How the names of metrics end whose values are times."""
FEWEST = 3
"""Equal samples that are written as one `ax2`."""


def write(environment: Environment, test_file: TestFile, cases: Sequence[Case], folder: Path) -> Path | None:
    """Write a test file and its alert files; None if it contains no test for promtool."""
    written = [case for case in cases if case.spec.alert_rule_test or case.spec.promql_expr_test]
    if not written:
        return None
    path = _unused(folder, test_file.path.stem)
    beside = folder / path.stem
    beside.mkdir(parents=True, exist_ok=True)
    names = []
    for number, rule_file in enumerate(test_file.rule_files):
        name = f"{number}-{rule_file.name}" if (beside / rule_file.name).exists() else rule_file.name
        shutil.copyfile(rule_file, beside / name)
        names.append(f"{beside.name}/{name}")
    document = {
        "rule_files": names,
        "evaluation_interval": _duration(test_file.interval_ns),
        "group_eval_order": list(dict.fromkeys(group.name for group in test_file.groups)),
        "tests": [_case(Plan(environment, test_file, case)) for case in written],
    }
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000)
    path.write_text(f"# Written by logwatch test --promtool from {test_file.shown_path}\n{text}", encoding="utf-8")
    return path


def _unused(folder: Path, stem: str) -> Path:
    number, path = 1, folder / f"{stem}.yml"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.yml"
    return path


def _case(plan: Plan) -> dict[str, Any]:
    spec = plan.case.spec
    lead_ns = _lead_ns(plan)
    lead, ticks = timedelta(microseconds=lead_ns // 1000), lead_ns // plan.sample_interval_ns
    case = {
        "name": plan.case.name,
        "interval": _duration(plan.sample_interval_ns),
        "input_series": [*_given(plan.case, ticks), *(_of_lines(plan, lead_ns) if spec.input_lines else ())],
        "external_labels": dict(spec.external_labels),
        "external_url": spec.external_url,
        "alert_rule_test": [_alert_test(each, lead) for each in spec.alert_rule_test],
        "promql_expr_test": [_expr_test(each, lead) for each in spec.promql_expr_test],
    }
    return {key: value for key, value in case.items() if value}


def _lead_ns(plan: Plan) -> int:
    """Time that precedes the test: what rules look back at `logwatch_build_info`, unless the test gives it."""
    given = any(each.series["__name__"] == BUILD_INFO for each in plan.case.spec.input_series)
    if given or not plan.case.spec.input_lines:
        return 0
    step_ns = lcm(plan.file.interval_ns, plan.sample_interval_ns)
    look_back_ns = max((query.look_back_ns(BUILD_INFO) or 0 for query in _queries(plan)), default=0)
    return -(-look_back_ns // step_ns) * step_ns


def _queries(plan: Plan) -> list[promql.Query]:
    rules = [rule.query for group in plan.file.groups for rule in group.rules]
    return [*plan.case.queries, *rules]


def _alert_test(spec: AlertTestSpec, lead: timedelta) -> dict[str, Any]:
    expected = [
        {"exp_labels": dict(each.exp_labels), "exp_annotations": dict(each.exp_annotations)}
        for each in spec.exp_alerts or ()
    ]
    return {"eval_time": duration_text(lead + spec.eval_time), "alertname": spec.alertname, "exp_alerts": expected}


def _expr_test(spec: ExprTestSpec, lead: timedelta) -> dict[str, Any]:
    expected = [{"labels": shown(each.labels), "value": each.value} for each in spec.exp_samples or ()]
    return {"expr": spec.expr, "eval_time": duration_text(lead + spec.eval_time), "exp_samples": expected}


def _given(case: Case, lead: int) -> Iterator[dict[str, str]]:
    for index, _ in enumerate(case.spec.input_series):
        node = case.node.at(("input_series", index))
        texts = {key: str(node.at((key,)).value or "") for key in ("series", "values")}
        yield {**texts, "values": f"_x{lead} {texts['values']}"} if lead else texts


# ── the series of lines ──────────────────────────────────────────────────────────────


def _of_lines(plan: Plan, lead_ns: int) -> Iterator[dict[str, str]]:
    """What a Prometheus would have scraped of the series that the rules and expressions read."""
    ticks = range(plan.start_ns, plan.end_ns + 1, plan.sample_interval_ns)
    series: dict[str, list[Step]] = {}
    shift, lead = (lead_ns - plan.start_ns) / SECOND, lead_ns // plan.sample_interval_ns
    for number, (tick, vector) in enumerate(_scrapes(plan, ticks)):
        for labels, value in vector:
            steps = series.setdefault(shown(labels), [NoSample.OMITTED] * number)
            moved = labels["__name__"].endswith(MOMENTS) and value > 0
            steps.append(value + shift if moved else float(value))
        for steps in series.values():
            if len(steps) <= number:
                steps.append(NoSample.STALE if isinstance(steps[-1], float) else NoSample.OMITTED)
        assert tick == plan.start_ns + number * plan.sample_interval_ns
    for name, steps in series.items():
        before = 1.0 if name.startswith(f"{BUILD_INFO}{{") else NoSample.OMITTED
        yield {"series": name, "values": notated([*[before] * lead, *steps])}


def _scrapes(plan: Plan, ticks: Sequence[int]) -> Iterator[tuple[int, list[tuple[Mapping[str, str], float]]]]:
    queries = [promql.compile(name) for name in _read(plan)]
    asking = replace(plan.case, queries=(*plan.case.queries, *queries))
    performance = Performance(
        Plan(plan.environment, plan.file, asking).pipeline, plan.lines, plan.start_ns, plan.end_ns
    )
    for time_ns in plan.ticks(*ticks):
        performance.advance(time_ns)
        if time_ns in ticks:
            results = [performance.pipeline.alerts.query(query, time_ns) for query in queries]
            yield (
                time_ns,
                [(sample.labels, sample.value) for result in results if isinstance(result, list) for sample in result],
            )


def _read(plan: Plan) -> list[str]:
    """The sample names of lines that the rules and expressions read."""
    rules = [rule for group in plan.file.groups for rule in group.rules]
    recorded = {rule.name for rule in rules if isinstance(rule, RecordingRule)}
    given = {each.series["__name__"] for each in plan.case.spec.input_series}
    names = [*plan.pipeline().series.names(), BUILD_INFO]
    read = frozenset[str]().union(*(query.reads(names) for query in _queries(plan)))
    return sorted(read - recorded - given - OWN)


# ── notation ─────────────────────────────────────────────────────────────────────────


def notated(steps: Sequence[Step]) -> str:
    """Samples in promtool's notation, what repeats as one word; what is left out at the end is not written."""
    words = []
    for step, group in groupby(steps):
        count = len(list(group))
        if isinstance(step, float):
            word = _number(step)
            words += [f"{word}x{count - 1}"] if count >= FEWEST else [word] * count
        else:
            words += [f"_x{count}"] if step is NoSample.OMITTED and count > 1 else [step.value] * count
    if words and words[-1].startswith("_"):
        words.pop()
    return " ".join(words)


def _number(value: float) -> str:
    return float_text(value).removeprefix("+")


def _duration(length_ns: int) -> str:
    return duration_text(timedelta(microseconds=length_ns // 1000))
