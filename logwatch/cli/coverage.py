"""`logwatch rules coverage`, `rules metrics` and `suggest`: what the rules know, what they count, and drafts for the rest."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from logwatch.authoring.drafts import as_yaml
from logwatch.authoring.grouping import Grouper
from logwatch.authoring.line_classifier import Coverage, DockerLine, LineClassifier, Row, measure
from logwatch.authoring.suggestions import draft
from logwatch.build import Builder, cache_dir
from logwatch.cli import options
from logwatch.cli.output import cell
from logwatch.config import Config
from logwatch.matching.unknown_lines import committed
from logwatch.metrics import Registry, catalog
from logwatch.model import Chunk, Correlation, Family, Rule, label_name
from logwatch.notation import counted, one_line
from logwatch.replay import oldest_first
from logwatch.rulefiles import RuleSet
from logwatch.sources.archive import ReplaySource
from logwatch.store import History

BUILT_IN = "built-in"


@click.command("coverage")
@click.argument("files", nargs=-1, required=True)
@options.output_format
@options.configuration
def coverage(
    files: tuple[str, ...],
    output_format: str,
    *,
    config: Config,
) -> None:
    """Print which share of the docker lines of logs rules match.

    By program and by rule file. FILES may be compressed. `logwatch suggest` drafts rules for the rest.

    Example: logwatch rules coverage /var/log/messages
    """
    rules, classifier = classifier_of(config)
    now_ns = time.time_ns()
    found = measure(classifier, chunks(files, config, now_ns), rules.rules, now_ns)
    if output_format == "jsonl":
        for row in _as_json(found):
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(_table("written by", ("lines", "known", "unknown", "share"), map(_family, found.families())))
    click.echo()
    console.print(_table("rule file", ("known", "share"), map(_file, found.rule_files())))
    unknown = found.total - found.total_known
    click.echo(
        f"\n{counted(found.total, 'docker line')}, {found.total_known} known ({_share(found)}), {unknown} unknown"
    )


def classifier_of(config: Config) -> tuple[RuleSet, LineClassifier]:
    """The rules of a configuration, and a line classifier with them."""
    rules = Builder(config, Registry(), None).rules()
    zone = ZoneInfo(config.sources.timezone) if config.sources.timezone else None
    return rules, LineClassifier(rules.rules, zone, cache_dir())


def chunks(files: Sequence[str], config: Config, now_ns: int) -> Iterator[Chunk]:
    """Read logs from the first line of the oldest to the last of the newest."""
    source = ReplaySource(oldest_first(files, now_ns), max_line_bytes=config.limits.max_line_bytes)
    try:
        while (chunk := source.read(now_ns)) is not None:
            yield chunk
    finally:
        source.close()


def _as_json(found: Coverage) -> Iterator[dict[str, object]]:
    for row in found.families():
        yield {
            "by": "family",
            "name": row.name,
            "lines": row.lines,
            "known": row.known,
            "unknown": row.lines - row.known,
        }
    for row in found.rule_files():
        yield {"by": "file", "name": row.name, "known": row.known}
    total, known = found.total, found.total_known
    yield {"by": "total", "lines": total, "known": known, "unknown": total - known}


def _table(title: str, numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title, box=None, pad_edge=False)
    for name in numbers:
        table.add_column(name, justify="right")
    for first, *rest in rows:
        table.add_row(cell(first), *rest)
    return table


def _family(row: Row) -> Sequence[str]:
    return row.name, str(row.lines), str(row.known), str(row.lines - row.known), _percent(row.known, row.lines)


def _file(row: Row) -> Sequence[str]:
    return row.name, str(row.known), _percent(row.known, row.lines)


def _share(found: Coverage) -> str:
    return _percent(found.total_known, found.total)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


# ── metrics ──────────────────────────────────────────────────────────────────────────


@click.command("metrics")
@options.output_format
@options.rule_options
def metrics(
    output_format: str, config_file: Path | None, rule_paths: tuple[Path, ...], *, no_shipped_rules: bool
) -> None:
    """List the metrics of rules and the built-in ones.

    Example: logwatch rules metrics --rules my-rules
    """
    config = options.effective(config_file, rule_paths=rule_paths, no_shipped_rules=no_shipped_rules).config
    rules = Builder(config, Registry(), None).rules()
    chosen = [label_name(key) for key in config.docker.labels]
    counts = catalog.counted(multi_host=config.sources.multi_host, chosen=chosen)
    built_in = (*counts, *catalog.SAMPLED, *catalog.PROCESS)
    rows = [*declared(rules), *((family, BUILT_IN) for family in built_in)]
    if output_format == "jsonl":
        for family, origin in rows:
            row = {
                "name": family.name,
                "type": family.kind,
                "labels": list(family.labels),
                "help": family.help,
                "origin": origin,
            }
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    table = Table("metric", "type", "labels", "from", box=None, pad_edge=False)
    for family, origin in rows:
        table.add_row(cell(family.name), family.kind, cell(", ".join(family.labels) or "-"), cell(origin))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def declared(rules: RuleSet) -> list[tuple[Family, str]]:
    """The metrics of rules by name, each once, with the rules that feed it."""
    found: dict[str, tuple[Family, list[str]]] = {}
    feeding: list[Rule | Correlation] = [*rules.rules, *rules.correlations]
    for rule in feeding:
        for metric in rule.metrics:
            family = Family(metric.name, metric.kind, metric.help, tuple(sorted(metric.labels)), metric.buckets)
            found.setdefault(metric.name, (family, []))[1].append(rule.id)
    return [(family, ", ".join(feeders)) for _, (family, feeders) in sorted(found.items())]


@click.command("suggest")
@click.argument("files", nargs=-1)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Print at most this many, the most frequent.",
)
@click.option("--general", is_flag=True, help="Include lines that only general rules (with unless_other) match.")
@options.state_dir
@options.configuration
def suggest(
    files: tuple[str, ...],
    limit: int,
    state_dir: Path | None,
    *,
    general: bool,
    config: Config,
) -> None:
    """Draft rules for the docker lines that no rule matches.

    FILES are logs, which may be compressed; without them the engine's lines that `logwatch run` kept in its state
    directory. Similar lines are one group, the most frequent (without FILES the most recent) first.

    Warnings and errors of the engine are always matched by general rules; --general includes them. Prints a rule
    file: choose the names of the events, then run `logwatch check` on it.
    Needs the package drain3.

    Example: logwatch suggest /var/log/messages > drafts.yml
    """
    now_ns = time.time_ns()
    rules, classifier = classifier_of(config)
    general_rules = frozenset(rule.id for rule in rules.rules if rule.unless_other and general)
    grouper = Grouper(general_rules, config.sources.secrets)
    if files and state_dir is not None:
        raise click.UsageError("give FILES or --state-dir, not both")
    if files:
        for chunk in chunks(files, config, now_ns):
            for line in classifier.classify(chunk, now_ns):
                grouper.add(line)
    else:
        for line, times in _kept(state_dir or config.state.dir, classifier, now_ns):
            grouper.add(line, times)
    groups = grouper.groups()
    sys.stdout.write(as_yaml(draft(groups, limit)))
    lines = sum(group.count for group in groups)
    click.echo(
        f"{counted(lines, 'unknown docker line')} in {counted(len(groups), 'group')}, {min(limit, len(groups))} shown",
        err=True,
    )
    for family, count in sorted(grouper.left_out.items()):
        click.echo(f"left out: {counted(count, 'line')}, {one_line(family)}", err=True)
    if grouper.crowded_out:
        click.echo(f"left out: {counted(grouper.crowded_out, 'line')} of further groups", err=True)


def _kept(state_dir: Path, classifier: LineClassifier, now_ns: int) -> Iterator[tuple[DockerLine, int]]:
    """The lines that `run` kept of each group of unknown lines; the first counts for all that were not kept."""
    with closing(History(state_dir)) as history:
        groups = committed(history)
    for group in groups:
        data = "".join(f"{sample}\n" for sample in group.samples).encode()
        for number, line in enumerate(classifier.classify(Chunk(data, "", 0, now_ns), now_ns)):
            yield line, 1 if number else group.count - len(group.samples) + 1
