"""The stage between rules and consequences: which object, reported already or not, what follows.

    Event ─▶ containers (which one is meant) ─▶ deduplicator (one event once)
                                                       │ Emission
                                                       ▼
              Outcome (numbered, named) + StateChange (tables in `states`) + Renamed + Expired

When the daemon stops, crashes, or starts although it seemed to run, the states of its
containers are unknown until an event reports of them again, unless it is known to run with
live-restore. The same holds after a gap in the log.

Consequences depend on the order of the events, their times and the clock alone, never on
where the input was cut; everything that matters is in `tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from logwatch.docker.inventory import Found, Removed, Sight
from logwatch.lifecycle.attempts import NETWORK, PUSH, Pools, Pushes
from logwatch.lifecycle.containers import ContainerRegister, looks_like_id
from logwatch.lifecycle.daemons import Services
from logwatch.lifecycle.deduplicator import Deduplicator, Emission
from logwatch.lifecycle.endings import UNKNOWN, exit_cause
from logwatch.lifecycle.endpoints import EndpointTies, is_own
from logwatch.lifecycle.evidence import EVIDENCE, ForeignContainers, NameTies
from logwatch.lifecycle.execs import Execs
from logwatch.lifecycle.occurrences import CORROBORATING, INVENTORY, LEADING, PRIMARY, REQUEST, SECONDARY, Occurrence
from logwatch.lifecycle.probes import EXECS, Probe, Probes
from logwatch.lifecycle.requests import ASKED, Requests, refusal_of, refusal_without_id
from logwatch.lifecycle.states import MOMENTARY, SERVICE_STATEFUL
from logwatch.lifecycle.witness import Witness, ending, ends_with
from logwatch.model import (
    CONTAINERS,
    FULL_ID,
    LATE_NS,
    SECOND,
    Consequence,
    Container,
    Event,
    NamedContainer,
    Outcome,
    State,
)
from logwatch.store import state_table
from logwatch.store.state_table import StateValue

SWEEP_NS = 600 * SECOND
"""Between two sweeps of occurrences that nothing can join any more."""
EXISTING = frozenset({State.CREATED, State.RUNNING, State.PAUSED, State.RESTARTING})
"""States in which a container's name is certainly in use."""
SERVICES = frozenset({"daemon", "containerd"})
MAX_FOUND = 20_000
"""Most containers whose files are kept as they were at their first event."""
Find = Callable[[str], Found | None]
"""Looks up a container by its full id."""
ENDS = frozenset({"container.die", "container.start_failed"})
"""Events after which a container that was started with --rm is removed."""
OUTLIVES = frozenset({"stop_timeout", "kill"})
"""What the engine does to a container that outlives its stop timeout, also if it has just ended."""
SUSPECT = OUTLIVES | {"start"}
"""What may be reported of a container that it did not happen to, whoever reports it."""
RUNS = (State.RUNNING, State.PAUSED)
NAMING = frozenset({"container.create", "container.rename", "container.destroy"})
"""Events that say which names are in use."""
HEALTH = frozenset({"container.die", "container.health_status"})
"""Events that say something about health checks."""
MOST_DIGITS = 9
"""Of a timeout in seconds."""
ENDPOINTS = frozenset({"bundle", "endpoint", "connecting", "networked"})
"""Evidence of the endpoints that are made when containers start."""
PUSH_ENDED = "evidence/push-ended"
"""The rule that the failure of a push is attributed to of which only its tries are logged."""
AUTO_REMOVE = "evidence/removal-awaited"
"""The rule that a removal without a line of its own is attributed to."""


