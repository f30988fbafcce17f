"""The extractor: which rules a line confirms, whose line it is, and what is taken from it."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.errors import RuleError
from logwatch.matching.extractor import Extraction, Extractor
from logwatch.model import FieldParser, Hit, Mark, MetricRule, Pattern, Record, Role, Rule, Severity
from logwatch.store import state_table

MARK = Mark("rules/own.yml", 3, 7)
CONTAINER = "cd1f360a6d92"
DIE = f'time="2026-11-23T20:16:46.759Z" level=info msg="ignoring event" container={CONTAINER} exitCode=137'
LOGFMT = (FieldParser("logfmt"),)
METRIC = MetricRule("counter", "own_total", "Own.", {})


def rule(
    name: str = "die",
    match: str = "ignoring event",
    *,
    event: str = "container.die",
    programs: tuple[str, ...] = ("engine",),
    fields: tuple[FieldParser, ...] = LOGFMT,
    object_id: str | None = "{container}",
    attributes: Mapping[str, str] | None = None,
    unless_other: bool = False,
    regex: bool = False,
    metrics: tuple[MetricRule, ...] = (),
) -> Rule:
    return Rule(
        id=f"own/{name}", event=event, description="", programs=frozenset(programs), role=Role.PRIMARY, engine="",
        patterns=(Pattern(match, regex, MARK),), fields=fields, object_id=object_id, attributes=attributes or {},
        severity=Severity.WARNING, unless_other=unless_other, revoked_by=frozenset({"container.start_failed"}),
        metrics=metrics, examples=(), mark=MARK,
    )  # fmt: skip


def record(message: str | bytes, tag: str = "dockerd", host: str = "vm") -> Record:
    text = message if isinstance(message, bytes) else message.encode()
    return Record(time_ns=20, stamp_ns=10, host=host, tag=tag, pid=None if tag == "kernel" else "42", message=text)


def extract(extractor: Extractor, line: Record, rules: int = 1) -> Extraction:
    return extractor.extract(line, Hit(0, 9, tuple(range(rules))), "/var/log/messages", 4711, 3)


def test_an_event_carries_where_and_when_and_by_which_rule() -> None:
    extractor = Extractor([rule(attributes={"exit_code": "{exitCode}", "image": "{image}", "name": "{container}"})])

    (event,) = extract(extractor, record(DIE)).events

    assert event._asdict() == {
        "time_ns": 20, "event": "container.die", "host": "vm", "id": CONTAINER, "name": CONTAINER,
        "attributes": {"exit_code": "137"}, "severity": "warning", "rule": "own/die", "path": "/var/log/messages",
        "offset": 4711, "line": 3, "role": Role.PRIMARY, "stamp_ns": 10, "revoked_by": {"container.start_failed"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("match", "regex", "message", "confirmed"),
    [
        ("a.b", False, "x a.b", True),
        ("a.b", False, "x axb", False),
        ("a.b", True, "x axb", True),
        ("^time=", True, 'time="now"', True),
        ("^level", True, 'time="now" level=info', False),
        ("now.$", True, 'time="now"', True),
        ("time$", True, 'time="now"', False),
        ("now.", True, b'time="now\xff', True),
    ],
)
def test_a_rule_is_confirmed_on_the_message(match: str, regex: bool, message: str | bytes, confirmed: bool) -> None:
    extractor = Extractor([rule(match=match, regex=regex, programs=("kernel",))])

    assert extract(extractor, record(message, tag="kernel")).rules == (("own/die",) if confirmed else ())


# ── whose line it is ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tag", "message", "made"),
    [
        pytest.param("dockerd", DIE, 1, id="engine"),
        pytest.param("docker-current", DIE, 1, id="engine-of-red-hat"),
        pytest.param("sh", DIE, 1, id="engine-under-a-wrapper"),
        pytest.param("dockerd", "........" + DIE, 1, id="dots"),
        pytest.param("dockerd", '{"level":"info","msg":"ignoring event"}', 1, id="json"),
        pytest.param("dockerd", "[/var/lib/docker|39d80f36] +job ignoring event", 1, id="job"),
        pytest.param("dockerd", "2014/04/17 16:13:21 ignoring event", 1, id="dated"),
        pytest.param("dockerd", "INFO[0012] ignoring event", 1, id="terminal"),
        pytest.param("dockerd", "my app says: ignoring event", 0, id="output-under-the-engines-tag"),
        pytest.param("dockerd", "Nov 23 18:12:57 vm dockerd[4]: " + DIE, 0, id="output-with-a-copied-header"),
        pytest.param(CONTAINER, DIE, 0, id="container"),
        pytest.param("docker/web", DIE, 0, id="container-with-a-tag"),
        pytest.param("containerd", DIE, 0, id="another-family"),
        pytest.param("kernel", DIE, 0, id="another-program"),
    ],
)
def test_only_the_engines_lines_make_events_of_the_engine(tag: str, message: str, made: int) -> None:
    assert len(extract(Extractor([rule()]), record(message, tag)).events) == made


def test_a_regex_from_the_start_says_itself_how_a_bare_text_looks() -> None:
    extractor = Extractor(
        [rule(match="^failed to start daemon", regex=True), rule("literal", "failed to start daemon")]
    )

    extraction = extract(extractor, record("failed to start daemon: pid file found"), 2)

    assert extraction.rules == ("own/die",)


def test_docker_is_the_engine_only_until_another_tag_of_it_is_seen_from_that_host() -> None:
    extractor = Extractor([rule()])
    forged = record(DIE, tag="docker")
    before = extract(extractor, forged)
    extract(extractor, record(DIE, tag="dockerd"))

    after, elsewhere = extract(extractor, forged), extract(extractor, record(DIE, tag="docker", host="other"))

    assert (len(before.events), before.engine) == (1, True)
    assert (len(after.events), after.engine) == (0, False)
    assert len(elsewhere.events) == 1


def test_what_does_not_look_like_the_engine_tells_nothing_about_docker() -> None:
    extractor = Extractor([rule()])
    extract(extractor, record("output: ignoring event", tag="dockerd"))

    assert len(extract(extractor, record(DIE, tag="docker")).events) == 1


def test_remembers_the_hosts_it_knows_over_a_restart() -> None:
    extractor = Extractor([rule()])
    extract(extractor, record(DIE))
    rows = state_table.changed_rows(extractor.tables)

    restarted = Extractor([rule()])
    state_table.restore(restarted.tables, {key: row for key, row in rows.items() if row is not None})

    assert state_table.changed_rows(extractor.tables) == {}
    assert extract(restarted, record(DIE, tag="docker")).events == ()


@given(st.text(), st.sampled_from([CONTAINER, "web", "docker/web", "dockerd.x", "systemd", ""]))
def test_no_output_of_a_container_makes_an_event(text: str, tag: str) -> None:
    extractor = Extractor([rule(match="^", regex=True), rule("text", "time="), rule("all", "(?s).", regex=True)])

    assert extract(extractor, record(DIE + text, tag), 3) == Extraction((), (), engine=False)


# ── several rules on a line ──────────────────────────────────────────────────────────


def test_unless_other_steps_back_behind_any_other_rule() -> None:
    general = rule("any", "level=info", event="daemon.notice", unless_other=True, metrics=(METRIC,))
    silent = rule("silent", "level=info", event="daemon.notice", unless_other=True)

    both = extract(Extractor([general, silent, rule()]), record(DIE), 3)
    known = extract(Extractor([general, silent, rule(event="")]), record(DIE), 3)
    alone = extract(Extractor([silent, general]), record(DIE), 2)

    assert [event.rule for event in both.events] == ["own/die"]
    assert [event.rule for event in both.replaced] == ["own/any"]
    assert both.rules == ("own/any", "own/silent", "own/die")
    assert list(known.events) == []
    assert [event.rule for event in alone.events] == ["own/silent"]


def test_a_rule_that_only_knows_a_line_makes_no_event() -> None:
    extraction = extract(Extractor([rule(event="")]), record(DIE))

    assert extraction == Extraction((), ("own/die",), engine=True)


# ── fields ───────────────────────────────────────────────────────────────────────────

EVENT = '{"Type":"container","Action":"exec_start: sh -c x","Actor":{"ID":"8dd3","Attributes":{"name":"web","exitCode":"0"}}}'


@pytest.mark.parametrize(
    ("fields", "message", "template", "expected"),
    [
        pytest.param(LOGFMT, DIE, "{exitCode}", "137", id="logfmt"),
        pytest.param(LOGFMT, DIE, "code {exitCode}", "code 137", id="text-around"),
        pytest.param(LOGFMT, DIE, "{nothing}", None, id="absent"),
        pytest.param((FieldParser("json"),), EVENT, "{Actor.Attributes.name}", "web", id="json-path"),
        pytest.param((FieldParser("json"),), DIE, "{exitCode}", None, id="json-of-no-json"),
        pytest.param((FieldParser("docker_events"),), EVENT, "{Action|after ':'}", "sh -c x", id="docker-events"),
        pytest.param((FieldParser("json"), *LOGFMT), DIE, "{exitCode}", "137", id="second-parser"),
        pytest.param((FieldParser("regex", r"level=(?P<level>\w+)"),), DIE, "{level}", "info", id="regex"),
        pytest.param((FieldParser("regex", r"(?P<a>never)?level"),), DIE, "{a}", None, id="group-that-took-no-part"),
        pytest.param((FieldParser("regex", r"(?P<a>never)"),), DIE, "{a}", None, id="regex-that-finds-nothing"),
        pytest.param((*LOGFMT, FieldParser("regex", "^(?P<short>....)", "container")), DIE, "{short}", "cd1f", id="of-a-field"),
        pytest.param((*LOGFMT, FieldParser("regex", "(?P<short>.)", "nothing")), DIE, "{short}", None, id="of-an-absent-field"),
    ],
)  # fmt: skip
def test_takes_fields(fields: tuple[FieldParser, ...], message: str, template: str, expected: str | None) -> None:
    extractor = Extractor([rule(match="o", programs=("x",), fields=fields, attributes={"value": template})])

    (event,) = extract(extractor, record(message, tag="x")).events

    assert event.attributes == ({} if expected is None else {"value": expected})


def test_an_event_may_be_named_by_the_line() -> None:
    passing = rule(
        match="Type", event="{Type}.{Action|before ':'}", programs=("x",), fields=(FieldParser("docker_events"),)
    )
    extractor = Extractor([passing])

    assert [event.event for event in extract(extractor, record(EVENT, tag="x")).events] == ["container.exec_start"]
    assert extract(extractor, record('{"Type":"container"}', tag="x")).events == ()


def test_masks_secrets_in_attributes() -> None:
    extractor = Extractor([rule(match="error", attributes={"error": "{error}", "registry_token": "{id}"})])

    (event,) = extract(extractor, record('time="t" error="login with password=hunter2 failed" id=abc')).events

    assert event.attributes == {"error": "login with password=*** failed", "registry_token": "***"}


def test_refuses_all_bad_field_regexes_at_once() -> None:
    rules = [rule(str(n), fields=(FieldParser("regex", "(", mark=Mark("own.yml", n, 1)),)) for n in (1, 2)]

    with pytest.raises(RuleError) as raised:
        Extractor(rules)

    assert [mistake.line for mistake in raised.value.mistakes] == [1, 2]
    assert "not RE2 syntax: missing )" in raised.value.mistakes[0].what


@given(st.binary())
def test_never_raises(message: bytes) -> None:
    parsers = (*LOGFMT, FieldParser("json"), FieldParser("docker_events"), FieldParser("regex", "(?P<a>.+)", "msg"))
    extractor = Extractor([rule(match="", fields=parsers, attributes={"a": "{a}", "b": "{b|hex}"})])

    extraction = extract(extractor, record(b'time="' + message))

    assert [event.rule for event in extraction.events] == ["own/die"]
