"""The daemon and containerd, and what their fate means for containers."""

import pytest
from lifecycle_lines import DB, START, WEB, accepted, corroborating, event, kinds, leading, play, states

from logwatch.lifecycle import Lifecycle
from logwatch.model import SECOND, State, StateChange


def test_a_daemons_stop_is_one_however_long_it_takes() -> None:
    made = play(
        event("daemon.ready", 0, None),
        event("daemon.stop", 60, None, "signal"),
        event("daemon.stop", 150, None, "stopped"),
        event("daemon.start", 151, None),
        event("daemon.stop", 152, None, "stopped"),
    )

    assert kinds(made) == ["ready", "stop", "start", "stop"]


def test_a_corroborating_line_about_a_service_may_repeat_itself() -> None:
    made = play(
        event("daemon.stop", 0, None, "signal"),
        *(corroborating("daemon.stop", at, None, "stream") for at in (10, 10.1, 60)),
        event("daemon.start", 61, None),
        corroborating("daemon.stop", 62, None, "stream"),
    )

    assert kinds(made) == ["stop", "start", "stop"]


def test_two_reloads_are_two() -> None:
    made = play(event("daemon.reload", 0, None), event("daemon.reload", 600, None, "systemd"))

    assert len(accepted(made)) == 2


def test_warnings_of_the_daemon_are_not_merged() -> None:
    assert len(accepted(play(event("daemon.warning", 0, None), event("daemon.warning", 1, None, "other")))) == 2


@pytest.mark.parametrize("action", ["stop", "crash", "start"])
def test_when_the_daemon_is_gone_its_containers_are_unknown(action: str) -> None:
    life = Lifecycle(SECOND)
    made = play(
        event("daemon.ready", 0, None),
        leading("container.start", 1),
        leading("container.start", 1, DB),
        leading("container.die", 30, DB),
        event(f"daemon.{action}", 60, None),
        life=life,
    )

    assert StateChange(START + 60 * SECOND, "vm", WEB, WEB[:12], State.RUNNING, State.UNKNOWN) in made
    assert {each.id: each.state for each in life.containers()} == {WEB: State.UNKNOWN, DB: State.EXITED}


def test_with_live_restore_they_live_on() -> None:
    made = play(
        event("daemon.start", 0, None),
        event("daemon.restore", 1, None, attributes={"live_restore": "true"}),
        event("daemon.ready", 2, None),
        leading("container.start", 3),
        event("daemon.stop", 60, None),
    )

    assert states(made) == [State.RUNNING]


def test_live_restore_may_be_told_by_a_second_line() -> None:
    made = play(
        event("daemon.start", 0, None),
        event("daemon.restore", 1, None),
        event("daemon.restore", 1.5, None, "old-containers", attributes={"live_restore": "true"}),
        leading("container.start", 3),
        event("daemon.crash", 60, None),
    )

    assert states(made) == [State.RUNNING]


def test_after_a_gap_nothing_is_known() -> None:
    made = play(leading("container.start", 0), leading("container.die", 20), event("log.gap", 60, None))

    assert states(made) == [State.RUNNING, State.EXITED, State.UNKNOWN]
