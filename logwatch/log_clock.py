"""How far a line moves the evaluation clock: one line from a wrong clock does not move it.

A stamp over five minutes ahead of the clock counts only if a second line of the same host agrees, within the next ten
lines and before two that do not. Until that is known the line waits, and with it all lines after it, so that their
order stays. If none agrees, the line happened now: by its own time no rule would see it until the clock comes there.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from logwatch.model import SECOND, Hit, Record
from logwatch.store.state_table import StateValue

STEP_NS = 300 * SECOND
"""A step forward by more needs a second line, or the wall clock, to agree."""
AGREES_NS = SECOND
"""Two lines of one time may be written in the other order."""
SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
LINES = 10
"""So many lines after it may agree with a step."""
OPPOSING = 2
"""So many lines of an earlier time decide against a step; one may have been delayed."""


class Line(NamedTuple):
    """A line in which the scanner found a pattern, with its header read."""

    record: Record
    hit: Hit
    path: str
    offset: int
    number: int | None = None

    @property
    def end(self) -> int:
        """The offset after its last byte."""
        return self.offset + self.hit.end - self.hit.start

    def happened(self, time_ns: int) -> Line:
        """Return it with this time in place of its own."""
        return self._replace(record=self.record._replace(stamp_ns=time_ns, time_ns=min(self.record.time_ns, time_ns)))


class WaitingLines:
    """The lines that wait for a second one to agree with the first."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        """`mask` takes the secrets out of what is committed."""
        self.table: StateValue[deque[Line]] = StateValue("waiting", deque, partial(_encode, mask), _decode)

    @property
    def lines(self) -> Collection[Line]:
        """Those that wait now; the same object until the table is restored."""
        return self.table.value

    def add(self, line: Line) -> None:
        """Add a line after those that wait."""
        self.table.value.append(line)
        self.table.touch_value()

    def take(self, clock_ns: int, *, believed_ns: int | None = None) -> Line | None:
        """Return the next line that need not wait any more, None if there is none.

        `believed_ns` ends the waiting: steps that no line contradicts are right up to that time.
        """
        waiting = self.table.value
        if not waiting:
            return None
        line = waiting[0]
        if is_step(line.record, clock_ns):
            agreeing, opposing = self._later_lines(line.record)
            if not agreeing:
                if opposing < OPPOSING and believed_ns is None and len(waiting) <= LINES:
                    return None
                if opposing or believed_ns is None or line.record.stamp_ns > believed_ns:
                    line = line.happened(clock_ns)
        waiting.popleft()
        self.table.touch_value()
        return line

    def _later_lines(self, first: Record) -> tuple[bool, int]:
        """Whether a later line of the host agrees with the first, and how many before that do not."""
        opposing = 0
        for line in islice(self.table.value, 1, LINES + 1):
            if line.record.host == first.host:
                if line.record.stamp_ns >= first.stamp_ns - AGREES_NS and opposing < OPPOSING:
                    return True, opposing
                opposing += 1
        return False, opposing


class LineClock:
    """The clock of what waits: it goes by the stamps of lines, and on as fast as the wall clock while none comes.

    Lines may be delivered late, by minutes or by a week. Whatever the wall clock shows meanwhile, the next line finds what
    waits for it as it would in a replay.
    """

    def __init__(self) -> None:
        self.time_ns = 0
        self._newest_ns = self._read_ns = 0
        """The newest stamp of a line, and when a line was last read, by the wall clock."""

    def process(self, stamp_ns: int) -> bool:
        """Move to a line, if it is the newest; whether the clock has gone beyond all lines meanwhile, and went back."""
        newest_ns = self._newest_ns = max(self._newest_ns, stamp_ns)
        before_ns, self.time_ns = self.time_ns, newest_ns
        return before_ns > newest_ns

    def read(self, lines: int, now_ns: int) -> None:
        """Note when lines were read, if any were."""
        self._read_ns = now_ns if lines else self._read_ns

    def set(self, time_ns: int) -> None:
        """Set it, as a line of that time would."""
        self.time_ns = self._newest_ns = time_ns

    def follow(self, now_ns: int, lateness_ns: int) -> None:
        """Nothing is left to read: move on by what has passed since the last line, less the lateness."""
        if not self._newest_ns:
            self.time_ns = now_ns - lateness_ns
            return
        self._read_ns = self._read_ns or now_ns
        passed_ns = max(0, now_ns - self._read_ns)
        self.time_ns = max(self.time_ns, min(self._newest_ns + passed_ns, now_ns) - lateness_ns)

    def shift(self, step_ns: int) -> None:
        """The wall clock was set."""
        self.time_ns += step_ns
        self._newest_ns += step_ns
        self._read_ns += step_ns

    def dump(self) -> list[int]:
        """What it goes on from after a restart."""
        return [self.time_ns, self._newest_ns, self._read_ns]

    def load(self, state: Sequence[int]) -> None:
        """Continue from what `dump` gave."""
        self.time_ns, self._newest_ns, self._read_ns = state


def seconds_ns(text: str) -> int:
    """Return how long a text of seconds is, 0 for any other text: `2546.206649`."""
    return int(float(text) * SECOND) if SECONDS.fullmatch(text) else 0


def is_step(record: Record, clock_ns: int) -> bool:
    """Whether a line would move a clock that runs further than one line may."""
    return bool(clock_ns) and record.stamp_ns > clock_ns + STEP_NS


def _encode(mask: Callable[[str], str], lines: deque[Line]) -> list[Any]:
    return [
        [[*record[:5], record.far_off], mask(record.message.decode("latin-1")), hit, place]
        for record, hit, *place in lines
    ]


def _decode(_key: str, rows: list[Any]) -> deque[Line]:
    lines: deque[Line] = deque()
    for (time_ns, stamp_ns, host, tag, pid, far_off), message, (start, end, rules, before), place in rows:
        record = Record(time_ns, stamp_ns, host, tag, pid, message.encode("latin-1"), far_off)
        lines.append(Line(record, Hit(start, end, tuple(rules), before), *place))
    return lines
