"""Rule groups, checked and compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from logwatch.alerts.templates import Template
from logwatch.model import Mark
from logwatch.promql import Query

# What is always so as long as no series changes; all other functions see time go by.
STEADY_FUNCTIONS = frozenset(
    {
        "increase",
        "rate",
        "absent",
        "vector",
        "scalar",
        "abs",
        "ceil",
        "floor",
        "round",
        "clamp",
        "clamp_min",
        "clamp_max",
        "sort",
        "sort_desc",
        "label_replace",
        "label_join",
        "histogram_quantile",
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "group",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "quantile",
        "count_values",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "and",
        "or",
        "unless",
        "bool",
        "exp",
        "ln",
        "log2",
        "log10",
        "sqrt",
        "sgn",
        "max_over_time",
        "min_over_time",
        "avg_over_time",
        "last_over_time",
        "present_over_time",
        "changes",
        "resets",
    }
)
CALLED = re.compile(r"([A-Za-z_]+)\s*\(")
ABSENCE = re.compile(r"\babsent(_over_time)?\s*\(")
SUBQUERY = re.compile(r"\[[^\]]*:")
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


def is_steady(text: str) -> bool:
    """Whether the result stays as it is for as long as no series changed within its look-back."""
    bare = LITERAL.sub("", text)
    return SUBQUERY.search(bare) is None and all(name.lower() in STEADY_FUNCTIONS for name in CALLED.findall(bare))


def asks_for_absence(text: str) -> bool:
    """Whether the rule judges what is not there, which nobody knows while the log cannot be read."""
    return ABSENCE.search(LITERAL.sub("", text)) is not None
