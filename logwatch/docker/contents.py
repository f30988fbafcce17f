"""What an image archive or folder contains: small JSON documents, and layers of which only sizes are kept."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import Protocol

from logwatch.docker.bytestream import DamagedError, Stream, plain
from logwatch.docker.tar import BLOCK, DIRECTORY, Tar, valid

LARGEST_DOCUMENT = 2 << 20
MOST_DOCUMENT_BYTES = 24 << 20
"""Of all documents together."""
MOST_NAMES = 200_000
MOST_PROBLEMS = 50
DISK_BLOCK = 4096
MOST_FOLDERS = 50_000
"""Of a layer that are counted separately; an estimate needs no more."""
SPACE = b" \t\r\n\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class LayerFile:
    """A layer's tar file, measured."""

    stored: int
    """Bytes of the file itself."""
    size: int | None
    """Bytes of the files in it, as a graph driver counts them; None: it could not be read."""
    disk: int | None = None
    """Estimate of what they take in blocks of 4 KiB, folders included."""
    problem: str | None = None


class Files(Protocol):
    """Where documents and layers of images are looked up by name."""

    def document(self, name: str, /) -> bytes | None:
        """The text of a document; None: `absence` says why."""

    def absence(self, name: str, /) -> str:
        """Why the document is missing."""

    def layer(self, name: str, /) -> LayerFile | None:
        """A layer's sizes."""


@dataclass(slots=True)
class Contents:
    """Filled while an archive or folder is read; names are relative and normalised."""

    documents: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, LayerFile] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Documents that were not kept, and why; most are never asked for."""
    problems: list[str] = field(default_factory=list)
    cut_short: bool = False
    _document_bytes: int = 0

    def problem(self, text: str) -> None:
        """Note what is wrong; beyond `MOST_PROBLEMS` only how many there are."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(text)
        elif len(self.problems) == MOST_PROBLEMS:
            self.problems.append("further problems of this kind are left out")

    def add_file(self, name: str, size: int, content: Stream) -> None:
        """Take in a file: keep it if it is a document, measure it if it is a layer."""
        key = self._key(name, posixpath.normpath(name))
        if key is None:
            return
        if any(key in known for known in (self.documents, self.layers, self.links, self.refused)):
            self.problem(f"{_shown(key)} occurs twice: the last one counts")
            self._forget(key)
        if content.peek(16).lstrip(SPACE)[:1] in (b"{", b"["):
            self._add_document(key, size, content)
        else:
            self.layers[key] = measure(size, content)

    def add_link(self, name: str, target: str) -> None:
        """Take in a link; `target` is relative to the archive."""
        key = self._key(name, posixpath.normpath(name))
        end = self._key(name, posixpath.normpath(target))
        if key is not None and end is not None:
            self._forget(key)
            self.links[key] = end

    def resolve(self, name: str) -> str:
        """The name that a name leads to over links; a circle of links leads nowhere new."""
        name = posixpath.normpath(name)
        for _ in range(8):
            if name not in self.links:
                break
            name = self.links[name]
        return name

    def document(self, name: str) -> bytes | None:
        """The text of a document."""
        return self.documents.get(self.resolve(name))

    def absence(self, name: str) -> str:
        """Why the document is missing."""
        return self.refused.get(self.resolve(name), "it is not in the archive")

    def layer(self, name: str) -> LayerFile | None:
        """A layer's sizes."""
        return self.layers.get(self.resolve(name))

    def _key(self, name: str, normal: str) -> str | None:
        if normal.startswith(("/", "../")) or normal == "..":
            self.problem(f"{_shown(name)} leads out of the archive: ignored")
            return None
        if len(self.documents) + len(self.layers) + len(self.links) + len(self.refused) >= MOST_NAMES:
            self.problem(f"more than {MOST_NAMES} files: the rest is ignored")
            return None
        return normal

    def _forget(self, key: str) -> None:
        self._document_bytes -= len(self.documents.pop(key, b""))
        self.layers.pop(key, None)
        self.links.pop(key, None)
        self.refused.pop(key, None)

    def _add_document(self, key: str, size: int, content: Stream) -> None:
        if size > LARGEST_DOCUMENT:
            self.refused[key] = f"it has {size} bytes: at most {LARGEST_DOCUMENT} are read"
            return
        if self._document_bytes + size > MOST_DOCUMENT_BYTES:
            self.refused[key] = f"documents of more than {MOST_DOCUMENT_BYTES} bytes together are not read"
            return
        text = content.read(size)
        if len(text) < size:
            self.refused[key] = "it is cut short"
            return
        self.documents[key] = text
        self._document_bytes += size


def measure(stored: int, content: Stream) -> LayerFile:
    """Add up what is in a layer's tar file, compressed or not; nothing of it is kept."""
    try:
        inner = plain(content)
        start = inner.peek(BLOCK)
        if start.strip(b"\0") and not valid(start):
            return LayerFile(stored, None, problem="neither a tar archive nor JSON")
        size, blocks, folders = 0, 1, {""}
        for entry in Tar(inner):
            name = entry.name.rstrip("/")
            folder = name if entry.type == DIRECTORY else name.rpartition("/")[0]
            while folder not in folders and folder.strip("./") and len(folders) < MOST_FOLDERS:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
            size += entry.counted
            if entry.is_file:
                blocks += -(-entry.size // DISK_BLOCK)
    except DamagedError as error:
        return LayerFile(stored, None, problem=str(error))
    return LayerFile(stored, size, (blocks + len(folders) - 1) * DISK_BLOCK)


def _shown(name: str) -> str:
    """A name in a message: printable and not too long."""
    return ascii(name[:120])[1:-1]
