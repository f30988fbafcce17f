"""What the loop does beside the log while it follows it live: feed clock and containers, publish, send, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from logwatch.alerting import MuteWindow, Muting, Report
from logwatch.alerting.muting import NOT_MUTED
from logwatch.alerting.muting import at as muting_at
from logwatch.build import settle_heap
from logwatch.docker.watching import Watch
from logwatch.errors import CommitError
from logwatch.model import SECOND, Outcome, Source, SourceStatus
from logwatch.notifiers import Dispatcher
from logwatch.pipeline import Pipeline
from logwatch.status import StatusSnapshot
from logwatch.store import Transaction
from logwatch.store.mutes import MuteFolder

if TYPE_CHECKING:
    from logwatch.notifiers.silences import Silences

NOTIFIERS = "notifiers"
"""The stage whose rows are the queue of notifications."""
LATENESS_NS = 2 * SECOND
"""How far the clock is behind the wall clock while following live: lines come late by as much."""
REFRESH_NS = 10 * SECOND
"""Maximum interval between refreshes of unchanged alerts."""
REPORT_NS = 60 * SECOND
"""Minimum interval between two reports of lines that were set aside."""
UNREADABLE = {
    "missing": "name the engine's data directory (docker info: Docker Root Dir) with --docker-root",
    "permission": "run as root, or grant CAP_DAC_READ_SEARCH",
    "format": "a container's file is torn or of an unknown form",
    "too_large": "a container's file is larger than 4 MiB",
}
"""Reason to what to do."""

log = logging.getLogger("logwatch")


class LivePublisher:
    """Shows commits on the page, and enqueues notifications to be committed with what caused them."""

    def __init__(
        self,
        source: Source,
        dispatcher: Dispatcher,
        status: StatusSnapshot,
        lateness_ns: int = LATENESS_NS,
        mutes: Mutes | None = None,
        silences: Sequence[Silences] = (),
    ) -> None:
        self._silences = silences
        self._source = source
        self._dispatcher = dispatcher
        self._status = status
        self.lateness_ns = lateness_ns
        self._mutes = mutes
        self._reports = SourceReports()
        self._now_ns = 0
        self._is_idle = False
        self._enqueued = (-1, False, NOT_MUTED)
        self._refreshed_ns = self._reported_ns = 0
        self._report, self._muting = Report(), NOT_MUTED
        self._failing, self._failed_ns = False, 0
        """Whether commits fail, and when that was last reported."""

    def reconfigure(self, lateness_ns: int, windows: Sequence[MuteWindow] = ()) -> None:
        """Go on with another pipeline, another lateness and other windows of muted alerts."""
        self.lateness_ns = lateness_ns
        if self._mutes is not None:
            self._mutes.reconfigure(windows)
        self._enqueued = (-1, False, NOT_MUTED)

    def start(self) -> None:
        """Begin to keep silences."""
        for each in self._silences:
            each.start()

    def replace_silences(self, silences: Sequence[Silences]) -> None:
        """Keep those of other Alertmanagers."""
        self.close()
        self._silences = silences
        self.start()

    def close(self) -> None:
        """End what keeps silences; they stay as they are."""
        for each in self._silences:
            each.close()

    def heartbeat(self, now_ns: int) -> None:
        """Note that the loop runs."""
        self._now_ns = now_ns
        self._status.heartbeat(now_ns)
        self._is_idle = False

    def idle(self, pipeline: Pipeline, now_ns: int) -> None:
        """Let the wall clock drive evaluation."""
        pipeline.follow(now_ns, self.lateness_ns)
        self._is_idle = True

    def prepare(self, pipeline: Pipeline, outcomes: Sequence[Outcome], *, live: bool, final: bool) -> None:  # noqa: ARG002 - as Publisher
        """Enqueue notifications for delivery after the next commit: changed alerts now, all active ones every 10 s."""
        alerts, now_ns = pipeline.alerts, self._now_ns
        readable = all(status.open for status in self._source.status())
        alerts.measure(now_ns, self._status.self_metrics(), readable=readable)
        if self._mutes is not None:
            self._muting = self._mutes.at(now_ns)
        muting = self._muting
        version = (alerts.version, live, muting)
        if version != self._enqueued or abs(now_ns - self._refreshed_ns) >= REFRESH_NS:
            self._enqueued, self._refreshed_ns = version, now_ns
            self._dispatcher.enqueue(alerts.outgoing(now_ns, live=live, muting=muting), now_ns)
            self._report = alerts.report()
            for each in self._silences:
                each.show(muting.mutes)
        if abs(now_ns - self._reported_ns) >= REPORT_NS and (report := pipeline.faults.take_report()):
            self._reported_ns = now_ns
            log.error(report)

    def rows(self) -> Transaction:
        """Return the rows of the queue."""
        return Transaction(stages={(NOTIFIERS, key): row for key, row in self._dispatcher.changed_rows().items()})

    def publish(self, transaction: Transaction | None, now_ns: int) -> None:
        """Show the commit, and let what it enqueued be sent."""
        if self._failing and transaction is not None:
            self._failing, self._failed_ns = False, 0
            log.info("commits succeed again")
        if transaction is not None:
            self._status.publish(transaction, now_ns)
        self._dispatcher.committed()
        sources = self._source.status()
        self._reports.process(sources)
        self._status.show(sources, self._report, self._muting, caught_up=self._is_idle)

    def commit_failed(self, error: CommitError) -> None:
        """Show that the disk refused a commit; on stderr at once, and then once a minute."""
        self._status.commit_failed(str(error))
        self._failing = True
        if abs(self._now_ns - self._failed_ns) >= REPORT_NS:
            self._failed_ns = self._now_ns
            log.error("%s", error)


class InventoryFeed:
    """Hands what changed in the engine's own files to the pipeline, once the log has named the host."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._compared = self._settled = False
        self._reported: set[str] = set()

    def __call__(self, pipeline: Pipeline, now_ns: int) -> bool:
        """Process what was seen since the last call; at the first one also what is not there any more."""
        watch = self._watch
        if pipeline.host is None or watch.first_poll_ns is None:
            return False
        changes = watch.take()
        if self._compared and not self._settled and not changes:
            self._settled = True
            settle_heap()  # what the first poll built, of many containers, lives long as well
        present = None if self._compared else watch.inventory.present
        self._compared = present is not None or self._compared
        if changes or present is not None:
            pipeline.process_inventory(changes, now_ns, present, watch.first_poll_ns)
        for reason, count in watch.inventory.take_problems().items():
            pipeline.series.add("logwatch_inventory_errors_total", (reason,), count, pipeline.clock_ns)
            if reason not in self._reported:
                self._reported.add(reason)
                log.warning("%s: containers cannot be read: %s: %s", watch.inventory.path, reason, UNREADABLE[reason])
        return False


