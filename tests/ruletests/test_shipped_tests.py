"""The tests that come with logwatch pass, here and in promtool, and go through every shipped alert."""

from pathlib import Path

import pytest
from rehearsing import house, need_promtool, promtool, verdicts

from logwatch import alerting
from logwatch.rulefiles.files import fleet_files, rules_folder
from logwatch.ruletests import load
from logwatch.ruletests.cases import TestFile
from logwatch.ruletests.promtool import write
from logwatch.ruletests.report import FIRED, QUIET, lines, measure

TESTS = sorted((rules_folder() / "tests").glob("*.yml"))
ALERTS = sorted((rules_folder() / "alerts").glob("*.yml"))
PROMTOOLS = {
    "name",
    "interval",
    "input_series",
    "alert_rule_test",
    "promql_expr_test",
    "external_labels",
    "external_url",
}
each_file = pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)


def read(path: Path) -> TestFile:
    (file,), mistakes = load([path])
    assert not mistakes
    return file


@each_file
def test_shipped_tests_pass(path: Path) -> None:
    failures = [failure for verdict in verdicts(path) for failure in verdict.failures]

    assert not failures, "\n".join(line for failure in failures for line in lines(failure))


@pytest.mark.e2e
@each_file
def test_shipped_tests_pass_in_promtool(path: Path, tmp_path: Path) -> None:
    need_promtool()
    file = read(path)
    plain = all(case.spec.model_fields_set <= PROMTOOLS for case in file.cases)

    written = path if plain else write(house(), file, file.cases, tmp_path)
    if written is None:
        pytest.skip("contains no test for promtool")
    status, output = promtool(str(written), folder=tmp_path)

    assert status == 0, output


def test_every_shipped_alert_is_seen_to_fire_and_not_to_fire() -> None:
    found = [verdict for path in TESTS for verdict in verdicts(path)]

    coverage = measure(found, (), (), alerting.load([*ALERTS, *fleet_files()]))

    missing = {
        state: [name for name, seen in coverage.kinds[f"alerts {state}"].items() if not seen]
        for state in (FIRED, QUIET)
    }
    assert missing == {FIRED: [], QUIET: []}
