"""The shipped alert files with every duration divided, so that what takes an hour takes four minutes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from logwatch.notation import duration, nanoseconds
from logwatch.rulefiles.files import rules_folder

DURATION = re.compile(r"(?<=\[|\s)(?P<length>\d+(?:ms|[smhd]))(?=[\])\s])")
SECONDS = re.compile(r"(?<=[-<>*] )(?P<seconds>60|300|900|3600|7200|86400)\b(?! \*)")
MADE_UP = re.compile(
    r"\b(?=docker_storage_|docker_container_(?:writable|log)_|logwatch_(?:commit_|notifications_|engine_upgrade_|unknown_line_groups_since_|source_(?:pending|last)))"
)
"""Metrics that a test cannot move: those of a disk that fills up, of a full queue or a log of two silent hours."""
MOST_HELD = 60_000
"""An alert that is pending for an hour is pending for a minute, not for four."""


def write(folder: Path, divisor: int) -> dict[str, int]:
    """Write the files into `folder`; returns the interval of each alert's group in milliseconds."""
    intervals: dict[str, int] = {}
    for path in sorted((rules_folder() / "alerts").glob("*.yml")):
        content = yaml.safe_load(path.read_text())
        for group in content["groups"]:
            group["interval"] = _divided(group["interval"], divisor)
            for rule in group["rules"]:
                _scale(rule, divisor)
                intervals[rule["alert"]] = int(group["interval"].removesuffix("ms"))
        (folder / path.name).write_text(json.dumps(content))
    return intervals


def _scale(rule: dict[str, Any], divisor: int) -> None:
    for key in {"for", "keep_firing_for"} & rule.keys():
        rule[key] = _divided(rule[key], divisor, most=MOST_HELD if divisor > 1 else None)
    expr = DURATION.sub(lambda found: _divided(found["length"], divisor), rule["expr"])
    if divisor > 1:
        expr = SECONDS.sub(lambda found: f"{int(found['seconds']) / divisor:g}", expr)
    rule["expr"] = MADE_UP.sub("made_up_", expr)


def _divided(length: str, divisor: int, *, most: int | None = None) -> str:
    milliseconds = nanoseconds(duration(length)) // 1_000_000 // divisor
    return f"{milliseconds if most is None else min(milliseconds, most)}ms"
