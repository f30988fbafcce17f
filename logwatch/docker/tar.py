"""Reads tar archives forward, with bounded memory and linear work whatever is in them.

The standard library's `tarfile` keeps every member it has seen, reads extended headers of any
size into memory, and recurses once per extended header; an archive from elsewhere must not
choose our memory. Formats: ustar, GNU (long names, base-256 sizes, sparse), pax; after
`pax(1)` of POSIX.1-2008 and GNU tar's manual, "Basic Tar Format".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from logwatch.docker.bytestream import DamagedError, Stream

BLOCK = 512
LARGEST_HEADER = 1 << 18
"""Of a long name or of pax records; xattrs of a file take at most 64 KiB."""
REGULAR = frozenset(b"0\x007S")
"""Type flags whose size counts: file, file of old tars, contiguous file, GNU sparse file."""
HARD_LINK, SYMBOLIC_LINK, DIRECTORY = 49, 50, 53
LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL, PAX_SUN = (ord(flag) for flag in "LKxgX")
WITHOUT_CONTENT = frozenset(b"123456")
"""Links, devices, directories and FIFOs: their size, if one is written, has no content after it."""
_FIELDS = struct.Struct("100s 8s 8s 8s 12s 12s 8s c 100s 6s 2s 32s 32s 8s 8s 155s 12s")


class Entry(NamedTuple):
    """One entry of a tar archive."""

    name: str
    """As written, without leading `./`."""
    type: int
    size: int
    """Bytes that the unpacked file has: for a sparse file more than are stored."""
    link: str

    @property
    def is_file(self) -> bool:
        """Whether it is a file with content."""
        return self.type in REGULAR

    @property
    def counted(self) -> int:
        """Bytes that engines count: content, and the target of a symbolic link, as `stat` says (`pkg/directory` of moby)."""
        if self.type == SYMBOLIC_LINK:
            return len(self.link.encode("utf-8", "surrogateescape"))
        return self.size if self.is_file else 0


class Tar:
    """The entries of a tar archive; `content` is that of the entry at hand.

    Raises DamagedError where the archive is cut short or is none.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.content = stream.section(0)

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries; what the caller leaves of a content is passed over."""
        names: dict[str, str] = {}
        while (header := self._header()) is not None:
            fields = _FIELDS.unpack(header)
            flag, stored = fields[7][0], _number(fields[4])
            if flag in (LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL, PAX_SUN):
                self._extend(names, flag, stored)
                continue
            stored = int(names.get("size", stored))
            if flag in WITHOUT_CONTENT:
                stored = 0
            padded = -(-stored // BLOCK) * BLOCK
            extra = self._sparse_map(header) if flag == ord("S") else 0
            start = self._stream.position
            self.content = self._stream.section(stored)
            yield _entry(fields, names, stored, extra)
            names = {}
            self._pass(start + padded - self._stream.position)

    def _header(self) -> bytes | None:
        """The next header; None at the end: a block of zeros, or no more bytes (old tars end so)."""
        block = self._stream.read(BLOCK)
        if not block or not block.strip(b"\0"):
            return None
        if len(block) < BLOCK:
            raise DamagedError("the archive ends within a header: it is cut short")
        if not valid(block):
            raise DamagedError("not a tar header: the archive is damaged, or none")
        return block

    def _extend(self, names: dict[str, str], flag: int, size: int) -> None:
        if size > LARGEST_HEADER:
            raise DamagedError(f"an extended header of {size} bytes: at most {LARGEST_HEADER} are accepted")
        text = self._stream.read(size)
        self._pass(-len(text) % BLOCK if len(text) == size else size)
        if flag == LONG_NAME:
            names["path"] = _text(text)
        elif flag == LONG_LINK:
            names["linkpath"] = _text(text)
        elif flag != PAX_GLOBAL:
            names.update(_pax(text))

    def _sparse_map(self, header: bytes) -> int:
        """Pass over the blocks that continue a sparse file's map; return the file's unpacked size."""
        more = header[482]
        while more:
            block = self._stream.read(BLOCK)
            if len(block) < BLOCK:
                raise DamagedError("the archive ends within a header: it is cut short")
            more = block[504]
        return _number(header[483:495])

    def _pass(self, size: int) -> None:
        if self._stream.skip(size) < size:
            raise DamagedError("the archive ends within an entry: it is cut short")


def valid(block: bytes) -> bool:
    """Whether a block is a tar header, by its checksum (of unsigned, or as old tars sum, signed bytes)."""
    if len(block) < BLOCK:
        return False
    try:
        written = _number(block[148:156])
    except DamagedError:
        return False
    unsigned = 256 + sum(block) - sum(block[148:156])
    if unsigned == written:
        return True
    return unsigned - 256 * sum(each > 127 for each in block[:148] + block[156:]) == written


def _entry(fields: tuple[bytes, ...], names: dict[str, str], stored: int, sparse: int) -> Entry:
    name = names.get("GNU.sparse.name") or names.get("path")
    if name is None:
        name = _text(fields[0])
        if fields[9] == b"ustar\0" and fields[15].strip(b"\0"):
            name = f"{_text(fields[15])}/{name}"
    size = int(names.get("GNU.sparse.realsize") or names.get("GNU.sparse.size") or sparse or stored)
    return Entry(name.removeprefix("./"), fields[7][0], size, names.get("linkpath") or _text(fields[8]))


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int:
    """Read an octal number, or GNU's base-256 one, which its first bit announces."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip(b" ")
    if not digits:
        return 0
    try:
        if digits.isdigit():
            return int(digits, 8)
    except ValueError:
        pass  # 8 or 9
    raise DamagedError("a number in a tar header is not one: the archive is damaged")


NUMBERS = frozenset({"size", "GNU.sparse.realsize", "GNU.sparse.size"})
WANTED = NUMBERS | {"path", "linkpath", "GNU.sparse.name"}


def _pax(text: bytes) -> Iterator[tuple[str, str]]:
    """Yield the records that matter: `<length> <key>=<value>` and a newline."""
    start = 0
    while start < len(text):
        space = text.find(b" ", start, start + 20)
        length = text[start:space]
        if space < 0 or not length.isdigit() or int(length) <= space - start:
            return
        key, equals, value = text[space + 1 : start + int(length) - 1].partition(b"=")
        name = _text(key)
        start += int(length)
        if not equals or name not in WANTED:
            continue
        if name not in NUMBERS:
            yield name, _text(value)
        elif value.isdigit() and len(value) < 20:
            yield name, value.decode("ascii")
        else:
            raise DamagedError(f"the pax record {name} is not a number: the archive is damaged")
