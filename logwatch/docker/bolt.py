"""Reads bbolt databases (containerd's and BuildKit's metadata) while their owner writes them.

A database is a tree of pages that are never changed in place: a commit writes new pages and then
one of the two meta pages, which alternate. So what one meta page reaches is a consistent snapshot
for as long as it is the newest: pages that it no longer needs are used again by the commit after
the next one at the earliest. `read` therefore looks at the meta pages before and after, and
reads again if a commit came in between. Format: `page.go`, `meta.go` and `bucket.go` of
go.etcd.io/bbolt (version 2 of the file format, since 2013).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

MAGIC, VERSION = 0xED0CDAED, 2
BRANCH, LEAF, META = 0x01, 0x02, 0x04
BUCKET = 0x01
MOST_PAGES = 200_000
"""Pages of one reading; containerd's database has some thousands."""
MOST_BYTES = 256 << 20
LARGEST_PAGE = 16 << 20
TRIES = 5

_PAGE = struct.Struct("<QHHI")  # id, flags, count, overflow
_META = struct.Struct("<IIIIQQQQQ")  # magic, version, page size, flags, root, sequence, freelist, high water, txid
_CHECKSUM = struct.Struct("<Q")
_LEAF = struct.Struct("<IIII")  # flags, position, key size, value size
_BRANCH = struct.Struct("<IIQ")  # position, key size, page
_BUCKET = struct.Struct("<QQ")  # root page (0: inline), sequence

Result = TypeVar("Result")


class BoltError(Exception):
    """Not a bbolt database, damaged, or it changes faster than it can be read."""


class Meta(NamedTuple):
    """What a meta page says."""

    page_size: int
    root: int
    transaction: int


class Bucket:
    """Keys with values and further buckets, of one snapshot."""

    def __init__(self, snapshot: Snapshot, root: int, inline: bytes = b"") -> None:
        self._snapshot = snapshot
        self._root = root
        self._inline = inline

    def items(self) -> Iterator[tuple[bytes, bytes | Bucket]]:
        """Yield keys in their order, each with its value or bucket."""
        pages = iter([self._inline]) if self._inline else self._snapshot.leaves(self._root)
        for page in pages:
            for flags, key, value in _elements(page):
                self._snapshot.spend(len(key) + len(value))
                yield key, self._snapshot.bucket(value) if flags & BUCKET else value

    def values(self) -> dict[bytes, bytes]:
        """The keys that have values."""
        return {key: value for key, value in self.items() if isinstance(value, bytes)}

    def buckets(self) -> dict[bytes, Bucket]:
        """The keys that are buckets."""
        return {key: value for key, value in self.items() if isinstance(value, Bucket)}

    def bucket(self, *path: bytes) -> Bucket | None:
        """A bucket by the path of its keys; None where there is none."""
        here: Bucket | None = self
        for key in path:
            here = here.buckets().get(key) if here else None
        return here


class Snapshot:
    """The pages that one meta page reaches."""

    def __init__(self, descriptor: int, meta: Meta) -> None:
        self._descriptor = descriptor
        self._meta = meta
        self._left = MOST_PAGES
        self._bytes_left = MOST_BYTES

    def spend(self, size: int) -> None:
        """Account for bytes that are handed out; elements of a damaged page may overlap."""
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise BoltError(f"more than {MOST_BYTES} bytes in its buckets")

    def bucket(self, value: bytes) -> Bucket:
        """The bucket that a leaf's value describes."""
        if len(value) < _BUCKET.size:
            raise BoltError("a bucket is cut short")
        root, _ = _BUCKET.unpack_from(value)
        return Bucket(self, root, b"" if root else value[_BUCKET.size :])

    def leaves(self, root: int) -> Iterator[bytes]:
        """Yield the leaf pages below a page, in the order of their keys."""
        work = [root]
        while work:
            page = self._page(work.pop())
            _, flags, count, _ = _PAGE.unpack_from(page)
            if flags & LEAF:
                yield page
            elif flags & BRANCH:
                if _PAGE.size + count * _BRANCH.size > len(page):
                    raise BoltError("a branch page is cut short")
                places = (_PAGE.size + place * _BRANCH.size for place in reversed(range(count)))
                work += [_BRANCH.unpack_from(page, place)[2] for place in places]
            else:
                raise BoltError("a page is neither branch nor leaf")

    def _page(self, number: int) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise BoltError(f"more than {MOST_PAGES} pages: it is too large, or its pages form a circle")
        size = self._meta.page_size
        page = _pread(self._descriptor, size, number * size)
        found, _, _, overflow = _PAGE.unpack_from(page)
        if found != number:
            raise BoltError(f"page {number} says that it is page {found}")
        if (overflow + 1) * size > LARGEST_PAGE:
            raise BoltError(f"page {number} is too large")
        return page + _pread(self._descriptor, overflow * size, (number + 1) * size) if overflow else page


