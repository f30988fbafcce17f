"""Examples are run through the real path of a line."""

from pathlib import Path

import pytest

from logwatch.errors import Mistake, RuleError
from logwatch.model import Rule
from logwatch.rulefiles.examples import run, verify
from logwatch.rulefiles.lint import check
from logwatch.rulefiles.loader import gather

HEAD = 'Nov 23 18:12:57 vm dockerd[4242]: time="2026-11-23T18:12:57.728700494Z" level=info '
HIT = f'{HEAD}msg="ignoring event" container=8dd3 exitCode=1'
MISS = f'{HEAD}msg="other event" container=8dd3'


def rule(name: str, match: str, examples: str, more: str = "") -> str:
    return f"""
- event: container.die
  name: {name}
  description: It is gone.
  match: {match}
  {more}
  id: "{{container}}"
  attributes: {{exit_code: "{{exitCode}}"}}
  examples:
{examples}"""


def example(line: str, event: str) -> str:
    return f"  - line: '{line}'\n    event: {event}\n"


def said(tmp_path: Path, *rules: str) -> list[str]:
    path = tmp_path / "my.yml"
    path.write_text("events:" + "".join(rules))
    return [str(mistake).replace(f"{path}:", "") for mistake in check([path], shipped=False)]


def test_right_examples_have_nothing_said_about_them(tmp_path: Path) -> None:
    right = example(HIT, '{id: 8dd3, attributes: {exit_code: "1"}}') + example(MISS, "null")

    assert said(tmp_path, rule("die", "ignoring event", right)) == []


@pytest.mark.parametrize(
    ("line", "event", "expected"),
    [
        pytest.param(
            HIT,
            "{id: 8dd4, name: web, attributes: {exit_code: 2, signal: 9}}",
            "rule 'my/die': id is '8dd3', expected '8dd4'; name is missing, expected 'web'; exit_code is '1', expected '2'; "
            "signal is missing, expected '9': correct the rule or the example",
            id="other values",
        ),
        pytest.param(
            MISS,
            "{}",
            "rule 'my/die' makes no event of this line: none of its patterns matches: "
            "compare match with the line, character by character",
            id="no hit",
        ),
        pytest.param(
            HIT.replace("dockerd[4242]", "web[1]"),
            "{}",
            "rule 'my/die' makes no event of this line: its tag 'web' is not among program: engine",
            id="tag",
        ),
        pytest.param(
            "Nov 23 18:12:57 vm dockerd[4242]: ignoring event",
            "{}",
            "rule 'my/die' makes no event of this line: "
            "its message does not look like the engine''s, or the pattern is only in the header".replace("''", "'"),
            id="form",
        ),
        pytest.param(
            "ignoring event",
            "{}",
            "rule 'my/die' makes no event of this line: it has no syslog header: "
            "paste the whole line as it is in the log",
            id="no header",
        ),
        pytest.param(
            HIT,
            "null",
            "near miss: rule 'my/die' makes container.die id=8dd3 exit_code=1 of this line: "
            "narrow its match, or write what is expected",
            id="near miss",
        ),
    ],
)
def test_says_what_an_example_did_instead(tmp_path: Path, line: str, event: str, expected: str) -> None:
    right = example(HIT, "{}") + example(MISS, "null")

    assert said(tmp_path, rule("die", "ignoring event", right + example(line, event))) == [f"14:11: {expected}"]


def test_a_rule_needs_a_hit_and_a_near_miss(tmp_path: Path) -> None:
    text = "events: [{event: container.die, name: die, description: x, match: ignoring event}]"
    (tmp_path / "my.yml").write_text(text)

    assert [str(mistake).partition("my.yml:")[2] for mistake in check([tmp_path], shipped=False)] == [
        "1:10: rule 'my/die' has no example of a line it matches: add one from a real log",
        "1:10: rule 'my/die' has no near miss: add a line that it must not match, with event: null",
    ]


