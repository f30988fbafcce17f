"""What expressions see: the series of the log, what rules recorded, and what only this process can measure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from logwatch.alerting.alerting_rule import Active
from logwatch.alerting.group import OWN, Circle, extend, intervals_of
from logwatch.alerting.groups import Group, RecordingRule
from logwatch.alerting.measurements import MEASURED, BuildInfo, measure
from logwatch.alerting.memory import Memory, Together
from logwatch.alerting.rehearsal import Rehearsal
from logwatch.alerting.terms import Terms
from logwatch.metrics import Registry
from logwatch.metrics.catalog import BUILD_INFO
from logwatch.model import SECOND, SampleChange
from logwatch.promql import Query, Sample, Scrape, Snapshot


class Sight:
    """All series by name; it begins when `watch` has told who looks at what."""

    def __init__(self, groups: Sequence[Group], terms: Terms, series: Registry, rehearsal: Rehearsal | None) -> None:
        self.recorded, self.measured = Memory(), Memory()
        given = rehearsal.given if rehearsal else Memory()
        rules = {rule.name for group in groups for rule in group.rules if isinstance(rule, RecordingRule)}
        self._made = (*rules, *OWN)
        self._series = series
        self._sample_interval_ns = terms.sample_interval_ns
        alone = rehearsal is not None and rehearsal.alone
        build_info = () if alone else (BuildInfo(),)
        self._view = Together((given, self.recorded, self.measured, *build_info), Memory() if alone else series)
        self._touches = (series.touched, self.recorded.touched, self.measured.touched, given.touched)
        self.names = frozenset((*series.names(), *MEASURED, BUILD_INFO, *self._made, *given.names()))
        """Those that an expression may read."""
        self._asked = {query: query.reads(self.names) for query in (rehearsal.asked if rehearsal else ())}
        self.read: frozenset[str] = frozenset()
        """The names that some expression does read."""
        self._scrape = Scrape(
            terms.target_labels,
            own_labels=frozenset((*self._made, *given.names())),
            sample_interval_ns=terms.sample_interval_ns,
            subquery_step_ns=terms.subquery_step_ns,
            intervals=intervals_of(groups),
            generation=self._generation,
        )

    def watch(self, circles: Iterable[Circle]) -> None:
        """Keep as much of the past as these rules look back at."""
        read = [(course.rule.query, course.names) for circle in circles for course in circle.courses]
        read += self._asked.items()
        reach: dict[str, int] = {}
        for query, names in read:
            extend(reach, query, names)
        self.read = frozenset(name for _, names in read for name in names)
        self._series.set_lookback(reach)
        self.recorded.look_back_ns = {name: reach.get(name, 0) for name in self._made}
        self.measured.look_back_ns = {name: reach.get(name, 0) for name in MEASURED}

    def _generation(self, name: str) -> int | None:
        """As `Scrape` asks: only the series of the log keep their lists of change points."""
        return self._series.generation(name) if self._view.belongs_to_last(name) else None

    def at(self, time_ns: int) -> Snapshot:
        """All series as they are at this time."""
        return Snapshot(self._view, time_ns, self._scrape)

    def ask(self, query: Query, time_ns: int) -> list[Sample] | float:
        """The result of an expression of the rehearsal at this time; raises EvaluationError."""
        return query.evaluate_in(self.at(time_ns))

    def touched(self, names: Iterable[str]) -> int:
        """When a series of these names last changed."""
        return max((touched.get(name, 0) for touched in self._touches for name in names), default=0)

    def records(self, names: Collection[str]) -> bool:
        """Whether one of these names was ever recorded."""
        return not self.recorded.touched.keys().isdisjoint(names)

    def take_in(self, samples: Iterable[SampleChange], now_ns: int) -> None:
        """Take in what was measured: by the grid of samples, and never ahead of a time that is evaluated."""
        measure(self.measured, self.read, samples, now_ns - now_ns % self._sample_interval_ns)

    def show(self, alerts: Sequence[Active], now_ns: int) -> None:
        """Make ALERTS and ALERTS_FOR_STATE of what is pending and fires."""
        self.recorded.put(OWN[0], [({**alert.labels, "alertstate": alert.state}, 1.0) for alert in alerts], now_ns)
        self.recorded.put(OWN[1], [(alert.labels, alert.active_ns // SECOND) for alert in alerts], now_ns)
