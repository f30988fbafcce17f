"""What others may see of the loop: the last commit, how the sources stand, how the rules loaded.

The loop writes, any thread reads. Every value is replaced whole, never changed in place, so a
reader needs no lock; only who waits for a reload needs one.
"""

from __future__ import annotations

import platform
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from prometheus_client import ProcessCollector

from logwatch import __version__
from logwatch.alerting import Report
from logwatch.lifecycle.containers import committed
from logwatch.metrics.exposition import Exposition, Published
from logwatch.model import SECOND, Container, Family, Outcome, Rule, SampleChange, SourceStatus
from logwatch.rulefiles import RuleSet
from logwatch.store import History, Query, Transaction
from logwatch.web.view import Probe

STALLED_NS = 30 * SECOND
"""The loop comes by several times a second; one that does not for so long hangs."""
RELOAD_TIMEOUT = 30.0


class Board:
    """The engine's face to the web server (`web.view.View`)."""

    def __init__(self, state_dir: Path, rules: RuleSet, families: Sequence[Family], now: Callable[[], int]) -> None:
        self.published = Published(families)
        self._exposition = Exposition(self.published, self._sample)
        self._state_dir = state_dir
        self._now = now
        self._rules = rules
        self._sources: Sequence[SourceStatus] = ()
        self._ticked_ns = now()
        self._report = Report()
        self._process = ProcessCollector(registry=None)
        self._committed_ns = 0
        self._commit_errors = 0
        self._commit_error: str | None = None
        self._caught_up = False
        self._reloaded = threading.Condition()
        self._reloads = 0
        self._reload_ok = True
        self._reload_detail = "loaded at the start"
        self._loaded_ns = now()
        self.ask_reload: Callable[[], None] = lambda: None
        self.ask_stop: Callable[[], None] = lambda: None
        self.notifications: Callable[[], Iterable[SampleChange]] = tuple
        """Tells how the receivers fare."""
        self.storage: Callable[[], Iterable[SampleChange]] = tuple
        """Reports what the engine's disk holds."""

    # ── the loop's side ──────────────────────────────────────────────────────────────

    def tick(self, now_ns: int) -> None:
        """The loop came by."""
        self._ticked_ns = now_ns

    def publish(self, transaction: Transaction, now_ns: int) -> None:
        """Show what was just committed."""
        self.published.apply(transaction.series)
        self._committed_ns = now_ns
        self._commit_error = None

    def show_alerts(self, report: Report) -> None:
        """Show how alerting and recording rules stood at the last commit."""
        self._report = report

    def measured(self) -> Iterator[SampleChange]:
        """Read off what only this process can tell of itself."""
        yield from self._sample()
        now_ns = self._now()
        for metric in self._process.collect():
            for sample in metric.samples:
                yield SampleChange(sample.name, (), sample.value, now_ns)

    def show(self, sources: Sequence[SourceStatus], *, caught_up: bool) -> None:
        """Show how the sources stand; `caught_up` from the first time on that nothing was left to read."""
        self._sources = sources
        self._caught_up = self._caught_up or caught_up

    def commit_failed(self, why: str) -> None:
        """Count and show a commit that the disk refused."""
        self._commit_errors += 1
        self._commit_error = why

    def reloaded(self, now_ns: int, rules: RuleSet | None, families: Sequence[Family], detail: str) -> None:
        """Show the rules in force now, or (None) that those from before stay, and why."""
        if rules is not None:
            self._rules = rules
            self._loaded_ns = now_ns
            self.published.declare(families)
        with self._reloaded:
            self._reload_ok, self._reload_detail = rules is not None, detail
            self._reloads += 1
            self._reloaded.notify_all()

    # ── the web server's side ────────────────────────────────────────────────────────

    def now_ns(self) -> int:
        """Tell the time."""
        return self._now()

    def metrics(self, accept: str) -> tuple[bytes, str]:
        """Return the page for Prometheus and its content type."""
        return self._exposition.render(accept)

    def sources(self) -> Sequence[SourceStatus]:
        """Tell how each followed path stands."""
        return self._sources

    def rules(self) -> Sequence[Rule]:
        """Return the event rules in force."""
        return self._rules.rules

    def alerts(self) -> Report:
        """Tell how alerting and recording rules stand."""
        return self._report

    def containers(self) -> Sequence[Container]:
        """Return the register of containers, removed ones included."""
        with closing(History(self._state_dir)) as history:
            return committed(history)

    def events(self, query: Query) -> Iterator[Outcome]:
        """Yield the accepted events that match."""
        with closing(History(self._state_dir)) as history:
            yield from history.events(query)

    def health(self) -> Probe:
        """Tell whether the loop runs."""
        silent_ns = self._now() - self._ticked_ns
        if silent_ns > STALLED_NS:
            return Probe(ok=False, detail=f"main loop stalled for {silent_ns // SECOND} s")
        return Probe(ok=True, detail="logwatch is healthy")

    def readiness(self) -> Probe:
        """Tell whether a source is open and was read to its end once, and where each stands."""
        lines = [_described(status) for status in self._sources] or ["no source yet"]
        gaps = self.published.values("logwatch_source_gaps_total")
        lines += [f"{path}: {count:g} gaps ({reason})" for (path, reason), count in sorted(gaps.items())]
        if self._commit_error:
            lines.append(self._commit_error)
        is_open = any(status.open for status in self._sources)
        ok = is_open and self._caught_up and self._commit_error is None
        return Probe(ok=ok, detail="\n".join(["ready" if ok else "not ready", *lines]))

    def reload(self) -> Probe:
        """Ask the loop for a reload and wait for its outcome."""
        with self._reloaded:
            before = self._reloads
            self.ask_reload()
            if not self._reloaded.wait_for(lambda: self._reloads > before, RELOAD_TIMEOUT):
                return Probe(ok=False, detail=f"reload requested, not finished after {RELOAD_TIMEOUT:g} s")
            return Probe(ok=self._reload_ok, detail=self._reload_detail)

    def quit(self) -> None:
        """Ask the loop to end."""
        self.ask_stop()

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
        yield from self.notifications()
        yield from self.storage()
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
    state = "open" if status.open else status.error or "missing"
    skipped = "".join(f", {count} {reason}" for reason, count in status.skipped.items())
    return f"{status.path}: {state}, {status.pending} bytes to read of {status.size}{skipped}"
