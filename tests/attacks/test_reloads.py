"""Rules that take seconds to compile are loaded beside the loop: the log is read meanwhile."""

import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ports import wait_for
from sidecar import Sidecar

from benchmarks import rules


def died(number: int) -> str:
    written = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    message = 'msg="ignoring event" module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
    return f'{written}+00:00 vm dockerd[42]: time="{written}000Z" level=info {message} container={number:064x}\n'


def loading(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> tuple[Sidecar, Path]:
    """A logwatch that was just asked to load 4,000 rules, and its log."""
    log, folder = tmp_path / "messages", tmp_path / "rules"
    folder.mkdir()
    log.write_text("")
    one = sidecar("--log", str(log), "--rules", str(folder))
    wait_for(lambda: one.get("/-/ready")[0] == 200, "reading the log")
    rules.write(folder / "many.yml", 4_000)
    one.send(signal.SIGHUP)
    return one, log


def test_the_log_is_read_while_thousands_of_rules_are_loaded(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    one, log = loading(tmp_path, sidecar)
    with log.open("a") as out:
        out.write(died(1))
    # The event itself counts three seconds later, when no line can revoke it any more: longer than a reload may take.
    wait_for(lambda: one.value("logwatch_lines_read_total", path=str(log)) == 1, "the line")

    assert "reloaded" not in one.stderr.read_text()
    wait_for(lambda: "reloaded" in one.stderr.read_text(), "the reload")
    assert one.value("logwatch_rules") > 4_000
    wait_for(lambda: one.value("docker_events_total", type="container", action="die") == 1, "the event")


def test_a_stop_does_not_wait_for_rules_that_are_loaded(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    one, _ = loading(tmp_path, sidecar)

    assert one.end() == 0, one.stderr.read_text()
    assert "reloaded" not in one.stderr.read_text()
