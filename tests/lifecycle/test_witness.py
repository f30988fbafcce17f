"""The engine's own files as a witness of containers' lives, beside the log."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from stages import changed_rows, restore

from logwatch.docker.inventory import Found, Removed
from logwatch.lifecycle import Lifecycle
from logwatch.model import SECOND, Described, Event, Outcome, Renamed, Role, State

WEB, DB = "3f" * 32, "a0" * 32
T0 = 1_795_465_000 * SECOND
RUN, EXIT = State.RUNNING, State.EXITED


def file(state: State = State.CREATED, at: float = 0, **more: object) -> Found:
    """A container's file; times are seconds after T0."""
    times = {
        key: T0 + round(value * SECOND) for key, value in more.items() if key in TIMES and isinstance(value, float)
    }
    rest = {key: value for key, value in more.items() if key not in TIMES}
    base = Found(WEB, "web", "nginx:1", {}, state, 0, 0, None, None, seen_ns=T0 + round(at * SECOND), created_ns=T0)
    return base._replace(**{f"{key}_ns": value for key, value in times.items()})._replace(**rest)  # type: ignore[arg-type] # as in the tests below


TIMES = ("created", "started", "finished", "probe")


def line(action: str, at: float, container: str = WEB, **attributes: str) -> Event:
    """What the log reports, by a primary rule."""
    time_ns = T0 + round(at * SECOND)
    return Event(
        time_ns,
        f"container.{action}",
        "vm",
        container,
        None,
        attributes,
        "info",
        f"log/{action}",
        "log",
        0,
        stamp_ns=time_ns,
    )


@dataclass
class Life:
    """A lifecycle with files, and what it emitted."""

    files: dict[str, Found] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    amended: list[Event] = field(default_factory=list)
    rest: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.life = Lifecycle(SECOND, self.files.get)
        self.poll([], present=())

    def poll(self, changes: Sequence[Found | Removed], *, present: Sequence[str] | None = None, at: float = 0) -> None:
        now_ns = T0 + round(at * SECOND)
        self.take(self.life.process_inventory(changes, "vm", now_ns, present, T0 - 100 * SECOND))

    def log(self, *events: Event) -> None:
        for event in events:
            self.take(self.life.process(event))

    def take(self, consequences: Sequence[object]) -> None:
        for each in consequences:
            if isinstance(each, Outcome):
                (self.amended if each.amends else self.events).append(each.event)
            else:
                self.rest.append(each)

    @property
    def told(self) -> list[str]:
        return [
            f"{each.event[10:]} {(each.time_ns - T0) / SECOND:g} {each.attributes.get('exit_code', '')}".strip()
            for each in self.events
        ]

    @property
    def state(self) -> State:
        (container,) = self.life.containers()
        return container.state


CREATED = file()
STARTED = file(RUN, 1, started=1.0)
PAUSED = file(State.PAUSED, 2, started=1.0)
RESUMED = file(RUN, 3, started=1.0)
RENAMED = file(RUN, 4, started=1.0, name="web2")
ENDED = file(EXIT, 5, started=1.0, finished=5.0, exit_code="137")
AGAIN = file(RUN, 6, started=6.0, finished=5.0)
GONE = Removed(WEB, T0 + 9 * SECOND)


def test_the_files_alone_report_a_life() -> None:
    life = Life()
    renamed = [each._replace(name="web2") for each in (ENDED, AGAIN)]
    life.poll([CREATED, STARTED, PAUSED, RESUMED, RENAMED, *renamed, GONE])

    assert life.told == ["create 0", "start 1", "pause 2", "unpause 3", "rename 4", "die 5 137", "start 6", "destroy 9"]
    assert {each.role for each in life.events} == {Role.INVENTORY}
    assert life.life.containers() == []


def test_the_first_look_reports_nothing_but_states() -> None:
    life = Life()
    life.poll([file(RUN, created=-200.0, started=-150.0, exit_code=None)])

    assert (life.told, life.state) == ([], RUN)


def test_what_happened_while_nobody_looked_is_reported() -> None:
    life = Life()
    life.poll([STARTED])
    again = Lifecycle(SECOND, lambda _: None)
    restore(again, changed_rows(life.life))
    made = again.process_inventory([ENDED._replace(id=WEB)], "vm", T0 + 900 * SECOND, [WEB], T0 + 900 * SECOND)
    gone = again.process_inventory([], "vm", T0 + 990 * SECOND, [], T0)

    assert [each.event.event for each in made if isinstance(each, Outcome)] == ["container.die"]
    assert [each.event.event for each in gone if isinstance(each, Outcome)] == ["container.destroy"]


