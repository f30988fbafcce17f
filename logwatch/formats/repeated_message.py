"""Lines that stand for several: syslog daemons fold equal lines into one.

dockerd[1]: message repeated 3 times: [ time="…" level=error msg="…"]    rsyslog, three more of what is in brackets
last message repeated 3 times                                            sysklogd, three more of the line before
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from logwatch.model import Record

MOST = 100
"""Events that one line makes by repeating: what it costs must not follow from a number written in it."""
LONGEST = 8192
"""Bytes of a message that is remembered for a repeat: what syslog daemons fold is no longer."""
_FOLDED = re.compile(
    rb"""
    message[ ]repeated[ ](?P<count>\d{1,9})[ ]times:[ ]\[[ ]?(?P<message>.*?)\]?   # message repeated 3 times: [ x]
    """,
    re.VERBOSE | re.DOTALL,
)
_LAST = re.compile(
    rb"""
    last[ ]message[ ]repeated[ ](?P<count>\d{1,9})[ ]times?   # last message repeated 3 times
    """,
    re.VERBOSE,
)


class Folded(NamedTuple):
    """How often a line says that a message came again, and which (None: that of the line before)."""

    times: int
    message: bytes | None


class Previous(NamedTuple):
    """The last line that rules took, and where it ends: a repeat must follow it at once."""

    end: int
    record: Record
    rules: tuple[int, ...]

    def dump(self, mask: Callable[[str], str]) -> str:
        """Keep it for the next process, if this is where it is interrupted; `mask` takes the secrets out."""
        *fields, message, _ = self.record
        return json.dumps([self.end, fields, mask(message.decode("latin-1")), self.rules], separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Previous:
        """Read what `dump` wrote."""
        end, fields, message, rules = json.loads(text)
        time_ns, stamp_ns, host, tag, pid = fields
        return cls(end, Record(time_ns, stamp_ns, host, tag, pid, message.encode("latin-1")), tuple(rules))


def folded(message: bytes) -> Folded | None:
    """Whether a message means that others came again."""
    if message.startswith(b"message repeated ") and (match := _FOLDED.fullmatch(message)):
        return Folded(int(match["count"]), match["message"])
    if message.startswith(b"last message repeated ") and (match := _LAST.fullmatch(message)):
        return Folded(int(match["count"]), None)
    return None


def meant(
    found: Folded, record: Record, previous: Previous | None, start: int
) -> tuple[Record, tuple[int, ...]] | None:
    """Return the record that came again, with the time of this line, and (for the line before) its rules.

    None where the line before was none that any rule took. `start` is where this line begins.
    """
    if found.message is not None:
        return record._replace(message=found.message), ()
    if previous is None or previous.end + 1 != start:
        return None
    return previous.record._replace(time_ns=record.time_ns, stamp_ns=record.stamp_ns), previous.rules