def read(path: Path, use: Callable[[Bucket], Result]) -> Result:
    """Return what `use` makes of the root bucket; it is called again if the database changed meanwhile.

    Raises BoltError, and OSError where the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for _ in range(TRIES):
            meta = _newest(descriptor)
            try:
                result = use(Bucket(Snapshot(descriptor, meta), meta.root))
            except BoltError:
                if _newest(descriptor) == meta:
                    raise
                continue
            if _newest(descriptor) == meta:
                return result
    finally:
        os.close(descriptor)
    raise BoltError("it changes faster than it can be read")


def _newest(descriptor: int) -> Meta:
    """The valid meta page with the higher transaction; the second one's place depends on the page size."""
    sizes = [1 << power for power in range(9, 17)]
    first = _meta(descriptor, 0)
    if first is not None:
        sizes = [first.page_size]
    found = [first, *(_meta(descriptor, size) for size in sizes)]
    valid = [meta for meta in found if meta is not None]
    if not valid:
        raise BoltError("not a bbolt database, or both of its meta pages are damaged")
    return max(valid, key=lambda meta: meta.transaction)


def _meta(descriptor: int, offset: int) -> Meta | None:
    whole = os.pread(descriptor, _PAGE.size + _META.size + _CHECKSUM.size, offset)
    if len(whole) < _PAGE.size + _META.size + _CHECKSUM.size:
        return None
    body = whole[_PAGE.size :]
    magic, version, page_size, _, root, _, _, _, transaction = _META.unpack_from(body)
    (checksum,) = _CHECKSUM.unpack_from(body, _META.size)
    if (magic, version) != (MAGIC, VERSION) or checksum != _fnv64a(body[: _META.size]):
        return None
    if page_size & (page_size - 1) or not 512 <= page_size <= 1 << 20:
        return None
    return Meta(page_size, root, transaction)


def _elements(page: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield flags, key and value of a leaf page; positions count from the element's own start."""
    if len(page) < _PAGE.size:
        raise BoltError("a leaf page is cut short")
    count = _PAGE.unpack_from(page)[2]
    for place in range(_PAGE.size, _PAGE.size + count * _LEAF.size, _LEAF.size):
        if place + _LEAF.size > len(page):
            raise BoltError("a leaf page is cut short")
        flags, position, key_size, value_size = _LEAF.unpack_from(page, place)
        start = place + position
        end = start + key_size + value_size
        if end > len(page):
            raise BoltError("a leaf's element leads out of its page")
        yield flags, page[start : start + key_size], page[start + key_size : end]


def _pread(descriptor: int, size: int, offset: int) -> bytes:
    try:
        found = os.pread(descriptor, size, offset)
    except (OverflowError, OSError):
        found = b""
    if len(found) < size:
        raise BoltError("a page lies outside of the file")
    return found


def _fnv64a(data: bytes) -> int:
    """The hash that bbolt puts over a meta page (FNV-1a, 64 bits)."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