def test_the_log_and_the_files_report_one_event_in_either_order() -> None:
    life = Life()
    life.poll([CREATED])
    life.log(line("start", 0.8))
    life.poll([STARTED])
    life.poll([ENDED])
    life.log(line("die", 5.02))

    assert life.told == ["create 0", "start 0.8", "die 5 137"]
    (start, die) = life.amended
    assert (start.rule, start.attributes["image"]) == ("log/start", "nginx:1")
    assert (die.rule, die.time_ns - T0, die.attributes["exit_code"]) == ("log/die", 5_020_000_000, "137")


@pytest.mark.parametrize("log_first", [True, False])
@pytest.mark.parametrize("role", [Role.PRIMARY, Role.CORROBORATING])
def test_a_start_has_the_engines_time_and_not_that_of_its_shim(*, log_first: bool, role: Role) -> None:
    life = Life()
    life.poll([CREATED])
    shim = line("start", 0.2)._replace(role=role, revoked_by=frozenset({"container.start_failed"}))
    if log_first:
        life.log(shim)
    life.poll([STARTED])
    if not log_first:
        life.log(shim)
    life.take(life.life.advance(T0 + 60 * SECOND))
    (start,) = [*[each for each in life.events if each.event == "container.start"], *life.amended][-1:]

    assert (start.time_ns, start.rule) == (T0 + SECOND, "log/start")
    assert [each for each in life.told if each.startswith("start")] == ["start 1"]


def test_a_death_that_the_log_reports_first_has_its_exit_code() -> None:
    life = Life({WEB: ENDED})
    life.log(line("start", 0.9), line("die", 5.02))

    assert life.told == ["start 0.9", "die 5.02 137"]
    assert [each.name for each in life.events] == ["web", "web"]


def test_an_earlier_death_does_not_have_the_last_exit_code() -> None:
    life = Life({WEB: ENDED})
    life.log(line("start", -60), line("die", -50))

    assert life.told == ["start -60", "die -50"]


def test_a_crash_loop_ends_as_often_as_it_starts() -> None:
    life = Life()
    life.poll([CREATED])
    for number in range(5):
        at = float(number)
        waits = State.RESTARTING if number < 4 else EXIT
        life.log(line("start", at + 0.1))
        life.poll([file(RUN, started=at + 0.3, finished=at - 0.2)])
        life.log(line("die", at + 0.85))
        life.poll([file(waits, started=at + 0.3, finished=at + 0.8, exit_code="3", restarts=number)])

    assert [each.split()[0] for each in life.told] == ["create", *["start", "die"] * 5]
    assert [each.attributes.get("exit_code") for each in life.amended if each.event == "container.die"] == ["3"] * 5


