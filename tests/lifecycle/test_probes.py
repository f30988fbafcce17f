"""The execs of health checks are health, not events; those of people are events."""

from collections.abc import Mapping

import pytest
from stages import changed_rows, restore

from logwatch.docker.inventory import Found
from logwatch.lifecycle import Lifecycle
from logwatch.model import SECOND, Event, Outcome, Probed, Role, State

WEB = "3f" * 32
T0 = 1_795_465_000 * SECOND
PROBE, BACKUP = "/bin/sh -c curl -f localhost", "pg_dump app"


class Life:
    """A lifecycle that takes what `docker events` reports, and what it emitted."""

    def __init__(self, file: Found | None = None) -> None:
        files = {} if file is None else {WEB: file}
        self.life = Lifecycle(SECOND, files.get if files else None)
        self.told: list[str] = []
        self.streaks: list[int] = []
        self.events("create", "start", at=-10)

    def take(self, event: Event) -> None:
        for each in self.life.process(event):
            if isinstance(each, Outcome) and not each.amends:
                self.told.append(f"{each.event.event[10:]} {each.event.attributes.get('command', '')}".strip())
            elif isinstance(each, Probed):
                self.streaks.append(each.failing_streak)

    def events(self, *actions: str, at: float = 0) -> None:
        for action in actions:
            self.take(event(action, at))

    def probe(self, at: float, code: str = "0", *, command: str = PROBE, container: str = WEB) -> None:
        self.begin(at, command)
        self.take(event("exec_die", at + 0.1, container, exec_id=f"e{at}", exit_code=code))

    def begin(self, at: float, command: str = PROBE) -> None:
        self.take(event("exec_create", at, exec_id=f"e{at}", command=command))
        self.take(event("exec_start", at, exec_id=f"e{at}", command=command))

    def health(self, at: float, health: str) -> None:
        self.take(event("health_status", at, health=health))

    @property
    def execs(self) -> list[str]:
        return [each for each in self.told if each.startswith("exec_")]


def event(action: str, at: float, container: str = WEB, role: Role = Role.LEADING, **attributes: str) -> Event:
    time_ns = T0 + round(at * SECOND)
    name = "web" if role is Role.LEADING else None
    what: Mapping[str, str] = attributes
    rule = f"{role}/{action}"
    return Event(
        time_ns, f"container.{action}", "vm", container, name, what, "info", rule, "log", 0, role=role, stamp_ns=time_ns
    )


def debug(life: Life, at: float, code: str = "0") -> None:
    """What the engine logs at debug around a probe."""
    life.take(event("probe", at, role=Role.PRIMARY)._replace(event="evidence.probe"))
    for action in ("exec_create", "exec_start"):
        life.take(event(action, at + 0.01, role=Role.PRIMARY, exec_id=f"e{at}"))
    life.take(event("exec_die", at + 0.1, role=Role.CORROBORATING)._replace(id=None))
    life.take(event("exec_die", at + 0.11, role=Role.PRIMARY, exit_code=code, probe="done"))


def found(**more: object) -> Found:
    base = Found(WEB, "web", "nginx", {}, State.RUNNING, 0, 0, None, "healthy", created_ns=T0, probe_command=PROBE)
    return base._replace(**more)  # type: ignore[arg-type] # the tests below give fields of Found


ALL = ["exec_create /bin/sh -c curl -f localhost", "exec_start /bin/sh -c curl -f localhost", "exec_die"]


def test_the_probes_that_the_containers_file_has_are_no_events() -> None:
    life = Life(found())
    life.life.process_inventory([found()], "vm", T0, None, T0 - 100 * SECOND)
    life.probe(1)
    life.probe(2, command=BACKUP)
    life.probe(3, "1", command="/bin/sh -c curl\n  -f localhost")

    assert life.execs == ["exec_create pg_dump app", "exec_start pg_dump app", "exec_die"]


@pytest.mark.parametrize(("code", "health"), [("0", "healthy"), ("1", "unhealthy")])
def test_what_ended_just_before_health_changed_is_the_probe(code: str, health: str) -> None:
    life = Life()
    life.probe(1, code)
    life.health(1.2, health)
    life.probe(6, "0")
    life.probe(11, "1")
    life.probe(16, "1")

    assert life.execs == ALL
    assert life.streaks == ([] if code == "0" else [1, 0]) + [1, 2]


def test_what_alone_exceeded_its_timeout_is_the_probe() -> None:
    life = Life()
    life.begin(1)
    life.health(31, "unhealthy")
    life.take(event("exec_die", 31.1, exec_id="e1", exit_code="137"))
    life.probe(61, "0")

    assert life.execs == ALL[:2]


