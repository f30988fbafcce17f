"""Times as Go writes them into JSON: RFC 3339 with up to nine digits of fraction."""

from __future__ import annotations

import re
from datetime import datetime

from logwatch.model import SECOND

TIME = re.compile(
    r"""
    (?P<second> \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d )   # 2026-11-23T20:17:04
    (?: [.] (?P<fraction> \d+ ) )?                     # .721609123
    (?P<zone> Z | [+-]\d\d:\d\d )
    """,
    re.VERBOSE,
)


def nanoseconds(text: str) -> int:
    """Read a time; Go's zero time (year 1), like anything unreadable, is 0."""
    found = TIME.fullmatch(text)
    if found is None or text.startswith("0001-"):
        return 0
    try:
        moment = datetime.fromisoformat(found["second"] + found["zone"].replace("Z", "+00:00"))
    except ValueError:
        return 0
    return int(moment.timestamp()) * SECOND + int((found["fraction"] or "").ljust(9, "0")[:9])
