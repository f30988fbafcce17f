"""What lines prove without being events: a name, a refusal, a mount, the end of a start, another namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from logwatch.lifecycle.containers import looks_like_id
from logwatch.lifecycle.deduplicator import Emission
from logwatch.lifecycle.knowledge import Knowledge
from logwatch.lifecycle.refusals import Refusals
from logwatch.lifecycle.requests import refusal_of
from logwatch.model import Consequence, Event, NamedContainer

ENDPOINTS = frozenset({"bundle", "endpoint", "connecting", "connect_form", "networked"})
"""Evidence of the endpoints that are made when containers start."""
STARTS = frozenset({"start", "restart"})
"""Requests that start a container."""


class Proofs:
    """Takes over what evidence proves."""

    def __init__(
        self, known: Knowledge, refusals: Refusals, emit: Callable[[Iterable[Emission]], list[Consequence]]
    ) -> None:
        """`emit` makes consequences of what a line confirms."""
        self._known, self._refusals, self._emit = known, refusals, emit

    def process(self, event: Event, action: str) -> list[Consequence]:
        """Process what a line proves without being an event: a refused request, a name, another namespace."""
        if action == "refused":
            self._known.requests.mark_explicit(event.host, event.time_ns)
            self._refusals.refuse_path(event, event.attributes.get("path", ""))
            if "/containers/create" in event.attributes.get("path", ""):
                self._known.deduplicator.unidentified.refuse(event.host, "container.create", event.name)
        if action == "foreign" and event.id is not None:
            self._known.foreign.add(event.host, event.id, event.time_ns)
            self._known.deduplicator.revoke_all((event.host, "container", event.id))
        if action in ("pool", "gateway"):
            self._known.pools.process(event.host, granted=action == "gateway")
        if action.startswith("push_"):
            self._known.pushes.process(event.host, event.time_ns, failed=action == "push_ended")
        if action == "preparing":
            self._process_task(event, event.attributes.get("task", ""), event.attributes.get("transition", ""))
        if action in ENDPOINTS:
            return self._process_endpoint(event, action)
        if action in ("refused", "name"):
            for container_id, name in self._known.ties.add(event):
                return self._known.give_name(event, container_id, name)
        if action == "refused":
            return self._end_refused_start(event)
        return [] if event.id is None else self._process_state(event, action, event.id)

    def _process_task(self, event: Event, task: str, transition: str) -> None:
        """Process that a task of swarm begins or ceases to be prepared."""
        if transition.endswith("->PREPARING"):
            self._known.creations.prepare(event.host, task, event.time_ns)
        else:
            self._known.creations.end(event.host, task)

    def _process_state(self, event: Event, action: str, container_id: str) -> list[Consequence]:
        """Process what a line proves about one container."""
        if action == "restarting":
            return self._process_restarting(event, container_id)
        if action == "mount":
            return self._process_mount(event, container_id)
        if (
            action == "probe"
            and (probe := self._known.probes.announce(event.host, container_id, event.time_ns)) is not None
        ):
            container = self._known.register.get(event.host, container_id)
            if container is not None:
                self._known.process_probe(event, container, probe)
        if action == "auto_remove":
            self._known.requests.await_removal(event.host, container_id, event.time_ns)
        return []

    def _process_restarting(self, event: Event, container_id: str) -> list[Consequence]:
        """Process that a container has ended and waits for its restart."""
        consequences = self._emit(self._known.deduplicator.confirm_end((event.host, "container", container_id)))
        container = self._known.register.get(event.host, container_id)
        if container is not None:
            self._known.register.await_restart(container, event.time_ns, self._known.clock_ns)
        return consequences + self._known.register.take_changes()

    def _process_mount(self, event: Event, container_id: str) -> list[Consequence]:
        """Process that a file system was mounted: for a new container, or for the start of one."""
        self._known.pushes.note_store(event.host, event.time_ns)
        if self._known.register.get(event.host, container_id) is not None:
            self._known.endpoints.open(event.host, container_id, event.time_ns)
            return []
        consequences = self._known.add(event, container_id)[1]
        created = self._created(event, container_id)
        if created:
            self._known.requests.add_created(event.host, container_id)
            self._known.endpoints.create(event.host, container_id, event.time_ns)
        else:
            self._known.creations.add(event.host, container_id, event.time_ns)
            self._known.endpoints.open(event.host, container_id, event.time_ns)
        return [*consequences, *self._emit(created)]

    def _created(self, event: Event, container_id: str) -> list[Emission]:
        """Return the creation that a new container proves; its id goes to the event only, and if it can be no other."""
        host, announced = event.host, self._known.deduplicator.announced(event)
        if not announced:
            return []
        newest = max(announced, key=lambda each: each.order)
        sure = self._known.creations.is_sure(host, len(announced), event.time_ns)
        key = (host, "container", container_id) if sure and newest.event.name is None else None
        return self._known.deduplicator.confirm_create(newest, key)

    def _process_endpoint(self, event: Event, action: str) -> list[Consequence]:
        """Process that an endpoint is made, will be made outside a start, or that those of a start are made."""
        name, host = event.attributes.get("container_name"), event.host
        of_task = self._known.creations.container_of(host, name) if action == "endpoint" and name is not None else None
        if of_task is not None and name is not None:
            return self._known.give_name(event, of_task, name)
        if action == "endpoint" and name is not None and not self._known.services.is_starting(host, "daemon"):
            self._known.endpoints.add(host, name, event.attributes.get("network"), event.time_ns)
        elif action in ("connecting", "connect_form"):
            known = self._known.register.name_of(host, name) if name is not None and looks_like_id(name) else name
            self._known.endpoints.connect(host, known, event.time_ns, form=action == "connect_form")
        elif action == "bundle" and event.id is not None:
            self._known.requests.note_start(host, event.id, event.time_ns)
            self._known.endpoints.go_on(host, event.id, event.time_ns)
        elif action == "networked" and event.id is not None:
            return self.end_start(event, event.id)
        return []

    def _end_refused_start(self, event: Event) -> list[Consequence]:
        """Note that a container is no longer being started: the request was refused, not just needless (304)."""
        refusal = refusal_of(event.attributes.get("path", ""))
        if refusal is None or refusal.action not in STARTS or event.attributes.get("status", "").startswith("3"):
            return []
        return self.end_start(event, self._known.register.resolve(event.host, refusal.object))

    def end_start(self, event: Event, container_id: str) -> list[Consequence]:
        """Note that a container is no longer being started; names it and others of which that decides."""
        ties = self._known.endpoints.close(event.host, container_id, event.time_ns)
        return [each for tie in ties for each in self._known.give_name(event, *tie)]

    def process_name(self, named: NamedContainer) -> list[Consequence]:
        """Take over the name that a source has of a container, if it has none.

        It is the container's at its last start: one that was renamed since has another one.
        """
        self._known.ties.note(named)
        container = self._known.register.get(named.host, named.id)
        if container is None or container.name is not None:
            return []
        self._known.register.set_name(container, named.name, named.time_ns, self._known.clock_ns, sure=False)
        return self._known.register.take_changes()