@pytest.mark.parametrize(
    ("ended", "changed", "health"),
    [(1.0, 1.2, "unhealthy"), (1.0, 9.0, "healthy")],
    ids=["another exit code", "long before"],
)
def test_what_does_not_explain_a_change_of_health_is_an_event(ended: float, changed: float, health: str) -> None:
    life = Life()
    life.probe(ended, command=BACKUP)
    life.health(changed, health)
    life.probe(20, command=BACKUP)

    assert len(life.execs) == 6


def test_the_probe_is_not_told_from_what_runs_beside_it() -> None:
    life = Life()
    life.begin(0, "bash")
    life.begin(1)
    life.health(31, "unhealthy")
    life.begin(32)

    assert len(life.execs) == 6


def test_probes_that_the_debug_log_announces_are_no_events() -> None:
    life = Life()
    for at in range(5):
        debug(life, at, "1")
    life.life.advance(T0 + 60 * SECOND)

    assert (life.execs, life.streaks) == ([], [1, 2, 3, 4, 5])


def test_an_announcement_that_is_logged_late_is_about_the_exec_before() -> None:
    life = Life()
    life.begin(1.0)
    life.take(event("probe", 0.995, role=Role.PRIMARY)._replace(event="evidence.probe"))
    life.take(event("exec_die", 1.1, exec_id="e1.0", exit_code="1"))
    life.probe(1.5, command=BACKUP)
    life.probe(2.0, "1")

    assert life.execs == [
        f"exec_create {PROBE}",
        f"exec_start {PROBE}",
        f"exec_create {BACKUP}",
        f"exec_start {BACKUP}",
        "exec_die",
    ]
    assert life.streaks == [1, 2]


def test_a_command_beside_announced_probes_ends_once() -> None:
    life = Life()
    life.take(event("exec_start", 0, role=Role.PRIMARY, exec_id="user"))
    debug(life, 1)
    life.take(event("exec_die", 1.5, role=Role.CORROBORATING)._replace(id=None))
    debug(life, 2)
    told = life.life.advance(T0 + 60 * SECOND)
    ends = [each.event for each in told if isinstance(each, Outcome) and each.event.event == "container.exec_die"]

    assert life.execs == ["exec_start"]
    assert [(each.id, each.attributes) for each in ends] == [(WEB, {})]


def test_both_accounts_of_a_probe_count_once() -> None:
    life = Life()
    debug(life, 1, "1")
    life.probe(1, "1")
    life.probe(2, "1")
    debug(life, 2, "1")

    assert (life.execs, life.streaks) == ([], [1, 2])


def test_failures_are_those_of_one_run() -> None:
    life = Life()
    life.probe(1, "1")
    life.health(1.2, "unhealthy")
    life.events("die", "start", at=5)
    life.probe(6, "1")

    assert life.streaks == [1, 0, 1]


def test_the_files_count_of_failures_is_preferred() -> None:
    life = Life(found())
    life.life.process_inventory([found()], "vm", T0, None, T0 - 100 * SECOND)
    life.probe(1, "1")
    told = life.life.process_inventory([found(failing_streak=4)], "vm", T0, None, T0 - 100 * SECOND)

    assert life.streaks == []
    assert [each.failing_streak for each in told if isinstance(each, Probed)] == [4]


def test_a_probe_shows_that_its_container_runs() -> None:
    life = Life()
    life.probe(1)
    life.health(1.2, "healthy")
    for action in ("start", "crash"):
        life.take(event("create", 2, role=Role.PRIMARY)._replace(event=f"daemon.{action}", id=None))
    unknown = [each.state for each in life.life.containers()]
    life.probe(3)

    assert (unknown, [each.state for each in life.life.containers()]) == ([State.UNKNOWN], [State.RUNNING])


def test_what_is_known_of_probes_survives_a_restart() -> None:
    first, second = Life(), Life()
    first.probe(1, "1")
    first.begin(2)
    first.health(2.1, "unhealthy")
    restore(second.life, changed_rows(first.life))
    second.told.clear()
    second.take(event("exec_die", 3, exec_id="e2", exit_code="1"))
    second.probe(4, "1")

    assert (second.told, second.streaks[-1]) == ([], 3)


def test_what_is_kept_of_commands_is_bounded() -> None:
    life = Life()
    for number in range(1000):
        life.begin(number, f"command {number}")
        life.probe(number + 0.5, command=f"other {number}")
    (commands,) = life.life._probes._commands.values()

    assert len(commands.running) <= 64
    assert len(commands.failures) <= 8
