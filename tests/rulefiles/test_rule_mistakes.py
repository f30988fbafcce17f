"""Each mistake an author can make in a rule, with the exact words that explain it."""

import json
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.errors import Mistake, RuleError
from logwatch.rulefiles import RuleSet, load
from logwatch.rulefiles.loader import gather

RULE = "events:\n- {event: container.die, name: a, match: gone with"


def said(tmp_path: Path, text: str, **others: str) -> list[str]:
    """What is said about a file of a user, without its path."""
    path = tmp_path / "my.yml"
    path.write_text(dedent(text))
    for name, content in others.items():
        (tmp_path / f"{name}.yml").write_text(dedent(content))
    mistakes = sorted(gather([tmp_path], shipped=False).mistakes)
    return [str(mistake).replace(f"{tmp_path}/my.yml:", "").replace(f"{tmp_path}/", "") for mistake in mistakes]


def explained(tmp_path: Path, text: str) -> tuple[list[str], str]:
    """What is said about a file, and the line and column of the » in it."""
    before = text.partition("»")[0]
    place = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    return said(tmp_path, text.replace("»", "")), place


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param("»mtach: x", "unknown key 'mtach' (did you mean 'match'?)", id="unknown key"),
        pytest.param("»regex: x", "unknown key 'regex' (did you mean 'match: {regex: '…'}'?)", id="other tool's key"),
        pytest.param(
            "»wxyz: x",
            "unknown key 'wxyz': the keys here are event, ignore, name, description, program, role, engine, match, fields, id, attributes, severity, unless_other, revoked_by, examples, metrics",
            id="strange key",
        ),
        pytest.param("role: »primry", "'primry' is not a value of this key (did you mean 'primary'?)", id="role"),
        pytest.param(
            "severity: »high",
            "'high' is not a value of this key: write debug, info, warning, error or critical",
            id="severity",
        ),
        pytest.param("unless_other: »yes", "expected true or false, not 'yes'", id="yes"),
        pytest.param("engine: »[a]", "expected text, not a list", id="list for text"),
        pytest.param("engine: »true", "expected text, not true: put it in quotes, 'true'", id="bool for text"),
        pytest.param(
            "program: »'dockerd:'",
            "'dockerd:' is not a syslog tag: write it without pid, brackets, colon and blanks",
            id="tag",
        ),
        pytest.param("fields: »logfm", "'logfm' is not a value of this key (did you mean 'logfmt'?)", id="format"),
        pytest.param("fields: »[]", "the value is empty: give at least one item, or remove the key", id="no format"),
        pytest.param(
            "fields: {regex: »'a=(b)'}",
            "the pattern has no named group, so it gives no field: write (?P<field>…)",
            id="no named group",
        ),
        pytest.param(
            "fields: {regex: »'(?P<a>b'}",
            "not a regex in RE2 syntax: missing ): (?P<a>b: see https://github.com/google/re2/wiki/Syntax",
            id="open group",
        ),
        pytest.param(
            "fields: {regex: '(?P<code>b)'}, id: »'{cod}'",
            "no parser of this rule gives the field 'cod' (did you mean 'code'?): it gives code",
            id="field of no group",
        ),
        pytest.param(
            "fields: {regex: '(?P<code>b)', of: »msg}",
            "no parser before this one gives the field 'msg': put one before it",
            id="of an absent field",
        ),
        pytest.param(
            "fields: docker_events, id: »'{actor.ID}'",
            "no parser of this rule gives the field 'actor.ID' (did you mean 'Actor'?): it gives Action, Actor, Type, from, id, scope, status, time, timeNano",
            id="no such key in docker events",
        ),
        pytest.param(
            "id: »'{container'", "'{container' has a brace without its other half: write {field}", id="open brace"
        ),
        pytest.param(
            "id: »'{{ container }}'", "'{{ container }}' has two braces, as in Go: write one, {field}", id="go"
        ),
        pytest.param("id: »'{a b}'", "'{a b}' names no field: write {field}, or {a.b} for JSON", id="blank in field"),
        pytest.param(
            "id: »'{a|upper}'",
            "unknown filter 'upper': there are before 'x', after 'x', hex, lower and unquote",
            id="filter",
        ),
        pytest.param(
            "id: »'{a|before}'", "filter 'before' needs a text in quotes: before ':'", id="filter without text"
        ),
        pytest.param(
            "attributes: {»exit-code: '{a}'}",
            "'exit-code' is not an attribute name: use letters, digits, _ and .",
            id="attribute name",
        ),
        pytest.param(
            "attributes: »[a]",
            "expected keys with values, not a list: write 'key: value' below it",
            id="no mapping",
        ),
        pytest.param(
            "revoked_by: »start_failed",
            "'start_failed' is not type.action: write for instance 'container.start_failed'",
            id="no type",
        ),
        pytest.param(
            "revoked_by: »container.start_faild",
            "warning: rule 'a' is revoked by an event no rule makes: 'container.start_faild'",
            id="revoked by nothing",
        ),
        pytest.param("examples: [»{}]", "key 'line' is missing: write line: '…', as it is in a log", id="no line"),
        pytest.param(
            'examples: [{line: »"a\\nb"}]',
            "an example is one line: write each line as an example of its own",
            id="two lines",
        ),
        pytest.param(
            "examples: [{line: a, event: {»ide: x}}]", "unknown key 'ide' (did you mean 'id'?)", id="expectation"
        ),
        pytest.param(
            "metrics: [»{help: x}]",
            "a metric is one of counter:, gauge: and histogram:, each with its name: write one of them",
            id="no kind of metric",
        ),
        pytest.param(
            "metrics: [»{counter: my_total}]",
            "key 'help' is missing: write help: one sentence about what is counted",
            id="no help",
        ),
        pytest.param(
            "metrics: [{counter: »my_deaths, help: x}]",
            "a counter ends in _total: write 'my_deaths_total'",
            id="total",
        ),
        pytest.param(
            "metrics: [{gauge: »my_total, help: x, value: '1'}]",
            "only a counter ends in _total: write 'my', or counter:",
            id="gauge total",
        ),
        pytest.param(
            "metrics: [{counter: »docker_my_total, help: x}]",
            "metric 'docker_my_total': the prefix docker_ belongs to logwatch: begin with a word of your own",
            id="docker prefix",
        ),
        pytest.param(
            "metrics: [{counter: »process_my_total, help: x}]",
            "metric 'process_my_total': the prefix process_ belongs to Prometheus and its clients: begin with a word of your own",
            id="process prefix",
        ),
        pytest.param(
            "metrics: [{counter: »myDeaths_total, help: x}]",
            "metric 'myDeaths_total' breaks the convention: write <what>_<unit> in lower case, such as 'my_deaths_total'",
            id="camel case",
        ),
        pytest.param(
            "metrics: [{counter: »my-total, help: x}]",
            "'my-total' is not a metric name: use lower-case letters, digits and _",
            id="metric name",
        ),
        pytest.param(
            "metrics: [{histogram: »my_size_count, help: x, value: '1'}]",
            "metric 'my_size_count': _count is what Prometheus appends itself: write another ending",
            id="count",
        ),
        pytest.param(
            "metrics: [{»gauge: my_size, help: x}]",
            "a gauge needs a value: write value: '{attribute}'",
            id="no value",
        ),
        pytest.param(
            "metrics: [{gauge: my_size, help: x, value: '1', »buckets: [1]}]",
            "only a histogram has buckets: remove them, or write histogram:",
            id="buckets of a gauge",
        ),
        pytest.param(
            "metrics: [{histogram: my_size, help: x, value: '1', »buckets: [2, 1]}]",
            "buckets must ascend: sort them",
            id="buckets",
        ),
        pytest.param(
            "metrics: [{counter: my_total, help: x, labels: {»exit-code: '1'}}]",
            "'exit-code' is not a label name: use letters, digits and _, such as 'exit_code'",
            id="label name",
        ),
        pytest.param(
            "metrics: [{counter: my_total, help: x, labels: {»job: a}}]",
            "label 'job' is set by every scrape: choose another name",
            id="job",
        ),
        pytest.param(
            "attributes: {code: '{c}'}, metrics: [{counter: my_total, help: x, labels: {a: »'{cod}'}}]",
            "no attribute 'cod' on this event (did you mean 'code'?): add it to attributes, or use {event.name}, {event.id} or {event.host}",
            id="label of no attribute",
        ),
        pytest.param(
            "metrics: [{counter: my_total, help: x, max_series: »many}]",
            "expected a number, not 'many': write for instance 500",
            id="no number",
        ),
        pytest.param(
            "metrics: [{counter: my_total, help: x, max_series: »0}]",
            "'0' is too small: write 1 or more",
            id="zero",
        ),
    ],
)
def test_explains_a_mistake_in_a_rule(tmp_path: Path, keys: str, expected: str) -> None:
    found, place = explained(tmp_path, f"{RULE}, {keys}}}\n")

    assert found == [f"{place}: {expected}"]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        pytest.param("»''", "an empty text is in every line: write what the message must contain", id="empty"),
        pytest.param("»[]", "the value is empty: give at least one item, or remove the key", id="none"),
        pytest.param("{»regx: a}", "unknown key 'regx' (did you mean 'regex'?)", id="slip"),
        pytest.param(
            "{regex: »'a(?=b)'}",
            "RE2 has no look-ahead '(?=…': match the text itself, or take those lines with a second rule",
            id="look-ahead",
        ),
        pytest.param("{regex: »'(a)\\1'}", "RE2 has no back-reference '\\1…': write the text out", id="back-reference"),
        pytest.param(
            "[{regex: »'a*'}]",
            "the regex matches empty text, so it would hit every line: add text that the line must contain",
            id="matches empty",
        ),
        pytest.param(
            '»"a\\nb"',
            "the text holds a newline, which no line contains: leave it out (syslog writes it as #012)",
            id="newline",
        ),
    ],
)
def test_explains_a_mistake_in_a_pattern(tmp_path: Path, match: str, expected: str) -> None:
    found, place = explained(tmp_path, f"events:\n- {{event: container.die, name: a, match: {match}}}\n")

    assert found == [f"{place}: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "1:1: the file is empty: write events:, or remove the file", id="empty"),
        pytest.param("# nothing", "1:1: the file is empty: write events:, or remove the file", id="only remarks"),
        pytest.param(
            "just words",
            "1:1: expected a key such as events: at the top, not 'just words': put the rules below events:",
            id="text",
        ),
        pytest.param(
            "- a", "1:1: expected a key such as events: at the top, not a list: put the rules below events:", id="list"
        ),
        pytest.param("evnts: []", "1:1: unknown key 'evnts' (did you mean 'events'?)", id="slip"),
        pytest.param(
            "receivers: []",
            "1:1: not a rule file (receivers): event rules begin with events: or correlations:, alerts with groups:, tests with tests:",
            id="other file",
        ),
        pytest.param(
            "events: []", "1:9: events: expected a list of rules, not a list: write '- event: …'", id="no rules"
        ),
        pytest.param(
            "events:\n",
            "1:8: events: expected a list of rules, not nothing (null): write '- event: …'",
            id="nothing below",
        ),
        pytest.param(
            "events: [a]", "1:10: expected keys with values, not 'a': write 'key: value' below it", id="no rule"
        ),
        pytest.param(
            "events: [a]\ngroups: []", "2:1: events and groups in one file: write one file for each", id="two kinds"
        ),
        pytest.param(
            "events:\n- {event: die, name: a, match: gone}",
            "2:11: 'die' is not type.action: write for instance 'container.die'",
            id="no type",
        ),
        pytest.param(
            "events:\n- {event: Container.Die, name: a, match: gone}",
            "2:11: 'Container.Die' is not type.action: "
            "use lower-case letters, digits, _ and - around one dot, such as 'container.die'",
            id="upper case",
        ),
        pytest.param(
            "events:\n- {name: a, match: gone}",
            "2:3: a rule makes an event or knows a line: write either event: type.action or ignore: true",
            id="no event",
        ),
        pytest.param(
            "events:\n- {event: a.b, match: gone}",
            "2:3: key 'name' is missing: write name: a-short-name, unique in its file",
            id="no name",
        ),
        pytest.param(
            "events:\n- {event: a.b, name: A b, match: gone}",
            "2:22: 'A b' is not a name: use lower-case letters, digits, - and _",
            id="name",
        ),
        pytest.param(
            "events:\n- {event: a.b, name: c}",
            "2:3: key 'match' is missing: write match: 'text that the message contains'",
            id="no match",
        ),
        pytest.param(
            "events:\n- {ignore: true, name: c, match: gone, id: '{a}'}",
            "2:40: a rule with ignore: true makes no event, so 'id' means nothing: remove it",
            id="id of nothing",
        ),
        pytest.param(
            "correlations:\n- {event: a.c, sequence: [a.b, a.d]}",
            "2:3: key 'within' is missing: write within: 30s",
            id="no time",
        ),
        pytest.param(
            "correlations:\n- {event: a.c, within: 1m}",
            "2:3: a correlation is one of sequence:, missing: and first_seen:, each with events: write one of them",
            id="no kind of correlation",
        ),
        pytest.param(
            "events:\n- {event: a.b, name: c, match: gone}\n- {event: a.b, name: c, match: lost}",
            "3:3: rule id 'my/c' is taken by 2: give one of them another name",
            id="two of one name",
        ),
    ],
)
def test_explains_a_mistake_in_a_file(tmp_path: Path, text: str, expected: str) -> None:
    assert said(tmp_path, text) == [expected]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param(
            "sequence: [container.die, »container.ded], within: 30s",
            "correlation 'x' waits for an event no rule makes: 'container.ded' (did you mean 'container.die'?)",
            id="event of no rule",
        ),
        pytest.param(
            "sequence: [{event: container.die, »were: {}}], within: 30s",
            "unknown key 'were' (did you mean 'where'?)",
            id="where",
        ),
        pytest.param(
            "sequence: [container.die, a.b], within: »30 s",
            "'30 s' is not a duration: write a number with a unit (ms s m h d w y), such as 30s, 5m or 1h30m",
            id="duration",
        ),
        pytest.param(
            "sequence: [container.die, a.b], »within: 0",
            "within must be longer than 0: write for instance 30s",
            id="no time at all",
        ),
        pytest.param(
            "»sequence: container.die, within: 1m",
            "a sequence of one event is that event: add the next one, or unless:",
            id="one step",
        ),
        pytest.param(
            "»missing: container.die, within: 1m",
            "missing takes two events, not 1: write [first, what should follow]",
            id="missing what",
        ),
        pytest.param(
            "first_seen: a.b, by: »exit_code, within: 7d",
            "cannot correlate by 'exit_code': write id, name, host or attributes.exit_code",
            id="by",
        ),
        pytest.param(
            "sequence: [container.die, »container.x], within: 1m",
            "correlation 'x' waits for the event it makes: give its event another action",
            id="itself",
        ),
        pytest.param(
            "sequence: [container.die], unless: [»container.crash], within: 1m",
            "correlation 'x' waits for an event no rule makes: 'container.crash'",
            id="unless of no rule",
        ),
    ],
)
def test_explains_a_mistake_in_a_correlation(tmp_path: Path, keys: str, expected: str) -> None:
    text = "events: [{event: container.die, name: a, match: gone with}, {event: a.b, name: b, match: other}]\n"

    found, place = explained(tmp_path, f"{text}correlations:\n- {{event: container.x, {keys}}}")

    assert found == [f"{place}: {expected}"]


