"""A line taken apart: its stamp, who wrote it, and its message.

A line is tried by its first byte: a digit is a year or a time of day, `<` a priority, and anything else a month. What
programs put in front of a line, such as grep's file name or a log service's own stamp, is taken off first.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from logwatch.formats import bare, rfc3339, rfc5424, stamps
from logwatch.formats.rfc3164 import Origin, Origins
from logwatch.formats.rfc3339 import Rfc3339
from logwatch.formats.stamps import UNSTAMPED, Local

BOM = b"\xef\xbb\xbf"
PRIORITY = re.compile(rb"<\d{1,3}>[ ]?")
FILE_NAME = re.compile(rb"[\w./@+-]{1,255}")
LINE_NUMBER = re.compile(rb"[0-9]{1,12}:")
TABBED = re.compile(rb"[^\t]{7,42}[0-9MZz]\t")
TABS = 4
"""The most tabs that are replaced: one before the stamp, and one each after stamp, host and tag."""
ROOM = 256
"""For what another program puts in front of a line."""


class Header(NamedTuple):
    """A line taken apart: its stamp is absolute, or local, or since the boot, or missing."""

    absolute_ns: int | None
    local: Local | None
    origin: Origin
    message: bytes
    uptime_ns: int | None = None
    """Since the kernel's boot."""


class Headers:
    """Splits lines of any known form; remembers origins and minutes, which changes nothing but the speed."""

    def __init__(self) -> None:
        self.stamps = Rfc3339()
        self.origins = Origins()
        self.rfc5424 = rfc5424.Lines()

    def split(self, line: bytes) -> Header | None:
        """Take a line with a syslog header apart; None if it has none."""
        if line[:3] == BOM:
            line = line[3:]
        if TABBED.match(line):
            line = line.replace(b"\t", b" ", TABS)
        header = self._split(line)
        if header is None or not header.origin.tag:
            inner = self._split_after_prefix(line)
            return header if inner is None else inner
        return header

    def _split(self, line: bytes) -> Header | None:
        if line[:1] == b"<" or line[:2] == b"1 ":
            split = self.rfc5424.split(line)
            if split is not None:
                absolute_ns = self.stamps.read(split[0])
                return Header(absolute_ns, UNSTAMPED if absolute_ns is None else None, split[1], split[2])
            priority = PRIORITY.match(line)
            line = line[priority.end() :] if priority is not None else line
        absolute = rfc3339.read_absolute(line, self.stamps)
        if absolute is not None:
            return Header(absolute[0], None, *self.origins.split(line, absolute[1] + 1))
        local = stamps.parse(line[: stamps.HEAD_ROOM])
        if local is not None:
            return Header(None, local[0], *self.origins.split(line, local[1] + 1))
        monotonic = bare.kernel_line(line) if line[:1] == b"[" else None
        if monotonic is not None and monotonic.hosted:
            return Header(None, None, *self.origins.split(monotonic.message, 0), uptime_ns=monotonic.uptime_ns)
        return None

    def _split_after_prefix(self, line: bytes) -> Header | None:
        """Take apart what follows grep's file name, or a log service's stamp and stream; None if that has no tag."""
        for start in _starts(line):
            header = self._split(line[start:])
            if header is not None and header.origin.tag:
                return header
        return None

    def split_bare(self, line: bytes) -> Header | None:
        """Take apart a line of the engine or the kernel that no syslog daemon wrote; None for any other."""
        origin = bare.engine_origin(line)
        if origin is not None:
            local = stamps.parse(line[: stamps.HEAD_ROOM]) if bare.is_go_dated(line) else None
            return Header(None, None if local is None else local[0], origin, line)
        kernel = bare.kernel_line(line)
        if kernel is None or kernel.hosted:
            return None
        local = stamps.parse(kernel.dated + b" ") if kernel.dated is not None else None
        return Header(
            None, None if local is None else local[0], bare.KERNEL_ORIGIN, kernel.message, uptime_ns=kernel.uptime_ns
        )


def _starts(line: bytes) -> list[int]:
    """Where a line may begin behind what another program put in front of it."""
    outer = rfc3339.ABSOLUTE.match(line[: rfc3339.LONGEST_ABSOLUTE])
    if outer is not None:
        first = outer.end() + 1
        word = line.find(b" ", first, first + ROOM)
        return [first, word + 1] if word > 0 else [first]
    colon = line.find(b":", 0, ROOM)
    if colon < 0 or not FILE_NAME.fullmatch(line[:colon]):
        return []
    number = LINE_NUMBER.match(line, colon + 1)
    return [colon + 1 if number is None else number.end()]
