"""What other threads see of the loop and ask of it: the last commit, the sources, the loaded rules; stop and reload.

The loop writes, any thread reads. Every value is replaced whole, never changed in place, so a
reader needs no lock; only who waits for a reload needs one.
"""

from __future__ import annotations

import platform
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from prometheus_client import ProcessCollector

from logwatch import __version__
from logwatch.alerting import Muting, Report
from logwatch.alerting.muting import NOT_MUTED
from logwatch.lifecycle.containers import committed
from logwatch.matching import unknown_lines
from logwatch.matching.unknown_lines import LineGroup
from logwatch.metrics.catalog import AGENT, ENGINE, PROCESS, SAMPLED
from logwatch.metrics.exposition import Exposition, Published
from logwatch.model import SECOND, Container, Family, Mute, Outcome, Rule, SampleChange, SourceStatus
from logwatch.queries import KeptSeries, Querying, QueryOptions, QueryTimeoutError, SampledSeries
from logwatch.rulefiles import RuleSet
from logwatch.store import History, Query, Transaction, mutes
from logwatch.web.view import Probe

STALLED_NS = 30 * SECOND
"""The loop has a heartbeat several times a second; one without for so long is stalled."""
RELOAD_TIMEOUT = 30.0
QUERY_TIMEOUT_NS = 20 * SECOND
QUERIES_AT_ONCE = 2
"""Others wait: the loop needs the processor too."""
Explain = Callable[[Sequence[Rule], str], Sequence[tuple[str, str]]]
"""How a line is read by these rules, as titles and texts."""
COUNTED_HERE = tuple(family.name for family in (*AGENT, *ENGINE))
"""Sampled for queries as what only this process measures is: rules look back at few of them."""


class Requests:
    """What other threads and signal handlers ask of the loop; `wake` ends its wait."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._asked = 0
        self.taken = 0
        """The number of the last request for a reload that the loop took up."""
        self.is_shutdown = False

    def shutdown(self) -> None:
        """Ask for the end."""
        self.is_shutdown = True
        self._wake()

    def reload(self) -> int:
        """Ask for rules and receivers to be loaded again; returns the number of the request."""
        self._asked += 1
        self._wake()
        return self._asked

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last call."""
        before, self.taken = self.taken, self._asked
        return before < self.taken


