"""Does a test: gives the lines and the series, moves the clock, and notes what comes of it.

It is the pipeline of `run` and `replay` that it moves, tick by tick of the evaluation:

    lines written until then ─▶ pipeline.apply ─▶ pipeline.advance (events, series, alerts) ─▶ look
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from logwatch.model import SECOND, Alert, Chunk, Event
from logwatch.pipeline import Pipeline
from logwatch.ruletests.lines import TimedLine
from logwatch.store import Store, Sync, Transaction


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of an alert that began or ended."""

    time_ns: int
    alert: Alert


@dataclass(slots=True)
class Seen:
    """What came of a test so far."""

    events: dict[int, Event] = field(default_factory=dict)
    """By their numbers, in the order in which they were accepted, each as full as it is."""
    notifications: list[Notification] = field(default_factory=list)
    errors: dict[str, None] = field(default_factory=dict)
    """Of rules that could not be evaluated."""
    states: set[tuple[str, str]] = field(default_factory=set)
    """Alert, and a state that it was in."""


class Performance:
    """A test under way. `build` makes its pipeline, also after a restart; `lines` are in the order of their times."""

    def __init__(self, build: Callable[[], Pipeline], lines: Sequence[TimedLine], start_ns: int, end_ns: int) -> None:
        self.seen = Seen()
        self.start_ns = start_ns
        self._build = build
        self._lines = lines
        self._times = [line.time_ns for line in lines]
        self._given = 0
        self._sizes: dict[str, tuple[int, int]] = {}
        self._end_ns = end_ns
        self._notified: dict[tuple[str, int], str] = {}
        self._turn = Transaction()
        self.pipeline = build()
        self.pipeline.advance(start_ns)

    # ── time goes by ─────────────────────────────────────────────────────────────────

    def advance(self, time_ns: int) -> None:
        """Give the lines until that time, evaluate what is due then, and note what changed."""
        end = max(self._given, bisect_right(self._times, time_ns))
        for path, lines in groupby(self._lines[self._given : end], key=lambda line: line.path):
            self.pipeline.apply(self._chunk(path, [line.data for line in lines]), self._end_ns)
        self._given = end
        if not time_ns:  # 1970, where promtool's tests begin, is to the pipeline a clock that has not begun
            self.pipeline.alerts.evaluate(0)
        self.pipeline.advance(time_ns + 1)
        self._look(time_ns)

    def _chunk(self, path: str, lines: Sequence[bytes]) -> Chunk:
        data = b"\n".join(lines) + b"\n"
        offset, number = self._sizes.get(path, (0, 1))
        self._sizes[path] = (offset + len(data), number + len(lines))
        return Chunk(data, path, offset, self._end_ns, line=number)

    def _look(self, time_ns: int) -> None:
        seen, alerts = self.seen, self.pipeline.alerts
        outcomes = self.pipeline.take_outcomes()
        seen.events.update((outcome.seq, outcome.event) for outcome in outcomes)
        for group in alerts.report().groups:
            for rule in group.rules:
                if rule.error:
                    seen.errors[f"{rule.name}: {rule.error}"] = None
                seen.states.update((rule.name, alert.state) for alert in rule.alerts)
        for alert in alerts.outgoing(time_ns):
            key = (alert.fingerprint, alert.starts_ns)
            if self._notified.get(key) != alert.state:
                self._notified[key] = alert.state
                seen.notifications.append(Notification(time_ns, alert))
                seen.states.add((alert.labels["alertname"], alert.state))
        self._turn.merge(self.pipeline.take_turn(outcomes))

    def restart(self, time_ns: int, folder: Path) -> None:
        """Commit as after every transaction, then lose everything that is not committed, and go on from this folder."""
        now = datetime.fromtimestamp(time_ns // SECOND, UTC)
        with closing(Store(folder, now, sync=Sync.OFF)) as store:
            store.commit(self._turn, time_ns)
        self._turn = Transaction()
        self.pipeline = self._build()
        with closing(Store(folder, now, sync=Sync.OFF)) as store:
            saved = store.load()
        self.pipeline.series.restore(saved.series, saved.points)
        self.pipeline.restore(saved.stages)
