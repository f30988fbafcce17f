"""Which containers are followed by `--log containers:`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import ValidationError

from logwatch.docker.containers import FILES, FOLDER, StoredContainer, parse
from logwatch.docker.folder import Folder
from logwatch.model import COMPOSE_LABELS

MOST_REFUSED = 20_000
_PROJECT, _SERVICE = COMPOSE_LABELS


@dataclass(frozen=True, slots=True)
class ContainerFilter:
    """Which containers are followed: those for which all that is given matches. Texts may hold `*` and `?`."""

    name: tuple[str, ...] = ()
    """One of them matches; none: any."""
    image: tuple[str, ...] = ()
    project: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    """All of them are there."""

    def matches(self, container: StoredContainer) -> bool:
        """Whether the container is to be followed."""
        config = container.config
        labels = (config.labels if config is not None else None) or {}
        image = config.image if config is not None else ""
        return (
            _any(self.name, container.name.removeprefix("/"))
            and _any(self.image, image)
            and _any(self.project, labels.get(_PROJECT))
            and _any(self.service, labels.get(_SERVICE))
            and all(_any((pattern,), labels.get(key)) for key, pattern in self.labels.items())
        )


def _any(patterns: Sequence[str], text: str | None) -> bool:
    return not patterns or (text is not None and any(fnmatchcase(text, pattern) for pattern in patterns))


class ContainerChoice:
    """Which containers of a DOCKER_ROOT filters choose; without filters all."""

    def __init__(self, docker_root: Path, filters: Sequence[ContainerFilter]) -> None:
        self._root = docker_root
        self._filters = tuple(filters)
        self._refused: dict[str, str | None] = {}
        """Containers that no filter matches, by the name that they had then."""

    def has(self, container_id: str, name: str | None) -> bool:
        """Whether a container is chosen; its file is read again only if it was renamed."""
        if not self._filters:
            return True
        if self._refused.get(container_id, "") == name:
            return False
        container = self.stored(container_id)
        if container is not None and self._matches(container):
            return True
        if len(self._refused) >= MOST_REFUSED:
            self._refused.clear()
        self._refused[container_id] = name
        return False

    def has_gone(self, container_id: str, name: str) -> bool:
        """Whether a container is chosen of which only its name is known."""
        return not self._filters or self._matches(StoredContainer(ID=container_id, Name=name))

    def stored(self, container_id: str) -> StoredContainer | None:
        """Return what the container's file says; None if there is none, or it is torn."""
        folder = Folder(self._root)
        text = next(filter(None, (folder.read(FOLDER, container_id, file) for file in FILES)), None)
        try:
            return parse(text, container_id) if text else None
        except ValidationError:
            return None

    def _matches(self, container: StoredContainer) -> bool:
        return any(each.matches(container) for each in self._filters)
