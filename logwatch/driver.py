"""The loop that owns all state: read, apply, commit, show.

    ┌─▶ read a chunk ─▶ pipeline ─▶ commit ─▶ publish ─┐
    └──────────── wait for more, or for the time ◀─────┘

One thread runs it. The web server sees what the last commit left (`Board`); signals and
requests only raise flags that the loop looks at between two reads. A commit that fails keeps
its transaction; nothing more is read until it went through, so memory stays bounded and the log keeps
what we cannot.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from logwatch.alerting import Report
from logwatch.docker.inventory import Inventory
from logwatch.errors import CommitError, ConfigError, RuleError
from logwatch.model import SECOND, Source
from logwatch.notifiers import Dispatcher, Receiver
from logwatch.pipeline import Pipeline
from logwatch.rulefiles import RuleSet
from logwatch.status import Board
from logwatch.store import Store, Transaction

SOURCE = "file"
NOTIFIERS = "notifiers"
"""The stage whose rows are the queue of notifications."""
LATENESS_NS = 2 * SECOND
"""How far the clock stays behind while following live: lines come late by as much."""
WATCH_NS = 2 * SECOND
NOTICE_NS = 10 * SECOND
"""How long the receivers' queue may go without hearing of alerts that go on as they were."""
REPORT_NS = 60 * SECOND
"""How long after a report of lines that were set aside the next one follows at the soonest."""
RETRY = 1.0
"""Seconds between two tries to commit."""
IDLE = 0.25
"""Seconds between two looks at the clock while nothing is written."""
STAYS = "keeping the previous rules and receivers"

log = logging.getLogger("logwatch")


