"""logwatch test: which files it takes, what it prints, how it ends."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from commandline import call

ALERTS = """
groups:
- name: targets
  rules:
  - {alert: Down, expr: up == 0, annotations: {summary: It is down.}}
  - {alert: Gone, expr: absent(up)}
"""
TESTS = """
rule_files: [alerts.yml]
tests:
- name: goes down and comes back
  interval: 1m
  input_series: [{series: up, values: '1x3 0x3 1x10'}]
  alert_rule_test:
  - {eval_time: 2m, alertname: Down}
  - {eval_time: 5m, alertname: Down, exp_alerts: [{exp_annotations: {summary: It is down.}}]}
  - {eval_time: 9m, alertname: Down}
- name: stays
  input_series: [{series: up, values: '0x9'}]
  alert_rule_test:
  - {eval_time: 2m, alertname: Down}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "alerts.yml").write_text(ALERTS)
    (tmp_path / "test.yml").write_text(TESTS)
    return tmp_path


def test_a_failure_is_told_with_its_place_and_difference(folder: Path) -> None:
    done = call("test", "--no-shipped-rules", str(folder))

    assert done.status == 1
    assert done.out.splitlines() == [
        f"ok      {folder}/test.yml: goes down and comes back",
        f"FAILED  {folder}/test.yml: stays",
        f"    {folder}/test.yml:14:5: alerts Down at 2m",
        "    --- expected",
        "    +++ got",
        "    @@ -1 +1,2 @@",
        "    -(nothing)",
        '    +{alertname="Down"}',
        "    +    summary: It is down.",
    ]
    assert done.err == "2 tests, 1 failed\n"


def test_the_folders_of_rules_are_searched(folder: Path) -> None:
    done = call("test", "--no-shipped-rules", "--rules", str(folder))

    assert [line.split()[0] for line in done.out.splitlines() if "test.yml: " in line] == ["ok", "FAILED"]


@pytest.mark.parametrize("flag", ["-k", "--run"])
def test_only_tests_with_such_a_name_run(folder: Path, flag: str) -> None:
    done = call("test", str(folder / "test.yml"), flag, "^goes")

    assert (done.status, done.err) == (0, "1 test, 0 failed\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["alerts.yml"], "not a test file: it begins with rule_files: or tests:"),
        (["no.yml"], "file or folder not found"),
        (["test.yml", "-k", "nothing"], "no test name matches"),
        (["test.yml", "-k", "("], "not a regular expression"),
        (["empty"], "test files not found in"),
    ],
)
def test_what_cannot_run_is_said(
    folder: Path, arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "empty").mkdir()
    monkeypatch.chdir(folder)

    done = call("test", *arguments)

    assert done.status == 2
    assert says in done.err


def test_mistakes_of_all_files_come_before_any_test(folder: Path) -> None:
    (folder / "other.yml").write_text("rule_files: [alerts.yml]\ntests: [{naem: x}]")
    (folder / "third.yml").write_text("rule_file: [alerts.yml]\ntests: [{}]")

    done = call("test", "--no-shipped-rules", str(folder))

    assert (done.status, done.out) == (2, "")
    assert len(done.err.splitlines()) == 2


def test_the_results_are_written_as_junit(folder: Path) -> None:
    call("test", str(folder / "test.yml"), "--junit", str(folder / "out.xml"))

    root = ET.parse(folder / "out.xml").getroot()
    cases = root.findall("testsuite/testcase")

    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    assert [case.get("name") for case in cases] == ["goes down and comes back", "stays"]
    assert [len(case.findall("failure")) for case in cases] == [0, 1]
    assert '+{alertname="Down"}' in str(cases[1][0].text)


def test_coverage_tells_what_no_test_has_been_through(folder: Path) -> None:
    done = call("test", str(folder / "test.yml"), "-k", "goes", "--coverage", "--no-shipped-rules")

    assert done.status == 0
    assert done.out.splitlines()[1:] == [
        "event rules: 0 of 0",
        "correlations: 0 of 0",
        "alerts fired: 1 of 2",
        "    Gone",
        "alerts not fired: 1 of 2",
        "    Gone",
        "alerts resolved: 1 of 2",
        "    Gone",
        "covered, event rules aside: 50.0 %",
    ]


@pytest.mark.parametrize(("least", "status"), [("50", 0), ("51", 1)])
def test_too_little_coverage_fails(folder: Path, least: str, status: int) -> None:
    done = call("test", str(folder / "test.yml"), "-k", "goes", "--no-shipped-rules", "--coverage-fail-under", least)

    assert done.status == status


def test_check_looks_at_test_files_too(folder: Path) -> None:
    (folder / "test.yml").write_text(
        "rule_files: [alerts.yml]\ntests: [{alert_rule_test: [{alertname: Dwon, exp_alerts: [{}]}]}]"
    )

    done = call("check", "--no-shipped-rules", "--rules", str(folder))

    assert done.status == 1
    assert "test.yml:2:40: no alert of the rule files is called 'Dwon' (did you mean 'Down'?)" in done.out
