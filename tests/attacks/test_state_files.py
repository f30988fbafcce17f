"""The files of the state are deleted or replaced while logwatch runs: nothing that was counted is lost."""

import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ports import wait_for
from sidecar import Sidecar


def died(number: int) -> str:
    at = datetime.now(UTC)
    written = at.strftime("%Y-%m-%dT%H:%M:%S.%f")
    message = 'msg="ignoring event" module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
    return f'{written}+00:00 vm dockerd[42]: time="{written}000Z" level=info {message} container={number:064x}\n'


def deaths(one: Sidecar) -> float:
    return one.value("docker_events_total", type="container", action="die") or 0


def delete_everything(state: Path) -> None:
    for path in state.iterdir():
        if path.is_file():
            path.unlink()


def delete_the_database(state: Path) -> None:
    (state / "logwatch.db").unlink()


def delete_the_wal(state: Path) -> None:
    (state / "logwatch.db-wal").unlink()


def delete_the_folder(state: Path) -> None:
    shutil.rmtree(state)


def put_another_there(state: Path) -> None:
    shutil.copy(state / "logwatch.db", state / "other")
    (state / "other").replace(state / "logwatch.db")


@pytest.mark.parametrize(
    "harm",
    [delete_everything, delete_the_database, delete_the_wal, delete_the_folder, put_another_there],
    ids=lambda harm: harm.__name__,
)
def test_the_state_is_written_anew(
    harm: Callable[[Path], None], tmp_path: Path, sidecar: Callable[..., Sidecar], logwatch: Callable[..., str]
) -> None:
    log, state = tmp_path / "messages", tmp_path / "state"
    log.write_text(died(1))
    one = sidecar("--log", str(log))
    wait_for(lambda: deaths(one) == 1, "the first line")
    harm(state)
    wait_for(lambda: "written again" in one.get("/-/healthy")[1], "that it is noticed")
    with log.open("a") as out:
        out.write(died(2))
    wait_for(lambda: deaths(one) == 2, "the second line")
    one.end(signal.SIGKILL)
    again = sidecar("--log", str(log))
    wait_for(lambda: again.get("/-/ready")[0] == 200 and deaths(again) == 2, "both after a restart")

    events = logwatch("events", "--state-dir", str(state), "--format", "jsonl").splitlines()
    assert len([row for row in events if '"container.die"' in row]) == 2
