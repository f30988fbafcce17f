"""Runs a test: gives the lines, moves the clock, and notes what comes of it.

It is the loop and the pipeline of `run` and `replay`, tick by tick of the evaluation:

    lines written until then ─▶ pipeline.process ─▶ pipeline.advance (events, series, alerts) ─▶ note
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

from logwatch.driver import Driver
from logwatch.errors import CommitError
from logwatch.model import SECOND, Alert, Chunk, Event, Gap, Outcome, SourceStatus
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


class TimedLines:
    """A source of lines that are written at given times; `until_ns` is how far that is."""

    def __init__(self, lines: Sequence[TimedLine], end_ns: int) -> None:
        self._lines = lines
        self._times = [line.time_ns for line in lines]
        self._read = 0
        self._sizes: dict[str, tuple[int, int]] = {}
        self._end_ns = end_ns
        self.until_ns = 0
        self.finished = False

    def read(self, now_ns: int) -> Chunk | None:  # noqa: ARG002 - as Source
        """Return the next lines of one path that are written by then."""
        end = max(self._read, bisect_right(self._times, self.until_ns))
        following = self._lines[self._read : end]
        if not following:
            return None
        path = following[0].path
        lines = [line.data for line in takewhile(lambda line: line.path == path, following)]
        self._read += len(lines)
        data = b"\n".join(lines) + b"\n"
        offset, number = self._sizes.get(path, (0, 1))
        self._sizes[path] = (offset + len(data), number + len(lines))
        return Chunk(data, path, offset, self._end_ns, line=number)

    def gaps(self) -> Sequence[Gap]:
        """Nothing is ever lost."""
        return ()

    def changed_rows(self) -> dict[str, str | None]:
        """The test itself knows what it has read."""
        return {}

    def restore(self, rows: Mapping[str, str]) -> None:
        """As `changed_rows`."""

    def status(self) -> Sequence[SourceStatus]:
        """No page shows it."""
        return ()

    def wait(self, timeout: float) -> None:
        """The test moves the clock."""

    def wake(self) -> None:
        """As `wait`."""

    def close(self) -> None:
        """Nothing is open."""


class Performance:
    """A test under way. `build` makes its pipeline, also after a restart; `lines` are in the order of their times."""

    def __init__(self, build: Callable[[], Pipeline], lines: Sequence[TimedLine], start_ns: int, end_ns: int) -> None:
        self.seen = Seen()
        self.start_ns = start_ns
        self._build = build
        self._source = TimedLines(lines, end_ns)
        self._time_ns = start_ns
        self._end_ns = end_ns
        self._sent: dict[tuple[str, int], str] = {}
        self._transaction = Transaction()
        self._driver = Driver(
            self._source, "test", build(), self, committer=self, now=lambda: end_ns, is_stopping=lambda: False
        )
        self.pipeline.advance(start_ns)

    @property
    def pipeline(self) -> Pipeline:
        """The one that the last restart made."""
        return self._driver.pipeline

    def advance(self, time_ns: int) -> None:
        """Process the lines until that time, evaluate what is due then, and note what changed."""
        self._time_ns = self._source.until_ns = time_ns
        while self._driver.step():
            pass
        self._note(time_ns)

    def restart(self, time_ns: int, folder: Path) -> None:
        """Commit as after every step, then lose everything that is not committed, and continue from this folder."""
        now = datetime.fromtimestamp(time_ns // SECOND, UTC)
        with closing(Store(folder, now, sync=Sync.OFF)) as store:
            store.commit(self._transaction, time_ns)
        self._transaction = Transaction()
        pipeline = self._build()
        with closing(Store(folder, now, sync=Sync.OFF)) as store:
            saved = store.load()
        pipeline.series.restore(saved.series, saved.points)
        pipeline.restore(saved.stages)
        self._driver.replace_pipeline(pipeline)

    def _note(self, time_ns: int) -> None:
        seen, alerts = self.seen, self.pipeline.alerts
        for group in alerts.report().groups:
            for rule in group.rules:
                if rule.error:
                    seen.errors[f"{rule.name}: {rule.error}"] = None
                seen.states.update((rule.name, alert.state) for alert in rule.alerts)
        for alert in alerts.outgoing(time_ns):
            key = (alert.fingerprint, alert.starts_ns)
            if self._sent.get(key) != alert.state:
                self._sent[key] = alert.state
                seen.notifications.append(Notification(time_ns, alert))
                seen.states.add((alert.labels["alertname"], alert.state))

    # ── what the driver commits and publishes to ─────────────────────────────────────

    def heartbeat(self, now_ns: int) -> None:
        """Nobody watches a test."""

    def idle(self, pipeline: Pipeline, now_ns: int) -> None:  # noqa: ARG002 - as Publisher
        """Evaluate what is due at the test's time."""
        if not self._time_ns:  # 1970, where promtool's tests begin, is to the pipeline a clock that has not begun
            pipeline.alerts.evaluate(0)
        pipeline.end_lines(self._time_ns + 1)
        pipeline.advance(self._time_ns + 1)

    def prepare(self, pipeline: Pipeline, outcomes: Sequence[Outcome], *, live: bool, final: bool) -> None:  # noqa: ARG002 - as Publisher
        """Note the events."""
        self.seen.events.update((outcome.seq, outcome.event) for outcome in outcomes)

    def rows(self) -> Transaction:
        """A test has none of its own."""
        return Transaction()

    def publish(self, transaction: Transaction | None, now_ns: int) -> None:
        """As `prepare`."""

    def commit_failed(self, error: CommitError) -> None:
        """Never called: `commit` keeps everything."""

    def commit(self, transaction: Transaction, now_ns: int) -> None:  # noqa: ARG002 - as Committer
        """Keep it until the next restart."""
        self._transaction.merge(transaction)

    def queried_from_ns(self, now_ns: int) -> int | None:  # noqa: ARG002 - as Committer
        """Never: a test evaluates its expressions while it runs."""
        return None