def test_reports_all_mistakes_of_all_files_at_once(tmp_path: Path) -> None:
    found = said(
        tmp_path,
        """\
        events:
        - event: container.die
          nam: a
          match: {regex: '('}
        - event: die
          name: b
          match: x
          attributes: {a: '{'}
        """,
        other="events: [{}]",
        third="a: b: c",
    )

    assert found == [
        "3:3: unknown key 'nam' (did you mean 'name'?)",
        "4:18: not a regex in RE2 syntax: missing ): (: see https://github.com/google/re2/wiki/Syntax",
        "5:10: 'die' is not type.action: write for instance 'container.die'",
        "8:19: '{' has a brace without its other half: write {field}",
        "other.yml:1:10: key 'match' is missing: write match: 'text that the message contains'",
        "other.yml:1:10: key 'name' is missing: write name: a-short-name, unique in its file",
        "third.yml:1:5: a second ': ' in an unquoted value: put the value in single quotes",
    ]


def test_two_rules_that_feed_one_metric_must_agree(tmp_path: Path) -> None:
    metric = "metrics: [{counter: my_total, help: x, labels: {a: b}}]"
    other = "metrics: [{counter: my_total, help: x}]"

    found = said(
        tmp_path,
        f"events:\n- {{event: a.b, name: a, match: gone, {metric}}}\n- {{event: a.c, name: b, match: lost, {other}}}",
    )

    assert found == ["3:48: metric 'my_total' has another set of labels in my/a (2): make them equal, or use two names"]