@dataclass(slots=True)
class Flags:
    """What others ask of the loop."""

    stop: bool = False
    reload: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a reload puts in place."""

    rules: RuleSet
    pipeline: Pipeline
    """Of these rules, not yet restored."""
    receivers: Sequence[Receiver] | None
    """Who is told of alerts from now on; None: as before."""
    lateness_ns: int


class Engine:
    """Runs the path of a line until it is told to stop."""

    def __init__(
        self,
        *,
        source: Source,
        store: Store,
        pipeline: Pipeline,
        board: Board,
        inventory: Inventory | None,
        load: Callable[[], Loaded],
        changed: Callable[[], bool],
        now: Callable[[], int],
        lateness_ns: int = LATENESS_NS,
        dispatcher: Dispatcher,
    ) -> None:
        self.flags = Flags()
        self._source = source
        self._store = store
        self._pipeline = pipeline
        self._board = board
        self._inventory = inventory
        self._load = load
        self._changed = changed
        self._now = now
        self._lateness_ns = lateness_ns
        self._dispatcher = dispatcher
        self._noticed_ns = 0
        self._report: Report | None = None
        self._shown = (-1, False)
        self._turn = Transaction()
        self._watched_ns = 0
        self._reported_ns = 0

    # ── what others ask for ──────────────────────────────────────────────────────────

    def stop(self) -> None:
        """End the loop after the current step; callable from any thread and from signal handlers."""
        self.flags.stop = True
        self._source.wake()

    def reload(self) -> None:
        """Load rules and receivers again between two reads; callable from any thread and from signal handlers."""
        self.flags.reload = True
        self._source.wake()

    # ── the loop ─────────────────────────────────────────────────────────────────────

    def run(self) -> None:
        """Follow until stopped; everything read is committed."""
        self._commit()
        while not self.flags.stop:
            self._look_for_changes()
            if not self._step():
                self._source.wait(RETRY if self._turn else IDLE)
        self._dispatcher.close()  # what was sent until now is in the last commit
        self._commit()

    def _step(self) -> bool:
        """Take one chunk through; False when there is nothing to do before something happens."""
        now_ns = self._now()
        self._board.tick(now_ns)
        if self._turn and not self._commit():
            return False
        chunk = self._source.read(now_ns)
        for gap in self._source.gaps():
            self._pipeline.note_gap(gap)
        if chunk is not None:
            self._pipeline.apply(chunk, now_ns)
        else:
            self._look_at_inventory(now_ns)
            # Everything that was written has been read: from here on time is the clock's.
            self._pipeline.advance(now_ns - self._lateness_ns)
        alerts = self._pipeline.alerts
        alerts.live = chunk is None or chunk.live
        alerts.healthy = all(status.open for status in self._source.status())
        alerts.measure(now_ns, self._board.measured())
        committed = self._commit()
        self._report_faults(now_ns)
        self._board.show(self._source.status(), caught_up=chunk is None)
        return chunk is not None and committed

    def _report_faults(self, now_ns: int) -> None:
        if abs(now_ns - self._reported_ns) >= REPORT_NS and (report := self._pipeline.faults.take_report()):
            self._reported_ns = now_ns
            log.error(report)

    def _look_at_inventory(self, now_ns: int) -> None:
        """Learn names and states from the engine's own files, once the log has told whose they are."""
        if self._inventory is not None and self._pipeline.host is not None:
            self._pipeline.learn(self._inventory.refresh(now_ns), now_ns)

    # ── the commit ───────────────────────────────────────────────────────────────────

    def _commit(self) -> bool:
        """Write and then show what happened since the last commit; False if the disk refused."""
        self._look_at_alerts()
        outcomes = self._pipeline.take_outcomes()
        transaction = self._pipeline.take_turn(outcomes)
        transaction.stages.update({(NOTIFIERS, key): row for key, row in self._dispatcher.changed_rows().items()})
        transaction.sources = {(SOURCE, key): row for key, row in self._source.changed_rows().items()}
        self._turn.merge(transaction)
        now_ns = self._now()
        if self._turn:
            try:
                self._store.commit(self._turn, now_ns)
            except CommitError as error:
                self._board.commit_failed(str(error))
                if not error.retry:
                    raise
                return False
            self._source.committed()
            self._board.publish(self._turn, now_ns)
            self._turn = Transaction()
        if self._report is not None:
            self._board.show_alerts(self._report)
            self._report = None
        self._dispatcher.committed()
        return True

    def _look_at_alerts(self) -> None:
        """Queue what receivers are to be told when it is committed: changes at once, all of it now and then."""
        alerts, now_ns = self._pipeline.alerts, self._now()
        shown = (alerts.version, alerts.live)
        if shown == self._shown and abs(now_ns - self._noticed_ns) < NOTICE_NS:
            return
        self._shown, self._noticed_ns = shown, now_ns
        self._dispatcher.enqueue(alerts.outgoing(now_ns), now_ns)
        self._report = alerts.report()

    # ── reload ───────────────────────────────────────────────────────────────────────

    def _look_for_changes(self) -> None:
        now_ns = self._now()
        if not self.flags.reload and abs(now_ns - self._watched_ns) >= WATCH_NS:
            self._watched_ns = now_ns
            self.flags.reload = self._changed()
        if self.flags.reload and not self._turn:
            self.flags.reload = False
            self._swap(now_ns)

    def _swap(self, now_ns: int) -> None:
        """Change to rules and receivers as they are on disk now, or keep all if there is a mistake."""
        try:
            loaded = self._load()
        except (RuleError, ConfigError) as error:
            for mistake in str(error).splitlines():
                log.error("reload: %s", mistake)  # noqa: TRY400 - an operator's mistake, not a bug
            log.error("reload failed: %s", STAYS)  # noqa: TRY400 - as above
            self._board.reloaded(now_ns, None, (), f"{STAYS}\n{error}")
            return
        # What is committed is all there is to know: the new stages start from there.
        loaded.pipeline.restore(self._store.load().stages)
        loaded.pipeline.alerts.inherit(self._pipeline.alerts)
        self._pipeline, self._lateness_ns = loaded.pipeline, loaded.lateness_ns
        self._shown = (-1, False)
        if loaded.receivers is not None:
            self._dispatcher.replace_receivers(loaded.receivers)
        rules = loaded.rules
        summary = f"{len(rules.rules)} rules and {len(rules.correlations)} correlations loaded"
        self._board.reloaded(now_ns, rules, self._pipeline.series.families(), summary)
        log.info("reloaded: %s", summary)
