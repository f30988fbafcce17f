"""What did not happen: requests that the engine refused, and reports that what is known contradicts."""

from __future__ import annotations

from logwatch.lifecycle.attempts import NETWORK, PUSH
from logwatch.lifecycle.containers import looks_like_id
from logwatch.lifecycle.daemons import SERVICES
from logwatch.lifecycle.endpoints import has_no_container
from logwatch.lifecycle.knowledge import Knowledge
from logwatch.lifecycle.occurrences import LEADING, REQUEST, SECONDARY, Occurrence
from logwatch.lifecycle.requests import ASKED, has_force, refusal_of, refusal_without_id
from logwatch.model import FULL_ID, SECOND, Container, Event, State

EXISTING = frozenset({State.CREATED, State.RUNNING, State.PAUSED, State.RESTARTING})
"""States in which a container's name is certainly in use."""
OUTLIVES = frozenset({"stop_timeout", "kill"})
"""What the engine does to a container that outlives its stop timeout, also if it has just ended."""
MOST_DIGITS = 9
"""Of a timeout in seconds."""


class Refusals:
    """Decides of an event whether it may have happened, by what is known before it and after it."""

    def __init__(self, known: Knowledge) -> None:
        self._known = known

    def may_have_happened(self, event: Event, action: str, container: Container | None) -> bool:
        """Whether an event of a container that is named is Docker's, was not refused and is news."""
        if event.id is not None and self._known.foreign.has(event.host, event.id):
            return False
        if action in OUTLIVES and container is not None and event.role is not LEADING:
            timeout = event.attributes.get("timeout", "")
            if timeout.isdecimal() and len(timeout) < MOST_DIGITS:
                since_ns = event.time_ns - (int(timeout) + 1) * SECOND
                if self._known.deduplicator.has_ended((event.host, "container", container.id), since_ns, event.time_ns):
                    return False
        if event.role is REQUEST:
            if self._is_refused(event, action, container):
                return False
            if action == "rename" and event.name is not None:
                self._known.requests.add_name(event.host, event.name, event.time_ns)
                self._known.endpoints.ask(event.host, event.name, event.time_ns, rename=True)
        return container is None or not self._reconnects(event, action, container)

    def _is_refused(self, event: Event, action: str, container: Container | None) -> bool:
        """Whether nothing came of a request, as far as is known now."""
        named = event.id is not None and not looks_like_id(event.id)
        if action == "rename" and event.name is not None:
            owner = self._known.register.get(event.host, self._known.register.resolve(event.host, event.name))
            if owner is not None and owner is not container and owner.state is not State.GONE:
                return True
            if self._is_named(event.host, event.name):
                return True
        key = (event.host, "container", container.id if container is not None else event.id or "")
        if action == "destroy" and not has_force(event) and self._known.deduplicator.is_pending(key, event.event):
            return True
        if container is not None and self._known.deduplicator.is_changing(key):
            return False
        named = named and not self._known.deduplicator.is_create_pending(event.host, event.id or "")
        return self._known.requests.is_refused(event, action, container, named=named)

    def _is_named(self, host: str, name: str) -> bool:
        return self._known.requests.has_name(host, name) or self._known.deduplicator.is_create_pending(host, name)

    def _reconnects(self, event: Event, action: str, container: Container) -> bool:
        """Whether containerd, which starts, connects to a container that goes on running."""
        if action != "start" or event.role is LEADING or not container.announced:
            return False
        running = container.state in (State.RUNNING, State.PAUSED, State.UNKNOWN)
        return running and self._known.services.is_starting(event.host, "containerd")

    def may_be_created(self, event: Event, action: str) -> bool:
        """Remember a create request without an id; False if the engine must refuse it: its name is in use."""
        if action == "create" and event.name is not None:
            if event.role is REQUEST:
                self._known.endpoints.ask(event.host, event.name, event.time_ns)
            owner = self._known.register.get(event.host, self._known.register.resolve(event.host, event.name))
            if owner is not None and owner.state in EXISTING:
                return not event.revoked_by
        return True

    def may_be_an_end(self, event: Event, action: str) -> bool:
        """Whether a command runs whose end an exit without an id may be."""
        return action != "exec_die" or event.role not in SECONDARY or self._known.execs.any_open(event.host)

    def refuse_path(self, event: Event, path: str) -> None:
        """Revoke what was asked for by a request that failed."""
        method, refusal = event.attributes.get("method", ""), refusal_of(path)
        if refusal is None:
            self._refuse_other(event.host, refusal_without_id(method, path))
            return
        actions = ("destroy",) if method == "DELETE" else ASKED.get(refusal.action, (refusal.action,))
        given = event.attributes.get("container") or refusal.object
        meant = dict.fromkeys((self._known.register.resolve(event.host, given), given, refusal.object))
        for action in actions:
            any(
                self._known.deduplicator.refuse((event.host, "container", each), f"container.{action}")
                for each in meant
            )

    def _refuse_other(self, host: str, refused: tuple[str, str | None] | None) -> None:
        """Revoke what a request asked for that is about no container: the type of event, and the image."""
        if refused is None:
            return
        event_type, image = refused
        network_id = self._known.pools.newest(host) if event_type == NETWORK else None
        if network_id is not None:
            self._known.deduplicator.refuse((host, "network", network_id), event_type)
            self._known.pools.take_refused(host, network_id)
        else:
            self._known.deduplicator.unidentified.refuse(host, event_type, image=image)

    def is_revoked(self, occurrence: Occurrence) -> bool:
        """Revoke an occurrence of which what is known by now shows that it did not happen."""
        event = occurrence.event
        if event.role not in SECONDARY and "endpoint" not in event.attributes:
            return False
        if not (
            self._is_aftermath(occurrence) or has_no_container(occurrence.event) or self._is_refused_by_now(occurrence)
        ):
            return False
        self._known.deduplicator.revoke(occurrence)
        if event.event == "container.rename" and event.name is not None:
            self._known.requests.remove_name(event.host, event.name, event.time_ns)
        return True

    def _is_aftermath(self, occurrence: Occurrence) -> bool:
        """Whether systemd reports of a service that crashed: that it stopped, or did not start."""
        event = occurrence.event
        type_, _, action = event.event.partition(".")
        return type_ in SERVICES and event.role in SECONDARY and self._known.services.is_aftermath(event, type_, action)

    def _is_refused_by_now(self, occurrence: Occurrence) -> bool:
        """Whether what came after a request shows that the engine did not do it."""
        event = self.identified(occurrence.event)
        return event.role is REQUEST and event.id is not None and self._came_to_nothing(event, event.id)

    def identified(self, event: Event) -> Event:
        """Return an event with the id of the container that it names, if that is known by now."""
        if not event.event.startswith("container."):
            return event
        if event.id is None:
            container = event.attributes.get("container", "")
            known = len(container) == FULL_ID and looks_like_id(container)
            return event._replace(id=container) if known else event
        if looks_like_id(event.id):
            return event
        container_id = self._known.register.resolve(event.host, event.id)
        return event if container_id == event.id else event._replace(id=container_id)

    def _came_to_nothing(self, event: Event, given: str) -> bool:
        """Whether what is known now shows that the engine did not do what was asked for."""
        type_, _, action = event.event.partition(".")
        if event.event == NETWORK:
            return self._known.pools.take_refused(event.host, given)
        if event.event == PUSH:
            return self._known.pushes.all_failed(event.host, event.time_ns)
        container = self._known.register.of(event)
        if container is not None:
            return self._known.requests.was_refused(event, container)
        named = type_ == "container" and not looks_like_id(given)
        return named and self._known.requests.is_refused(event, action, None, named=True)
