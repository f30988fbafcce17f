"""The committed series as Prometheus reads them.

The thread that owns the series hands over what each commit changed and goes on at once; the
thread that answers a scrape takes these changes in and writes the page. It keeps a finished
line for every series that is not 0, so that a scrape of many thousand series joins texts and formats only
what moved. prometheus-client's renderer renders every line again, which takes three times as
long; its parser checks ours in the tests, and it measures the process.

Text format 0.0.4 and OpenMetrics 1.0 differ in the names of counters and in the end of the page:
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import threading
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from math import isfinite
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.registry import Collector

from logwatch.metrics.catalog import SAMPLED
from logwatch.model import SECOND, Family, LabelValues, SampleChange

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_HISTOGRAM = ("_bucket", "_count", "_sum")
# Changes that wait for a scrape; with more, the owner takes them in itself, so that a process
# nobody scrapes does not grow.
_MOST_WAITING = 5_000
# One call of sort() lets no other thread run until it is done.
_SORT_AT_ONCE = 5_000
_FEW = 200
# Lines that are written together; all at once leave holes in the heap.
_WRITTEN_AT_ONCE = 500

Key = tuple[Any, ...]
"""Label values; of a histogram's samples these, the bound of the bucket and the suffix: in this order the lines stand."""
_NO_BOUND = float("inf")


class _Page:
    """The lines of one metric. A line is all that is kept of a series: its value is at the end.

    Most counters of containers never move: of a series at 0 not even the line is kept.
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self._has_buckets = family.kind == "histogram"
        pairs = ",".join(f'{name}="%s"' for name in family.labels)
        self._zero = f"{family.name}{{{pairs}}} 0.0\n"
        self._keeps_zeros = self._has_buckets or not pairs
        self.lines: dict[Key, str | None] = {}
        """None: the series is at 0."""
        self._has_created = family.kind == "counter" and family.name.endswith("_total")
        self._order: list[Key] = []
        self._fresh: dict[Key, None] = {}
        """Series that came since `_order` was made."""
        self._gone = False
        self.created: dict[Key, str] = {}
        """By series of a counter the line that says when it began at 0, of those that began while somebody watched."""

    def put(self, suffix: str, labels: LabelValues, value: float | None, began_ns: int | None = None) -> None:
        """Take a new value in, or (None) the end of a series; `began_ns` is when it began, should it be a new one."""
        key = self._key(suffix, labels)
        if value is None:
            if key in self.lines:
                del self.lines[key]
                self._fresh.pop(key, None)
                self.created.pop(key, None)
                self._gone = True
            return
        if key not in self.lines:
            self._fresh[key] = None
            if began_ns and self._has_created:
                self.created[key] = self._created(labels, began_ns)
        written = number(value)
        if written == "0.0" and not self._keeps_zeros:
            self.lines[key] = None
            return
        line = self.lines.get(key)
        prefix = self._prefix(suffix, labels) if line is None else line[: line.rindex(" ") + 1]
        self.lines[key] = f"{prefix}{written}\n"

    def _key(self, suffix: str, labels: LabelValues) -> Key:
        if not self._has_buckets:  # of tens of thousands of series nothing else has to be kept
            return labels
        return (labels[:-1], float(labels[-1]), suffix) if suffix == "_bucket" else (labels, _NO_BOUND, suffix)

    def parts(self, key: Key) -> tuple[LabelValues, float, str]:
        """Return label values, bound and suffix."""
        if not self._has_buckets:
            return key, _NO_BOUND, ""
        labels, bound, suffix = key
        return labels, bound, suffix

    def value(self, key: Key) -> float:
        """Return the value of a series."""
        line = self.lines[key]
        return 0.0 if line is None else float(line[line.rindex(" ") + 1 :])

    def header(self, *, openmetrics: bool) -> str:
        """Return the lines that say what the metric is."""
        if not openmetrics:
            name = self.family.name
            return f"# HELP {name} {_escape_help(self.family.help)}\n# TYPE {name} {self.family.kind}\n"
        return openmetrics_header(self.family)

    def text(self, *, openmetrics: bool) -> str:
        """Return the metric's part of the page; nothing while it has no series."""
        if not self.lines:
            return ""
        keys = self.ordered()
        starts = range(0, len(keys), _WRITTEN_AT_ONCE)
        written = [self._lines(keys[start : start + _WRITTEN_AT_ONCE], openmetrics=openmetrics) for start in starts]
        return self.header(openmetrics=openmetrics) + "".join(written)

    def _lines(self, keys: Sequence[Key], *, openmetrics: bool) -> str:
        lines, zero, created = self.lines, self._zero, self.created
        texts = [lines[key] or zero % tuple(map(escape, key)) for key in keys]
        if openmetrics and created:
            texts = [text + created.get(key, "") for text, key in zip(texts, keys, strict=True)]
        return "".join(texts)

    def ordered(self) -> Sequence[Key]:
        """Return the keys of all lines in order."""
        fresh, self._fresh = self._fresh, {}
        if self._gone:  # what ended and began again stands in both
            self._order = [key for key in self._order if key in self.lines and key not in fresh]
            self._gone = False
        if len(fresh) < _FEW:
            for key in fresh:
                insort(self._order, key)
        else:
            keys = list(fresh)
            runs = [sorted(keys[start : start + _SORT_AT_ONCE]) for start in range(0, len(keys), _SORT_AT_ONCE)]
            self._order = list(merge(self._order, *runs))
        return self._order

    def _created(self, labels: LabelValues, began_ns: int) -> str:
        """Write when a counter began at 0: in OpenMetrics a sample of its own beside the total."""
        milliseconds = began_ns // (SECOND // 1000)
        name = f"{self.family.name.removesuffix('_total')}_created"
        return f"{name}{self._prefix('', labels).removeprefix(self.family.name)}{milliseconds / 1000!r}\n"

    def _prefix(self, suffix: str, labels: LabelValues) -> str:
        names = (*self.family.labels, "le") if suffix == "_bucket" else self.family.labels
        pairs = ",".join(f'{name}="{escape(value)}"' for name, value in zip(names, labels, strict=True))
        return f"{self.family.name}{suffix}{{{pairs}}} " if pairs else f"{self.family.name}{suffix} "


