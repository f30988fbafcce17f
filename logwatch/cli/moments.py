"""Points in time as people give them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from logwatch.errors import ConfigError
from logwatch.model import SECOND

_AGO = re.compile(
    r"""
    (?P<count>\d+)(?P<unit>[smhdw])   # 90s 15m 2h 3d 1w
    """,
    re.VERBOSE,
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment(text: str | None, now_ns: int, flag: str) -> int | None:
    """A point in time, given as such or as how long ago; without a zone it is local time."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return now_ns - int(ago["count"]) * _UNITS[ago["unit"]] * SECOND
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{flag} {text}: neither a time (2026-11-23T18:12:57Z) nor how long ago (15m, 2h, 3d)"
        ) from None
    seconds, microseconds = divmod(found.astimezone(UTC).timestamp() * 1_000_000, 1_000_000)
    return int(seconds) * SECOND + int(microseconds) * 1000
