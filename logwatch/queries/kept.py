"""All series that a query can read, by sample name: committed, recorded by rules, sampled, and alerts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from logwatch.alerting import Report
from logwatch.alerting.query_storage import ALERTS
from logwatch.alerting.series_store import BuildInfo, SeriesStore
from logwatch.metrics.catalog import BUILD_INFO, PROCESS, SAMPLED
from logwatch.model import Family
from logwatch.queries.sampled import SampledSeries
from logwatch.store import History, state_table

Selected = tuple[Mapping[str, str], Sequence[int], Sequence[float]]
NAN = float("nan")


class KeptSeries:
    """As `model.SeriesView`, over one commit; `sampled` and `report` only the process that follows a log has."""

    def __init__(
        self,
        history: History,
        families: Iterable[Family],
        sampled: SampledSeries | None = None,
        report: Report | None = None,
    ) -> None:
        self._history = history
        self._sampled = sampled
        self._report = report or Report()
        history.freeze()
        self._recorded = SeriesStore()
        state_table.restore((self._recorded.table,), history.rows("alerts", self._recorded.table.prefix))
        self._recorded.restored()
        self.families = {family.name: family for family in (*families, *SAMPLED, *PROCESS)}
        self._labels = {
            sample: labels for family in self.families.values() for sample, labels in family.samples().items()
        }

    @property
    def own(self) -> Collection[str]:
        """The names whose series get no target labels: rules made them."""
        return {ALERTS, *self._recorded.names()}

    def names(self) -> list[str]:
        """Every sample name."""
        return [*self._labels, *(name for name in self.own if name not in self._labels)]

    def select(self, name: str) -> Iterator[Selected]:
        """Yield every series of a sample name; raises TooManyPointsError."""
        if name == ALERTS:
            yield from self._alerts()
        elif name == BUILD_INFO:
            yield from BuildInfo().select(name)
        elif name in self._recorded.names():
            yield from self._recorded.select(name)
        else:
            keys = self._labels.get(name, ())
            for labels, times, values in self._points(name):
                if len(labels) == len(keys):
                    yield dict(zip(keys, labels, strict=True)), times, values

    def _points(self, name: str) -> Iterator[tuple[tuple[str, ...], Sequence[int], Sequence[float]]]:
        """The change points that are kept, else samples, else the last value, which then counts for all time."""
        found = [(labels, *points) for labels, points in self._history.points(name)]
        if not found and self._sampled is not None:
            found = [(labels, list(times), list(values)) for labels, times, values in self._sampled.select(name)]
        yield from found or ((labels, [0], [value]) for labels, value in self._history.series(name).items())

    def _alerts(self) -> Iterator[Selected]:
        for active in self._report.alerts:
            yield {**active.labels, "alertstate": active.state}, (active.active_ns,), (1.0,)
        for past in self._report.past:
            if past.ends_ns is not None and past.ends_ns > past.starts_ns:
                yield {**past.labels, "alertstate": "firing"}, (past.starts_ns, past.ends_ns), (1.0, NAN)
