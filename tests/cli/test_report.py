"""`logwatch report`: what happened in a period."""

from contextlib import closing
from datetime import UTC, datetime

import pytest
from commandline import call
from dockerlines import docker_event, full_id
from receivers_on_loopback import Loopback

DAY = datetime(2026, 11, 20, tzinfo=UTC)


def happened(hour, action, name, **attributes):
    return docker_event(DAY.replace(hour=hour), action, name, **attributes)


def engine(hour, text, level="error"):
    time = DAY.replace(hour=hour).isoformat()
    return f'{time} vm dockerd[4]: time="{time[:19]}.000000000Z" level={level} msg="{text}"'


LINES = [
    happened(1, "start", "web"),
    happened(1, "start", "quiet"),
    happened(2, "die", "quiet", exitCode="0"),
    happened(3, "start", "db"),
    happened(4, "oom", "web"),
    happened(4, "die", "web", exitCode="137"),
    happened(5, "start", "web"),
    happened(6, "health_status: unhealthy", "db"),
    engine(
        7,
        "Handler for POST /v1.43/images/create returned error: pull access denied for me/app, repository does not exist",
    ),
    happened(8, "start", "job"),
    happened(8, "die", "job", exitCode="3"),
]


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    log, state = folder / "messages", folder / "state"
    log.write_text("\n".join([engine(0, "API listen on /run/docker.sock", "info"), *LINES]) + "\n")
    call("replay", "--alerts", "--state-dir", str(state), str(log))
    return str(state)


def report(state, *flags):
    return call(
        "report", "--state-dir", state, "--since", "2026-11-20T00:30:00Z", "--until", "2026-11-21T00:00:00Z", *flags
    )


def test_one_sentence_first_then_what_is_in_trouble(state):
    lines = report(state).out.splitlines()
    about, headline, rest = lines[0], lines[2], lines[4:]

    assert about.endswith(" on vm")
    assert headline.startswith("3 of 4 containers had trouble; ")
    trouble = rest[rest.index("In trouble") + 1 :][:3]
    assert [row.split(":")[0].strip() for row in trouble] == ["web", "job", "db"]
    assert "1 OOM kill; ended once (1 out of memory (its limit)), last exit code 137; started twice" in trouble[0]
    assert "last exit code 3" in trouble[1]
    assert "became unhealthy once" in trouble[2]
    assert "  1 container: 1 start, ended once (1 by itself)" in rest


def test_json_has_the_same(state):
    (found,) = report(state, "--format", "json").rows
    containers = {each["name"]: each for each in found["containers"]}

    assert (found["since"], found["hosts"]) == ("2026-11-20T00:30:00.000000000Z", ["vm"])
    assert containers["web"]["ends"] == {"oom_limit": 1}
    assert containers["quiet"] == containers["quiet"] | {"starts": 1, "failed_ends": 0, "exit_code": 0}
    assert any(each["event"] == "image.pull_failed" for each in found["failures"])
    assert {"DockerContainerOomKilled"} <= {alert["alert"] for alert in found["alerts"]}


def test_only_the_period_counts(state):
    (found,) = call(
        "report",
        "--state-dir",
        state,
        "--since",
        "2026-11-20T05:30:00Z",
        "--until",
        "2026-11-20T07:00:00Z",
        "--format",
        "json",
    ).rows

    assert [each["name"] for each in found["containers"]] == ["db"]
    assert found["new_events"] == ["container.health_status"]
    assert not found["failures"]


def test_what_was_seen_by_its_id_alone_counts_under_the_name(tmp_path):
    log, state = tmp_path / "messages", tmp_path / "state"
    died = (
        engine(1, "ignoring event", "info")
        + f" container={full_id('late')} module=libcontainerd namespace=moby topic=/tasks/delete"
    )
    lines = [engine(0, "API listen on /run/docker.sock", "info"), died, happened(2, "start", "late")]
    log.write_text("\n".join(lines) + "\n")
    call("replay", "--state-dir", str(state), str(log))
    (found,) = report(str(state), "--format", "json").rows

    assert [(each["name"], each["starts"], each["ends"]) for each in found["containers"]] == [
        ("late", 1, {"unknown": 1})
    ]


def test_nothing_happened(state):
    done = call("report", "--state-dir", state, "--since", "2026-10-20T00:00:00Z", "--until", "2026-10-21T00:00:00Z")

    assert "Nothing happened" in done.out


def test_a_page_shows_names_as_text(tmp_path):
    log, state = tmp_path / "messages", tmp_path / "state"
    log.write_text(engine(0, "API listen on /run/docker.sock", "info") + "\n" + happened(1, "oom", "<b>x") + "\n")
    call("replay", "--state-dir", str(state), str(log))
    page = report(str(state), "--format", "html").out

    assert page.startswith("<!doctype html>")
    assert "&lt;b&gt;x" in page
    assert "<b>" not in page


def test_it_is_sent_to_receivers_of_people(state, tmp_path):
    with closing(Loopback()) as hook, closing(Loopback()) as alertmanager:
        path = tmp_path / "logwatch.yml"
        path.write_text(f"alerting: {{alertmanagers: [{alertmanager.url}], webhooks: [{hook.url}]}}")
        done = report(state, "--send", "--config.file", str(path))
        (message,) = hook.bodies
        hook.answer = lambda _body: 500
        refused = report(state, "--send", "--config.file", str(path))
    (alert,) = message["alerts"]

    assert (done.status, done.out) == (0, "")
    assert alert["labels"]["alertname"] == "LogwatchReport"
    assert alert["annotations"]["summary"].startswith("3 of 4 containers had trouble")
    assert "In trouble\n  web: " in alert["annotations"]["description"]
    assert not alertmanager.bodies  # it would go on firing there
    assert (refused.status, "FAILED" in refused.err) == (1, True)


def test_mistakes_are_explained(state, tmp_path):
    assert "name a receiver under alerting.webhooks" in report(state, "--send").err
    assert "is not before --until" in call("report", "--state-dir", state, "--since", "1h", "--until", "2h").err
    assert "file not found" in call("report", "--state-dir", str(tmp_path)).err
