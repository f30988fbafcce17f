"""Which files are read, which rule counts, and what a rule becomes."""

import os
from pathlib import Path

import pytest

from logwatch.errors import RuleError
from logwatch.model import FieldParser, Mark, MetricRule, Role, Severity
from logwatch.rulefiles import load
from logwatch.rulefiles.files import grafana_folder, rules_folder
from logwatch.rulefiles.loader import gather

DIE = "events:\n- {event: container.die, name: die, match: gone}\n"


def write(path: Path, text: str = DIE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def said(*paths: Path, disabled: tuple[str, ...] = ()) -> list[str]:
    return [str(mistake) for mistake in gather(paths, shipped=False, disabled=disabled).mistakes]


def test_a_rule_is_what_its_file_says(tmp_path: Path) -> None:
    path = write(
        tmp_path / "mine.yml",
        """\
events:
  - event: "{Type}.{Action}"
    name: all
    description: Everything.
    program: [engine, my-tag]
    role: leading
    engine: 1.10
    match: [one, {regex: '^t(w)o'}]
    fields: [logfmt, {regex: '(?P<a>b)', of: msg}]
    id: "{container}"
    attributes: {code: "{exitCode}"}
    severity: error
    unless_other: true
    revoked_by: container.die
    examples:
      - {line: 'a: b', event: {id: x, attributes: {code: 1}}}
      - {line: c, event: null}
      - {line: d}
    metrics:
      - {histogram: my_seconds, help: Long., labels: {name: "{event.name}"}, value: "{code}", max_series: 5}
  - {event: container.die, name: die, match: gone}
""",
    )

    rule = load([path], shipped=False).rules[0]

    assert (rule.id, rule.event, rule.role, rule.severity) == (
        "mine/all",
        "{Type}.{Action}",
        Role.LEADING,
        Severity.ERROR,
    )
    assert (rule.programs, rule.engine, rule.revoked_by) == ({"engine", "my-tag"}, "1.10", {"container.die"})
    assert [(p.text, p.regex, p.mark) for p in rule.patterns] == [
        ("one", False, Mark(str(path), 8, 13)),
        ("^t(w)o", True, Mark(str(path), 8, 26)),
    ]
    assert rule.fields == (
        FieldParser("logfmt", mark=Mark(str(path), 9, 14)),
        FieldParser("regex", "(?P<a>b)", "msg", Mark(str(path), 9, 30)),
    )
    assert [example.event for example in rule.examples] == [{"id": "x", "attributes": {"code": "1"}}, None, {}]
    assert rule.examples[0].mark == Mark(str(path), 16, 16)
    assert (rule.object_id, rule.attributes, rule.unless_other) == ("{container}", {"code": "{exitCode}"}, True)
    assert rule.metrics == (
        MetricRule(
            "histogram", "my_seconds", "Long.", {"name": "{event.name}"}, "{code}",
            (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0), 5,
        ),
    )  # fmt: skip
    assert rule.mark == Mark(str(path), 2, 5)


def test_a_rule_has_defaults(tmp_path: Path) -> None:
    rule = load([write(tmp_path / "a.yml")], shipped=False).rules[0]

    assert (rule.programs, rule.role, rule.severity) == ({"engine"}, Role.PRIMARY, Severity.INFO)
    assert [parser.kind for parser in rule.fields] == ["logfmt"]
    assert not rule.unless_other


def test_a_correlation_is_what_its_file_says(tmp_path: Path) -> None:
    path = write(
        tmp_path / "c.yml",
        DIE
        + """\
correlations:
- event: container.oom_killed
  sequence: [container.die, {event: container.die, where: {exit_code: 137}}]
  unless: container.oom_killed2
  within: 1m30s
  by: [id, attributes.image]
- {event: container.oom_killed2, name: other, first_seen: container.die, within: 250ms}
""",
    )

    first, second = load([path], shipped=False).correlations

    assert (first.id, first.kind, first.within_ns) == ("c/oom_killed", "sequence", 90_000_000_000)
    assert (first.steps, first.where) == (("container.die", "container.die"), ({}, {"exit_code": "137"}))
    assert (first.unless, first.by) == (("container.oom_killed2",), ("id", "attributes.image"))
    assert (second.id, second.kind, second.by, second.within_ns) == ("c/other", "first_seen", ("id",), 250_000_000)


def test_an_ignore_rule_makes_no_event(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yml", "events: [{ignore: true, name: noise, match: loading plugin}]")

    assert load([path], shipped=False).rules[0].event == ""


def test_every_yml_below_a_folder_is_read_and_sorted_by_what_it_says(tmp_path: Path) -> None:
    events = write(tmp_path / "b" / "events.yaml")
    alerts = write(tmp_path / "alerts.yml", "groups: []")
    tests = write(tmp_path / "tests.yml", "rule_files: []\ntests: []")
    write(tmp_path / "README.md", "no rules: here: at all")

    loaded = load([tmp_path], shipped=False)

    assert loaded.alert_files == (alerts,)
    assert loaded.test_files == (tests,)
    assert set(loaded.files) == {str(events), str(alerts), str(tests)}
    assert [rule.id for rule in loaded.rules] == ["events/die"]


def test_the_digest_changes_with_the_content(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yml")
    before = load([path], shipped=False).files
    write(path, DIE + "# more\n")

    assert load([path], shipped=False).files != before


def test_a_config_map_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "..2026_11_23" / "a.yml")
    (tmp_path / "..data").symlink_to("..2026_11_23")
    (tmp_path / "a.yml").symlink_to("..data/a.yml")

    assert list(load([tmp_path], shipped=False).files) == [str(tmp_path / "a.yml")]


def test_a_folder_that_holds_itself_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "a.yml")
    (tmp_path / "loop").symlink_to(tmp_path)

    assert [rule.id for rule in load([tmp_path], shipped=False).rules] == ["a/die"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yml")

    assert len(load([path, tmp_path], shipped=False).rules) == 1


def test_a_path_that_is_not_there_is_explained(tmp_path: Path) -> None:
    assert said(tmp_path / "no") == [
        f"{tmp_path}/no: file or folder not found: create it, or correct --rules or rules.paths"
    ]


def test_a_path_that_is_no_file_is_explained(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yml")

    assert said(tmp_path / "a.yml") == [
        f"{tmp_path}/a.yml: is neither a file nor a folder: name a rule file or a folder of them"
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_explained(tmp_path: Path) -> None:
    write(tmp_path / "a.yml").chmod(0)

    assert said(tmp_path) == [f"{tmp_path}/a.yml: cannot be read (Permission denied): check its mode and owner"]


def test_a_folder_without_rules_is_a_warning(tmp_path: Path) -> None:
    assert said(tmp_path) == [f"{tmp_path}: warning: no *.yml in this folder: put rule files there"]


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yml", "#" * (17 << 20))

    assert said(path) == [f"{path}: larger than 16 MiB: not a rule file"]


# ── shipped and users' rules ─────────────────────────────────────────────────────────


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shipped folder with two rules and a correlation of them."""
    folder = tmp_path / "shipped" / "rules"
    write(
        folder / "events" / "a.yml",
        "events:\n- {event: container.die, name: die, match: gone}\n- {event: container.oom, name: oom, match: killed}\n"
        "correlations:\n- {event: container.oom_killed, sequence: [container.oom, container.die], within: 30s}\n",
    )
    monkeypatch.setattr("logwatch.rulefiles.files.PACKAGE", tmp_path / "shipped" / "logwatch")
    return folder


def test_shipped_rules_come_first(shipped: Path, tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.yml")

    assert [rule.id for rule in load([mine]).rules] == ["a/die", "a/oom", "mine/die"]
    assert [rule.id for rule in load([mine], shipped=False).rules] == ["mine/die"]


def test_a_users_rule_replaces_the_shipped_one_of_its_id(shipped: Path, tmp_path: Path) -> None:
    mine = write(tmp_path / "a.yml", "events: [{event: container.die, name: die, match: gone for good}]")

    rules = {rule.id: rule for rule in load([mine]).rules}

    assert sorted(rules) == ["a/die", "a/oom"]
    assert rules["a/die"].patterns[0].text == "gone for good"


def test_a_disabled_rule_does_not_run_and_breaks_no_other(shipped: Path) -> None:
    loaded = load([], disabled=["a/oom"])

    assert [rule.id for rule in loaded.rules] == ["a/die"]
    assert [rule.id for rule in loaded.correlations] == ["a/oom_killed"]


def test_alerts_are_disabled_by_name(shipped: Path, tmp_path: Path) -> None:
    mine = write(tmp_path / "alerts.yml", "groups: [{name: g, rules: [{alert: Mine, expr: up}]}, {name: h}]")

    assert load([mine], disabled=["Mine"]).alert_files == (mine,)


def test_disabling_an_unknown_rule_is_explained(shipped: Path) -> None:
    with pytest.raises(RuleError) as raised:
        load([], disabled=["a/om"])

    assert (
        str(raised.value)
        == "rules.disable: no rule has the id 'a/om', and no alert the name (did you mean 'a/oom'?): `logwatch rules list` shows ids"
    )


def test_shipped_rules_may_feed_docker_metrics(shipped: Path) -> None:
    metric = "metrics: [{counter: docker_my_total, help: x}]"
    write(shipped / "events" / "b.yml", f"events: [{{event: container.die, name: b, match: gone too, {metric}}}]")

    assert load([]).rules[-1].metrics[0].name == "docker_my_total"


def test_a_template_that_passes_dockers_words_on_makes_only_those(shipped: Path, tmp_path: Path) -> None:
    text = "events: [{event: '{Type}.{Action}', name: all, match: gone}]\ncorrelations:\n"
    right = write(
        tmp_path / "b.yml", text + "- {event: a.b, sequence: [container.pause, container.unpause], within: 1s}"
    )
    wrong = write(
        tmp_path / "c.yml", text + "- {event: a.c, sequence: [container.pause, container.unpose], within: 1s}"
    )

    assert load([right]).correlations
    assert said(wrong) == [
        f"{wrong}:3:44: correlation 'c' waits for an event no rule makes: 'container.unpose' (did you mean 'container.unpause'?)"
    ]


def test_the_shipped_folders_are_there() -> None:
    assert (rules_folder() / "events").is_dir()
    assert grafana_folder().is_dir()