class Published(Collector):
    """The values of the last commit. `apply` and `declare` are the owner's; all else may be called by any thread."""

    def __init__(self, families: Iterable[Family] = (), *, created: bool = False) -> None:
        """With `created`, OpenMetrics says of counters that begin from now on when they did."""
        self._keeps_created = created
        self._lock = threading.Lock()
        self._waiting: deque[Sequence[SampleChange] | Sequence[Family]] = deque()
        self._count = 0
        self._pages: dict[str, _Page] = {}
        self._samples: dict[str, tuple[_Page, str]] = {}
        self.declare(families)

    def declare(self, families: Iterable[Family]) -> None:
        """Make these the metrics there are; series of those that were so before stay."""
        self._waiting.append(list(families))

    def apply(self, changes: Sequence[SampleChange]) -> None:
        """Show what a commit changed."""
        if not changes:
            return
        self._waiting.append(changes)
        self._count += len(changes)
        if self._count > _MOST_WAITING and self._lock.acquire(blocking=False):
            try:
                self._take_in()
            finally:
                self._lock.release()

    def text(self, *, openmetrics: bool = False) -> str:
        """Return all metrics with series, without the end mark of OpenMetrics."""
        with self._lock:
            self._take_in()
            return "".join([page.text(openmetrics=openmetrics) for page in self._pages.values()])

    def values(self, name: str) -> dict[LabelValues, float]:
        """Return the values of a counter or gauge by label values, in order."""
        with self._lock:
            self._take_in()
            page = self._pages.get(name)
            return {page.parts(key)[0]: page.value(key) for key in page.ordered()} if page else {}

    def samples(self, name: str) -> list[SampleChange]:
        """Return the current samples of a metric, those of a histogram included."""
        with self._lock:
            self._take_in()
            page = self._pages.get(name)
            found = [(*page.parts(key), page.value(key)) for key in page.lines] if page else []
        return [
            SampleChange(f"{name}{suffix}", (*labels, number(bound)) if suffix == "_bucket" else labels, value, 0)
            for labels, bound, suffix, value in found
        ]

    def families(self) -> list[Family]:
        """Return the metrics there are."""
        with self._lock:
            self._take_in()
            return [page.family for page in self._pages.values()]

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as prometheus-client's objects, for what takes a registry."""
        with self._lock:
            self._take_in()
            pages = [page for page in self._pages.values() if page.lines]
            for page in pages:
                family = page.family
                name, kind = _openmetrics_name(family)
                metric = Metric(name, family.help, kind)
                for key in page.ordered():
                    labels, bound, suffix = page.parts(key)
                    known = dict(zip(family.labels, labels, strict=True))
                    if suffix == "_bucket":
                        known["le"] = number(bound)
                    metric.add_sample(family.name + suffix, known, page.value(key))
                yield metric

    def _take_in(self) -> None:
        """Take in what waits now, in order; the owner may add more meanwhile. Call with the lock held."""
        for _ in range(len(self._waiting)):
            batch = self._waiting.popleft()
            if batch and isinstance(batch[0], SampleChange):
                self._count -= len(batch)
                for change in batch:
                    assert isinstance(change, SampleChange)
                    page, suffix = self._samples.get(change.family, (None, ""))
                    if page:
                        page.put(suffix, change.labels, change.value, change.time_ns if self._keeps_created else None)
            else:
                self._redeclare([family for family in batch if isinstance(family, Family)])

    def _redeclare(self, families: Sequence[Family]) -> None:
        old, self._pages, self._samples = self._pages, {}, {}
        for family in families:
            page = old.get(family.name)
            if page is None or (page.family.kind, page.family.labels) != (family.kind, family.labels):
                page = _Page(family)
            page.family = family
            self._pages[family.name] = page
            for suffix in _HISTOGRAM if family.kind == "histogram" else ("",):
                self._samples[family.name + suffix] = (page, suffix)