def test_load_raises_every_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("events: [{event: die, name: A, match: x}]")

    with pytest.raises(RuleError) as raised:
        load([tmp_path], shipped=False)

    assert len(raised.value.mistakes) == 2


def outcome(path: Path) -> RuleSet | list[Mistake]:
    """The rules of a file, or its mistakes; whatever else is raised is a bug."""
    try:
        return load([path], shipped=False)
    except RuleError as error:
        return error.mistakes


@given(text=st.text() | st.text(alphabet="events:-[]{}'\"#&*!|>%@` \n\tname match"))
def test_arbitrary_text_is_a_rule_error_or_a_rule_set(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yml"
    path.write_text(text, encoding="utf-8", newline="")

    assert outcome(path) is not None


KEYS = (
    "event",
    "name",
    "match",
    "fields",
    "id",
    "attributes",
    "metrics",
    "examples",
    "revoked_by",
    "severity",
    "role",
    "ignore",
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.text(max_size=8)
    | st.sampled_from(["container.die", "{a}", "{a|hex}", "logfmt", "(?P<x>a)", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*KEYS, "regex", "of", "line", "counter", "help", "labels", "value"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(rules=st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES), max_size=3))
def test_arbitrary_rules_are_a_rule_error_or_a_rule_set(
    tmp_path_factory: pytest.TempPathFactory, rules: list[dict[str, object]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-rules.yml"
    path.write_text(json.dumps({"events": rules}), encoding="utf-8")
    result = outcome(path)

    assert not isinstance(result, RuleSet) or len(result.rules) == len(rules)
