"""The series at one evaluation time, indexed by label value and shared by all expressions of the turn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from logwatch.model import SeriesView
from logwatch.promql.matchers import Matcher, Selector
from logwatch.promql.values import METRIC_NAME, SECOND, Labels

SAMPLE_INTERVAL_NS = 15 * SECOND
SUBQUERY_STEP_NS = 60 * SECOND


class Series(NamedTuple):
    """One series with all its labels, and its change points."""

    labels: Labels
    times: Sequence[int]
    values: Sequence[float]


Postings = dict[str, list[Series]]
"""The series by the value of one label; those that lack it stand under the empty value."""


class Scrape:
    """How a Prometheus would hold our series: their target labels and the times of their samples.

    `extra_labels` are attached to every series as a scrape attaches target labels: a label of
    the series that has the same name moves to `exported_<name>`. Series of the names in
    `own_labels` (what recording rules made, ALERTS) keep just their own; the samples of those in
    `intervals` lie as far apart as their rules are evaluated. Lives as long as the configuration:
    label sets are made once, not once a turn.
    """

    def __init__(
        self,
        extra_labels: Mapping[str, str],
        *,
        own_labels: Collection[str] = frozenset(),
        sample_interval_ns: int = SAMPLE_INTERVAL_NS,
        subquery_step_ns: int = SUBQUERY_STEP_NS,
        intervals: Mapping[str, int] | None = None,
    ) -> None:
        self.sample_interval_ns = sample_interval_ns
        self.subquery_step_ns = subquery_step_ns
        self._extra_labels = {name: value for name, value in extra_labels.items() if value}
        self._own_labels = own_labels
        self._intervals = intervals or {}
        self._known: dict[str, dict[tuple[tuple[str, str], ...], Labels]] = {}

    def interval_ns(self, name: str | None) -> int:
        """Between two samples of the series of that name."""
        return self._intervals.get(name or "", self.sample_interval_ns)

    def read(self, view: SeriesView, name: str) -> list[Series]:
        """The series of that sample name, with all their labels."""
        extra = {} if name in self._own_labels else self._extra_labels
        before, now = self._known.get(name, {}), {}
        found = []
        for own, times, values in view.select(name):
            if times:
                key = tuple(own.items())
                labels = now[key] = before.get(key) or _labelled(name, own, extra)
                found.append(Series(labels, times, values))
        self._known[name] = now
        return found


class Snapshot:
    """All expressions of one evaluation time look at the series through one of these."""

    def __init__(self, view: SeriesView, time_ns: int, scrape: Scrape) -> None:
        self.time_ns = time_ns
        self.scrape = scrape
        self._view = view
        self._series: dict[str, list[Series]] = {}
        self._postings: dict[tuple[str, str], Postings] = {}
        self._selected: dict[Selector, list[Series]] = {}

    def select(self, selector: Selector) -> list[Series]:
        """The series that a selector matches; the same list for everyone who asks."""
        found = self._selected.get(selector)
        if found is None:
            if selector.name is not None:
                found = self._select(selector.name, selector.matchers)
            else:
                names = [name for name in self._view.names() if selector.reads(name)]
                found = [series for name in names for series in self._select(name, selector.matchers)]
            self._selected[selector] = found
        return found

    def forget(self, name: str) -> None:
        """Read the series of that name anew: a recording rule of this turn has just changed them."""
        self._series.pop(name, None)
        self._postings = {key: postings for key, postings in self._postings.items() if key[0] != name}
        self._selected = {selector: series for selector, series in self._selected.items() if not selector.reads(name)}

    def _select(self, name: str, matchers: Sequence[Matcher]) -> list[Series]:
        found = self._named(name)
        if not matchers or not found:
            return found
        first, *others = sorted(matchers, key=lambda matcher: matcher.cost)
        if first.cost == 0 and others:
            equal = [matcher for matcher in matchers if matcher.cost == 0]
            first = min(equal, key=lambda matcher: len(self._posted(name, matcher.label).get(matcher.value, ())))
            others = [matcher for matcher in matchers if matcher is not first]
        found = self._matching(name, first)
        for matcher in others:
            found = matcher.keep(found)
        return found

    def _matching(self, name: str, matcher: Matcher) -> list[Series]:
        postings = self._posted(name, matcher.label)
        if matcher.cost == 0:
            return postings.get(matcher.value, [])
        return [series for value, posted in postings.items() if matcher.accepts(value) for series in posted]

    def _posted(self, name: str, label: str) -> Postings:
        postings = self._postings.get((name, label))
        if postings is None:
            postings = self._postings[name, label] = {}
            for series in self._named(name):
                postings.setdefault(series.labels.get(label, ""), []).append(series)
        return postings

    def _named(self, name: str) -> list[Series]:
        found = self._series.get(name)
        if found is None:
            found = self._series[name] = self.scrape.read(self._view, name)
        return found


def _labelled(name: str, own: Mapping[str, str], extra: Mapping[str, str]) -> Labels:
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
