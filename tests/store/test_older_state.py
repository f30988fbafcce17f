"""A state directory of an older version opens, and what it tells goes on."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from stages import changed_rows, restore

from logwatch.correlations import Correlator
from logwatch.lifecycle import Lifecycle
from logwatch.metrics import Registry
from logwatch.metrics.event_metrics import EventMetrics
from logwatch.model import SECOND, Correlation, Event, Expired, Mark, Outcome, Role, Severity, State
from logwatch.store import Store, Transaction
from logwatch.store.schema import APPLICATION_ID, MIGRATIONS, VERSION

ROWS = Path(__file__).parent.parent / "data" / "state-format-2.json"
"""What the stages had committed after thirteen events, in the form of format 2."""
START = 1_795_465_000 * SECOND
WEB, DB, BARE, CACHE = "3f" * 32, "a0" * 32, "c5" * 32, "d7" * 32


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Store]:
    """A store that was opened on a database of format 2."""
    _write(tmp_path)
    store = Store(tmp_path, datetime.now(UTC))
    yield store
    store.close()


def _write(directory: Path) -> None:
    connection = sqlite3.connect(directory / "logwatch.db")
    connection.executescript("".join(MIGRATIONS[:2]))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 2")
    for stage, rows in json.loads(ROWS.read_text())["stages"].items():
        connection.executemany("INSERT INTO stages VALUES (?, ?, ?)", [(stage, *row) for row in rows.items()])
    connection.commit()
    connection.close()


def event(kind: str, at: float, container: str | None, rule: str = "engine", **more: object) -> Event:
    time_ns = START + round(at * SECOND)
    return Event(time_ns, kind, "vm", container, None, {}, "info", rule, "log", 0, stamp_ns=time_ns)._replace(**more)


def correlations() -> list[Correlation]:
    def make(rule: str, made: str, kind: str, *steps: str, **more: object) -> Correlation:
        fields = {"where": tuple({} for _ in steps), "unless": (), "by": ("id",), **more}
        fields |= {"within_ns": 30 * SECOND, "attributes": {}, "severity": Severity.CRITICAL, "metrics": ()}
        return Correlation(rule, made, kind, steps, description="", mark=Mark("x.yml", 1, 1), **fields)  # type: ignore[arg-type] # of a test's table

    exit_137, unless = ({"exit_code": "137"},), ("container.oom",)
    return [
        make("oom/killed", "container.oom_killed", "sequence", "container.oom", "container.die"),
        make("kill/by-signal", "container.killed", "sequence", "container.die", where=exit_137, unless=unless),
        make("daemon/not-ready", "daemon.not_ready", "missing", "daemon.start", "daemon.ready", by=("host",)),
    ]


class Host:
    """The stages that keep rows, restored from a store."""

    def __init__(self, store: Store) -> None:
        self.life, self.watch, self.series = Lifecycle(SECOND), Correlator(correlations()), Registry()
        self.metrics = EventMetrics(self.series)
        self.stages = {"lifecycle": self.life, "correlator": self.watch, "tally": self.metrics}
        saved = store.load().stages
        for name, stage in self.stages.items():
            restore(stage, {key: row for (owner, key), row in saved.items() if owner == name})

    def changed(self) -> Transaction:
        rows = {(name, key): row for name, stage in self.stages.items() for key, row in changed_rows(stage).items()}
        return Transaction(stages=rows)


def test_the_stages_go_on_from_older_rows(older: Store) -> None:
    host = Host(older)
    seen: list[object] = []
    for each in (
        event("container.start_failed", 9, CACHE),
        event("daemon.ready", 9.5, None),
        event("container.die", 10, WEB, "task-delete", attributes={"exit_code": "137"}),
        event("container.die", 10.1, WEB, "docker-events", role=Role.LEADING),
        event("container.start", 11, DB, "docker-events", role=Role.LEADING),
    ):
        seen += [made.event for made in host.watch.advance(each.stamp_ns)]
        for change in host.life.advance(each.stamp_ns) + host.life.process(each):
            if isinstance(change, Outcome):
                seen.append((change.seq, change.event.event, change.event.name, change.amends))
                seen += [made.event for made in host.watch.process(change)]

    assert seen == [
        (12, "container.start_failed", "cache", False),
        (13, "daemon.ready", None, False),
        (14, "container.die", "web", False),
        "container.oom_killed",
        (14, "container.die", "web", True),
        (15, "container.start", "db", False),
    ]
    assert [(each.id, each.name, each.state) for each in host.life.containers()] == [
        (BARE, None, State.RUNNING),
        (CACHE, "cache", State.CREATED),
        (DB, "db", State.RUNNING),
        (WEB, "web", State.EXITED),
    ]


def test_older_rows_become_todays_with_the_first_commit(older: Store, tmp_path: Path) -> None:
    host = Host(older)
    older.commit(host.changed(), START)
    again = Host(older)

    assert not [row for row in again.changed().stages.items() if row[0][1] not in ("lifecycle", "tellers", "clock")]
    assert again.life.containers() == host.life.containers()
    with closing(sqlite3.connect(tmp_path / "logwatch.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert (
            connection.execute("SELECT key FROM stages WHERE key GLOB 'name *' OR key GLOB '*\", \"*'").fetchall() == []
        )


def test_series_of_older_rows_end_with_their_container(older: Store) -> None:
    host = Host(older)
    expired = [each for each in host.life.advance(START + 3700 * SECOND) if isinstance(each, Expired)]
    for change in expired:
        host.metrics.process(change)

    assert [(each.id, each.label, each.time_ns, each.is_forgotten) for each in expired] == [
        (DB, "db", START + 905 * SECOND, False),
        (DB, "db", START + 3605 * SECOND, True),
    ]
    assert {key: row for key, row in changed_rows(host.metrics).items() if row is None} == {
        'container ["", "db"]': None,
        'container ["","db"]': None,
        **{f'container ["", "{label}"]': None for label in ("web", "cache", BARE[:12])},
    }