class StatusSnapshot:
    """What the web server serves (`web.view.View`).

    `samplers` return series that other threads keep; a request of the page raises a flag in `requests`.
    """

    def __init__(
        self,
        state_dir: Path,
        rules: RuleSet,
        families: Sequence[Family],
        requests: Requests,
        samplers: Sequence[Callable[[], Iterable[SampleChange]]],
        now: Callable[[], int],
        query_options: QueryOptions | None = None,
        *,
        created_timestamps: bool = False,
        monotonic: Callable[[], int] = time.monotonic_ns,
        explain: Explain = lambda _rules, _line: (),
    ) -> None:
        """Lengths of time are measured by the `monotonic` clock, which nobody sets."""
        self.published = Published(families, created=created_timestamps)
        self._explain, self._explaining = explain, threading.Lock()
        self.commits = 0
        self._exposition = Exposition(self.published, self._sample)
        self._requests = requests
        self._samplers = samplers
        self._state_dir = state_dir
        self._now, self._monotonic = now, monotonic
        self._query_options = query_options or QueryOptions()
        self._sampled = SampledSeries(self._query_options.sample_interval_ns)
        self._querying = threading.BoundedSemaphore(QUERIES_AT_ONCE)
        self._rules = rules
        self._sources: Sequence[SourceStatus] = ()
        self._heartbeat_ns = monotonic()
        self._report = Report()
        self._muting = NOT_MUTED
        self._process = ProcessCollector(registry=None)
        self._committed_ns = 0
        self._commit_errors = 0
        self._commit_error: str | None = None
        self._caught_up = False
        self._state_lost: Probe | None = None
        self._reloaded = threading.Condition()
        self._answered = 0
        self._reload_ok = True
        self._reload_detail = "loaded at the start"
        self._loaded_ns = now()

    # ── the loop's side ──────────────────────────────────────────────────────────────

    def heartbeat(self, now_ns: int) -> None:
        """Note that the loop runs."""
        self._heartbeat_ns = self._monotonic()
        if self._query_options.retention_ns and self._sampled.is_due(now_ns):
            counted = (sample for name in COUNTED_HERE for sample in self.published.samples(name))
            self._sampled.process([*self.self_metrics(), *counted], now_ns)

    def publish(self, transaction: Transaction, now_ns: int) -> None:
        """Show what was just committed."""
        self.published.apply(transaction.series)
        self._committed_ns = now_ns
        self._commit_error = None
        self.commits += 1

    def self_metrics(self) -> Iterator[SampleChange]:
        """Yield the metrics that only this process can measure."""
        yield from self._sample()
        now_ns = self._now()
        for metric in self._process.collect():
            for sample in metric.samples:
                yield SampleChange(sample.name, (), sample.value, now_ns)

    def scrape(self) -> tuple[Sequence[Family], list[SampleChange]]:
        """Return what a scrape would bring now, and the metrics that it is of; callable from any thread."""
        families = self.published.families()
        counted = [sample for family in families for sample in self.published.samples(family.name)]
        return [*families, *SAMPLED, *PROCESS], [*counted, *self.self_metrics()]

    def show(self, sources: Sequence[SourceStatus], report: Report, muting: Muting, *, caught_up: bool) -> None:
        """Show sources, rules with their alerts, and mutes; `caught_up` from the first time on that nothing was left to read."""
        self._sources, self._report, self._muting = sources, report, muting
        self._caught_up = self._caught_up or caught_up

    def commit_failed(self, why: str) -> None:
        """Count and show a commit that the disk refused."""
        self._commit_errors += 1
        self._commit_error = why

    def state_lost(self, what: str, *, ok: bool) -> None:
        """Show that files of the state were deleted or replaced; `ok` if they were written again."""
        self._state_lost = Probe(ok=ok, detail=what)

    def reloaded(self, now_ns: int, rules: RuleSet | None, families: Sequence[Family], detail: str) -> None:
        """Show the rules that were loaded, or (None) why the previous ones are kept."""
        if rules is not None:
            self._rules = rules
            self._loaded_ns = now_ns
            self.published.declare(families)
        with self._reloaded:
            self._reload_ok, self._reload_detail = rules is not None, detail
            self._answered = self._requests.taken
            self._reloaded.notify_all()

    # ── the web server's side ────────────────────────────────────────────────────────

    def now_ns(self) -> int:
        """Tell the time."""
        return self._now()

    def metrics(self, accept: str) -> tuple[bytes, str]:
        """Return the page for Prometheus and its content type."""
        return self._exposition.render(accept)

    def sources(self) -> Sequence[SourceStatus]:
        """Return the status of each followed path."""
        return self._sources

    def rules(self) -> Sequence[Rule]:
        """Return the event rules in force."""
        return self._rules.rules

    def alerts(self) -> Report:
        """Return the state of alerting and recording rules."""
        return self._report

    def muting(self) -> Muting:
        """Return which alerts are muted."""
        return self._muting

    def containers(self) -> Sequence[Container]:
        """Return the register of containers, removed ones included."""
        with closing(History(self._state_dir)) as history:
            return committed(history)

    def unknown_lines(self) -> Sequence[LineGroup]:
        """Return the groups of engine lines that no rule knows, the one with most lines first."""
        with closing(History(self._state_dir)) as history:
            return unknown_lines.committed(history)

    @contextmanager
    def queries(self) -> Iterator[Querying]:
        """Return PromQL queries over the last commit."""
        late_ns = self._monotonic() + QUERY_TIMEOUT_NS
        if not self._querying.acquire(timeout=QUERY_TIMEOUT_NS / SECOND):
            raise QueryTimeoutError("query timed out in query queue")
        try:
            with closing(History(self._state_dir)) as history:
                kept = KeptSeries(history, self.published.families(), self._sampled, self._report)
                yield Querying(kept, self._query_options, self._now(), is_late=lambda: self._monotonic() > late_ns)
        finally:
            self._querying.release()

    def events(self, query: Query) -> Iterator[Outcome]:
        """Yield the accepted events that match."""
        with closing(History(self._state_dir)) as history:
            yield from history.events(query)

    def count_events(self, query: Query, step_ns: int) -> Mapping[tuple[int, str], int]:
        """Count the accepted events that match."""
        with closing(History(self._state_dir)) as history:
            return history.count(query, step_ns)

    def explain(self, line: str) -> Sequence[tuple[str, str]]:
        """Return how a line is read; one after the other, since it takes all patterns once more into memory."""
        with self._explaining:
            return self._explain(self._rules.rules, line)

    def mute(self, mute: Mute) -> None:
        """Begin a mute."""
        mutes.write(self._state_dir, mute)

    def unmute(self, mute_id: str) -> None:
        """End a mute."""
        mutes.remove(self._state_dir, mute_id)

    def health(self) -> Probe:
        """Tell whether the loop runs."""
        silent_ns = self._monotonic() - self._heartbeat_ns
        if silent_ns > STALLED_NS:
            return Probe(ok=False, detail=f"main loop stalled for {silent_ns // SECOND} s")
        lost = self._state_lost
        if lost is not None:
            return Probe(ok=lost.ok, detail=f"logwatch is healthy\n{lost.detail}" if lost.ok else lost.detail)
        return Probe(ok=True, detail="logwatch is healthy")

    def readiness(self) -> Probe:
        """Tell whether a source is open and was read to its end once, and where each stands."""
        lines = [_described(status) for status in self._sources] or ["no source yet"]
        gaps = self.published.values("logwatch_source_gaps_total")
        lines += [f"{path}: {count:g} gaps ({reason})" for (path, reason), count in sorted(gaps.items())]
        if self._commit_error:
            lines.append(self._commit_error)
        is_open = any(status.open for status in self._sources)
        readable = not any(status.unreadable for status in self._sources)
        ok = is_open and readable and self._caught_up and self._commit_error is None
        return Probe(ok=ok, detail="\n".join(["ready" if ok else "not ready", *lines]))

    def reload(self) -> Probe:
        """Ask the loop for a reload and wait for its outcome."""
        with self._reloaded:
            number = self._requests.reload()
            if not self._reloaded.wait_for(lambda: self._answered >= number, RELOAD_TIMEOUT):
                return Probe(ok=False, detail=f"reload requested, not finished after {RELOAD_TIMEOUT:g} s")
            return Probe(ok=self._reload_ok, detail=self._reload_detail)

    def quit(self) -> None:
        """Request the shutdown."""
        self._requests.shutdown()

    # ── what a scrape reads off ──────────────────────────────────────────────────────

    def _sample(self) -> Iterator[SampleChange]:
        now_ns = self._now()
        build = (__version__, platform.python_version())
        yield SampleChange("logwatch_build_info", build, 1, now_ns)
        yield SampleChange("logwatch_config_last_reload_successful", (), float(self._reload_ok), now_ns)
        loaded = self._loaded_ns / SECOND
        yield SampleChange("logwatch_config_last_reload_success_timestamp_seconds", (), loaded, now_ns)
        yield SampleChange("logwatch_rules", (), len(self._rules.rules), now_ns)
        yield SampleChange("logwatch_commit_errors_total", (), self._commit_errors, now_ns)
        committed = self._committed_ns / SECOND
        yield SampleChange("logwatch_commit_last_success_timestamp_seconds", (), committed, now_ns)
        counts = Counter((*_named(alert.labels), alert.state) for alert in self._report.alerts)
        for labels, count in counts.items():
            yield SampleChange("logwatch_alerts", labels, count, now_ns)
        muting = self._muting
        yield SampleChange("logwatch_mutes", (), len(muting.mutes), now_ns)
        firing = (alert for alert in self._report.alerts if alert.state == "firing")
        yield SampleChange("logwatch_alerts_muted", (), sum(muting.is_muted(alert.labels) for alert in firing), now_ns)
        for sampler in self._samplers:
            yield from sampler()
        for status in self._sources:
            yield from _source_samples(status, now_ns)


