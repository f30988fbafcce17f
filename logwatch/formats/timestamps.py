"""What a local stamp means in universal time: its year and its zone.

    year   the one that puts the stamp nearest to the last dated line of the same source; before one is seen,
           to the first one ahead in the chunk; else to when the file was written. Never over a day after that.
    zone   as given (--timezone); else the offset that the engine's lines show, which carry both
           stamps; else the system's.

An engine line votes for an offset when its two stamps are a multiple of 15 minutes apart,
but for the moment between writing and logging. The first vote counts at once, as nothing
better is known; after that it takes three in a row, so that one odd line moves nothing. The
same votes correct a wrong year. A change by exactly one hour (summer time) is believed for the
line that shows it, also before it is settled for the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from logwatch.formats.payload import LATEST
from logwatch.formats.stamps import Local
from logwatch.model import SECOND

HOUR = 3600 * SECOND
DAY = 24 * HOUR
QUARTER = HOUR // 4
EARLY = 2 * SECOND  # a header without fraction is up to a second behind its payload's time
LATE = 10 * SECOND
WRITTEN_AFTER = 60 * SECOND  # so late an engine's line may be written, for its zone not to be in doubt
FURTHEST = 14 * HOUR  # Kiribati, UTC+14
VOTES = 3
LEAP_DISTANCE = 8  # years between 29 Februaries around 1900 and 2100
FIRST_YEAR, LAST_YEAR = 1970, 2261
RULE_BLOCK = 6 * HOUR  # of local time; the rules of a zone are asked once for it
MOST_BLOCKS = 64  # a stamp without a year is looked at in three of them


class StampClock:
    """Turns local stamps of one source into universal time, and learns from lines that carry both."""

    def __init__(self, zone: tzinfo | None) -> None:
        self.last_ns: int | None = None
        """Time of the line before."""
        self.anchor_ns: int | None = None
        """What years are measured from, once a dated line was seen: the line before, or the first ahead."""
        self.boot_ns: int | None = None
        """When the kernel was started whose uptime the lines bear."""
        self.settled = False
        """An engine line has agreed with the zone, or taught it."""
        self.doubtful = True
        """An agreement would be news."""
        self._zone = zone
        self._offset_ns: int | None = None
        self._midnight_ns: int | None = None
        """Local midnight to universal time, within a day, for stamps whose date cannot be read."""
        self._blocks: dict[int, set[int] | None] = {}
        """The zone's offset throughout a block of local time, None where it changes in it."""
        self._votes: tuple[int, bool] | None = None
        self._count = 0
        self._guess_ns = 0
        self.limit_ns = DAY
        """No line can be from after this."""

    # ── what is known before a chunk ─────────────────────────────────────────────────

    def begin(self, mtime_ns: int, now_ns: int, *, live: bool) -> None:
        """Say when the file was last written and what time it is; both bound a stamp's year."""
        self._guess_ns = min(max(now_ns if live or mtime_ns <= 0 else mtime_ns, 0), LATEST)
        self.limit_ns = min(max(mtime_ns, now_ns, 0), LATEST) + DAY

    def guess_boot(self, last_uptime_ns: int) -> None:
        """Take the last line of the kernel to be as old as the file."""
        self.boot_ns = self._guess_ns - last_uptime_ns

    def look_ahead(self, pairs: Iterable[tuple[Local | None, int]]) -> None:
        """Take year and zone from the first lines of the engine: their header stamps (None: absolute) and own times."""
        offsets: Counter[int] = Counter()
        for local, payload_ns in pairs:
            if payload_ns > self.limit_ns:
                continue
            apart = None if local is None else self._apart(local, payload_ns)
            if local is not None and local.month is None and self._midnight_ns is None:
                self._learn_midnight(local, payload_ns)
            if self.anchor_ns is None and (local is None or local.month is None or apart is not None):
                self.anchor_ns = payload_ns
            vote = None if apart is None else _quarter(apart)
            if vote is not None:
                offsets[vote] += 1
        if offsets and not self.settled and self.anchor_ns is not None:
            self._adopt(offsets.most_common(1)[0][0], self.anchor_ns)

    def _apart(self, local: Local, payload_ns: int) -> int | None:
        """How far a stamp, in its best year, is ahead of the payload's time; None if it is another day altogether."""
        if local.clock_ns is None or local.month is None or local.day is None or local.universal:
            return None
        year = _year(payload_ns)
        years = (year - 1, year, year + 1) if local.year is None else (local.year,)
        starts = [start for y in years if (start := _midnight(y, local.month, local.day)) is not None]
        apart = min((start + local.clock_ns - payload_ns for start in starts), key=abs, default=FURTHEST * 2)
        return apart if abs(apart) <= FURTHEST + HOUR else None

    # ── from a stamp to universal time ───────────────────────────────────────────────

    def resolve(self, local: Local) -> tuple[int, int] | None:
        """Universal time of a stamp and the offset in force, both ns; None where its date cannot be read."""
        if local.clock_ns is None or local.month is None or local.day is None:
            return None
        if local.year is not None:
            start = _midnight(local.year, local.month, local.day)
            return None if start is None else self._placed(start + local.clock_ns, local)
        near = self._near()
        limit_ns = self.limit_ns if self.anchor_ns is not None else self._guess_ns + DAY
        placed = [self._placed(start + local.clock_ns, local) for start in _candidates(near, local.month, local.day)]
        allowed = [place for place in placed if place[0] <= limit_ns] or placed[:1]
        return min(allowed, key=lambda place: abs(place[0] - near), default=None)

    def resolve_undated(self, local: Local, payload_ns: int | None) -> int:
        """The time of a stamp whose date cannot be read: the payload's, else that of the line before, moved on."""
        before = self._near() if self.last_ns is None else self.last_ns
        if payload_ns is not None and payload_ns <= self.limit_ns:
            self._learn_midnight(local, payload_ns)
            return payload_ns
        if local.clock_ns is None:
            return before
        if self._midnight_ns is None:
            self._midnight_ns = -self._offset(before, before) % DAY
        time_ns = before - before % DAY + (self._midnight_ns + local.clock_ns) % DAY
        return min((time_ns - DAY, time_ns, time_ns + DAY), key=lambda near: abs(near - before))

    def _learn_midnight(self, local: Local, payload_ns: int) -> None:
        if local.clock_ns is not None:
            self._midnight_ns = (payload_ns - local.clock_ns + QUARTER // 2) // QUARTER * QUARTER % DAY

    def _placed(self, local_ns: int, local: Local) -> tuple[int, int]:
        before_ns = self._near() if self.last_ns is None else self.last_ns
        if self.last_ns is None and abs(before_ns - local_ns) > DAY:
            before_ns = (
                local_ns - DAY
            )  # no hint which of two equal local times is meant: the first, which others follow
        offset_ns = 0 if local.universal else self._offset(local_ns, before_ns)
        return local_ns - offset_ns, offset_ns

    def _near(self) -> int:
        return self._guess_ns if self.anchor_ns is None else self.anchor_ns

    def _offset(self, local_ns: int, near_ns: int) -> int:
        """The offset (ns) in force at a local time; where the clock is set back, the one that goes on from `near_ns`."""
        return self._offset_ns if self._offset_ns is not None else self._rule(local_ns, near_ns)

    def _rule(self, local_ns: int, near_ns: int) -> int:
        ahead = {offset: local_ns - offset - near_ns for offset in self._rules(local_ns)}
        return min(ahead, key=lambda offset: (ahead[offset] < -EARLY, abs(ahead[offset])))

    def _rules(self, local_ns: int) -> set[int]:
        """The zone's offsets at a local time: two where the clock is set back."""
        block = local_ns // RULE_BLOCK
        if block not in self._blocks:
            if len(self._blocks) >= MOST_BLOCKS:
                self._blocks.clear()
            # No zone changes its rules twice in a block: what holds at both its ends holds throughout.
            ends = [_offsets(block * RULE_BLOCK, self._zone), _offsets((block + 1) * RULE_BLOCK, self._zone)]
            self._blocks[block] = ends[0] if ends[0] == ends[1] and len(ends[0]) == 1 else None
        rules = self._blocks[block]
        return _offsets(local_ns, self._zone) if rules is None else rules

    def comes_once(self, at: tuple[int, int]) -> bool:
        """Whether the local time that `resolve` placed means that time only."""
        return self._offset_ns is not None or len(self._rules(at[0] + at[1])) == 1

    # ── learning ─────────────────────────────────────────────────────────────────────

    def agree(self) -> None:
        """An engine line's two stamps agree."""
        self.settled = True
        self._votes, self._count = None, 0
        self.doubtful = False

    def weigh(self, stamp: tuple[int, int], payload_ns: int, *, yearless: bool) -> int | None:
        """What to believe of an engine line whose stamps disagree: None for its header, else the header's time corrected.

        `stamp` is what `resolve` gave.
        """
        local_ns = stamp[0] + stamp[1]
        moved_ns = _nearest_year(local_ns, payload_ns) if yearless else local_ns
        offset_ns = _quarter(moved_ns - payload_ns)
        if offset_ns is None or payload_ns > self.limit_ns:
            return None
        if self._zone is not None and offset_ns != self._rule(moved_ns, payload_ns):
            return None
        same_year = moved_ns == local_ns
        self._count = self._count + 1 if self._votes == (offset_ns, same_year) else 1
        self._votes = (offset_ns, same_year)
        self.doubtful = True
        onward = not same_year and payload_ns > stamp[0] and offset_ns == stamp[1]
        if onward or not self.settled or self._count >= VOTES:
            self._adopt(offset_ns, payload_ns)
            self.anchor_ns = payload_ns
            return moved_ns - offset_ns
        summer_time = same_year and abs(offset_ns - stamp[1]) == HOUR
        if summer_time and self._was_set_back(stamp, offset_ns, payload_ns):
            self._adopt(offset_ns, payload_ns)
            self.anchor_ns = payload_ns
        return moved_ns - offset_ns if summer_time else None

    def _was_set_back(self, stamp: tuple[int, int], offset_ns: int, payload_ns: int) -> bool:
        """Whether the local clock went back since the line before, while time went on: the end of summer time."""
        before_ns = self.last_ns
        went_back = before_ns is not None and stamp[0] < before_ns - EARLY and payload_ns >= before_ns
        return went_back and offset_ns == stamp[1] - HOUR

    def _adopt(self, offset_ns: int, payload_ns: int) -> None:
        """Use an offset from now on; one that is the zone's own leaves the zone's rules in force."""
        self._offset_ns = None if offset_ns == self._rule(payload_ns + offset_ns, payload_ns) else offset_ns
        if self._zone is not None:
            self._offset_ns = None
        self.agree()

    # ── state ────────────────────────────────────────────────────────────────────────

    def dump(self) -> Mapping[str, Any]:
        """All that was learned, as JSON knows it."""
        return {
            "last": self.last_ns,
            "anchor": self.anchor_ns,
            "boot": self.boot_ns,
            "settled": self.settled,
            "offset": self._offset_ns,
            "midnight": self._midnight_ns,
            "votes": self._votes,
            "count": self._count,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from what `dump` gave, also in a version that did not know the boot."""
        self.boot_ns = state.get("boot")
        self.last_ns, self.anchor_ns = state["last"], state["anchor"]
        self.settled, self._offset_ns = state["settled"], state["offset"]
        self._midnight_ns = state["midnight"]
        self._votes = tuple(state["votes"]) if state["votes"] else None
        self._count = state["count"]
        self.doubtful = not self.settled or self._votes is not None


def explained(stamp: tuple[int, int], payload_ns: int, *, yearless: bool) -> bool:
    """Whether another zone, and another year of a stamp without one, make a local stamp (as `resolve` gives it) the payload's time."""
    local_ns = stamp[0] + stamp[1]
    apart_ns = (_nearest_year(local_ns, payload_ns) if yearless else local_ns) - payload_ns
    return abs(apart_ns) <= FURTHEST + HOUR and (apart_ns + EARLY) % QUARTER <= EARLY + WRITTEN_AFTER


def _quarter(apart_ns: int) -> int | None:
    """The offset that explains the distance of two stamps, or None."""
    offset_ns = (apart_ns + EARLY) // QUARTER * QUARTER
    explained = apart_ns - offset_ns <= LATE and abs(offset_ns) <= FURTHEST
    return offset_ns if explained else None


def _offsets(local_ns: int, zone: tzinfo | None) -> set[int]:
    naive = datetime(1970, 1, 1) + timedelta(seconds=local_ns // SECOND)  # noqa: DTZ001  # local by meaning
    return {_utc_offset(naive.replace(fold=fold), zone) for fold in (0, 1)}


def _utc_offset(naive: datetime, zone: tzinfo | None) -> int:
    aware = naive.astimezone() if zone is None else naive.replace(tzinfo=zone)
    offset = aware.utcoffset()
    return 0 if offset is None else round(offset.total_seconds()) * SECOND


def _year(time_ns: int) -> int:
    return datetime.fromtimestamp(time_ns // SECOND, UTC).year


@lru_cache(maxsize=64)
def _midnight(year: int, month: int, day: int) -> int | None:
    """Nanoseconds from the epoch to the start of a day, or None if that day does not exist."""
    if not FIRST_YEAR < year < LAST_YEAR:
        return None
    try:
        return round(datetime(year, month, day, tzinfo=UTC).timestamp()) * SECOND
    except ValueError:
        return None


def _candidates(near_ns: int, month: int, day: int) -> list[int]:
    """Starts of that day in the years around, the nearest year first; a 29 February has them further apart."""
    return _starts(_year(near_ns), month, day)


@lru_cache(maxsize=64)
def _starts(year: int, month: int, day: int) -> list[int]:
    reach = LEAP_DISTANCE if (month, day) == (2, 29) else 1
    years = sorted(range(year - reach, year + reach + 1), key=lambda other: abs(other - year))
    return [start for other in years if (start := _midnight(other, month, day)) is not None]


def _nearest_year(local_ns: int, payload_ns: int) -> int:
    """The same day and time of day in the year that is nearest to the payload's time."""
    local = datetime.fromtimestamp(local_ns // SECOND, UTC)
    clock_ns = local_ns % DAY
    starts = _candidates(payload_ns, local.month, local.day)
    return min((start + clock_ns for start in starts), key=lambda moved: abs(moved - payload_ns), default=local_ns)
