"""`logwatch query`: a PromQL expression over what is kept, at one time or over a range."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from logwatch.build import Builder, query_options
from logwatch.cli import options
from logwatch.cli.options import moment
from logwatch.cli.output import cell
from logwatch.config import Config
from logwatch.errors import ConfigError
from logwatch.metrics import Registry
from logwatch.metrics.catalog import counted
from logwatch.metrics.rule_metrics import RuleMetrics
from logwatch.model import SECOND, Family, label_name
from logwatch.notation import duration, float_text, nanoseconds, rfc3339
from logwatch.promql import Labels, Sample
from logwatch.queries import KeptSeries, Matrix, Querying, QueryLimitError
from logwatch.store import History

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60
"""Steps of a range, if none is given: as many as a chart on a terminal shows."""
Points = list[tuple[int, float]]


@click.command("query")
@click.argument("expression")
@click.option("--time", "at", help="Time of evaluation: a time (2026-11-23T18:12:57Z) or how long ago. [default: now]")
@click.option("--range", "length", help="Evaluate over the time before --time, such as 3h, and draw a chart.")
@click.option("--step", help="Between two evaluations of a range, such as 1m. [default: a 60th of the range]")
@options.output_format
@options.rule_options
@options.state_dir
def command(
    expression: str,
    at: str | None,
    length: str | None,
    step: str | None,
    output_format: str,
    rule_paths: tuple[Path, ...],
    no_shipped_rules: bool,  # noqa: FBT001 - click passes it by name
    config_file: Path | None,
    state_dir: Path | None,
) -> None:
    """Evaluate a PromQL expression over the state directory.

    Example: logwatch query 'increase(docker_container_events_total{action="die"}[1h]) > 0'
    """
    config = options.effective(
        config_file, rule_paths=rule_paths, no_shipped_rules=no_shipped_rules, state__dir=state_dir
    ).config
    now_ns = time.time_ns()
    time_ns = moment(at, now_ns, "--time")
    time_ns = now_ns if time_ns is None else time_ns
    with closing(History(config.state.dir)) as history:
        queries = Querying(KeptSeries(history, _families(config)), query_options(config), now_ns)
        try:
            if length is None:
                result = queries.instant(expression, time_ns)
                found, is_range = _found(result, time_ns), isinstance(result, dict)
            else:
                length_ns = _positive_ns(length, "--range")
                step_ns = _positive_ns(step, "--step") if step else max(SECOND, length_ns // WIDTH)
                first_ns = (time_ns - length_ns) // step_ns * step_ns
                matrix = queries.ranged(expression, first_ns, time_ns, step_ns)
                found, is_range = _found(matrix, time_ns), True
        except QueryLimitError as error:
            raise ConfigError(f"query failed: {error}: select fewer series, or a longer --step") from error
    _print(found, output_format, is_range=is_range)


def _found(result: list[Sample] | float | Matrix, time_ns: int) -> list[tuple[Labels, Points]]:
    """An instant result as series of points; those of a range have their own times."""
    if isinstance(result, dict):
        return sorted(result.items(), key=lambda item: sorted(item[0].items()))
    elements = [(Labels(), result)] if isinstance(result, float) else result
    return [(labels, [(time_ns, value)]) for labels, value in elements]


def _print(found: list[tuple[Labels, Points]], output_format: str, *, is_range: bool) -> None:
    if output_format == "jsonl":
        for labels, points in found:
            for line in _lines(labels, points):
                sys.stdout.write(line + "\n")
        return
    table = Table("series", "value", *(["least", "most", "over time"] if is_range else []), box=None)
    for labels, points in found:
        values = [value for _, value in points]
        chart = [_shown(min(values)), _shown(max(values)), _chart(values)] if is_range else []
        table.add_row(cell(labels.text()), _shown(values[-1]), *chart)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _lines(labels: Labels, points: Points) -> Iterator[str]:
    """One JSON object per value; a value is text, as in Prometheus' API, since JSON has no NaN."""
    for time_ns, value in points:
        row = {"time": rfc3339(time_ns, 3), "metric": dict(sorted(labels.items())), "value": float_text(value)}
        yield json.dumps(row, ensure_ascii=False)


def _shown(value: float) -> str:
    return float_text(value)


def _chart(values: Iterable[float]) -> str:
    """The values as bars, the highest of them full."""
    finite = [value if abs(value) < float("inf") else 0.0 for value in values]
    low, high = min(0.0, *finite), max(finite)
    size = (high - low) or 1.0
    return "".join(BARS[round((value - low) / size * (len(BARS) - 1))] for value in finite)


def _positive_ns(text: str, flag: str) -> int:
    try:
        length = duration(text)
    except ValueError as error:
        raise ConfigError(f"{flag} {error}") from error
    if length <= timedelta(0):
        raise ConfigError(f"{flag} {text}: give more than 0")
    return nanoseconds(length)


def _families(config: Config) -> list[Family]:
    """The metrics there are, those of rules included."""
    registry = Registry()
    chosen = [label_name(key) for key in config.docker.labels]
    for family in counted(multi_host=config.sources.multi_host, chosen=chosen):
        registry.declare(family)
    rules = Builder(config, registry, None).rules()
    RuleMetrics(registry, rules.rules, rules.correlations)
    return registry.families()
