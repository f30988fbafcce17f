"""What one turn of the loop brought, to be committed in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from logwatch.model import LabelValues, Outcome, SampleChange

Rows = dict[tuple[str, str], str | None]
"""(Part, key) to JSON; None deletes the row."""


@dataclass(slots=True)
class Turn:
    """Changes since the last turn. Turns whose commit failed merge with the next one."""

    sources: Rows = field(default_factory=dict)
    """(Source, key) to JSON: the positions."""
    stages: Rows = field(default_factory=dict)
    """(Stage, key) to JSON."""
    series: list[SampleChange] = field(default_factory=list)
    points: list[SampleChange] = field(default_factory=list)
    """Change points of the series that rules look back at."""
    horizons: Mapping[str, int] = field(default_factory=dict)
    """Sample name to the time (ns) before which its change points may go."""
    outcomes: list[Outcome] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    clock_ns: int = 0
    """The log's clock: no event counts as newer when the history is cut. 0: not known."""

    def __bool__(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.sources or self.stages or self.series or self.points or self.outcomes or self.meta)

    def merge(self, later: Turn) -> None:
        """Take in what a later turn brought; committing the result equals committing both in order."""
        self.sources.update(later.sources)
        self.stages.update(later.stages)
        if self.series and later.series:  # of a series that moved in both, the last word is enough
            latest: dict[tuple[str, LabelValues], SampleChange] = {}
            for change in (*self.series, *later.series):
                latest[change.family, change.labels] = change
            self.series = list(latest.values())
        else:
            self.series = self.series or later.series
        self.points.extend(later.points)
        self.horizons = {**self.horizons, **later.horizons}
        self.outcomes.extend(later.outcomes)
        self.meta.update(later.meta)
        self.clock_ns = max(self.clock_ns, later.clock_ns)
