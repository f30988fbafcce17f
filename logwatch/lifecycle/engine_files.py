"""What the engine's own files report: changes of containers, exit codes, removals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from logwatch.docker.inventory import FileChange, Found, Removed
from logwatch.lifecycle.deduplicator import Emission
from logwatch.lifecycle.knowledge import Knowledge
from logwatch.lifecycle.occurrences import INVENTORY, LEADING
from logwatch.lifecycle.witness import ending, ends_with
from logwatch.model import Consequence, Container, Event


class EngineFiles:
    """Makes events of what changed in the engine's own files, and completes events by them."""

    def __init__(
        self,
        known: Knowledge,
        process: Callable[[Event], list[Consequence]],
        emit: Callable[[Iterable[Emission]], list[Consequence]],
    ) -> None:
        """`process` takes an event in, `emit` makes consequences of what a file confirms."""
        self._known, self._process, self._emit = known, process, emit

    def process(
        self,
        changes: Collection[FileChange],
        host: str,
        now_ns: int,
        present: Collection[str] | None = None,
        first_poll_ns: int | None = None,
    ) -> list[Consequence]:
        """Process what changed in the engine's own files, in that order.

        `present` are the ids of all containers that have a folder, after the first poll: the others are removed.
        `first_poll_ns` is when the first poll began: a container made later is new even if nothing was seen before.
        """
        began_ns = now_ns if first_poll_ns is None else first_poll_ns
        self._known.witness.begin(host, began_ns)
        consequences: list[Consequence] = []
        if present is not None:
            there = {*present, *(change.id for change in changes)}
            consequences += self._process_present(there, host, began_ns)
        for change in changes:
            if type(change) is Removed:
                consequences += self._process_removed(change, host)
            elif type(change) is Found:
                consequences += self._process_found(change, host, now_ns)
        self._known.witness.note_poll(host, now_ns)
        self._known.deduplicator.store.note_reporter((host, "container.health_status"))
        return consequences

    def _process_found(self, found: Found, host: str, now_ns: int) -> list[Consequence]:
        register = self._known.register
        self._known.forget_file(found.id)
        container = register.get(host, found.id) or register.add(host, found.id, now_ns, now_ns)[0]
        described = register.describe(container, found, found.seen_ns or now_ns, self._known.clock_ns)
        consequences = register.take_changes()
        for event in self._known.witness.compare(found, container, self._known.clock_ns):
            if event.event == "container.create" and found.name:
                key = (host, "container", found.id)
                consequences += self._emit(self._known.deduplicator.assign_id(event.event, found.name, key))
            consequences += self._process(event)
        register.process_found(container, found, now_ns, self._known.clock_ns, described=described)
        return consequences + register.take_changes()

    def _process_removed(self, removed: Removed, host: str) -> list[Consequence]:
        container = self._known.register.get(host, removed.id)
        if container is None:
            return []
        return [
            consequence
            for event in self._known.witness.remove(removed, container, host)
            for consequence in self._process(event)
        ]

    def _process_present(self, present: Collection[str], host: str, polled_ns: int) -> list[Consequence]:
        """Remove the containers that had no folder any more at the first poll."""
        consequences: list[Consequence] = []
        for container_id in self._known.witness.known(host):
            if container_id not in present:
                consequences += self._process_removed(Removed(container_id, polled_ns), host)
        for container in self._known.register.of_host(host):
            if container.id not in present and container.announced and container.last_ns < polled_ns:
                self._known.register.remove(container, polled_ns, self._known.clock_ns)
        return consequences + self._known.register.take_changes()

    def awaits_exit(self, event: Event, container: Container) -> bool:
        """Whether a death waits for its exit code, which the engine writes into the container's file a moment later."""
        if event.role in (LEADING, INVENTORY) or "exit_code" in event.attributes:
            return False
        last = self._known.file_of(container.id)
        return last is not None and last.finished_ns < event.time_ns

    def with_found(self, event: Event, container: Container, action: str) -> Event:
        """Name the container before its event is counted; return a death with its exit code."""
        last = self._known.look_up(container, event.time_ns)
        if action != "die" or last is None or "exit_code" in event.attributes or not ends_with(event, last):
            return event
        return event._replace(attributes={**event.attributes, **ending(last)})
