"""What is reported of any host counts where an engine is."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from logwatch.matching.engine_hosts import HELD_NS, MAX_HOSTS, MOST_HELD, SEEN_NS, STEP_NS, EngineHosts
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk, Event, Record, Role
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles.loader import load
from logwatch.store import state_table

ID = "5f0d7c1a9b3e4d28860f1c5ab7e92d34c6a8f0e1b2d3948576a0c1e2f3d4b596"
START = 1_795_465_000 * SECOND


def record(
    at_ns: int = 0, tag: str = "kernel", message: bytes = b"eth0: renamed from veth1a2", host: str = "vm"
) -> Record:
    return Record(START + at_ns, START + at_ns, host, tag, None, message, far_off=False)


def event(
    at_ns: int = 0,
    kind: str = "network.connect",
    object_id: str | None = None,
    role: Role = Role.CORROBORATING,
    host: str = "vm",
) -> Event:
    return Event(
        START + at_ns, kind, host, object_id, None, {}, "info", "rule", "log", 0, role=role, stamp_ns=START + at_ns
    )


def engine(hosts: EngineHosts, at_ns: int = 0, host: str = "vm") -> list[Event]:
    return list(hosts.process((), record(at_ns, "dockerd", host=host), engine=True))


def witness(hosts: EngineHosts, at_ns: int = 0, host: str = "vm") -> list[Event]:
    return list(hosts.process([event(at_ns, host=host)], record(at_ns, host=host), engine=False))


def test_what_the_kernel_reports_before_the_engine_is_held() -> None:
    hosts = EngineHosts()

    assert witness(hosts) == []
    assert [event()] == engine(hosts, SECOND)
    assert [event(2 * SECOND)] == witness(hosts, 2 * SECOND)
    assert engine(hosts, 3 * SECOND) == []


def test_another_hosts_engine_is_none() -> None:
    hosts = EngineHosts()
    engine(hosts, 0, "other")

    assert witness(hosts) == []
    assert engine(hosts, SECOND, "other") == []


def test_a_line_that_names_a_container_shows_that_the_host_has_an_engine() -> None:
    hosts = EngineHosts()
    witness(hosts)
    kill = event(1, "container.oom", ID)
    line = record(1, message=f"oom-kill:task_memcg=/docker/{ID}".encode())

    assert [event(), kill] == list(hosts.process([kill], line, engine=False))


def test_docker_events_show_it_too() -> None:
    hosts = EngineHosts()
    witness(hosts)
    start = event(1, "container.start", ID, Role.LEADING)

    assert [event(), start] == list(hosts.process([start], record(1, "docker-events"), engine=False))


@pytest.mark.parametrize(
    ("line", "made"),
    [
        (record(message=b"INFO: task dockerd:7 blocked for more than 120 seconds."), event(kind="kernel.hung_task")),
        (record(tag="systemd", message=b"Started containerd container runtime."), event(kind="containerd.start")),
        (record(tag="rsyslogd"), event(kind="log.suppressed")),
        (record(message=b"oom-kill:task_memcg=/kubepods/pod1/5f0d7c1a9b3e"), event(kind="container.oom", object_id=ID)),
    ],
    ids=["names Docker", "names the service", "of another program", "names a container"],
)
def test_what_says_whom_it_means_is_not_held(line: Record, made: Event) -> None:
    assert [made] == list(EngineHosts().process([made], line, engine=False))


def test_what_is_held_is_bounded_by_number_and_time() -> None:
    hosts = EngineHosts()
    for number in range(MOST_HELD + 9):
        witness(hosts, number)
    assert len(engine(hosts, MOST_HELD + 9)) == MOST_HELD
    old = EngineHosts()
    witness(old, 0)
    witness(old, HELD_NS + SECOND)

    assert [event(HELD_NS + SECOND)] == engine(old, HELD_NS + 2 * SECOND)
    witness(old, 0, "third")
    assert engine(old, HELD_NS + SECOND, "third") == []


def test_a_host_loses_its_engine_after_a_month() -> None:
    hosts = EngineHosts()
    engine(hosts)

    assert witness(hosts, SEEN_NS - 1) != []
    assert witness(hosts, SEEN_NS) == []


def test_the_time_of_the_engine_is_kept_to_the_hour_and_hosts_are_bounded() -> None:
    hosts = EngineHosts()
    engine(hosts)
    state_table.changed_rows(hosts.tables)
    engine(hosts, STEP_NS)
    assert state_table.changed_rows(hosts.tables) == {}
    engine(hosts, STEP_NS + 1)
    for number in range(MAX_HOSTS):
        engine(hosts, 2 * STEP_NS + number, f"host{number}")
    dropped = MAX_HOSTS // 10

    assert witness(hosts, 3 * STEP_NS) == []
    assert witness(hosts, 3 * STEP_NS, f"host{dropped - 2}") == []
    assert witness(hosts, 3 * STEP_NS, f"host{dropped - 1}") != []


def test_it_goes_on_after_a_restart() -> None:
    before, after, older = EngineHosts(), EngineHosts(), EngineHosts()
    witness(before)
    witness(before, 1)
    state_table.restore(after.tables, {key: row for key, row in state_table.changed_rows(before.tables).items() if row})
    after.restored(None, START)
    older.restored("vm", START)

    assert [event(), event(1)] == engine(after, SECOND)
    assert witness(older) != []


LINES = (
    "Nov 23 20:16:45 vm kernel: [ 8026.082032] java[4711]: segfault at 0 ip 00007f sp 00007ffd error 4 in libjvm.so[7f+1000]",
    "Nov 23 20:16:46 vm kernel: [ 8027.182032] Out of memory: Killed process 4711 (java) total-vm:1kB, anon-rss:1kB",
    'Nov 23 20:16:47 vm dockerd[42]: time="2026-11-23T20:16:47.728700494Z" level=info msg="API listen on /run/docker.sock"',
)


def replayed(lines: tuple[str, ...], tmp_path: Path) -> list[tuple[str, int]]:
    rules = load([Path(__file__).parents[2] / "rules" / "events"])
    pipeline = Pipeline(rules.rules, (), Settings(), Registry(), tmp_path)
    for number, line in enumerate(lines):
        pipeline.process(Chunk(f"{line}\n".encode(), f"log{number}", 0, 0), START)
    pipeline.finish()
    return sorted((outcome.event.event, outcome.event.time_ns // SECOND) for outcome in pipeline.take_outcomes())


def test_the_events_are_the_same_in_every_order(tmp_path: Path) -> None:
    made = [replayed(lines, tmp_path) for lines in permutations(LINES)]

    assert [name for name, _ in made[0]] == ["daemon.ready", "host.oom", "kernel.segfault"]
    assert all(each == made[0] for each in made)
    assert replayed(LINES[:2], tmp_path) == []