def _named(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels["alertname"], labels.get("severity", "")


def _source_samples(status: SourceStatus, now_ns: int) -> Iterator[SampleChange]:
    path = (status.path,)
    yield SampleChange("logwatch_source_open", path, float(status.open), now_ns)
    yield SampleChange("logwatch_source_size_bytes", path, status.size, now_ns)
    yield SampleChange("logwatch_source_position_bytes", path, status.position, now_ns)
    yield SampleChange("logwatch_source_pending_bytes", path, status.pending, now_ns)
    if status.last_read_ns is not None:
        read = status.last_read_ns / SECOND
        yield SampleChange("logwatch_source_last_read_timestamp_seconds", path, read, now_ns)
    yield SampleChange("logwatch_source_late_lines_total", path, status.late_lines, now_ns)
    for kind, count in status.rotations.items():
        yield SampleChange("logwatch_source_rotations_total", (status.path, kind), count, now_ns)
    for reason, count in status.skipped.items():
        yield SampleChange("logwatch_source_skipped_total", (status.path, reason), count, now_ns)


def _described(status: SourceStatus) -> str:
    state = "open" if status.open and not status.unreadable else status.error or "missing"
    skipped = "".join(f", {count} {reason}" for reason, count in status.skipped.items())
    return f"{status.path}: {state}, {status.pending} bytes to read of {status.size}{skipped}"
