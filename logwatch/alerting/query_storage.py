"""What expressions see: the series of the log, what rules recorded, and what only this process can measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from logwatch.alerting.group import Group
from logwatch.alerting.options import Options
from logwatch.alerting.recording_rule import RecordingRule
from logwatch.alerting.series_store import MEASURED, BuildInfo, MeasuredSeries, Owner, SeriesStore
from logwatch.metrics import Registry
from logwatch.metrics.catalog import BUILD_INFO
from logwatch.metrics.changepoints import ChangePoints
from logwatch.metrics.series import Journal
from logwatch.model import SECOND, LabelValues, SampleChange, SeriesView
from logwatch.promql import Labels, LiveQuery, Query, Sample, Scrape, SeriesIndex, compile  # noqa: A004 - as re.compile

GRACE_NS = 120 * SECOND
"""History kept beyond what expressions look back at: an event's own time may be a little ahead of its header's."""
DRAWN = ("docker_api_errors_total", "docker_daemon_log_messages_total")
"""What dashboards draw and no shipped rule reads: kept so shortly here, its past is kept for queries (`OlderPoints`)."""
ALERTS, ALERTS_FOR_STATE = "ALERTS", "ALERTS_FOR_STATE"
OWN = (ALERTS, ALERTS_FOR_STATE)
Points = tuple[Sequence[int], Sequence[float]]


class FixedSeries(Protocol):
    """Series that are known from the first to the last moment, with all their labels."""

    def names(self) -> Iterable[str]:
        """Their names."""

    def select(self, name: str) -> Iterable[tuple[Mapping[str, str], Points, Points]]:
        """Labels, the change points of each series, and those that functions of ranges see."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Series that replace ours of the same names, and queries that `QueryStorage.evaluate` will be asked.

    All groups follow one clock then.
    """

    series: FixedSeries
    queries: tuple[Query, ...] = ()
    whole: bool = False
    """There are no series of lines at all, not even those that are 0 before the first line."""


class QueryStorage:
    """All series by name. `update` takes in what changed since the last call."""

    def __init__(
        self, groups: Sequence[Group], options: Options, registry: Registry, replacement: Replacement | None = None
    ) -> None:
        self.recorded, self.measured = SeriesStore(), MeasuredSeries()
        self._registry = registry
        self._options = options
        recorded = {rule.name for group in groups for rule in group.rules if isinstance(rule, RecordingRule)}
        self._made = (*recorded, *OWN)
        self._replaced = frozenset(replacement.series.names() if replacement else ())
        queries = {rule.query for group in groups for rule in group.rules} | {
            *(replacement.queries if replacement else ())
        }
        self._offsets: dict[Query, int] = {}
        """How much earlier than its group each expression is evaluated, at the most."""
        for group in sorted(groups, key=lambda group: group.query_offset_ns):
            self._offsets.update({rule.query: group.query_offset_ns for rule in group.rules})
        self._names = names = frozenset((*registry.names(), *MEASURED, BUILD_INFO, *self._made, *self._replaced))
        self.reads = {query: query.reads(names) for query in queries}
        """The names that each expression reads."""
        self.read = frozenset(name for each in self.reads.values() for name in each)
        """The names that some expression reads."""
        self.index = SeriesIndex(
            Scrape(
                options.target_labels,
                own_labels=frozenset((*self._made, *self._replaced)),
                sample_interval_ns=options.sample_interval_ns,
                subquery_step_ns=options.subquery_step_ns,
                intervals=_intervals(groups),
            ),
            keeps_unread=replacement is not None,
        )
        self._of_rules = self.read - self._replaced
        of_lines = frozenset(() if replacement and replacement.whole else registry.names())
        self._of_lines = self._of_rules & of_lines - frozenset(self._made)
        self._remember(registry)
        self._replacement = replacement
        self._journal = Journal()

    def _remember(self, registry: Registry) -> None:
        """Keep as much of the past as expressions look back at."""
        reach: dict[str, int] = {}
        for query, names in self.reads.items():
            for name in names:
                look_back_ns = self._offsets.get(query, 0) + (query.look_back_ns(name) or 0)
                reach[name] = max(reach.get(name, 0), look_back_ns + GRACE_NS)
        registry.set_lookback(dict.fromkeys(DRAWN, GRACE_NS) | reach)
        self.recorded.remember({name: reach.get(name, 0) for name in self._made})
        self.measured.remember({name: reach.get(name, 0) for name in MEASURED})

    def begin(self) -> None:
        """Take in what is there from the start; all queries watch by now."""
        replacement = self._replacement
        if replacement is not None:
            for name in self._replaced & self.read:
                for labels, points, sampled in replacement.series.select(name):
                    self.index.add(name, labels, *points, sampled)
        if BUILD_INFO not in self._replaced and not (replacement and replacement.whole):
            self.index.read(BuildInfo())
        for name in self._of_lines:
            for labels, times, values in self._registry.select(name):
                self.index.add(name, labels, times, values, key=tuple(labels.values()))
        if self._of_lines:  # else nothing would empty it
            self._journal = self._registry.journal()

    def close(self) -> None:
        """Take in no more changes."""
        self._journal = Journal()

    def watch(self, query: Query, on_due: Callable[[int], None], offset_ns: int = 0) -> LiveQuery:
        """A query whose result is kept up to date, so much earlier than it is asked for."""
        live = LiveQuery(query, self.index.scrape, on_due, offset_ns=offset_ns)
        self.index.watch(live)
        return live

    def update(self) -> None:
        """Take in the series that changed since the last call."""
        journal = self._journal
        for name, values, points, since_ns in journal:
            if name in self._of_lines and not self._is_known(name, points, since_ns, values):
                labels = zip(self._registry.label_names(name), values, strict=True)
                self.index.add(name, dict(labels), points.times, points.values, key=values)
        journal.clear()
        for store in (self.recorded, self.measured):
            if store.has_changed:
                for points, ((name, *pairs), since_ns) in store.take_changed().items():
                    if name in self._of_rules and not self._is_known(name, points, since_ns):
                        self.index.add(name, dict(pairs), points.times, points.values)

    def _is_known(self, name: str, points: ChangePoints, since_ns: int, key: LabelValues | None = None) -> bool:
        """Pass a change to the index; whether it has the series."""
        if points.times:
            return self.index.touch(name, points.times, since_ns, key)
        self.index.remove(name, points.times, key)
        return True

    def evaluate(self, query: Query, time_ns: int) -> list[Sample] | float:
        """The result of an expression at this time; raises EvaluationError."""
        self.update()
        return query.evaluate_on(self.index, time_ns)

    def ask(self, expression: str, time_ns: int) -> Sequence[Sample]:
        """The result of any expression at this time, over as much of the past as rules look back at; raises PromqlError.

        Series that no rule reads are not in the index: they are read for this one question.
        """
        query = compile(expression, version=self._options.promql)
        index = SeriesIndex(self.index.scrape)
        for name in query.reads(self._names):
            for labels, times, values, sampled in self._select(name):
                index.add(name, labels, times, values, sampled)
        found = query.evaluate_on(index, time_ns)
        return [Sample(Labels(), found)] if isinstance(found, float) else found

    def _select(self, name: str) -> Iterator[tuple[Mapping[str, str], *Points, Points | None]]:
        """The series of a name, wherever they come from."""
        if self._replacement is not None and name in self._replaced:
            for labels, points, sampled in self._replacement.series.select(name):
                yield labels, *points, sampled
            return
        stores: list[SeriesView] = [self.recorded, self.measured, BuildInfo()]
        if self._replacement is None or not self._replacement.whole:
            stores.append(self._registry)
        for store in stores:
            for labels, times, values in store.select(name):
                yield labels, times, values, None

    def measure(self, samples: Iterable[SampleChange], now_ns: int) -> None:
        """Take in what was measured: by the grid of samples, and never ahead of a time that is evaluated."""
        self.measured.measure(self.read, samples, now_ns - now_ns % self._options.sample_interval_ns)

    def write_alerts(self, alerts: Iterable[tuple[Mapping[str, str], str, int]], now_ns: int, owner: Owner) -> None:
        """Make ALERTS and ALERTS_FOR_STATE of the labels, state and begin of what is pending and fires."""
        active = list(alerts)
        states = [({**labels, "alertstate": state}, 1.0) for labels, state, _ in active]
        self.recorded.put(ALERTS, states, now_ns, owner)
        since = [(labels, float(since_ns // SECOND)) for labels, _, since_ns in active]
        self.recorded.put(ALERTS_FOR_STATE, since, now_ns, owner)


def _intervals(groups: Sequence[Group]) -> dict[str, int]:
    """How far apart the samples of what groups make are: of several, the most frequent one decides."""
    intervals: dict[str, int] = {}
    for group in sorted(groups, key=lambda group: -group.interval_ns):
        for rule in group.rules:
            made = (rule.name,) if isinstance(rule, RecordingRule) else OWN
            intervals.update(dict.fromkeys(made, group.interval_ns))
    return intervals
