"""`logwatch test`: the tests of rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

import click

from logwatch import alerting
from logwatch.build import Builder, cache_dir
from logwatch.cli import options
from logwatch.config import Config
from logwatch.errors import ConfigError, RuleError
from logwatch.metrics import Registry
from logwatch.notation import counted, nanoseconds, one_line
from logwatch.rulefiles import RuleSet, files
from logwatch.rulefiles import load as load_rules
from logwatch.rulefiles.files import Kind, own_folders
from logwatch.ruletests import Case, Environment, TestFile, Verdict, load, perform, report
from logwatch.ruletests.promtool import write
from logwatch.ruletests.report import measure


@click.command("test")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-k", "--run", "patterns", multiple=True, help="Only tests whose name this regular expression finds. Repeatable."
)
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write the results as JUnit's XML.")
@click.option(
    "--promtool",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run nothing: write the tests into this folder for `promtool test rules FOLDER/*.yml`.",
)
@click.option("--coverage", is_flag=True, help="Also print which rules and which states of alerts no test uses.")
@click.option(
    "--coverage-fail-under", "least", type=click.FloatRange(0, 100), help="Exit with 1 if less is covered, in percent."
)
@options.rule_options
def command(
    paths: tuple[Path, ...],
    patterns: tuple[str, ...],
    junit: Path | None,
    promtool: Path | None,
    least: float | None,
    config_file: Path | None,
    rule_paths: tuple[Path, ...],
    *,
    coverage: bool,
    no_shipped_rules: bool,
) -> int:
    """Run the tests of rules.

    Those in PATHS, else the shipped ones and those in the rule folders. The format is that of `promtool test rules`
    with additions. Exit status: 0 all pass, 1 one does not, 2 could not run.

    Example: logwatch test my-rules/web-test.yml
    """
    config = options.effective(config_file, rule_paths=rule_paths, no_shipped_rules=no_shipped_rules).config
    test_files, mistakes = load(_files(paths, config), promql=config.alerting.promql)
    for warning in (each for each in mistakes if each.warning):
        click.echo(one_line(str(warning)), err=True)
    if wrong := [each for each in mistakes if not each.warning]:
        raise RuleError(wrong)
    environment = _environment(config)
    chosen = _chosen(test_files, patterns)
    if promtool is not None:
        return _export(environment, chosen, promtool)
    verdicts = []
    for test_file, case in chosen:
        verdicts.append(perform(environment, test_file, case))
        for line in report.text(verdicts[-1]):
            click.echo(one_line(line))
    if junit is not None:
        junit.write_bytes(report.junit(verdicts))
    covered = _covered(verdicts, environment, config, show=coverage) if coverage or least is not None else 100.0
    failed = sum(bool(verdict.failures) for verdict in verdicts)
    click.echo(f"{counted(len(verdicts), 'test')}, {failed} failed", err=True)
    return 1 if failed or covered < (least or 0) else 0


def _files(paths: Sequence[Path], config: Config) -> list[Path]:
    """The test files of these paths; without any, of the rule folders."""
    shipped = own_folders() if config.rules.shipped else []
    found, mistakes = files.find(paths or [*shipped, *config.rules.paths])
    if wrong := [mistake for mistake in mistakes if not mistake.warning]:
        raise RuleError(wrong)
    named = {path.resolve() for path in paths if not path.is_dir()}
    tests = [path for path in found if path.resolve() in named or files.read(path).kind is Kind.TESTS]
    if not tests:
        where = ", ".join(map(str, paths)) or "the rule folders"
        raise ConfigError(f"test files not found in {where}: write one that begins with rule_files: and tests:")
    return tests


def _chosen(test_files: Iterable[TestFile], patterns: Sequence[str]) -> list[tuple[TestFile, Case]]:
    try:
        wanted = [re.compile(pattern) for pattern in patterns]
    except re.error as error:
        raise ConfigError(f"--run: not a regular expression: {error}") from None
    chosen = [
        (test_file, case)
        for test_file in test_files
        for case in test_file.cases
        if not wanted or any(pattern.search(case.name) for pattern in wanted)
    ]
    if wanted and not chosen:
        raise ConfigError("--run: no test name matches")
    return chosen


def _environment(config: Config) -> Environment:
    builder = Builder(config, Registry(), cache_dir())
    rules = config.rules

    @cache
    def rule_set(event_files: tuple[Path, ...]) -> RuleSet:
        return load_rules([*rules.paths, *event_files], shipped=rules.shipped, disabled=rules.disable)

    return Environment(builder.settings(), cache_dir(), rule_set)


def _covered(verdicts: Sequence[Verdict], environment: Environment, config: Config, *, show: bool) -> float:
    rules = environment.load_rules(())
    options_of = config.alerting
    groups = alerting.load(
        rules.alert_files, interval_ns=nanoseconds(options_of.sample_interval), promql=options_of.promql
    )
    found = measure(verdicts, rules.rules, rules.correlations, groups)
    for line in found.text() if show else ():
        click.echo(line)
    return found.percent


def _export(environment: Environment, chosen: Iterable[tuple[TestFile, Case]], folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.glob("*.yml")):
        raise ConfigError(f"{folder}: already contains test files: name an empty folder")
    for path, pairs in groupby(chosen, key=lambda pair: pair[0].path):
        found = list(pairs)
        written = write(environment, found[0][0], [case for _, case in found], folder)
        click.echo(written or f"{path}: contains no test for promtool", err=written is None)
    return 0
