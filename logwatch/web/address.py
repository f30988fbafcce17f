"""The address of a page: what is chosen on it, and the addresses of the same page with another choice.

All that a reader chooses (search, filters, order, time) is in the URL, so that it can be sent to somebody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from logwatch.model import SECOND
from logwatch.notation import duration, nanoseconds, rfc3339
from logwatch.web.answers import BadQueryError
from logwatch.web.api import LONGEST_TEXT, time_ns

RANGES = ("15m", "1h", "6h", "1d", "7d")
DEFAULT_RANGE = "1h"
SHORTEST_NS = 10 * SECOND
"""One cannot zoom in further."""
LONGEST_NS = 366 * 86_400 * SECOND
ROUND = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 172_800, 604_800)
"""Lengths of steps, in seconds."""


@dataclass(frozen=True, slots=True)
class Address:
    """A path, and what follows the question mark; empty values do not count."""

    path: str
    parameters: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """Return a parameter; empty if it is not there."""
        return self.parameters.get(name, "")[:LONGEST_TEXT]

    def but(self, **changes: str | None) -> str:
        """Return the URL of the same with other parameters; None leaves one out."""
        chosen = {name: value for name, value in {**self.parameters, **changes}.items() if value}
        return f"{self.path}?{urlencode(chosen)}" if chosen else self.path


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time: the last hour (until now), or between two moments."""

    since_ns: int
    until_ns: int
    range: str
    """One of RANGES; empty for two moments."""

    @property
    def length_ns(self) -> int:
        """How long it is."""
        return self.until_ns - self.since_ns

    @property
    def choices(self) -> Mapping[str, Mapping[str, str | None]]:
        """The parameters of shorter, longer, earlier and later stretches, by what a link to them is called."""
        length, since, until = self.length_ns, self.since_ns, self.until_ns
        found = {
            "earlier": _moments(since - length // 2, until - length // 2),
            "zoom in": _moments(since + length // 4, until - length // 4),
            "zoom out": _moments(since - length // 2, until + length // 2),
        }
        if length // 2 < SHORTEST_NS:
            del found["zoom in"]
        if not self.range:
            found["later"] = _moments(since + length // 2, until + length // 2)
        return found

    def step_ns(self, most: int) -> int:
        """Return a round length of steps, of which the stretch has at most so many."""
        return next((each for each in ROUND if self.length_ns / (each * SECOND) <= most), ROUND[-1]) * SECOND


def span(address: Address, now_ns: int) -> Span:
    """Return the time that an address chooses; raises BadQueryError."""
    since_ns, until_ns = (time_ns(address[name], name) if address[name] else None for name in ("since", "until"))
    if since_ns is None and until_ns is None:
        length = address["range"] if address["range"] in RANGES else DEFAULT_RANGE
        return Span(now_ns - nanoseconds(duration(length)), now_ns, length)
    hour_ns = 3600 * SECOND
    if since_ns is None:
        since_ns = (until_ns or now_ns) - hour_ns
    until_ns = min(until_ns if until_ns is not None else now_ns, since_ns + LONGEST_NS)
    if until_ns <= since_ns:
        raise BadQueryError("until is not after since: exchange them")
    return Span(since_ns, until_ns, "")


def _moments(since_ns: int, until_ns: int) -> dict[str, str | None]:
    return {"since": rfc3339(max(0, since_ns), 0), "until": rfc3339(max(SECOND, until_ns), 0), "range": None}