class ClockFeed:
    """Lets a pipeline follow when the wall clock is set, which the monotonic clock shows."""

    def __init__(
        self,
        lateness_ns: Callable[[], int],
        wall: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._lateness_ns = lateness_ns
        self._wall = wall
        self._monotonic = monotonic
        self._apart_ns = self._read() or 0

    def _read(self) -> int | None:
        """How far the clocks are apart; None if something else ran between the two looks at them."""
        before_ns = self._monotonic()
        apart_ns = self._wall() - before_ns
        return apart_ns if self._monotonic() - before_ns < SECOND // 10 else None

    def __call__(self, pipeline: Pipeline, now_ns: int) -> bool:
        """Look whether it was set since the last call."""
        before_ns, apart_ns = self._apart_ns, self._read()
        self._apart_ns = apart_ns if apart_ns is not None else before_ns
        step_ns = self._apart_ns - before_ns if before_ns else 0
        set_back = pipeline.follow_step(now_ns - self._lateness_ns(), step_ns if step_ns >= SECOND else 0)
        if set_back:
            log.warning("clock: set back: alerts are evaluated by the new time, and pending ones keep their duration")
        return set_back


class SourceReports:
    """Logs of each path what keeps it from being read, and once it is followed from where and how far behind.

    What happens to it later the source itself reports.
    """

    def __init__(self) -> None:
        self._reported: dict[str, str | None] = {}
        """Path to why it cannot be read, None where it can."""
        self._behind: set[str] = set()
        """Paths that were not read to their end yet."""

    def process(self, sources: Iterable[SourceStatus]) -> None:
        """Log what is another than at the last call."""
        for status in sources:
            if not status.open and status.error is None:
                continue  # not looked at yet
            why = None if status.open else status.error
            before = self._reported.get(status.path, "")
            if before is not None and before != why:
                self._reported[status.path] = why
                self._report(status)
            if status.open and not status.pending and status.path in self._behind:
                self._behind.discard(status.path)
                log.info("%s: read to its end", status.path)

    def _report(self, status: SourceStatus) -> None:
        if not status.open:
            cure = "waiting for it: check --log, mount it read-only into the container, or make it readable"
            cause = str(status.error).removeprefix(f"{status.path}: ")
            log.warning("%s: cannot be read: %s: %s", status.path, cause, cure)
            return
        where = f"at byte {status.position} of {status.size}, {status.pending} still to read"
        log.info("following %s: %s", status.path, where)
        if status.pending:
            self._behind.add(status.path)


class Mutes:
    """The mutes of files and windows that are in force; logs when one begins and ends."""

    def __init__(self, folder: MuteFolder, windows: Sequence[MuteWindow]) -> None:
        self._folder = folder
        self._windows = windows
        self._muting = NOT_MUTED
        self._reported: set[Path] = set()

    def reconfigure(self, windows: Sequence[MuteWindow]) -> None:
        """Go on with other windows."""
        self._windows = windows

    def at(self, now_ns: int) -> Muting:
        """Return those in force."""
        muting = muting_at(now_ns, self._folder.mutes(now_ns), self._windows)
        if muting != self._muting:
            before, self._muting = self._muting, muting
            for mute in muting.mutes:
                if mute not in before.mutes:
                    log.info("muted: %s (%s)", mute.described(), mute.id)
            for mute in before.mutes:
                if mute not in muting.mutes:
                    log.info("no longer muted: %s (%s)", mute.described(), mute.id)
        for path in self._folder.unreadable:
            if path not in self._reported:
                self._reported.add(path)
                log.warning("%s: not understood: write it with logwatch mute", path)
        return self._muting