def test_two_rules_of_one_role_must_not_make_the_same_event_of_a_line(tmp_path: Path) -> None:
    right = example(HIT, "{}") + example(MISS, "null")

    assert said(tmp_path, rule("die", "ignoring event", right), rule("gone", 'event" container=8dd3 exit', right)) == [
        "10:11: two rules make container.die of this line, my/die (2) and my/gone (15): "
        "narrow one, or give one unless_other or another role"
    ]


@pytest.mark.parametrize("more", ["role: corroborating", "role: leading"])
def test_two_witnesses_may_tell_the_same_event(tmp_path: Path, more: str) -> None:
    right = example(HIT, "{}") + example(MISS, "null")
    rules = (rule("die", "ignoring event", right), rule("gone", 'event" container=8dd3 exit', right, more))

    assert said(tmp_path, *rules) == []


def test_a_rule_that_steps_back_says_for_which(tmp_path: Path) -> None:
    right = example(HIT, "{}") + example(MISS, "null")
    rules = (
        rule("die", "ignoring event", right),
        rule("rest", "level=info", right + example(HIT.replace("ignoring", "any"), "{}"), "unless_other: true"),
    )

    assert said(tmp_path, *rules) == [
        "23:11: rule 'my/rest' makes no event of this line: my/die makes one, and this rule has unless_other: use another line",
        "25:11: near miss: rule 'my/rest' makes container.die id=8dd3 of this line: narrow its match, or write what is expected",
    ]


def test_an_ignore_rule_knows_its_lines(tmp_path: Path) -> None:
    noise = "- ignore: true\n  name: noise\n  description: x\n  match: ignoring event\n  examples:\n"

    assert said(tmp_path, "\n", noise, example(HIT, "{}"), example(MISS, "null")) == []
    assert said(tmp_path, "\n", noise, example(MISS, "{}"), example(HIT, "null")) == [
        "7:11: rule 'my/noise' does not know this line: none of its patterns matches: "
        "compare match with the line, character by character",
        "9:11: near miss: rule 'my/noise' knows this line: narrow its match, or write what is expected",
    ]


def test_an_attribute_that_no_example_has_is_a_warning(tmp_path: Path) -> None:
    right = example(HIT.replace(" exitCode=1", ""), "{}") + example(MISS, "null")

    assert said(tmp_path, rule("die", "ignoring event", right)) == [
        "2:3: warning: no example of rule 'my/die' has exit_code: correct the fields, or add an example that has them"
    ]


def test_one_hosts_engine_tag_says_nothing_about_another_example(tmp_path: Path) -> None:
    bare = HIT.replace("dockerd[4242]", "docker[4242]")
    right = example(HIT, "{}") + example(bare, "{}") + example(MISS, "null")

    assert said(tmp_path, rule("die", "ignoring event", right)) == []


def test_a_pattern_that_the_search_refuses_hides_no_other_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = rule("odd", "{regex: 'gone[^a-z]'}", example(HIT, "{}") + example(MISS, "null"))
    wrong = rule("die", "ignoring event", example(MISS, "{}") + example(MISS, "null"))

    def refusing(rules: list[Rule], cache_dir: Path | None = None) -> list[Mistake]:
        marks = [each.patterns[0].mark for each in rules if each.id == "my/odd"]
        if marks:
            raise RuleError([Mistake(mark.path, mark.line, mark.column, "refused") for mark in marks])
        return verify(rules, cache_dir)

    monkeypatch.setattr("logwatch.rulefiles.examples.verify", refusing)

    found = said(tmp_path, odd, wrong)

    assert len(found) == 2
    assert found[0] == "5:18: refused"
    assert found[1].startswith("23:11: rule 'my/die' makes no event of this line")


def test_every_example_is_tried_once() -> None:
    rules = gather([], shipped=True).rules

    assert len(list(run(rules))) == sum(len(each.examples) for each in rules)
