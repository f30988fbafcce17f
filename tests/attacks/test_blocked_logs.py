"""A log that exists and cannot be read: readiness says so, and which, until it can be read again."""

from collections.abc import Callable
from pathlib import Path

from ports import wait_for
from sidecar import Sidecar

LINE = '2026-11-23T18:13:00.000000+00:00 vm dockerd[42]: time="2026-11-23T18:13:00.000000001Z" level=info msg="Starting up"\n'


def is_blocked(one: Sidecar, log: Path) -> bool:
    status, text = one.get("/-/ready")
    return status == 503 and f"{log}: open" not in text and "directory" in text


def test_one_blocked_log_of_two_is_named(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    good, bad = tmp_path / "messages", tmp_path / "daemon.log"
    good.write_text(LINE)
    bad.write_text(LINE)
    one = sidecar("--log", str(good), "--log", str(bad))
    wait_for(lambda: one.get("/-/ready")[0] == 200, "both logs")
    bad.rename(tmp_path / "kept")
    bad.mkdir()
    wait_for(lambda: is_blocked(one, bad), "503, and the log's name")
    bad.rmdir()
    (tmp_path / "kept").rename(bad)
    wait_for(lambda: one.get("/-/ready")[0] == 200, "both logs again")
