"""What of the configuration alerting depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from logwatch.model import SECOND
from logwatch.promql import Version


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of alerting."""

    target_labels: Mapping[str, str] = field(default_factory=dict)
    external_labels: Mapping[str, str] = field(default_factory=dict)
    sample_interval_ns: int = 15 * SECOND
    external_url: str = ""
    last_words: int = 0
    """How many of the last lines that a container printed are evidence of its alerts."""
    subquery_step_ns: int = 60 * SECOND
    """Of subqueries that name none."""
    promql: Version = 2
    """Of the expressions that templates ask."""
    replays: bool = False
    """The lines are of the past: nothing measures this process, and all groups follow the log's clock."""
