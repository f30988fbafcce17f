"""explain shows how a line is read, which rules take it, which nearly do and why not."""

from pathlib import Path

import pytest
from commandline import call
from hypothesis import given, settings
from hypothesis import strategies as st

from logwatch.authoring.explanation import Explainer
from logwatch.rulefiles import load

ID = "8dd3a1b2c3d48dd3a1b2c3d48dd3a1b2c3d48dd3a1b2c3d48dd3a1b2c3d48dd3"
PAYLOAD = f'time="2026-11-23T18:12:57.728700494Z" level=info msg="job went" container={ID} code=7'
DIED = f"Nov 23 18:12:57 vm dockerd[4242]: {PAYLOAD}"
RULES = """
events:
  - event: container.die
    name: job
    match: 'msg="job went"'
    id: '{container}'
    attributes: {exit_code: '{code}'}
  - event: container.stop
    name: stopped
    match: {regex: 'msg="the job was stopped after \\d+ seconds'}
  - event: daemon.warning
    name: any
    match: 'level=info msg="job'
    unless_other: true
  - event: '{kind}.die'
    name: kinds
    match: 'msg="job ended"'
  - name: chatter
    ignore: true
    match: 'msg="chatter"'
  - event: daemon.stop
    name: bare
    match: {regex: '^daemon is going'}
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("rules") / "own.yml"
    path.write_text(RULES)
    return str(path)


def explain(rules: str, line: str):
    done = call("explain", "--no-shipped-rules", "--rules", rules, "--format", "jsonl", line)
    return done.rows[0]


def test_a_line_that_a_rule_takes(rules: str) -> None:
    explained = explain(rules, DIED)

    assert explained["header"] == {
        "stamp": "2026-11-23T18:12:57.000000000Z",
        "time": "2026-11-23T18:12:57.728700494Z",
        "host": "vm",
        "tag": "dockerd",
        "pid": "4242",
    }
    assert explained["family"] == "engine"
    assert explained["looks_like_engine"]
    assert list(explained["fields"]) == ["time", "level", "msg", "container", "code"]
    assert explained["rules"][0] == {
        "rule": "own/job",
        "makes": {"event": "container.die", "id": ID, "name": None, "attributes": {"exit_code": "7"}},
        "note": None,
    }


@pytest.mark.parametrize(
    ("line", "rule", "note"),
    [
        (DIED, "own/any", "gives precedence to own/job"),
        (DIED.replace("job went", "chatter"), "own/chatter", "known, makes no event"),
        (DIED.replace("job went", "job ended"), "own/kinds", "a field that its event needs is absent"),
    ],
    ids=["unless_other", "ignore", "absent field"],
)
def test_says_why_a_rule_that_takes_a_line_makes_no_event(rules: str, line: str, rule: str, note: str) -> None:
    verdicts = {verdict["rule"]: verdict for verdict in explain(rules, line)["rules"]}

    assert verdicts[rule]["makes"] is None
    assert note in verdicts[rule]["note"]


@pytest.mark.parametrize(
    ("line", "rule", "why"),
    [
        (DIED.replace("dockerd", "web"), "own/job", "the tag 'web' is not among program: engine"),
        (f'Nov 23 18:12:57 vm dockerd[4242]: hello msg="job went" container={ID}', "own/job", "does not begin as"),
        (f"Nov 23 18:12:57 vm dockerd[4242]: {PAYLOAD} daemon is going", "own/bare", "not where it is anchored"),
        (
            DIED.replace("job went", "the job was stopped at once"),
            "own/stopped",
            "only the first words are there: 'the job was stopped'",
        ),
        (
            DIED.replace("job went", "the job was stopped after many seconds"),
            "own/stopped",
            "the text between does not match the regex",
        ),
    ],
    ids=["tag", "form", "anchor", "first words", "between"],
)
def test_says_what_keeps_a_rule_from_a_line(rules: str, line: str, rule: str, why: str) -> None:
    near = {miss["rule"]: miss["why"] for miss in explain(rules, line)["near"]}

    assert why in near[rule]


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        (DIED, "a container that its operator tagged 'dockerd', or that logs through the journald driver"),
        (DIED.replace("dockerd", "docker"), "'docker' may be a container's tag"),
        ("Nov 23 18:12:57 vm dockerd[4242]: hello world", "probably output of a container (journald driver"),
    ],
    ids=["tag set by the operator", "docker", "journald driver"],
)
def test_warns_of_lines_that_could_be_a_containers(rules: str, line: str, warning: str) -> None:
    warnings = explain(rules, line)["warnings"]

    assert any(warning in each for each in warnings)


def test_does_not_warn_of_a_containers_own_tag(rules: str) -> None:
    assert explain(rules, DIED.replace("dockerd", "d642c9fb1c22"))["warnings"] == []


def test_lines_before_tell_whose_tag_docker_is(rules: str) -> None:
    both = f"{DIED}\n{DIED.replace('dockerd', 'docker')}\n"
    done = call("explain", "--no-shipped-rules", "--rules", rules, "--format", "jsonl", stdin=both)
    engines, containers = done.rows

    assert engines["rules"]
    assert not containers["rules"]
    assert "the engine's own tag is another than 'docker'" in containers["near"][0]["why"]


@pytest.mark.parametrize(
    ("line", "status"),
    [(DIED, 0), (DIED.replace("job went", "x"), 1), ("no header", 1)],
    ids=["hit", "none", "no line"],
)
def test_the_exit_status_says_whether_a_rule_takes_it(rules: str, line: str, status: int) -> None:
    assert call("explain", "--no-shipped-rules", "--rules", rules, line).status == status


def test_the_text_for_people(rules: str) -> None:
    lines = call("explain", "--no-shipped-rules", "--rules", rules, DIED).out.splitlines()

    assert "time      2026-11-23T18:12:57.728700494Z, the message's own" in lines
    assert "tag       dockerd, of the family engine" in lines
    assert "          code = 7" in lines
    assert f"rules     own/job: makes container.die id={ID} exit_code=7" in lines


def test_a_line_without_header_is_said_to_have_none(rules: str) -> None:
    assert "not found: give the whole line" in call("explain", "--no-shipped-rules", "--rules", rules, "garbage").out


def test_a_header_whose_date_cannot_be_read_is_told(rules: str) -> None:
    explained = explain(rules, DIED.replace("Nov 23", "Foo 23"))

    assert "the header's date cannot be read" in explained["notes"][0]
    assert explained["rules"]


def test_secrets_are_masked(rules: str) -> None:
    shown = call("explain", "--no-shipped-rules", "--rules", rules, DIED + " registry_token=hunter2").out

    assert "registry_token = ***" in shown
    assert "hunter2" not in shown


def test_words_of_the_operator_tell_secrets_too(rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGWATCH_SOURCES_SECRETS", "licence")
    line = DIED + " site_licence=hunter2"
    shown = [
        call("explain", "--no-shipped-rules", "--rules", rules, *form, line).out for form in ((), ("--format", "jsonl"))
    ]

    assert [text.count("***") > 0 for text in shown] == [True, True]
    assert "hunter2" not in "".join(shown)


def test_escape_sequences_do_not_reach_the_terminal(rules: str) -> None:
    line = 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57Z" level=info msg="\x1b[2Jhidden" id=\x1b[1m'

    assert "\x1b" not in call("explain", "--no-shipped-rules", "--rules", rules, line).out


def test_shipped_rules_explain_the_death_of_a_container() -> None:
    line = (
        'Nov 23 18:12:57 vm dockerd[4242]: time="2026-11-23T18:12:57.728700494Z" level=info msg="ignoring event" '
        f'container={ID} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
    )
    done = call("explain", line)

    assert done.status == 0
    assert "container.die" in done.out


EXPLAINER = Explainer(load([Path(__file__).parents[2] / "rules" / "events" / "oom.yml"], shipped=False).rules)


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"Nov 23 18:12:57 vm dockerd[1]: ", b"Nov 23 18:12:57 vm kernel: "])
)
@settings(max_examples=100, deadline=None)
def test_never_raises(message: bytes, header: bytes) -> None:
    line = header + message.replace(b"\n", b" ")

    assert EXPLAINER.explain(line, 0).line == line.rstrip(b"\r").decode(errors="replace")


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        pytest.param("Nov 23 18:13:01 vm kernel[8433]: eth0: renamed from veth8e0c9a3", "the kernel has no pid", id="kernel"),
        pytest.param(
            '2026-11-23T18:13:01Z vm dockerd[1]: time="2026-11-23T15:07:01Z" level=fatal msg="failed to start daemon"',
            "no engine wrote it",
            id="far off",
        ),
    ],
)  # fmt: skip
def test_says_why_a_line_is_not_believed(line: str, warning: str) -> None:
    done = call("explain", line)

    assert warning in " ".join(done.out.split())
