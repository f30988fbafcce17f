"""How a file is recognised under another name, inode or compression.

    head: the first bytes, 1 KiB at the most      tail: the 256 bytes before `size`
    ├────┤                                ├──────┤
    ▓▓▓▓▓▓░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░▓▓▓▓▓▓▓▓░░░░░░
                                                 ▲ size: as far as we remember it (what was read)

Inodes are reused and names are changed: the content of a file decides. An empty head
matches everything, so it proves nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from logwatch.sources.content import Content

HEAD = 1024
TAIL = 256


def digest(piece: bytes) -> str:
    """Return a short hash of some bytes."""
    return hashlib.blake2b(piece, digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is known about the first `size` bytes of a file (and of its head, which may reach further)."""

    device: int
    inode: int
    size: int
    head_size: int
    head: str
    tail: str

    def dump(self) -> list[int | str]:
        """Return the form kept in the state."""
        return [self.device, self.inode, self.size, self.head_size, self.head, self.tail]

    @staticmethod
    def load(fields: list[int | str]) -> Fingerprint:
        """Undo `dump`."""
        device, inode, size, head_size, head, tail = fields
        return Fingerprint(int(device), int(inode), int(size), int(head_size), str(head), str(tail))

    def same_bytes(self, other: Fingerprint) -> bool:
        """Whether both are of equally long files with equal ends; names and inodes do not matter."""
        mine = (self.size, self.head_size, self.head, self.tail)
        return self.size > 0 and mine == (other.size, other.head_size, other.head, other.tail)

    def is_of(self, other: Fingerprint) -> bool:
        """Whether both are of one inode at one size."""
        return (self.device, self.inode, self.size) == (other.device, other.inode, other.size)

    def same_inode(self, content: Content) -> bool:
        """Whether both have one inode on one device."""
        return (self.device, self.inode) == (content.device, content.inode)

    def is_unread(self, content: Content) -> bool:
        """Whether the content is the file whose first line had no end yet: only its inode and those few bytes are known."""
        return not self.head_size and self.same_inode(content) and self._ends(content)

    def begins(self, head: bytes) -> bool:
        """Whether a file that starts with `head` may be this one."""
        return 0 < self.head_size <= len(head) and digest(head[: self.head_size]) == self.head

    def matches(self, content: Content) -> bool:
        """Whether the content begins with the bytes of this fingerprint."""
        return self.begins(content.pread(HEAD, 0)) and self._ends(content)

    def is_all_of(self, content: Content) -> bool:
        """Whether the content is the bytes of this fingerprint and no more."""
        return self.matches(content) and not content.pread(1, self.size)

    def _ends(self, content: Content) -> bool:
        length = min(TAIL, self.size)
        tail = content.pread(length, self.size - length)
        return len(tail) == length and digest(tail) == self.tail


def whole_lines(head: bytes) -> bytes:
    """Return the part of a head that proves something: many lines begin with the same half line, such as `Nov 23 18:`."""
    return head if len(head) == HEAD else head[: head.rfind(b"\n") + 1]


def take(content: Content, size: int) -> Fingerprint:
    """Fingerprint the first `size` bytes of a file."""
    head = whole_lines(content.pread(min(HEAD, size), 0))
    length = min(TAIL, size)
    tail = content.pread(length, size - length)
    return Fingerprint(content.device, content.inode, size, len(head), digest(head), digest(tail))


def holds(fingerprint: Fingerprint, content: Content) -> bool:
    """Whether the content is a copy of the bytes of the fingerprint, plain or unpacked.

    Another file may begin with a short text by chance, so a short one must be all of it.
    """
    if fingerprint.size >= HEAD:
        return fingerprint.matches(content)
    return fingerprint.is_all_of(content)
