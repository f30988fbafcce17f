"""All series by what selectors ask for, kept up to date as series come, change and go.

    index = SeriesIndex(Scrape({"job": "logwatch", "instance": "host:9765"}))
    index.read(view)                      # once; from then on add, touch and remove
    query.evaluate_on(index, time_ns)

A `LiveQuery` that watches the index hears of each change of a series that it selects.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from logwatch.model import SECOND, SeriesView
from logwatch.promql.matchers import Selector
from logwatch.promql.values import METRIC_NAME, Labels

SAMPLE_INTERVAL_NS = 15 * SECOND
SUBQUERY_STEP_NS = 60 * SECOND

Times = Sequence[int]
Values = Sequence[float]


class Series(NamedTuple):
    """One series with all its labels and its change points."""

    labels: Labels
    times: Times
    values: Values
    sampled_times: Times
    sampled_values: Values
    """What functions of ranges see: the same, but for series that are given by their samples."""


class Scrape:
    """How a Prometheus would hold our series: their target labels and the times of their samples.

    `extra_labels` are attached to every series as a scrape attaches target labels: a label of
    the series that has the same name moves to `exported_<name>`. Series of the names in
    `own_labels` (what recording rules made, ALERTS) keep just their own; the samples of those in
    `intervals` lie as far apart as their rules are evaluated.
    """

    def __init__(
        self,
        extra_labels: Mapping[str, str],
        *,
        own_labels: Collection[str] = frozenset(),
        sample_interval_ns: int = SAMPLE_INTERVAL_NS,
        subquery_step_ns: int = SUBQUERY_STEP_NS,
        intervals: Mapping[str, int] | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.sample_interval_ns = sample_interval_ns
        self.subquery_step_ns = subquery_step_ns
        self._extra_labels = {name: value for name, value in extra_labels.items() if value}
        self._own_labels = own_labels
        self._intervals = intervals or {}
        self.check = check
        """Called between the parts of a long evaluation; raises what is to end it."""

    def interval_ns(self, name: str | None) -> int:
        """Between two samples of the series of that name."""
        return self._intervals.get(name or "", self.sample_interval_ns)

    def labelled(self, name: str, own: Mapping[str, str]) -> Labels:
        """All labels of a series."""
        extra = {} if name in self._own_labels else self._extra_labels
        labels = Labels(own)
        if not extra.keys().isdisjoint(labels):
            _export(labels, extra)
        labels.update(extra)
        labels[METRIC_NAME] = name
        if "" in labels.values():
            labels = Labels({label: value for label, value in labels.items() if value})
        return labels


def _export(labels: Labels, extra: Mapping[str, str]) -> None:
    """Make room for target labels, as Prometheus does without `honor_labels` (scrape.go, mutateSampleLabels)."""
    for name in extra:
        value = labels.pop(name, "")
        if value:
            moved = f"exported_{name}"
            while moved in labels or moved in extra:
                moved = f"exported_{moved}"
            labels[moved] = value


class Watcher(Protocol):
    """Keeps a result up to date."""

    @property
    def selectors(self) -> Iterable[Selector]:
        """What it reads."""

    def add(self, series: Series, numbers: Sequence[int], since_ns: int) -> Any:
        """A series came that the selectors of these numbers select; return the place it has here."""

    def touch(self, place: Any, since_ns: int) -> None:
        """The series of a place is another one from that time on."""

    def remove(self, series: Series, place: Any) -> None:
        """Such a series is gone: it has no change points any more."""


class _Known(NamedTuple):
    series: Series
    watchers: Sequence[tuple[Watcher, Any]]
    """With the place that each gave it."""


_UNREAD = _Known(Series(Labels(), (), (), (), ()), ())
"""In place of a series that nobody reads."""
Candidate = tuple[Watcher, int, Selector]
"""A selector of a watcher, with its number there."""


class _Selectors:
    """The selectors that may select series of a name, by a label and value that they demand."""

    def __init__(self, name: str, watchers: Iterable[Watcher]) -> None:
        self.by_pair: dict[tuple[str, str], list[Candidate]] = {}
        self.others: list[Candidate] = []
        for watcher in watchers:
            for number, selector in enumerate(watcher.selectors):
                if selector.reads(name):
                    pair = next((pair for pair in selector.demanded() if pair[1]), None)
                    kept = self.others if pair is None else self.by_pair.setdefault(pair, [])
                    kept.append((watcher, number, selector))

    def selecting(self, labels: Labels) -> dict[Watcher, list[int]]:
        """The watchers of a series with these labels, and the numbers of their selectors that select it."""
        found: dict[Watcher, list[int]] = {}
        candidates = [self.by_pair[pair] for pair in labels.items() if pair in self.by_pair]
        for watcher, number, selector in itertools.chain(self.others, *candidates):
            if selector.accepts(labels):
                found.setdefault(watcher, []).append(number)
        return found


class SeriesIndex:
    """The series by name, and the watchers of each."""

    def __init__(self, scrape: Scrape, *, keeps_unread: bool = True) -> None:
        """Without `keeps_unread` only the series stay that a watcher reads; all watch before the first is added."""
        self.scrape = scrape
        self._keeps_unread = keeps_unread
        self._series: dict[str, dict[Hashable, _Known]] = {}
        self._watchers: list[Watcher] = []
        self._selectors: dict[str, _Selectors] = {}

    def read(self, view: SeriesView) -> None:
        """Add all series of a view."""
        for name in view.names():
            for own, times, values in view.select(name):
                self.add(name, own, times, values)

    def watch(self, watcher: Watcher) -> None:
        """Pass the series that it selects to a watcher, from those that exist already on."""
        self._watchers.append(watcher)
        self._selectors.clear()
        for name, known in self._series.items():
            selectors = _Selectors(name, [watcher])
            for key, (series, watchers) in known.items():
                for numbers in selectors.selecting(series.labels).values():
                    known[key] = _Known(series, (*watchers, (watcher, watcher.add(series, numbers, 0))))

    def add(
        self,
        name: str,
        own: Mapping[str, str],
        times: Times,
        values: Values,
        sampled: tuple[Times, Values] | None = None,
        key: Hashable = None,
    ) -> None:
        """Add a series; from now on its key identifies it, or the list of its times if it has none."""
        if not times:
            return
        selectors = self._selectors.get(name)
        if selectors is None:
            selectors = self._selectors[name] = _Selectors(name, self._watchers)
        labels = self.scrape.labelled(name, own)
        found = selectors.selecting(labels)
        if not found and not self._keeps_unread:
            self._series.setdefault(name, {})[_identity(key, times)] = _UNREAD
            return
        series = Series(labels, times, values, *(sampled or (times, values)))
        places = tuple([(watcher, watcher.add(series, numbers, times[0])) for watcher, numbers in found.items()])
        self._series.setdefault(name, {})[_identity(key, times)] = _Known(series, places)

    def touch(self, name: str, times: Times, since_ns: int = 0, key: Hashable = None) -> bool:
        """Pass on that a series differs from that time on; False if it is not known, with these change points."""
        known = self._series.get(name, {}).get(_identity(key, times))
        if known is None:
            return False
        if known.series.times is not times and known is not _UNREAD:
            self.remove(name, times, key)
            return False
        for watcher, place in known.watchers:
            watcher.touch(place, since_ns)
        return True

    def remove(self, name: str, times: Times, key: Hashable = None) -> None:
        """Remove a series that has no change points any more."""
        known = self._series.get(name, {}).pop(_identity(key, times), None)
        if known is not None:
            for watcher, place in known.watchers:
                watcher.remove(known.series, place)

    def select(self, selector: Selector) -> list[Series]:
        """The series that a selector matches."""
        names = (
            [selector.name] if selector.name is not None else [name for name in self._series if selector.reads(name)]
        )
        return [
            known.series
            for name in names
            for known in self._series.get(name, {}).values()
            if selector.accepts(known.series.labels)
        ]


def _identity(key: Hashable, times: Times) -> Hashable:
    """What a series is known by: several series may share one list of times."""
    return id(times) if key is None else key
