"""The series at one evaluation time, indexed by label value and shared by all expressions of the turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
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


class Named:
    """The series of one sample name, and what was found among them: it stays true while none is born or forgotten."""

    __slots__ = ("_postings", "_selected", "generation", "series")

    def __init__(self, series: list[Series], generation: int | None) -> None:
        self.series = series
        self.generation = generation
        self._postings: dict[str, Postings] = {}
        self._selected: dict[tuple[Matcher, ...], list[Series]] = {}

    def select(self, matchers: tuple[Matcher, ...]) -> list[Series]:
        """Those that all matchers accept; the same list for everyone who asks."""
        if not matchers or not self.series:
            return self.series
        found = self._selected.get(matchers)
        if found is None:
            found = self._selected[matchers] = self._select(matchers)
        return found

    def _select(self, matchers: tuple[Matcher, ...]) -> list[Series]:
        first, *others = sorted(matchers, key=lambda matcher: matcher.cost)
        if first.cost == 0 and others:
            equal = [matcher for matcher in matchers if matcher.cost == 0]
            first = min(equal, key=lambda matcher: len(self._posted(matcher.label).get(matcher.value, ())))
            others = [matcher for matcher in matchers if matcher is not first]
        found = self._matching(first)
        for matcher in others:
            found = matcher.keep(found)
        return found

    def _matching(self, matcher: Matcher) -> list[Series]:
        postings = self._posted(matcher.label)
        if matcher.cost == 0:
            return postings.get(matcher.value, [])
        return [series for value, posted in postings.items() if matcher.accepts(value) for series in posted]

    def _posted(self, label: str) -> Postings:
        postings = self._postings.get(label)
        if postings is None:
            postings = self._postings[label] = {}
            for series in self.series:
                postings.setdefault(series.labels.get(label, ""), []).append(series)
        return postings


class Scrape:
    """How a Prometheus would hold our series: their target labels and the times of their samples.

    `extra_labels` are attached to every series as a scrape attaches target labels: a label of
    the series that has the same name moves to `exported_<name>`. Series of the names in
    `own_labels` (what recording rules made, ALERTS) keep just their own; the samples of those in
    `intervals` lie as far apart as their rules are evaluated. Lives as long as the configuration:
    label sets are made once, not once a turn. So is what selectors find, for names of which
    `generation` tells a number that changes when one of their series is born or forgotten; the lists
    of its change points must then stay the same objects.
    """

    def __init__(
        self,
        extra_labels: Mapping[str, str],
        *,
        own_labels: Collection[str] = frozenset(),
        sample_interval_ns: int = SAMPLE_INTERVAL_NS,
        subquery_step_ns: int = SUBQUERY_STEP_NS,
        intervals: Mapping[str, int] | None = None,
        generation: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        self.sample_interval_ns = sample_interval_ns
        self.subquery_step_ns = subquery_step_ns
        self._extra_labels = {name: value for name, value in extra_labels.items() if value}
        self._own_labels = own_labels
        self._intervals = intervals or {}
        self._generation = generation
        self._named: dict[str, Named] = {}
        self._known: dict[str, dict[tuple[tuple[str, str], ...], Labels]] = {}

    def interval_ns(self, name: str | None) -> int:
        """Between two samples of the series of that name."""
        return self._intervals.get(name or "", self.sample_interval_ns)

    def named(self, view: SeriesView, name: str) -> Named:
        """The series of that sample name, with all their labels."""
        generation, held = self._generation(name), self._named.get(name)
        if held is None or generation is None or held.generation != generation:
            held = self._named[name] = Named(self._read(view, name), generation)
        return held

    def _read(self, view: SeriesView, name: str) -> list[Series]:
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
        self._names: dict[str, Named] = {}

    def select(self, selector: Selector) -> list[Series]:
        """The series that a selector matches; the same list for everyone who asks."""
        if selector.name is not None:
            return self._named(selector.name).select(selector.matchers)
        names = [name for name in self._view.names() if selector.reads(name)]
        return [series for name in names for series in self._named(name).select(selector.matchers)]

    def forget(self, name: str) -> None:
        """Read the series of that name anew: a recording rule of this turn has just changed them."""
        self._names.pop(name, None)

    def _named(self, name: str) -> Named:
        found = self._names.get(name)
        if found is None:
            found = self._names[name] = self.scrape.named(self._view, name)
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
