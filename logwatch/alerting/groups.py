"""Rule groups, checked and compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from logwatch.alerting.templates import Template
from logwatch.model import Mark
from logwatch.promql import Query

ABSENCE = re.compile(r"\babsent(_over_time)?\s*\(")
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`|#[^\n]*')


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alerting rule."""

    name: str
    query: Query
    hold_ns: int
    keep_firing_ns: int
    labels: Mapping[str, Template]
    annotations: Mapping[str, Template]
    mark: Mark


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A recording rule: its result becomes series of that name."""

    name: str
    query: Query
    labels: Mapping[str, str]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other at the same times."""

    name: str
    file: str
    interval_ns: int
    limit: int
    """Alerts or series that one rule may make; 0: any number."""
    rules: tuple[AlertRule | RecordingRule, ...]
    shipped: bool = False


def asks_for_absence(text: str) -> bool:
    """Whether the rule judges what is not there, which nobody knows while the log cannot be read."""
    return ABSENCE.search(LITERAL.sub("", text)) is not None
