"""Which followed path reads which inode, so that a file with two names is read once."""

from __future__ import annotations

from logwatch.sources.content import Plain
from logwatch.sources.fingerprint import Fingerprint

Identity = tuple[int, int]
MEMORY = 1024
"""So many files that were read to their ends are remembered."""


class InodeOwners:
    """Shared by all followed paths of a source."""

    def __init__(self) -> None:
        self._holders: dict[Identity, str] = {}
        self._finished: dict[Identity, Fingerprint] = {}
        self._paths: set[str] = set()

    def follow(self, path: str) -> None:
        """The path is a log of its own, however its name looks."""
        self._paths.add(path)

    def is_foreign(self, name: str, identity: Identity, path: str) -> bool:
        """Whether a file is another log than `path`, or is read for one."""
        return name in self._paths or self._holders.get(identity, path) != path

    def take(self, identity: Identity, path: str) -> bool:
        """Claim a file for a path; False where another path has it."""
        return self._holders.setdefault(identity, path) == path

    def release(self, identity: Identity, path: str) -> None:
        """The path lets go of the file."""
        if self._holders.get(identity) == path:
            del self._holders[identity]

    def finish(self, fingerprint: Fingerprint, path: str) -> None:
        """The path has read the file to its end, as far as the fingerprint says."""
        identity = (fingerprint.device, fingerprint.inode)
        self.release(identity, path)
        self._finished[identity] = fingerprint
        for oldest in list(self._finished)[:-MEMORY]:
            del self._finished[oldest]

    def held(self, identity: Identity) -> bool:
        """Some path reads it."""
        return identity in self._holders

    def finished(self, content: Plain) -> Fingerprint | None:
        """How far the file was read by any path that is done with it."""
        known = self._finished.get((content.device, content.inode))
        return known if known is not None and known.size and known.matches(content) else None
