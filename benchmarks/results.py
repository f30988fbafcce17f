"""Writes the figures of a full run to a file, with what they were measured on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import logwatch
from benchmarks.bench import Bench, Verdict


def write(path: Path, verdicts: Sequence[Verdict], bench: Bench) -> None:
    """Write a table of all verdicts."""
    rows = [f"| {each.what} | {each.figure_text} | {each.budget_text} | {each.verdict} |" for each in verdicts]
    path.write_text("\n".join([*_heading(bench), "", "| what | measured | budget | |", "|---|---|---|---|", *rows, ""]))


def _heading(bench: Bench) -> list[str]:
    load = os.getloadavg()
    return [
        "# Results of `make bench`",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {bench.lines:,} lines, {bench.rounds} rounds.",
        f"{_processor()}, {os.cpu_count()} cores, load {load[0]:.1f} at the end; {platform.system()} {platform.machine()}.",
        f"logwatch {logwatch.__version__}, Python {platform.python_version()}, hyperscan {version('hyperscan')},"
        f" google-re2 {version('google-re2')}; {_first_line('grep', '--version')}; {_first_line('mtail', '--version')}.",
        "",
        "mtail does less (no events, no state over a restart, no alerts) and is faster where its row says less than 1 ×.",
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.processor() or "unknown processor"


def _first_line(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return f"no {command[0]}"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return next(iter((done.stdout or done.stderr).splitlines()), command[0])
