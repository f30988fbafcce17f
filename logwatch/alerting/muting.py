"""Which alerts are muted: evaluated and kept, but not sent while they were not sent before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from logwatch.model import SECOND, Mute
from logwatch.time_intervals import TimeInterval


@dataclass(frozen=True, slots=True)
class MuteWindow:
    """A mute that comes again at certain times."""

    match: Mapping[str, str]
    intervals: Sequence[TimeInterval]
    reason: str = ""

    def is_open(self, moment: datetime) -> bool:
        """Whether it is such a time."""
        return any(interval.contains(moment) for interval in self.intervals)


@dataclass(frozen=True, slots=True)
class Muting:
    """The mutes that are in force at a time."""

    mutes: Sequence[Mute] = field(default_factory=tuple)

    def is_muted(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is muted."""
        return any(mute.covers(labels) for mute in self.mutes)


NOT_MUTED = Muting()


def at(now_ns: int, mutes: Sequence[Mute], windows: Sequence[MuteWindow]) -> Muting:
    """Return those of the mutes and windows that are in force."""
    if not mutes and not windows:
        return NOT_MUTED
    active = [mute for mute in mutes if mute.since_ns <= now_ns and (mute.until_ns is None or now_ns < mute.until_ns)]
    moment = datetime.fromtimestamp(now_ns // SECOND, UTC)
    opened = [
        Mute(f"mute_windows[{place}]", window.match, 0, None, window.reason, "configuration")
        for place, window in enumerate(windows)
        if window.is_open(moment)
    ]
    return Muting((*active, *opened))
