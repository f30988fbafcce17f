"""Reads image archives as one stream, and folders that hold what an archive would."""

from __future__ import annotations

import os
import posixpath
import stat

from logwatch.docker.bytestream import DamagedError, Stream, from_descriptor, plain
from logwatch.docker.contents import Contents
from logwatch.docker.tar import HARD_LINK, SYMBOLIC_LINK, Entry, Tar

DEEPEST = 3
"""Folders above a file: `blobs/sha256/<digest>`."""


def read_archive(stream: Stream) -> Contents:
    """Read an archive of images to its end; what is torn or hostile is noted in `problems`."""
    contents = Contents()
    try:
        tar = Tar(plain(stream))
        for entry in tar:
            _add(contents, entry, tar.content)
    except DamagedError as error:
        contents.cut_short = True
        contents.problem(str(error))
    return contents


def _add(contents: Contents, entry: Entry, content: Stream) -> None:
    if entry.is_file:
        contents.add_file(entry.name, entry.size, content)
    elif entry.type == HARD_LINK:
        contents.add_link(entry.name, entry.link)
    elif entry.type == SYMBOLIC_LINK:
        contents.add_link(entry.name, posixpath.join(posixpath.dirname(entry.name), entry.link))


def read_folder(folder: str) -> Contents:
    """Read a folder: an OCI layout, what skopeo writes as `dir:`, or an unpacked archive; no link is followed."""
    contents = Contents()
    work = [("", 0)]
    while work:
        below, depth = work.pop()
        try:
            entries = sorted(os.scandir(posixpath.join(folder, below)), key=lambda entry: entry.name)
        except OSError as error:
            contents.problem(f"{below or folder}: {error.strerror}")
            continue
        for entry in entries:
            name = posixpath.join(below, entry.name)
            if entry.is_symlink():
                target = posixpath.join(below, os.readlink(entry.path))  # noqa: PTH115 - names stay relative to the folder
                contents.add_link(name, target)
            elif entry.is_dir():
                work += [(name, depth + 1)] if depth < DEEPEST else []
            else:
                _read_file(contents, name, entry.path)
    return contents


def _read_file(contents: Contents, name: str, path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        contents.problem(f"{name}: {error.strerror}")
        return
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            contents.add_file(name, status.st_size, from_descriptor(descriptor))
    except DamagedError as error:
        contents.problem(f"{name}: {error}")
    finally:
        os.close(descriptor)
