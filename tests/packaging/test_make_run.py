"""`make run` follows the log that the host has, and shows a recorded host where there is none to read."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOGS = ("/var/log/messages", "/var/log/syslog")


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("journal", "arguments", "command"),
    [
        ("", [], "demo"),
        ("echo a line", [], "run --state-dir .make/state"),
        ("", ["LOG=x"], "run --state-dir .make/state --log x"),
    ],
    ids=["an empty journal", "a journal", "a log that is named"],
)
def test_what_make_run_runs(
    tmp_path: Path, need: Callable[..., None], journal: str, arguments: list[str], command: str
) -> None:
    need("make")
    for name in ("Makefile", "pyproject.toml", "deploy/constraints.txt", "scripts/venv.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for path, does in ((".venv/bin/logwatch", 'echo ran "$@"'), ("bin/journalctl", journal)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / path).chmod(0o755)
    (tmp_path / ".make").mkdir()
    (tmp_path / ".make/run").touch()
    if command == "demo" and any(os.access(log, os.R_OK) for log in LOGS):
        command = "run --state-dir .make/state"

    done = subprocess.run(
        ["make", "--no-print-directory", "run", *arguments],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},  # without what an outer make hands on
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["ran", *command.split()], done.stderr
