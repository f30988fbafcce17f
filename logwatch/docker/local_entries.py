"""Entries of the engine's log driver `local`: a protobuf `LogEntry` between two copies of its size.

    size (4 bytes, big-endian) | source 1, time_nano 2, line 3, partial 4, partial_log_metadata 5 | size

The engine keeps what it sends to drivers that cannot be read (syslog, fluentd, …) in the same form, in
`container-cached.log`. See `api/types/plugins/logdriver/entry.proto` and `daemon/logger/local` of moby.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

WORD = 4
"""Bytes of a size."""
LARGEST = 1 << 20
"""Bytes of an entry; the engine writes at most 16 KiB of text into one."""
_SOURCE, _TIME, _LINE, _PARTIAL, _METADATA = 1, 2, 3, 4, 5
_SIGN = 1 << 63
"""A protobuf int64 has 64 bits with the sign; a broken one may have more, and be of a year that no calendar has."""
_LAST = b"\x08\x01"
"""Begins the metadata of the last piece of a line, which is partial as well."""


class LogEntry(NamedTuple):
    """What a container printed at once."""

    source: str
    """stdout or stderr."""
    time_ns: int
    line: bytes
    """Without its newline."""
    partial: bool
    """The line goes on in the next entry of this source."""


class TornError(ValueError):
    """There is something else than an entry."""


def parse(entry: bytes) -> LogEntry:
    """Read an entry without its sizes; what is not known is passed over, what is missing is empty."""
    texts = {_SOURCE: b"", _LINE: b"", _METADATA: b""}
    numbers = {_TIME: 0, _PARTIAL: 0}
    place = 0
    while place < len(entry):
        tag, (value, after) = entry[place], _varint(entry, place + 1)
        number, kind = tag >> 3, tag & 7
        place = after
        if kind == 2:
            texts[number], place = entry[place : place + value], place + value
        elif kind == 0:
            numbers[number] = value
        else:
            break
    partial = bool(numbers[_PARTIAL]) and not texts[_METADATA].startswith(_LAST)
    time_ns = (numbers[_TIME] + _SIGN) % (2 * _SIGN) - _SIGN
    return LogEntry(texts[_SOURCE].decode("utf-8", "replace"), time_ns, texts[_LINE], partial)


def cut(data: bytes) -> tuple[list[bytes], int]:
    """Cut whole entries out of bytes; returns them, and the bytes used. Raises TornError if the bytes begin with none."""
    entries: list[bytes] = []
    place = 0
    while len(data) - place >= WORD:
        size = int.from_bytes(data[place : place + WORD], "big")
        end = place + 2 * WORD + size
        is_whole = end <= len(data)
        if not size or size > LARGEST or (is_whole and data[end - WORD : end] != data[place : place + WORD]):
            if not entries:
                raise TornError
            break
        if not is_whole:
            break
        entries.append(data[place + WORD : end - WORD])
        place = end
    return entries, place


def hole(data: bytes) -> int:
    """Return how many of the NULs that bytes begin with are a hole, as a power failure leaves one."""
    nuls = len(data) - len(data.lstrip(b"\0"))
    if nuls < WORD:
        return 0
    for start in range(nuls - WORD + 1, nuls):  # a size begins with one to three NULs
        with suppress(TornError):
            if cut(data[start : start + LARGEST + 2 * WORD])[0]:
                return start
    return nuls - WORD + 1


def backwards(tail: bytes) -> Iterator[bytes]:
    """Yield the entries at the end of a file, the last one first; the first one of a tail may be torn."""
    end = len(tail)
    while end >= 2 * WORD:
        size = int.from_bytes(tail[end - WORD : end], "big")
        start = end - WORD - size
        if start < WORD or int.from_bytes(tail[start - WORD : start], "big") != size:
            return
        yield tail[start : end - WORD]
        end = start - WORD


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        value |= (data[place] & 0x7F) << shift
        place += 1
        if not data[place - 1] & 0x80:
            break
        shift += 7
    return value, place
