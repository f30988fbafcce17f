"""`logwatch top`: what keys choose, what is drawn, and the whole on a terminal."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from commandline import call
from dockerlines import docker_event
from rich.console import Console
from terminals import OnTerminal

from logwatch.cli.top import EVENTS, Choice, Snapshot, draw, keys_of, read, shown
from logwatch.model import Alert, Container, Event, State

NOW = 1_796_000_000 * 10**9


def container(name, state=State.RUNNING, **more):
    return Container("vm", name * 8, name, state=state, since_ns=NOW, **more)


def event(name, action, severity="info"):
    return Event(
        NOW, f"container.{action}", "vm", name * 8, name, {"last_words": "FATAL: no disk"}, severity, "r/x", "/log", 0
    )


ALERT = Alert(
    {"alertname": "DockerContainerDown", "name": "db"},
    {"summary": "A container is down."},
    NOW,
    None,
    "firing",
    1.0,
    "c/D",
    "",
    NOW,
)
SNAPSHOT = Snapshot(
    [
        container("web"),
        container("db", State.EXITED, exit_code="3"),
        container("app", restarts=2),
        container("old", State.GONE),
    ],
    [ALERT],
    [event("db", "die", "error"), event("web", "start")],
)


def after(*keys):
    choice = Choice()
    for key in keys:
        choice = choice.pressed(key)
    return choice


def text(snapshot, choice, height=30):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(draw(snapshot, choice, height))
    return console.export_text()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), ["db", "app", "web"]),
        (("s",), ["app", "db", "web"]),
        (("s", "s", "s", "s"), ["app", "db", "web"]),
        (("/", "e", "b", "enter"), ["web"]),
        (("/", "e", "x", "back", "enter"), ["web"]),
        (("/", "q", "escape"), ["db", "app", "web"]),
    ],
)
def test_keys_choose(keys, expected):
    assert [each.name for each in shown(SNAPSHOT, after(*keys))] == expected


def test_keys_end_it_unless_they_are_typed():
    assert after("q").ends
    assert not after("/", "q").ends


def test_a_terminal_s_escapes_are_keys():
    assert list(keys_of("\x1b[Aj\x1b[B\r\x7f\x1b")) == ["up", "j", "down", "enter", "back", "escape"]


def test_one_sentence_then_containers_alerts_and_events():
    lines = text(SNAPSHOT, after()).splitlines()

    assert lines[0].strip() == "1 of 3 containers in trouble: db; 1 alert fires"
    assert [line.split()[0] for line in lines[3:6]] == ["db", "app", "web"]
    assert any("DockerContainerDown" in line and "A container is down." in line for line in lines)
    assert any("container.die" in line for line in lines)
    assert "q quit" in lines[-1]


def test_one_container_with_its_last_words():
    page = text(SNAPSHOT._replace(own=SNAPSHOT.events[:1]), after("enter"))

    assert "FATAL: no disk" in page
    assert "container.start" not in page


def test_one_container_has_its_own_events_however_long_ago(tmp_path):
    log, state = tmp_path / "messages", tmp_path / "state"
    at = datetime(2026, 11, 20, tzinfo=UTC)
    later = [docker_event(at + timedelta(seconds=1 + second), "kill", "db", signal="1") for second in range(EVENTS + 5)]
    log.write_text("\n".join([docker_event(at, "start", "web"), docker_event(at, "start", "db"), *later]) + "\n")
    call("replay", "--state-dir", str(state), str(log))
    snapshot = read(state, after("/", "w", "e", "b", "enter", "enter"))

    assert [each.event for each in snapshot.own] == ["container.start"]
    assert all(each.name == "db" for each in snapshot.events)


@pytest.mark.parametrize("height", [1, 10, 24, 60])
@pytest.mark.parametrize("keys", [(), ("enter",), ("down",) * 70])
def test_it_fits_the_screen(height, keys):
    many = Snapshot(
        [container(f"c{number:03}", State.DEAD) for number in range(60)],
        [ALERT] * 30,
        [event(f"c{number:03}", "die") for number in range(200)],
    )
    choice = after(*keys)
    choice = Choice(row=min(choice.row, 59), opened=choice.opened)

    assert len(text(many, choice, height).splitlines()) <= max(height, 20)
    assert "c000" in text(many, after(), height)


def test_hostile_names_are_text():
    page = text(Snapshot([container("\x1b[31m[bold]x")], [], []), after())

    assert "\x1b[31m" not in page
    assert "[bold]x" in page


def test_on_a_terminal(tmp_path):
    log, state = tmp_path / "messages", tmp_path / "state"
    log.write_text(
        "2026-11-20T01:00:00+00:00 vm docker-events: 2026-11-20T01:00:00.000000000Z container start "
        f"{'a' * 64} (image=nginx, name=web-of-top)\n"
    )
    call("replay", "--state-dir", str(state), str(log))
    with OnTerminal("top", "--state-dir", str(state)) as top:
        top.wait_for(b"quit")
        top.press(b"q")
        status = top.end()

    assert b"web-of-top" in top.screen
    assert (status, top.complaint) == (0, b"")


def test_without_a_terminal_it_says_what_else_there_is(tmp_path):
    assert "use logwatch containers" in call("top", "--state-dir", str(tmp_path)).err
