"""What the tests of rule tests share: run a test file in logwatch, run it in promtool."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from logwatch import rulefiles
from logwatch.build import Builder, cache_dir
from logwatch.config import Config
from logwatch.metrics import Registry
from logwatch.ruletests import Environment, Verdict, load, perform


def house() -> Environment:
    settings = Builder(Config(), Registry(), None).settings()
    return Environment(settings, cache_dir(), lambda event_files: rulefiles.load(event_files))


def verdicts(path: Path) -> list[Verdict]:
    """What logwatch says of a test file that has no mistake."""
    files, mistakes = load([path])
    assert not mistakes, "\n".join(map(str, mistakes))
    return [perform(house(), file, case) for file in files for case in file.cases]


def mistakes(path: Path) -> list[str]:
    """The mistakes of a test file, without its path."""
    return [str(mistake).removeprefix(f"{path}:") for mistake in load([path])[1]]


def passes(path: Path) -> bool:
    return not any(verdict.failures for verdict in verdicts(path))


def got(verdict: Verdict) -> dict[str, tuple[str, ...]]:
    return {failure.what: failure.got for failure in verdict.failures}


def promtool(*arguments: str, folder: Path) -> tuple[int, str]:
    """Exit status and output of `promtool test rules`."""
    done = subprocess.run(
        ["promtool", "test", "rules", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def need_promtool() -> None:
    if shutil.which("promtool") is None:
        assert os.environ.get("CI") != "true", "promtool is not installed, and CI must compare with it"
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