class Lifecycle:
    """Turns events that rules read into outcomes and changes of containers."""

    def __init__(self, settle_ns: int = SECOND, find: Find | None = None) -> None:
        """`find` looks a container up in the engine's own files; None without them."""
        self.anomalies = 0
        """Events that the tables do not allow, since the last `take_counts`."""
        self.late = 0
        """Events first reported more than 10 s after their time, since the last `take_counts`."""
        self._deduplicator = Deduplicator(settle_ns)
        self._register = ContainerRegister()
        self._requests = Requests()
        self._pools = Pools()
        self._pushes = Pushes()
        self._ties = NameTies()
        self._endpoints = EndpointTies()
        self._execs = Execs()
        self._probes = Probes()
        self._foreign = ForeignContainers()
        self._services = Services()
        self._find = find
        self._witness = Witness()
        self._found: dict[str, Found | None] = {}
        """What `find` returned of each id that events named, since the start."""
        self._progress: StateValue[list[int]] = StateValue("lifecycle", lambda: [0, 0])
        """The number of the newest outcome, and of the last sweep."""
        store = self._deduplicator.store
        self.tables = (
            self._progress,
            *self._register.tables,
            *self._deduplicator.tables,
            *self._requests.tables,
            *self._pools.tables,
            *self._pushes.tables,
            *self._ties.tables,
            *self._endpoints.tables,
            *self._execs.tables,
            *self._probes.tables,
            *self._foreign.tables,
            *self._services.tables,
            *self._witness.tables,
            *store.tables,
        )

    # ── events in ────────────────────────────────────────────────────────────────────

    def process(self, event: Event) -> list[Consequence]:
        """Process an event as a rule made it. The clock moves by `advance` alone."""
        type_, _, action = event.event.partition(".")
        if type_ == EVIDENCE:
            return self._process_evidence(event, action)
        if event.attributes.get("path"):
            self._refuse_path(event, event.attributes["path"])
        if type_ == "container":
            return self._process_container(event, action)
        if type_ in SERVICES and (action in SERVICE_STATEFUL or action in MOMENTARY):
            return self._process_service(event, type_, action)
        if type_ == "network" and not self._is_of_network(event, action):
            return []
        if "endpoint" in event.attributes:
            event = self._with_container(event)
        object_id = event.id
        if object_id is None:
            return self._emit(self._deduplicator.process_unidentified(event))
        if event.name is None and len(object_id) == FULL_ID:
            event = self._with_printer(event, object_id)
        return self._emit(self._deduplicator.process(event, (event.host, type_, object_id), certain=False))

    def _with_printer(self, event: Event, container_id: str) -> Event:
        """Return a rule's own event about a container, such as what it printed, with its name, image and labels."""
        found = self._register.get(event.host, container_id)
        about = found or (self._file_of(container_id) if event.path == CONTAINERS else None)
        if about is None:
            return event
        image = {"image": about.image} if about.image else {}
        return event._replace(name=about.name, attributes={**image, **about.labels, **event.attributes})

    def _is_of_network(self, event: Event, action: str) -> bool:
        """Whether an event of a network is one: what an engine that starts takes down was left over."""
        if event.event == NETWORK and event.role is REQUEST and event.id is not None:
            self._pools.add(event.host, event.id)
        left_over = action == "disconnect" and event.role is not LEADING
        return not left_over or not self._services.is_starting(event.host, "daemon")

    def _process_service(self, event: Event, type_: str, action: str) -> list[Consequence]:
        epoch = self._services.epoch(event, type_, action)
        if action == "ready" and not self._services.was_started(event.host, type_):
            # Engines 1.9 to 1.13 log the line that reports their start after this one.
            event = event._replace(revoked_by=frozenset({f"{type_}.start_failed"}))
        emissions = self._deduplicator.process(event, (event.host, type_, ""), certain=False, epoch=epoch)
        if action == "start" and len(emissions) > 1:
            emissions.sort(key=lambda emission: emission.occurrence.event.event.endswith(".ready"))
        return self._emit(emissions)

    def _is_revoked(self, occurrence: Occurrence) -> bool:
        """Revoke an occurrence of which what is known by now shows that it did not happen."""
        event = occurrence.event
        if event.role not in SECONDARY and "endpoint" not in event.attributes:
            return False
        if not (
            self._is_aftermath(occurrence) or _has_no_container(occurrence.event) or self._is_refused_by_now(occurrence)
        ):
            return False
        self._deduplicator.revoke(occurrence)
        return True

    def _is_aftermath(self, occurrence: Occurrence) -> bool:
        """Whether systemd reports of a service that crashed: that it stopped, or did not start."""
        event = occurrence.event
        type_, _, action = event.event.partition(".")
        return type_ in SERVICES and event.role in SECONDARY and self._services.is_aftermath(event, type_, action)

    def _identified(self, event: Event) -> Event:
        """Return a request with the id of the container that it names, if that is known by now."""
        if event.role is not REQUEST or event.id is None or not event.event.startswith("container."):
            return event
        container_id = self._register.resolve(event.host, event.id)
        return event if container_id == event.id else event._replace(id=container_id)

    def _is_refused_by_now(self, occurrence: Occurrence) -> bool:
        """Whether what came after a request shows that the engine did not do it."""
        event = self._identified(occurrence.event)
        return event.role is REQUEST and event.id is not None and self._came_to_nothing(event, event.id)

    def _came_to_nothing(self, event: Event, given: str) -> bool:
        """Whether what is known now shows that the engine did not do what was asked for."""
        type_, _, action = event.event.partition(".")
        if event.event == NETWORK:
            return self._pools.take_refused(event.host, given)
        if event.event == PUSH:
            return self._pushes.all_failed(event.host, event.time_ns)
        container = self._register.of(event)
        if container is not None:
            return self._requests.was_refused(event, container)
        named = type_ == "container" and not looks_like_id(given)
        return named and self._requests.is_refused(event, action, None, named=True)

    def _process_container(self, event: Event, action: str) -> list[Consequence]:
        host, given, register = event.host, event.id, self._register
        if given is None:
            may_be = self._may_be_created(event, action) and self._may_be_an_end(event, action)
            return self._emit(self._deduplicator.process_unidentified(self._execs.mark(event))) if may_be else []
        container_id = register.resolve(host, given)
        container = register.get(host, container_id)
        suspect = action in SUSPECT or event.role is REQUEST or self._foreign.has(host, given)
        if suspect and not self._may_have_happened(event, action, container):
            return []
        consequences: list[Consequence] = []
        if container is None and looks_like_id(container_id):
            container, consequences = self._add(event, container_id)
        if container is None:
            event = event._replace(name=event.name or given)
        elif event.name is not None and event.role is not REQUEST:
            sure = event.role is LEADING
            register.set_name(container, event.name, event.time_ns, self._clock_ns, sure=sure)
            consequences += register.take_changes()
        if container_id != given:
            event = event._replace(id=container_id)
        if self._find is not None and container is not None and event.role is not INVENTORY:
            event = self._with_found(event, container, action)
            consequences += register.take_changes()
        if (
            event.event in EXECS
            and container is not None
            and (probe := self._probes.process(event, container)) is not None
        ):
            self._process_probe(event, container, probe)
            return [*consequences, *register.take_changes()]
        certain = waits = False
        if action == "die" and container is not None:
            certain, waits = container.state in RUNS, self._find is not None and self._waits(event, container)
            if waits and certain:
                event = event._replace(revoked_by=frozenset())
        emissions = self._deduplicator.process(event, (host, "container", container_id), certain=certain, waits=waits)
        return [*consequences, *self._emit(emissions)] if consequences else self._emit(emissions)

    def _may_have_happened(self, event: Event, action: str, container: Container | None) -> bool:
        """Whether an event of a container that is named is Docker's, was not refused and is news."""
        if event.id is not None and self._foreign.has(event.host, event.id):
            return False
        if action in OUTLIVES and container is not None and event.role is not LEADING:
            timeout = event.attributes.get("timeout", "")
            if timeout.isdecimal() and len(timeout) < MOST_DIGITS:
                since_ns = event.time_ns - (int(timeout) + 1) * SECOND
                if self._deduplicator.has_ended((event.host, "container", container.id), since_ns, event.time_ns):
                    return False
        if event.role is REQUEST:
            if self._is_refused(event, action, container):
                return False
            if action == "rename" and event.name is not None:
                self._requests.add_name(event.host, event.name, event.time_ns)
        return container is None or not self._reconnects(event, action, container)

    def _may_be_an_end(self, event: Event, action: str) -> bool:
        """Whether a command runs whose end an exit without an id may be."""
        return action != "exec_die" or event.role not in SECONDARY or self._execs.any_open(event.host)

    def _add(self, event: Event, container_id: str) -> tuple[Container, list[Consequence]]:
        """Add a container whose id was not known."""
        host, register = event.host, self._register
        key = (host, "container", container_id)
        container, short = register.add(host, container_id, event.time_ns, self._clock_ns)
        if short is not None:
            self._deduplicator.store.move((host, "container", short), key)
            return container, register.take_changes()
        self._look_up(container, event.time_ns)
        name = self._ties.name_of(host, container_id)
        if container.name is None and name is not None:
            register.set_name(container, name, event.time_ns, self._clock_ns, sure=False)
        return container, register.take_changes()

    def _is_refused(self, event: Event, action: str, container: Container | None) -> bool:
        """Whether nothing came of a request, as far as is known now."""
        named = event.id is not None and not looks_like_id(event.id)
        if action == "rename" and event.name is not None:
            owner = self._register.get(event.host, self._register.resolve(event.host, event.name))
            if owner is not None and owner is not container and owner.state is not State.GONE:
                return True
            if self._is_named(event.host, event.name):
                return True
        if container is not None and self._deduplicator.is_changing((event.host, "container", container.id)):
            return False
        named = named and not self._deduplicator.is_create_pending(event.host, event.id or "")
        return self._requests.is_refused(event, action, container, named=named)

    def _is_named(self, host: str, name: str) -> bool:
        return self._requests.has_name(host, name) or self._deduplicator.is_create_pending(host, name)

    def _reconnects(self, event: Event, action: str, container: Container) -> bool:
        """Whether containerd, which starts, connects to a container that goes on running."""
        if action != "start" or event.role is LEADING or not container.announced:
            return False
        running = container.state in (State.RUNNING, State.PAUSED, State.UNKNOWN)
        return running and self._services.is_starting(event.host, "containerd")

    # ── evidence, and what was refused ───────────────────────────────────────────────

    def _process_evidence(self, event: Event, action: str) -> list[Consequence]:
        """Process what a line proves without being an event: a refused request, a name, another namespace."""
        if action == "refused":
            self._requests.mark_explicit(event.host, event.time_ns)
            self._refuse_path(event, event.attributes.get("path", ""))
            if "/containers/create" in event.attributes.get("path", ""):
                self._deduplicator.refuse_unidentified(event.host, "container.create", event.name)
        if action == "foreign" and event.id is not None:
            self._foreign.add(event.host, event.id, event.time_ns)
            self._deduplicator.revoke_all((event.host, "container", event.id))
        if action in ("pool", "gateway"):
            self._pools.process(event.host, granted=action == "gateway")
        if action.startswith("push_"):
            self._pushes.process(event.host, event.time_ns, failed=action == "push_ended")
        if action in ENDPOINTS:
            return self._process_endpoint(event, action)
        if action in ("refused", "name"):
            for container_id, name in self._ties.add(event):
                return self._give_name(event, container_id, name)
        return [] if event.id is None else self._process_state(event, action, event.id)

    def _process_state(self, event: Event, action: str, container_id: str) -> list[Consequence]:
        """Process what a line proves about one container."""
        if action == "restarting":
            return self._process_restarting(event, container_id)
        if action == "mount":
            return self._process_mount(event, container_id)
        if action == "probe" and (probe := self._probes.announce(event.host, container_id, event.time_ns)) is not None:
            container = self._register.get(event.host, container_id)
            if container is not None:
                self._process_probe(event, container, probe)
        if action == "auto_remove":
            self._requests.await_removal(event.host, container_id, event.time_ns)
        return []

    def _process_restarting(self, event: Event, container_id: str) -> list[Consequence]:
        """Process that a container has ended and waits for its restart."""
        consequences = self._emit(self._deduplicator.confirm_end((event.host, "container", container_id)))
        container = self._register.get(event.host, container_id)
        if container is not None:
            self._register.await_restart(container, event.time_ns, self._clock_ns)
        return consequences + self._register.take_changes()

    def _process_mount(self, event: Event, container_id: str) -> list[Consequence]:
        """Process that a file system was mounted: for a new container, or for the start of one."""
        created: list[Emission] = []
        consequences: list[Consequence] = []
        if self._register.get(event.host, container_id) is None:
            consequences = self._add(event, container_id)[1]
            created = self._deduplicator.confirm_create(event)
        if created:
            self._requests.add_created(event.host, container_id)
        else:
            self._endpoints.open(event.host, container_id, event.time_ns)
        return [*consequences, *self._emit(created)]

    def _process_endpoint(self, event: Event, action: str) -> list[Consequence]:
        """Process that an endpoint is made, will be made outside a start, or that those of a start are made."""
        name, host = event.attributes.get("container_name"), event.host
        if action == "endpoint" and name is not None and not self._services.is_starting(host, "daemon"):
            self._endpoints.add(host, name, event.attributes.get("network"), event.time_ns)
        elif action == "connecting":
            self._endpoints.connect(host, event.time_ns)
        elif action == "bundle" and event.id is not None:
            self._requests.note_start(host, event.id, event.time_ns)
            self._endpoints.go_on(host, event.id, event.time_ns)
        elif action == "networked" and event.id is not None:
            return self._end_start(event, event.id)
        return []

    def _end_start(self, event: Event, container_id: str) -> list[Consequence]:
        """Note that a container is no longer being started; names it and others of which that decides."""
        ties = self._endpoints.close(event.host, container_id, event.time_ns)
        return [each for tie in ties for each in self._give_name(event, *tie)]

    def _give_name(self, event: Event, given: str, name: str) -> list[Consequence]:
        register = self._register
        container = register.get(event.host, register.resolve(event.host, given))
        if container is None or container.name == name:
            return []
        register.set_name(container, name, event.time_ns, self._clock_ns, sure=False)
        return register.take_changes()

    def process_name(self, named: NamedContainer) -> list[Consequence]:
        """Take over the name that a source has of a container, if it has none.

        It is the container's at its last start: one that was renamed since has another one.
        """
        self._ties.note(named)
        container = self._register.get(named.host, named.id)
        if container is None or container.name is not None:
            return []
        self._register.set_name(container, named.name, named.time_ns, self._clock_ns, sure=False)
        return self._register.take_changes()

    def _refuse_path(self, event: Event, path: str) -> None:
        """Revoke what was asked for by a request that failed."""
        method, refusal = event.attributes.get("method", ""), refusal_of(path)
        if refusal is None:
            self._refuse_other(event.host, refusal_without_id(method, path))
            return
        actions = ("destroy",) if method == "DELETE" else ASKED.get(refusal.action, (refusal.action,))
        given = event.attributes.get("container") or refusal.object
        meant = dict.fromkeys((self._register.resolve(event.host, given), given, refusal.object))
        for action in actions:
            any(self._deduplicator.refuse((event.host, "container", each), f"container.{action}") for each in meant)

    def _refuse_other(self, host: str, refused: tuple[str, str | None] | None) -> None:
        """Revoke what a request asked for that is about no container: the type of event, and the image."""
        if refused is None:
            return
        event_type, image = refused
        network_id = self._pools.newest(host) if event_type == NETWORK else None
        if network_id is not None:
            self._deduplicator.refuse((host, "network", network_id), event_type)
            self._pools.take_refused(host, network_id)
        else:
            self._deduplicator.refuse_unidentified(host, event_type, image=image)

    def _may_be_created(self, event: Event, action: str) -> bool:
        """Remember a create request without an id; False if the engine must refuse it: its name is in use."""
        if action == "create" and event.name is not None:
            owner = self._register.get(event.host, self._register.resolve(event.host, event.name))
            if owner is not None and owner.state in EXISTING:
                return not event.revoked_by
        return True

    def process_derived(self, event: Event) -> list[Consequence]:
        """Process an event that no line reports, made by a correlation or the pipeline: number and name it."""
        if event.id is not None and event.event.startswith("container."):
            event = event._replace(id=self._register.resolve(event.host, event.id))
        container = self._register.of(event)
        if container is not None:
            event = _with_name(event, container)
        consequences: list[Consequence] = [Outcome(self._number(), event)]
        self._apply(event, container)
        return consequences + self._register.take_changes()

    # ── the engine's own files ───────────────────────────────────────────────────────

    def process_inventory(
        self,
        sights: Collection[Sight],
        host: str,
        now_ns: int,
        present: Collection[str] | None = None,
        first_look_ns: int | None = None,
    ) -> list[Consequence]:
        """Process what changed in the engine's own files, in that order.

        `present` are the ids of all containers that have a folder, after the first look: the others are removed.
        `first_look_ns` is when the first look began: a container made later is new even if nothing was seen before.
        """
        began_ns = now_ns if first_look_ns is None else first_look_ns
        self._witness.begin(host, began_ns)
        consequences: list[Consequence] = []
        if present is not None:
            there = {*present, *(sight.id for sight in sights)}
            consequences += self._process_present(there, host, began_ns)
        for sight in sights:
            if type(sight) is Removed:
                consequences += self._process_removed(sight, host)
            elif type(sight) is Found:
                consequences += self._process_found(sight, host, now_ns)
        self._witness.looked(host, now_ns)
        self._deduplicator.store.note_reporter((host, "container.health_status"))
        return consequences

    def _process_found(self, found: Found, host: str, now_ns: int) -> list[Consequence]:
        register = self._register
        self._found.pop(found.id, None)
        container = register.get(host, found.id) or register.add(host, found.id, now_ns, now_ns)[0]
        described = register.describe(container, found, found.seen_ns or now_ns, self._clock_ns)
        consequences = register.take_changes()
        for event in self._witness.compare(found, container, self._clock_ns):
            if event.event == "container.create" and found.name:
                key = (host, "container", found.id)
                consequences += self._emit(self._deduplicator.assign_id(event.event, found.name, key))
            consequences += self.process(event)
        register.process_found(container, found, now_ns, self._clock_ns, described=described)
        return consequences + register.take_changes()

    def _process_removed(self, removed: Removed, host: str) -> list[Consequence]:
        container = self._register.get(host, removed.id)
        if container is None:
            return []
        return [
            consequence
            for event in self._witness.remove(removed, container, host)
            for consequence in self.process(event)
        ]

    def _process_present(self, present: Collection[str], host: str, looked_ns: int) -> list[Consequence]:
        """Remove the containers that had no folder any more at the first look."""
        consequences: list[Consequence] = []
        for container_id in self._witness.known(host):
            if container_id not in present:
                consequences += self._process_removed(Removed(container_id, looked_ns), host)
        for container in self._register.of_host(host):
            if container.id not in present and container.announced and container.last_ns < looked_ns:
                self._register.remove(container, looked_ns, self._clock_ns)
        return consequences + self._register.take_changes()

    def _file_of(self, container_id: str) -> Found | None:
        """Return what a container's file says, read once until it changes."""
        if self._find is None or container_id in self._found:
            return self._found.get(container_id)
        if len(self._found) >= MAX_FOUND:
            self._found.clear()
        found = self._found[container_id] = self._find(container_id)
        return found

    def _look_up(self, container: Container, time_ns: int) -> Found | None:
        """Return what a container's file says; a container without a name takes it from there."""
        found = self._file_of(container.id)
        if found is not None and container.name is None:
            self._register.describe(container, found, time_ns, self._clock_ns)
        return found

    def _waits(self, event: Event, container: Container) -> bool:
        """Whether a death waits for its exit code, which the engine writes into the container's file a moment later."""
        if event.role in (LEADING, INVENTORY) or "exit_code" in event.attributes:
            return False
        last = self._file_of(container.id)
        return last is not None and last.finished_ns < event.time_ns

    def _with_found(self, event: Event, container: Container, action: str) -> Event:
        """Name the container before its event is counted; return a death with its exit code."""
        last = self._look_up(container, event.time_ns)
        if action != "die" or last is None or "exit_code" in event.attributes or not ends_with(event, last):
            return event
        return event._replace(attributes={**event.attributes, **ending(last)})

    # ── events out ───────────────────────────────────────────────────────────────────

    def _emit(self, emissions: Iterable[Emission]) -> list[Consequence]:
        consequences: list[Consequence] = []
        register, store = self._register, self._deduplicator.store
        for occurrence, applies in emissions:
            event, seq = self._execs.identify(occurrence.event), occurrence.seq
            amends = seq > 0
            if not amends and self._is_revoked(occurrence):
                consequences += self.process(_failed_push(event)) if event.event == PUSH else []
                continue
            event = self._identified(event) if event.role is REQUEST else event
            container = register.of(event)
            if container is not None:
                event = self._completed(event, container)
            if not amends:
                seq = self._number()
                self.late += event.time_ns < occurrence.opened_ns - LATE_NS
            store.emitted(occurrence, event, seq)
            consequences.append(Outcome(seq, event, amends))
            if applies:
                self._apply(event, container)
            elif container is not None:
                register.update_attributes(container, event)
            if applies and event.event.startswith("container."):
                self._follow_container(event, container)
            if register.has_changes:
                consequences += register.take_changes()
            if applies and event.event in ENDS and event.id:
                consequences += self._follow_end(event, event.id)
            if occurrence.epoch is not None:
                type_, _, action = event.event.partition(".")
                self._services.amend(type_, event)
                occurrence.enter(self._services.epoch(event, type_, action))
        return consequences

    def _follow_container(self, event: Event, container: Container | None) -> None:
        """Take over what an accepted event of a container says about names, commands and health checks."""
        if event.event in NAMING:
            self._note_names(event, container)
        self._execs.process(event)
        if event.event in HEALTH and container is not None:
            self._note_health(event, container)

    def _completed(self, event: Event, container: Container) -> Event:
        """Return an event with the name and the labels of its container; a death with its cause."""
        if event.name is None or container.labels:
            event = _with_name(event, container)
        return self._with_cause(event, container) if event.event == "container.die" else event

    def _process_probe(self, event: Event, container: Container, probe: Probe) -> None:
        """Take over the exec of a health check, which is not an event: what it found is the container's health."""
        if "probe" in event.attributes:
            self._deduplicator.refuse_nearest(event)
        self._register.process_probe(container, probe.command, event.time_ns, self._clock_ns)
        # With the engine's own files theirs counts: they know which failures are within the start period.
        if probe.failing_streak is not None and self._find is None:
            self._register.note_streak(container, probe.failing_streak, event.time_ns)

    def _note_health(self, event: Event, container: Container) -> None:
        """Store the health check's command that a health_status event shows; an end resets the failing streak."""
        if event.event == "container.die":
            self._probes.end(container)
            self._register.note_streak(container, 0, event.time_ns)
        elif (probe := self._probes.learn(event, container)) is not None:
            self._process_probe(event, container, probe)

    def _follow_end(self, event: Event, container_id: str) -> list[Consequence]:
        """Take over what the end of a container, or of its start, proves: it is not being started; --rm removes it."""
        self._requests.note_end(event.host, container_id)
        consequences = self._end_start(event, container_id)
        if self._requests.was_awaited(event.host, container_id):
            consequences += self.process(_removal(event))
        return consequences

    def _with_cause(self, event: Event, container: Container) -> Event:
        """Return a death with the cause of its end, unless that is known."""
        if event.attributes.get("cause", UNKNOWN) != UNKNOWN:
            return event
        stopped_ns = self._services.stopped_ns(event.host)
        return event._replace(attributes={**event.attributes, "cause": exit_cause(event, container, stopped_ns)})

    def _note_names(self, event: Event, container: Container | None) -> None:
        """Take over what an accepted event says about names."""
        action = event.event.partition(".")[2]
        if action == "rename" and event.name is not None:
            if container is not None:
                self._register.set_name(
                    container, event.name, event.time_ns, self._clock_ns, sure=event.role is LEADING
                )
            elif event.id is not None:
                self._requests.remove_name(event.host, event.id)
            self._requests.add_name(event.host, event.name, event.time_ns)
        elif action == "create" and event.name is not None:
            self._requests.add_name(event.host, event.name, event.time_ns)
        elif action == "destroy":
            self._requests.remove_name(event.host, event.name or event.id or "")

    def _number(self) -> int:
        progress = self._progress.value
        progress[0] += 1
        self._progress.touch_value()
        return progress[0]

    def _apply(self, event: Event, container: Container | None) -> None:
        """Change the state of an event's object."""
        if container is not None:
            self.anomalies += not self._register.process(container, event, self._clock_ns)
            return
        type_, _, action = event.event.partition(".")
        if type_ in SERVICES:
            if self._services.process(type_, action, event):
                self._register.mark_unknown(event.host, event.time_ns, self._clock_ns, everything=False)
        elif event.event == "log.gap":
            self._register.mark_unknown(event.host or None, event.time_ns, self._clock_ns, everything=True)
        elif type_ == "container" and event.id is not None:
            self._register.add_unidentified(event, self._clock_ns)

    def _with_container(self, event: Event) -> Event:
        """Return a network's event with the id of its endpoint's container, if that is known.

        The daemon's lines have the container's name, `docker events` its id. An endpoint without a container
        keeps its own name in its place: it is no container's.
        """
        attributes = event.attributes
        container = attributes.get("container") or self._register.resolve(event.host, attributes["endpoint"])
        if not looks_like_id(container) and not _has_no_container(event):
            return event
        return event._replace(attributes={**attributes, "container": container})

    # ── the clock ────────────────────────────────────────────────────────────────────

    @property
    def _clock_ns(self) -> int:
        return self._deduplicator.store.clock_ns

    def advance(self, clock_ns: int) -> list[Consequence]:
        """Advance the clock: emit what was pending for long enough, drop containers that are kept no longer."""
        last = clock_ns // SWEEP_NS
        if last <= self._progress.value[1]:
            return self._advance(clock_ns)
        consequences = self._advance(last * SWEEP_NS)
        self._deduplicator.store.sweep(last * SWEEP_NS)
        self._witness.prune(self._register.get)
        self._probes.prune(self._register.get)
        self._progress.value[1] = last
        self._progress.touch_value()
        return consequences + self._advance(clock_ns)

    def _advance(self, clock_ns: int) -> list[Consequence]:
        """Emit and drop in the order of time, whatever the steps of the clock."""
        consequences: list[Consequence] = []
        while (due_ns := self._register.next_deadline_ns()) is not None and due_ns <= clock_ns:
            for emission in self._deduplicator.expire(due_ns):
                consequences += self._emit((emission,))
            self._register.expire(due_ns)
            consequences += self._register.take_changes()
        for emission in self._deduplicator.expire(clock_ns):
            consequences += self._emit((emission,))
        return consequences

    def shift(self, step_ns: int, clock_ns: int) -> None:
        """The clock was set, to `clock_ns`: what is pending is pending as long as before."""
        self._deduplicator.store.shift(step_ns, clock_ns)
        if step_ns < 0:
            self._register.set_back(clock_ns)
        self._progress.value[1] = clock_ns // SWEEP_NS
        self._progress.touch_value()

    def go_back(self, clock_ns: int) -> None:
        """Set the clock back to where lines go on; nothing has happened in between."""
        self._deduplicator.store.clock_ns = clock_ns
        self._register.set_back(clock_ns)
        self._progress.value[1] = clock_ns // SWEEP_NS
        self._progress.touch_value()

    def next_deadline_ns(self) -> int | None:
        """When `advance` may return something, None for never."""
        deadlines = (self._deduplicator.store.next_deadline_ns(), self._register.next_deadline_ns())
        return min((each for each in deadlines if each is not None), default=None)

    def flush(self) -> list[Consequence]:
        """Emit all that is pending: the input is at its end."""
        consequences: list[Consequence] = []
        for emission in self._deduplicator.flush():
            consequences += self._emit((emission,))
        return consequences

    # ── what is known ────────────────────────────────────────────────────────────────

    def name_of(self, host: str, given: str) -> str | None:
        """Return the name of the container that an id, a short id or a name means."""
        name = self._register.name_of(host, given)
        if name is None and len(given) == FULL_ID and (found := self._file_of(given)) is not None:
            return found.name
        return name

    def containers(self) -> list[Container]:
        """Return every container that is not removed, by host and name."""
        return self._register.containers()

    def take_counts(self) -> tuple[int, int]:
        """Return the numbers of anomalies and of late events since the last call."""
        counts = self.anomalies + self._services.anomalies, self.late
        self.anomalies = self.late = self._services.anomalies = 0
        return counts

    # ── state ────────────────────────────────────────────────────────────────────────

    def changed_rows(self) -> dict[str, str | None]:
        """Return the rows that changed since the last call."""
        return state_table.changed_rows(self.tables)

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        state_table.restore(self.tables, rows)
        self.restored()

    def restored(self) -> None:
        """Rebuild what is derived, after the tables were restored."""
        self._register.restored()
        self._deduplicator.restored()


def _removal(event: Event) -> Event:
    """The removal that follows the end of a container started with --rm."""
    return event._replace(
        event="container.destroy",
        attributes={},
        severity="info",
        rule=AUTO_REMOVE,
        role=CORROBORATING,
        revoked_by=frozenset(),
    )


def _has_no_container(event: Event) -> bool:
    """Whether an endpoint joins or leaves a network that has no container."""
    endpoint = event.attributes.get("endpoint")
    if endpoint is None or event.role is LEADING:
        return False
    return is_own(endpoint, event.attributes.get("network") or event.id)


def _failed_push(event: Event) -> Event:
    """The failure of a push for which no address of the registry worked."""
    return event._replace(
        event="image.push_failed", severity="error", rule=PUSH_ENDED, role=PRIMARY, revoked_by=frozenset()
    )


def _with_name(event: Event, container: Container) -> Event:
    """Return the event with the name and the labels of its container."""
    name = event.name or container.name
    attributes: dict[str, Any] = {**container.labels, **event.attributes}
    if name is event.name and len(attributes) == len(event.attributes):
        return event
    return event._replace(name=name, attributes=attributes)
