"""The stamps of headers that are not absolute: written in local time, some without year, month or date.

    Nov 23 20:16:44            rsyslog's traditional format, RFC 3164; the day also as 03 or 3
    nov 08 · gru 12 · 8月 31    journalctl in another language
    2024 Nov 3 · Nov 3 2024    with a year, before or behind
    Sun Nov  3 12:00:01 2024   OpenWrt's logread, C's ctime
    2024-11-03 12:00:01.123    ISO without offset, also after a weekday (journalctl -o short-full)
    11/23/2024 20:16:44        as in the United States; 23/11/2024, where that is not a month
    Nov 23 08:16:44 PM         a clock of twelve hours
    20:53:13                   time only

`parse` reads them; what they mean in universal time is for clock.py.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from logwatch.model import SECOND

HEAD_ROOM = 80


class Local(NamedTuple):
    """A local stamp as far as it is written; `day` is None where month or date could not be read."""

    year: int | None
    month: int | None
    day: int | None
    clock_ns: int | None
    """Since local midnight; None where it is not a time of day."""
    universal: bool = False
    """Not local at all: marked as UTC."""


UNSTAMPED = Local(None, None, None, None)

STAMP = re.compile(
    rb"""
    (?: (?: [A-Za-z\x80-\xff.]{2,16} [ ] )?                        # Sun 2024-11-03
        (?P<iso_year> \d{4} ) [-/] (?P<iso_month> \d\d ) [-/] (?P<iso_day> \d\d ) [T ]
      | (?P<us_month> \d\d? ) / (?P<us_day> \d\d? ) / (?P<us_year> \d{4} ) ,? [ ]
      | (?P<weekday> (?: Mon | Tue | Wed | Thu | Fri | Sat | Sun ) [ ] )? (?: (?P<year_before> \d{4} ) [ ] )?
        (?P<name> [A-Za-z\x80-\xff.]{2,24} | [ ]? \d{1,2} [\x80-\xff]{2,4} )   # Nov, gru, a Chinese 8th month
        [ ]{0,2} (?P<day> \d{1,2} ) [ ]
        (?: (?P<year_behind> \d{4} ) [ ] )?
    )?
    (?P<hour> \d\d? ) : (?P<minute> \d\d ) : (?P<second> \d\d )
    (?: [.,] (?P<fraction> \d{1,9} ) )?
    (?: [ ] (?P<half> [AaPp] ) [Mm] (?= [ ] ) )?
    (?(weekday) (?: [ ] (?P<year_last> \d{4} ) (?= [ ] ) )? )
    (?: [ ] (?: (?P<universal> UTC | GMT ) | CES?T | [ACEHKMPW][SD]T ) (?= [ ] ) )?    # journalctl -o short-full
    (?= [ :] | \Z )
    """,
    re.VERBOSE,
)

# Abbreviations that strftime's %b gives, each month with its languages; read by their first three
# letters. One that means different months in two languages (Croatian and Czech) is left out.
MONTH_NAMES = (
    "jan jän ene gen sty oca янв tam led",
    "feb fév fev lut şub фев",
    "mar mär mrz mrt мар бер",
    "apr avr abr kwi nis апр",
    "may mai mag maj mei май мая",
    "jun giu cze haz июн",
    "jul lug lip tem июл",
    "aug aoû ago sie ağu авг",
    "sep set wrz eyl сен",
    "oct okt ott out paź eki окт",
    "nov lis kas ноя",
    "dec dez dic déc gru ara дек",
)
MONTHS = {name: number for number, names in enumerate(MONTH_NAMES, 1) for name in names.split()}
FRENCH_SUMMER = {"juin": 6, "juil": 7}


def parse(head: bytes) -> tuple[Local, int] | None:
    """Read the stamp that a line begins with, and say where it ends; None where there is none."""
    match = STAMP.match(head)
    if match is None:
        return None
    year, month, day = _date(match)
    return Local(year, month, day, _clock(match), universal=match["universal"] is not None), match.end()


def _date(match: re.Match[bytes]) -> tuple[int | None, int | None, int | None]:
    if match["iso_year"]:
        return int(match["iso_year"]), int(match["iso_month"]), int(match["iso_day"])
    if match["us_year"]:
        month, day = int(match["us_month"]), int(match["us_day"])
        return int(match["us_year"]), *((month, day) if month <= 12 else (day, month))
    named = _month(match["name"]) if match["name"] else None
    if named is None:
        return None, None, None
    year = match["year_before"] or match["year_behind"] or match["year_last"]
    return int(year) if year else None, named, int(match["day"])


def _clock(match: re.Match[bytes]) -> int | None:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    if match["half"]:
        hour = hour % 12 + 12 * (match["half"] in b"Pp") if 0 < hour <= 12 else 24
    if hour > 23 or minute > 59 or second > 60:
        return None
    fraction = (match["fraction"] or b"").ljust(9, b"0")
    return ((hour * 60 + minute) * 60 + second) * SECOND + int(fraction)


def _month(written: bytes) -> int | None:
    """The number of a month, or None where its language is not known."""
    name = written.decode(errors="replace").lower().strip(" .")
    digits = name[:2] if name[:2].isdecimal() else name[:1]
    if digits.isdecimal():
        return int(digits) if 1 <= int(digits) <= 12 else None
    return FRENCH_SUMMER.get(name) or MONTHS.get(name[:3])