def test_a_container_that_is_removed_while_it_waits_has_not_ended_twice() -> None:
    life = Life()
    life.poll([file(RUN, started=1.0)])
    waiting = file(State.RESTARTING, started=1.0, finished=2.0, exit_code="3")
    life.poll([waiting, waiting._replace(state=State.REMOVING, finished_ns=T0 + SECOND // 2), GONE])

    assert [each.split()[0] for each in life.told] == ["create", "start", "die", "destroy"]


def test_an_end_that_was_missed_has_no_exit_code() -> None:
    life = Life()
    life.poll([STARTED, AGAIN])

    assert life.told == ["create 0", "start 1", "die 5", "start 6"]


def test_a_start_that_failed_is_no_start() -> None:
    life = Life()
    failed = file(exit_code=None)
    life.poll([CREATED, failed, failed._replace(state=State.REMOVING), Removed(WEB, T0 + SECOND)])

    assert life.told == ["create 0", "destroy 1"]


def test_a_creation_that_failed_is_no_creation() -> None:
    life = Life()
    life.poll([file(State.DEAD), Removed(WEB, T0 + SECOND)])

    assert life.told == ["destroy 1"]


@pytest.mark.parametrize("kernel_first", [True, False])
def test_an_oom_kill_is_one_event(*, kernel_first: bool) -> None:
    life = Life()
    killed = file(EXIT, started=1.0, finished=5.0, exit_code="137", oom_killed=True)
    life.poll([STARTED])
    if kernel_first:
        life.log(line("oom", 4.9))
    life.poll([killed])
    if not kernel_first:
        life.log(line("oom", 4.9))

    assert [each.split()[0] for each in life.told].count("oom") == 1


def test_an_oom_kill_long_before_the_end_is_one_event() -> None:
    life = Life()
    life.poll([STARTED])
    life.log(line("oom", 4.9))
    life.take(life.life.advance(T0 + 4000 * SECOND))
    life.poll([file(EXIT, started=1.0, finished=4000.0, exit_code="0", oom_killed=True)])

    assert life.told == ["create 0", "start 1", "oom 4.9", "die 4000 0"]


def test_health_is_an_event_when_it_changes() -> None:
    life = Life()
    check = file(RUN, started=1.0, health="starting")
    sick = check._replace(health="unhealthy", failing_streak=3, probe_ns=T0 + 4 * SECOND, probe_output="refused")
    life.poll([check, sick, sick._replace(failing_streak=4, probe_ns=T0 + 5 * SECOND)])
    life.poll([check._replace(health="healthy", probe_ns=T0 + 6 * SECOND)])

    assert life.told == ["create 0", "start 1", "health_status 4", "health_status 6"]
    assert life.events[2].attributes == {"health": "unhealthy", "failing_streak": "3", "probe_output": "refused"}


def test_a_probe_that_could_not_run_is_that_of_its_container() -> None:
    life = Life()
    check = file(RUN, started=1.0, health="unhealthy", probe=4.0)
    life.poll([check, check._replace(id=DB, name="db")])
    error = line("health_status", 4.1)._replace(
        id=None, attributes={"container": DB, "error": "deadline"}, role=Role.CORROBORATING
    )
    life.log(error)

    assert [(each.id, each.rule) for each in life.amended] == [(DB, "inventory/health_status")]


def test_the_file_of_an_unknown_id_is_read_before_its_first_event_is_counted() -> None:
    life = Life({WEB: STARTED})
    life.log(line("start", 0.8))

    assert [each.name for each in life.events] == ["web"]
    assert not any(isinstance(each, Renamed) for each in life.rest)


def test_states_exit_codes_and_restarts_are_described() -> None:
    life = Life()
    life.poll([file(State.RESTARTING, started=1.0, finished=2.0, exit_code="3", restarts=7, created=-200.0)])
    (described,) = [each for each in life.rest if isinstance(each, Described)]

    assert (described.exit_code, described.restart_count, described.image) == ("3", 7, "nginx:1")
    assert life.state is State.RESTARTING


def test_labels_that_change_are_described_and_given_to_the_logs_events() -> None:
    life = Life()
    life.poll([file(RUN, 1, started=1.0, created=-200.0)])
    life.poll([file(RUN, 1, started=1.0, created=-200.0, labels={"label_team": "a"})])
    life.poll([file(RUN, 1, started=1.0, created=-200.0, labels={"label_team": "a"})])
    life.log(line("kill", 2))
    described = [each.labels for each in life.rest if isinstance(each, Described)]

    assert described == [{}, {"label_team": "a"}]
    assert life.events[-1].attributes == {"label_team": "a"}


def test_the_logs_own_events_have_the_labels_that_docker_events_reported() -> None:
    life = Life()
    told = line("create", 1, label_team="a", compose_project="shop", image="nginx")
    life.log(told._replace(role=Role.LEADING, name="web"), line("kill", 2))

    assert life.events[-1].attributes == {"label_team": "a", "compose_project": "shop"}


def test_what_the_daemons_end_made_unknown_is_known_again() -> None:
    life = Life()
    life.poll([STARTED])
    life.log(
        line("stop", 2)._replace(event="daemon.start", id=None), line("stop", 3)._replace(event="daemon.crash", id=None)
    )
    unknown = life.state
    life.poll([STARTED])

    assert (unknown, life.state) == (State.UNKNOWN, RUN)


def test_a_container_that_is_newer_than_the_first_look_is_not_removed() -> None:
    life = Life()
    life.log(line("start", 0.8, DB))
    life.poll([STARTED], present=())
    life.poll([RESUMED], present=())

    assert life.told == ["start 0.8", "create 0", "start 1"]
    assert [each.id for each in life.life.containers()] == [DB, WEB]


def test_a_container_of_the_log_without_a_folder_is_removed() -> None:
    life = Life()
    life.log(line("start", -200), line("start", -200, DB))
    life.poll([], present=[WEB], at=5)

    assert [each.id for each in life.life.containers()] == [WEB]
    assert [each.split()[0] for each in life.told] == ["start", "start"]


def test_nothing_is_kept_of_containers_that_the_register_dropped() -> None:
    life = Life()
    for number in range(50):
        container = f"{number:064x}"
        life.poll([STARTED._replace(id=container, name=f"n{number}"), Removed(container, T0 + 2 * SECOND)])
    life.take(life.life.advance(T0 + 3 * 3600 * SECOND))
    kept = [key for key, row in changed_rows(life.life).items() if row and key.startswith(("sighting", "reported"))]

    assert kept == []
