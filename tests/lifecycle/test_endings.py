"""Why a container ended, from what all witnesses reported."""

import pytest
from stages import changed_rows, restore

from logwatch.docker.inventory import Found
from logwatch.lifecycle import Lifecycle
from logwatch.model import SECOND, Event, Outcome, State

WEB = "3f" * 32
T0 = 1_795_465_000 * SECOND


def line(name: str, at: float, **attributes: str) -> Event:
    time_ns = T0 + round(at * SECOND)
    container = WEB if name.startswith("container.") else None
    return Event(time_ns, name, "vm", container, None, attributes, "info", f"log/{name}", "log", 0, stamp_ns=time_ns)


def causes(life: Lifecycle, *events: Event) -> list[str]:
    """The causes of the deaths that these events report."""
    made = [each for event in events for each in life.process(event)]
    return [
        each.event.attributes["cause"]
        for each in [*made, *life.flush()]
        if isinstance(each, Outcome) and each.event.event == "container.die"
    ]


START = line("container.start", 0)


@pytest.mark.parametrize(
    ("before", "die", "cause"),
    [
        ([], {}, "unknown"),
        ([], {"exit_code": "0"}, "exit"),
        ([], {"exit_code": "3"}, "exit"),
        ([], {"exit_code": "139"}, "signal"),
        ([], {"exit_code": "255"}, "exit"),
        ([line("container.kill", 8, signal="15")], {"exit_code": "143"}, "requested"),
        ([line("container.kill", 8, signal="HUP")], {"exit_code": "1"}, "exit"),
        ([line("container.kill", -5, signal="9")], {"exit_code": "1"}, "exit"),
        ([line("container.stop", 8)], {}, "requested"),
        ([line("container.restart", 8)], {"exit_code": "0"}, "requested"),
        ([line("container.kill", 8), line("container.stop_timeout", 9)], {"exit_code": "137"}, "stop_timeout"),
        ([line("container.oom", 9.5)], {"exit_code": "137"}, "oom_limit"),
        ([line("container.oom", 9.5)], {}, "oom_limit"),
        ([line("container.oom", 9.5, constraint="CONSTRAINT_NONE")], {"exit_code": "137"}, "oom_host"),
        ([line("container.oom", 9.5)], {"exit_code": "0"}, "exit"),
        ([line("container.oom", -50)], {"exit_code": "137"}, "signal"),
        ([line("daemon.start", 1), line("daemon.ready", 2), line("daemon.stop", 9)], {"exit_code": "0"}, "daemon_stop"),
        (
            [line("daemon.start", 1, live_restore="true"), line("daemon.ready", 2), line("daemon.stop", 9)],
            {"exit_code": "0"},
            "exit",
        ),
        ([], {"exit_code": "137", "oom_killed": "true"}, "oom_limit"),
        ([], {"exit_code": "143", "requested": "true"}, "requested"),
    ],
)
def test_the_cause_follows_from_what_was_reported(before: list[Event], die: dict[str, str], cause: str) -> None:
    early = [each for each in before if each.time_ns < T0]
    late = [each for each in before if each.time_ns >= T0]

    assert causes(Lifecycle(SECOND), *early, START, *late, line("container.die", 10, **die)) == [cause]


def test_the_cause_is_the_same_after_a_restart() -> None:
    life = Lifecycle(SECOND)
    for event in (START, line("container.kill", 8, signal="9")):
        life.process(event)
    again = Lifecycle(SECOND)
    restore(again, changed_rows(life))

    assert causes(again, line("container.die", 10)) == ["requested"]


def test_a_death_waits_for_its_exit_code_in_the_engines_file() -> None:
    running = Found(WEB, "web", None, {}, State.RUNNING, T0, 0, None, None, seen_ns=T0, started_ns=T0)
    ended = running._replace(state=State.EXITED, finished_ns=T0 + 10 * SECOND, exit_code="139")
    life = Lifecycle(SECOND, {WEB: running}.get)
    life.process_inventory([running], "vm", T0, None, T0 - SECOND)
    first = life.process(line("container.die", 10.02))
    then = life.process_inventory([ended], "vm", T0 + 11 * SECOND)
    (outcome,) = [each for each in then if isinstance(each, Outcome)]

    assert [each for each in first if isinstance(each, Outcome)] == []
    assert (outcome.amends, outcome.event.rule) == (False, "log/container.die")
    assert (outcome.event.attributes["exit_code"], outcome.event.attributes["cause"]) == ("139", "signal")


def test_a_death_waits_no_longer_than_settle() -> None:
    running = Found(WEB, "web", None, {}, State.RUNNING, T0, 0, None, None, seen_ns=T0, started_ns=T0)
    life = Lifecycle(SECOND, {WEB: running}.get)
    life.process(START)
    life.process(line("container.die", 10))
    made = life.advance(T0 + 12 * SECOND)

    assert [each.event.event for each in made if isinstance(each, Outcome)] == ["container.die"]


def test_a_kill_in_the_second_of_the_start_is_of_this_run() -> None:
    """The kernel's line has whole seconds in most logs; the engine's have nanoseconds."""
    started, killed, died = (
        line("container.start", 0.828),
        line("container.oom", 0),
        line("container.die", 0.838, exit_code="137"),
    )

    assert causes(Lifecycle(SECOND), started, killed, died) == ["oom_limit"]


def test_a_kill_that_explains_the_end_before_the_start_does_not_explain_the_next_one() -> None:
    run_before = [line("container.start", -60), line("container.oom", 0), line("container.die", 0.3, exit_code="137")]
    next_run = [line("container.start", 0.828), line("container.die", 5, exit_code="137")]

    assert causes(Lifecycle(SECOND), *run_before, *next_run) == ["oom_limit", "signal"]