class Exposition:
    """Answers scrapes: what is committed, what is read off now, and the process."""

    def __init__(self, published: Published, sample: Callable[[], Iterable[SampleChange]] = tuple) -> None:
        self._published = published
        self._sample = sample
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the page in the format that the header `Accept` asks for, and its content type."""
        _, content_type = choose_encoder(accept)
        openmetrics = content_type.startswith("application/openmetrics-text")
        sampled = Published(SAMPLED)
        sampled.apply(list(self._sample()))
        text = self._published.text(openmetrics=openmetrics) + sampled.text(openmetrics=openmetrics)
        page = text.encode("utf-8", "replace")
        if openmetrics:  # ends with the end mark
            return page + self._process(openmetrics_exposition.generate_latest), OPENMETRICS
        return page + self._process(generate_latest), CONTENT_TYPE_PLAIN_0_0_4

    def _process(self, render: Callable[[CollectorRegistry], bytes]) -> bytes:
        return render(self._registry)


def openmetrics_header(family: Family) -> str:
    """Return the lines that say in OpenMetrics what a metric is."""
    name, kind = _openmetrics_name(family)
    return f"# HELP {name} {escape(family.help)}\n# TYPE {name} {kind}\n"


def _openmetrics_name(family: Family) -> tuple[str, str]:
    """Return a metric's name and type in OpenMetrics, which has no counters that do not end in _total."""
    if family.kind != "counter":
        return family.name, family.kind
    name = family.name.removesuffix("_total")
    return name, "counter" if name != family.name else "unknown"


def number(value: float) -> str:
    """Write a value as both formats want it."""
    if isfinite(value):
        return repr(float(value))
    return "NaN" if value != value else ("+Inf" if value > 0 else "-Inf")


def escape(text: str) -> str:
    """Write a label value (or, in OpenMetrics, a help text)."""
    if "\\" in text or "\n" in text or '"' in text:
        return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return text


def _escape_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
