"""The path of a line: bytes of a log in, events and series out.

    Chunk ─▶ line stages: scanner ─▶ line parser ─▶ extractor
                                                        │ Extraction
             event stages: lifecycle ─▶ metrics ─▶ alerts, correlator

`process` takes one chunk through all stages. It reads no clock, no file and no socket, so
that the same bytes give the same events whether they arrive over a week or in a second.
What happened since the last call is handed over by `take_outcomes` and `take_transaction`, to be
committed with the position in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from logwatch.alerting import Group, Replacement
from logwatch.docker.inventory import FileChange
from logwatch.event_stages import EventStages
from logwatch.lifecycle import Find
from logwatch.line_stages import LineStages
from logwatch.matching.matcher import Matcher
from logwatch.metrics import Registry
from logwatch.model import Chunk, Correlation, Gap, Outcome, Rule
from logwatch.pipeline_settings import Settings
from logwatch.store import state_table
from logwatch.store.state_table import StateTable
from logwatch.store.transaction import Rows, Transaction

__all__ = ["Pipeline", "Settings"]


class Pipeline:
    """All stages between a source and the store, built from one set of rules."""

    def __init__(
        self,
        rules: Sequence[Rule],
        correlations: Sequence[Correlation],
        settings: Settings,
        series: Registry,
        cache_dir: Path | None = None,
        groups: Sequence[Group] = (),
        replacement: Replacement | None = None,
        find: Find | None = None,
        matcher: Matcher | None = None,
    ) -> None:
        """`find` looks a container up in the engine's own files; None without them. `matcher` is made of these rules."""
        self.settings, self.series, self.rules = settings, series, tuple(rules)
        matcher = matcher or Matcher.build(rules, settings.secrets, cache_dir)
        events = self._events = EventStages(
            rules, correlations, settings, series, matcher.masker, groups, replacement, find
        )
        self._lines = LineStages(rules, settings, matcher, events)
        self.extractor, self.lifecycle = matcher.extractor, events.lifecycle
        self.alerts, self.faults = events.alerts, events.faults
        self._progress: tuple[StateTable[str, Any], ...] = (
            StateTable("clock"),
            StateTable("host"),
            StateTable("lines"),
        )

    @property
    def clock_ns(self) -> int:
        """The time that the log has come to, in nanoseconds since 1970; 0 before the first line."""
        return self._events.clock_ns

    @property
    def host(self) -> str | None:
        """The host of the engine's last line, which the engine's own files are about."""
        return self._lines.host

    def on_checkpoint(self, call: Callable[[], None]) -> None:
        """Call this between the steps of a long chunk, and of the clock; what it raises ends `process` in the middle."""
        self._events.on_checkpoint(call)

    # ── input ─────────────────────────────────────────────────────────────────────────

    def process(self, chunk: Chunk, now_ns: int) -> None:
        """Take one chunk through all stages; `now_ns` bounds the year of its stamps."""
        self._events.begin_chunk(chunk, now_ns)
        self._lines.process(chunk, now_ns)

    def process_inventory(
        self, changes: Iterable[FileChange], now_ns: int, present: Collection[str] | None, first_poll_ns: int
    ) -> None:
        """Take over what the engine's own files say of its containers."""
        self._events.process_inventory(changes, self.host or "", now_ns, present, first_poll_ns)

    def process_gap(self, gap: Gap) -> None:
        """Count bytes that were lost, and make an event `log.gap` of them."""
        self._events.process_gap(gap)

    # ── the clock ─────────────────────────────────────────────────────────────────────

    def follow(self, now_ns: int, lateness_ns: int = 0) -> None:
        """Nothing is left to read: process what waits, and move the clock to the wall clock's time less the lateness."""
        self._lines.end(now_ns)
        self._events.follow(now_ns, lateness_ns)

    def end_lines(self, now_ns: int) -> None:
        """Nothing is left to read at this time: process the lines that wait for a second one to agree."""
        self._lines.end(now_ns)

    def follow_step(self, wall_ns: int, step_ns: int) -> bool:
        """Follow the wall clock, which was set by `step_ns`; whether to commit before anything else is processed."""
        return self._events.follow_step(wall_ns, step_ns)

    def advance(self, clock_ns: int) -> None:
        """Move the clock of all stages, as a line does: what waited for a time until then happens."""
        self._events.advance(clock_ns)

    def finish(self, now_ns: int = 0) -> None:
        """Settle what is still pending: the input is at its end for good."""
        self._lines.finish(now_ns)
        if not self.settings.raw:
            self._events.finish()

    # ── state ─────────────────────────────────────────────────────────────────────────

    @property
    def waiting_outcomes(self) -> int:
        """How many events happened since the last `take_outcomes`."""
        return self._events.waiting_outcomes

    def take_outcomes(self) -> list[Outcome]:
        """Hand over the events since the last call."""
        return self._events.take_outcomes()

    def take_transaction(self, outcomes: list[Outcome], queried_from_ns: int | None = None) -> Transaction:
        """Hand over what is to be committed with these events: what all stages changed since the last call.

        With a clock after `queried_from_ns` also change points that no rule looks back at any more: queries do.
        """
        if not self._events.has_changes:
            # Time that merely goes by is not written.
            return Transaction(
                series=self.series.changes(),
                points=self.series.points(),
                thinned=self.series.thinned(),
                outcomes=outcomes,
            )
        set_back = self._events.end_changes()
        for table, value in zip(
            self._progress, (self.clock_ns, self.host, self._events.line_clock.dump()), strict=True
        ):
            table[""] = value
        stages: Rows = {}
        for name, tables in self._tables().items():
            stages.update({(name, key): row for key, row in state_table.changed_rows(tables).items()})
        is_queried = queried_from_ns is not None and self.clock_ns > queried_from_ns
        points = self.series.points() if is_queried else []
        horizons = {**self.series.forget(self.clock_ns), **set_back}
        return Transaction(
            stages=stages,
            series=self.series.changes(),
            points=[*points, *self.series.points()],
            thinned=self.series.thinned(),
            horizons=horizons,
            outcomes=outcomes,
            clock_ns=self.clock_ns,
        )

    def discard_changes(self) -> None:
        """Forget what was noted for a commit where there is none, so that it does not grow."""
        for tables in self._tables().values():
            for table in tables:
                table.discard_changes()
        self.series.changes()

    def restore(self, rows: Mapping[tuple[str, str], str]) -> None:
        """Continue from the rows of the last commit."""
        by_stage: dict[str, dict[str, str]] = {}
        for (name, key), row in rows.items():
            by_stage.setdefault(name, {})[key] = row
        for name, tables in self._tables().items():
            state_table.restore(tables, by_stage.get(name, {}))
        clock, host, lines = self._progress
        clock_ns = clock.get("", 0)
        self._lines.restored(host.get(""))
        self._events.restored(self.host, clock_ns, lines.get("", (clock_ns, clock_ns, 0)))

    def _tables(self) -> dict[str, Sequence[StateTable[Any, Any]]]:
        """All state, by the name of its stage in the store."""
        return {
            "pipeline": (*self._progress, self._lines.waiting.table),
            **self._lines.tables(),
            **self._events.tables(),
        }
