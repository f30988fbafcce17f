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

from collections.abc import Collection, Iterable

from logwatch.docker.inventory import FileChange
from logwatch.lifecycle.attempts import NETWORK, PUSH
from logwatch.lifecycle.containers import KEEP_SERIES_NS, looks_like_id
from logwatch.lifecycle.daemons import SERVICES
from logwatch.lifecycle.deduplicator import Emission
from logwatch.lifecycle.engine_files import EngineFiles
from logwatch.lifecycle.knowledge import EVIDENCE, UNPAUSE, Find, Knowledge, with_name
from logwatch.lifecycle.occurrences import CORROBORATING, EMITTED, INVENTORY, LEADING, PRIMARY, REQUEST
from logwatch.lifecycle.probes import EXECS
from logwatch.lifecycle.proofs import Proofs
from logwatch.lifecycle.refusals import OUTLIVES, Refusals
from logwatch.lifecycle.states import MOMENTARY, SERVICE_STATEFUL
from logwatch.model import (
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
from logwatch.store.state_table import StateValue

SWEEP_NS = 600 * SECOND
"""Between two sweeps of occurrences that nothing can join any more."""
ENDS = frozenset({"container.die", "container.start_failed"})
"""Events after which a container that was started with --rm is removed."""
SUSPECT = OUTLIVES | {"start"}
"""What may be reported of a container that it did not happen to, whoever reports it."""
RUNS = (State.RUNNING, State.PAUSED)
NAMING = frozenset({"container.create", "container.rename", "container.destroy"})
"""Events that say which names are in use."""
HEALTH = frozenset({"container.die", "container.health_status"})
"""Events that say something about health checks."""
PUSH_ENDED = "evidence/push-ended"
"""The rule that the failure of a push is attributed to of which only its tries are logged."""
AUTO_REMOVE = "evidence/removal-awaited"
"""The rule that a removal without a line of its own is attributed to."""


class Lifecycle:
    """Turns events that rules read into outcomes and changes of containers."""

    def __init__(self, settle_ns: int = SECOND, find: Find | None = None, keep_series_ns: int = KEEP_SERIES_NS) -> None:
        """`find` looks a container up in the engine's own files; None without them."""
        self.anomalies = 0
        """Events that the tables do not allow, since the last `take_counts`."""
        self.late = 0
        """Events first reported more than 10 s after their time, since the last `take_counts`."""
        known = self._known = Knowledge(settle_ns, find, keep_series_ns)
        self._deduplicator, self._register, self._requests = known.deduplicator, known.register, known.requests
        self._execs, self._probes, self._services = known.execs, known.probes, known.services
        self._foreign = known.foreign
        self._refusals = Refusals(known)
        self._proofs = Proofs(known, self._refusals, self._emit)
        self._files = EngineFiles(known, self.process, self._emit)
        self._progress: StateValue[list[int]] = StateValue("lifecycle", lambda: [0, 0])
        """The number of the newest outcome, and of the last sweep."""
        self.tables = (self._progress, *known.tables)

    # ── events in ────────────────────────────────────────────────────────────────────

    def process(self, event: Event) -> list[Consequence]:
        """Process an event as a rule made it. The clock moves by `advance` alone."""
        renamed = self._emit(self._deduplicator.settle_earlier("container.rename", event))
        consequences = [*renamed, *self._process(event)] if renamed else self._process(event)
        for emission in self._deduplicator.settle_surplus():
            consequences += self._emit((emission,))
        return consequences

    def _process(self, event: Event) -> list[Consequence]:
        type_, _, action = event.event.partition(".")
        if type_ == EVIDENCE:
            return self._proofs.process(event, action)
        if event.attributes.get("path"):
            self._refusals.refuse_path(event, event.attributes["path"])
        if type_ == "container":
            return self._process_container(event, action)
        if type_ in SERVICES and (action in SERVICE_STATEFUL or action in MOMENTARY):
            return self._process_service(event, type_, action)
        if type_ == "network" and not self._is_of_network(event, action):
            return []
        if "endpoint" in event.attributes:
            event = self._known.with_container(event)
        object_id = event.id
        if object_id is None:
            return self._emit(self._deduplicator.process_unidentified(event))
        if event.name is None and len(object_id) == FULL_ID:
            event = self._known.with_printer(event, object_id)
        return self._emit(self._deduplicator.process(event, (event.host, type_, object_id), certain=False))

    def _is_of_network(self, event: Event, action: str) -> bool:
        """Whether an event of a network is one: what an engine that starts takes down was left over."""
        if event.event == NETWORK and event.role is REQUEST and event.id is not None:
            self._known.pools.add(event.host, event.id)
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

    def _process_container(self, event: Event, action: str) -> list[Consequence]:
        host, register = event.host, self._register
        if event.id is None:
            event = self._known.with_only_id(event, action)
        given = event.id
        if given is None:
            may_be = self._refusals.may_be_created(event, action) and self._refusals.may_be_an_end(event, action)
            return self._emit(self._deduplicator.process_unidentified(self._execs.mark(event))) if may_be else []
        container_id = register.resolve(host, given)
        container = register.get(host, container_id)
        suspect = action in SUSPECT or event.role is REQUEST or self._foreign.has(host, given)
        if suspect and not self._refusals.may_have_happened(event, action, container):
            return []
        consequences: list[Consequence] = []
        if container is None and looks_like_id(container_id):
            container, consequences = self._known.add(event, container_id)
        if container is None:
            event = event._replace(name=event.name or given)
        elif event.name is not None and event.role is not REQUEST:
            sure = event.role is LEADING
            register.set_name(container, event.name, event.time_ns, self._clock_ns, sure=sure)
            consequences += register.take_changes()
        if container_id != given:
            event = event._replace(id=container_id)
        return [*consequences, *self._process_identified(event, container_id, container, action)]

    def _process_identified(
        self, event: Event, container_id: str, container: Container | None, action: str
    ) -> list[Consequence]:
        """Process an event of a container, of which only a name may be known (`container` is None then)."""
        register = self._register
        consequences: list[Consequence] = []
        if self._known.find is not None and container is not None and event.role is not INVENTORY:
            event = self._files.with_found(event, container, action)
            consequences = register.take_changes()
        if (
            event.event in EXECS
            and container is not None
            and (probe := self._probes.process(event, container)) is not None
        ):
            self._known.process_probe(event, container, probe)
            return [*consequences, *register.take_changes()]
        certain = waits = False
        if action == "die" and container is not None:
            certain = container.state in RUNS
            waits = self._known.find is not None and self._files.awaits_exit(event, container)
            if waits and certain:
                event = event._replace(revoked_by=frozenset())
        emissions = self._deduplicator.process(
            event, (event.host, "container", container_id), certain=certain, waits=waits
        )
        return [*consequences, *self._emit(emissions)] if emissions else consequences

    def process_derived(self, event: Event) -> list[Consequence]:
        """Process an event that no line reports, made by a correlation or the pipeline: number and name it."""
        if event.id is not None and event.event.startswith("container."):
            event = event._replace(id=self._register.resolve(event.host, event.id))
        container = self._register.of(event)
        if container is not None:
            event = with_name(event, container)
        consequences: list[Consequence] = [Outcome(self._number(), event)]
        self._apply(event, container)
        return consequences + self._register.take_changes()

    def process_name(self, named: NamedContainer) -> list[Consequence]:
        """Take over the name that a source has of a container, if it has none."""
        return self._proofs.process_name(named)

    def process_inventory(
        self,
        changes: Collection[FileChange],
        host: str,
        now_ns: int,
        present: Collection[str] | None = None,
        first_poll_ns: int | None = None,
    ) -> list[Consequence]:
        """Process what changed in the engine's own files; see `EngineFiles.process`."""
        return self._files.process(changes, host, now_ns, present, first_poll_ns)

    # ── events out ───────────────────────────────────────────────────────────────────

    def _emit(self, emissions: Iterable[Emission]) -> list[Consequence]:
        consequences: list[Consequence] = []
        register, store = self._register, self._deduplicator.store
        for occurrence, applies in emissions:
            event, seq = self._execs.identify(occurrence.event), occurrence.seq
            amends = occurrence.status is EMITTED
            if not amends and self._refusals.is_revoked(occurrence):
                consequences += self.process(_failed_push(event)) if event.event == PUSH else []
                continue
            event = self._refusals.identified(event)
            if event.event == UNPAUSE and event.id is None and not amends:
                register.note_resumed(event.host, event.time_ns, self._clock_ns)
            container = register.of(event)
            if container is not None:
                event = self._known.completed(event, container)
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

    def _note_health(self, event: Event, container: Container) -> None:
        """Store the health check's command that a health_status event shows; an end resets the failing streak."""
        if event.event == "container.die":
            self._probes.end(container)
            self._register.note_streak(container, 0, event.time_ns)
        elif (probe := self._probes.learn(event, container)) is not None:
            self._known.process_probe(event, container, probe)

    def _follow_end(self, event: Event, container_id: str) -> list[Consequence]:
        """Take over what the end of a container, or of its start, proves: it is not being started; --rm removes it."""
        self._requests.note_end(event.host, container_id)
        consequences = self._proofs.end_start(event, container_id)
        if self._requests.was_awaited(event.host, container_id):
            consequences += self.process(_removal(event))
        return consequences

    def _note_names(self, event: Event, container: Container | None) -> None:
        """Take over what an accepted event says about names."""
        action = event.event.partition(".")[2]
        if action == "rename" and event.name is not None:
            if container is not None:
                former = container.name if container.name != event.name else container.former_name
                self._requests.remove_name(event.host, former or "")
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
        self._known.witness.prune(self._register.get)
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
        if name is None and len(given) == FULL_ID and (found := self._known.file_of(given)) is not None:
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


def _failed_push(event: Event) -> Event:
    """The failure of a push for which no address of the registry worked."""
    return event._replace(
        event="image.push_failed", severity="error", rule=PUSH_ENDED, role=PRIMARY, revoked_by=frozenset()
    )
