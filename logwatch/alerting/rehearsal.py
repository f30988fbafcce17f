"""What a test of rules adds to the series that lines make: series of its own, and questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from logwatch.model import SeriesView
from logwatch.promql import Query


class GivenSeries(SeriesView, Protocol):
    """Series with all their labels, known from the first to the last moment."""

    @property
    def touched(self) -> Mapping[str, int]:
        """Sample name to the time of its newest change."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Series by name that stand for those of lines, and expressions that `Alerts.ask` will be asked.

    In a rehearsal there is one clock: groups that read what only a process can measure follow it too.
    """

    given: GivenSeries
    asked: tuple[Query, ...] = ()
    alone: bool = False
    """There are no lines: also what stands at 0 before the first line is not there."""
