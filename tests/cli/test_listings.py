"""`logwatch containers` and `logwatch events`: which are listed, in which order and form."""

import csv
import io
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from commandline import call
from dockerlines import docker_event
from terminals import OnTerminal, take_interrupts

START = datetime(2026, 11, 20, 1, tzinfo=UTC)


def line(minute, action, name, **attributes):
    return docker_event(START.replace(minute=minute), action, name, **attributes) + "\n"


LINES = [
    line(1, "start", "web"),
    line(2, "start", "db"),
    line(3, "start", "web-2"),
    line(4, "start", "old"),
    line(5, "die", "db", exitCode="1", note='a "quoted", word'),
    line(6, "start", "db"),
    line(7, "die", "web-2", exitCode="0"),
    line(8, "die", "old", exitCode="0"),
    line(9, "destroy", "old"),
]


@pytest.fixture
def state(tmp_path):
    log, state = tmp_path / "messages", tmp_path / "state"
    log.write_text("".join(LINES))
    call("replay", "--state-dir", str(state), str(log))
    return str(state)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), ["db", "web", "web-2"]),
        (("--name", "web*"), ["web", "web-2"]),
        (("--state", "exited"), ["web-2"]),
        (("--state", "exited", "--state", "running", "--sort", "state"), ["web-2", "db", "web"]),
        (("--sort", "restarts"), ["db", "web", "web-2"]),
        (("--sort", "since"), ["web-2", "db", "web"]),
        (("--name", "old"), []),
    ],
)
def test_the_containers_that_are_asked_for(state, flags, expected):
    assert [
        row["name"] for row in call("containers", "--state-dir", state, "--format", "jsonl", *flags).rows
    ] == expected


def test_csv_has_what_json_has(state):
    rows = list(csv.DictReader(io.StringIO(call("containers", "--state-dir", state, "--format", "csv").out)))
    objects = call("containers", "--state-dir", state, "--format", "jsonl").rows

    assert [{key: "" if value is None else str(value) for key, value in row.items()} for row in objects] == rows
    assert call("containers", "--state-dir", state, "--format", "csv", "--name", "nobody").out.startswith(
        "host,id,name"
    )


def test_events_as_csv(state):
    done = call("events", "--state-dir", state, "--format", "csv", "--event", "container.die", "--name", "db")
    (row,) = csv.DictReader(io.StringIO(done.out))

    assert (row["time"], row["event"], row["name"]) == ("2026-11-20T01:05:00.000000000Z", "container.die", "db")
    assert json.loads(row["attributes"])["exit_code"] == "1"


def test_what_is_committed_later_follows(state, tmp_path):
    more = tmp_path / "more"
    command = [
        sys.executable,
        "-m",
        "logwatch",
        "events",
        "--state-dir",
        state,
        "--name",
        "web",
        "--watch",
        "--format",
        "jsonl",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=take_interrupts) as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["event"] == "container.start"
        more.write_text(line(20, "oom", "db") + line(21, "die", "web", exitCode="3") + line(30, "start", "old"))
        call("replay", "--state-dir", state, str(tmp_path / "messages"), str(more))
        found = json.loads(watching.stdout.readline())
        watching.send_signal(signal.SIGINT)
        rest = watching.stdout.read()

    assert (found["event"], found["attributes"]["exit_code"], rest) == ("container.die", "3", "")
    assert watching.returncode == 0


def test_a_table_is_kept_up_to_date_on_a_terminal(state):
    with OnTerminal("containers", "--state-dir", state, "--watch") as watching:
        watching.wait_for(b"web-2")
        watching.interrupt()

        assert watching.end() == 0


def test_a_table_that_moves_needs_a_terminal(state):
    assert "--watch draws a table on a terminal" in call("containers", "--state-dir", state, "--watch").err
