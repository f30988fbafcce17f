"""The loop of run, replay and rule tests: a stop in the middle of a chunk, a commit that fails."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from logwatch import alerting
from logwatch.driver import MOST_CHUNKS, Driver, Interrupted
from logwatch.errors import CommitError
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk, Gap, Outcome
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import load
from logwatch.sources.archive import ReplaySource
from logwatch.store import Query, Store, Sync, Transaction

START = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
NOW_NS = 1_800_000_000 * SECOND
ALERT = """
groups:
  - name: g
    interval: 5s
    rules: [{alert: Died, expr: 'increase(docker_events_total{action="die"}[5m]) > 0'}]
"""


def log(lines: int) -> str:
    """One exit a minute, of one container after the other."""
    return "".join(
        f"{at.isoformat()} vm dockerd[42]: "
        f'time="{at.isoformat().replace("+00:00", ".5Z")}" level=info msg="ignoring event" container={number:064x} '
        'module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"\n'
        for number in range(lines)
        for at in (START + timedelta(minutes=number),)
    )


class Quiet:
    """A publisher that notes what is committed, and how often the loop gave a sign of life."""

    def __init__(self) -> None:
        self.heartbeats = 0
        self.commits: list[int] = []
        self.errors: list[str] = []

    def heartbeat(self, now_ns: int) -> None:
        self.heartbeats += 1

    def idle(self, pipeline: Pipeline, now_ns: int) -> None: ...

    def prepare(self, pipeline: Pipeline, outcomes: Sequence[Outcome], *, live: bool, final: bool) -> None: ...

    def rows(self) -> Transaction:
        return Transaction(stages={("notifiers", "acknowledged"): "1"})

    def publish(self, transaction: Transaction | None, now_ns: int) -> None:
        self.commits.append(len(transaction.outcomes) if transaction else 0)

    def commit_failed(self, error: CommitError) -> None:
        self.errors.append(str(error))


class Parts:
    """A pipeline with rules and an alert, over a state directory."""

    def __init__(self, folder: Path, text: str, chunk_bytes: int = 1 << 20) -> None:
        rules = folder / "rules.yml"
        rules.write_text(ALERT)
        (folder / "messages").write_text(text)
        loaded, series = load([]), Registry()
        groups = alerting.load([rules])
        self.store = Store(folder / "state", START, sync=Sync.OFF)
        self.pipeline = Pipeline(loaded.rules, loaded.correlations, Settings(), series, folder, groups)
        self.source = ReplaySource([str(folder / "messages")], chunk_bytes=chunk_bytes)
        self.publisher = Quiet()
        saved = self.store.load()
        series.restore(saved.series, saved.points)
        self.pipeline.restore(saved.stages)
        self.source.restore({key: row for (name, key), row in saved.sources.items() if name == "log"})

    def driver(self, stops: Iterator[bool], before_live: Sequence[Callable[[Pipeline, int], bool]] = ()) -> Driver:
        parts = self.source, "log", self.pipeline, self.publisher, self.store
        return Driver(*parts, lambda: NOW_NS, lambda: next(stops), before_live)

    def close(self) -> list[tuple[int, str, str | None]]:
        events = [(each.seq, each.event.event, each.event.id) for each in self.store.events(Query())]
        self.source.close()
        self.store.close()
        return events


def after(count: int) -> Iterator[bool]:
    """Ask for the end at the call after so many."""
    yield from (False for _ in range(count))
    while True:
        yield True


def never() -> Iterator[bool]:
    while True:
        yield False


@pytest.mark.parametrize("patience", [2, 5, 10])
def test_a_stop_in_the_middle_of_a_chunk_leaves_the_chunk_to_the_next_start(tmp_path: Path, patience: int) -> None:
    once, often = tmp_path / "once", tmp_path / "often"
    once.mkdir()
    often.mkdir()
    whole = Parts(once, log(60))
    whole.driver(never()).run()
    stopped = Parts(often, log(60))
    driver = stopped.driver(after(patience))
    driver.run()
    driver.commit_rows()
    left = stopped.close()
    again = Parts(often, log(60))
    acknowledged = again.store.load().stages["notifiers", "acknowledged"]
    again.driver(never()).run()

    assert driver.is_interrupted
    assert (left, acknowledged) == ([], "1")
    assert whole.publisher.heartbeats > patience
    assert again.close() == whole.close() != []


def test_the_loop_gives_signs_of_life_in_the_middle_of_a_chunk(tmp_path: Path) -> None:
    parts = Parts(tmp_path, log(60))
    parts.driver(never()).run()
    chunks = len(parts.publisher.commits)

    assert parts.publisher.heartbeats > 2 * chunks
    parts.close()


def test_a_commit_that_fails_is_merged_with_the_next_and_nothing_is_read_until_then(tmp_path: Path) -> None:
    parts = Parts(tmp_path, log(60), chunk_bytes=2000)
    commit, failures, read = parts.store.commit, [True, True], []
    refused: list[bool] = []
    source_read = parts.source.read

    def failing(transaction: Transaction, now_ns: int) -> None:
        refused[:] = [True] if len(read) >= 5 and failures else []
        if refused:
            failures.pop()
            raise CommitError("the disk is full", retry=True)
        commit(transaction, now_ns)

    def reading(now_ns: int) -> Chunk | None:
        read.append(bool(refused))
        return source_read(now_ns)

    parts.store.commit = failing  # type: ignore[method-assign]  # a disk that is full for a while
    parts.source.read = reading  # type: ignore[method-assign]  # sees what is read meanwhile
    parts.source.wait = lambda _timeout: None  # type: ignore[method-assign]  # nobody waits for a disk here
    parts.driver(never()).run()

    assert parts.publisher.errors == ["the disk is full"] * 2
    assert not any(read)
    assert [seq for seq, _, _ in parts.close()] == list(range(1, 61))


def test_one_commit_covers_a_few_chunks_while_there_is_more_to_read(tmp_path: Path) -> None:
    parts = Parts(tmp_path, log(60), chunk_bytes=2000)
    commit, with_position = parts.store.commit, [0]

    def counting(transaction: Transaction, now_ns: int) -> None:
        with_position[0] += bool(transaction.sources)
        commit(transaction, now_ns)

    parts.store.commit = counting  # type: ignore[method-assign]  # counts the commits that follow a chunk
    parts.driver(never()).run()
    chunks = -(-60 // (2000 // len(log(1))))

    assert with_position[0] == -(-chunks // MOST_CHUNKS)
    assert [seq for seq, _, _ in parts.close()] == list(range(1, 61))


def test_many_events_are_committed_without_waiting_for_more_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logwatch.driver.MOST_EVENTS", 1)
    parts = Parts(tmp_path, log(60), chunk_bytes=2000)
    parts.driver(never()).run()
    most = max(parts.publisher.commits)
    parts.close()

    assert most == 2000 // len(log(1))


def test_the_position_of_a_chunk_is_committed_with_its_events_and_not_before(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    expected = Parts(whole, log(12), chunk_bytes=1000)
    expected.driver(never()).run()
    for _ in range(3):  # each stops before the chunk that is read while a clock was set back
        stopped = Parts(parts, log(12), chunk_bytes=1000)
        source_read = stopped.source.read

        def live(now_ns: int, read: Callable[[int], Chunk | None] = source_read) -> Chunk | None:
            chunk = read(now_ns)
            return None if chunk is None else chunk._replace(live=True)

        def interrupt(_chunk: Chunk, _now_ns: int) -> None:
            raise Interrupted

        stopped.source.read = live  # type: ignore[method-assign]  # as if the log were read to its end each time
        calls = iter([stopped.pipeline.process, interrupt])
        stopped.pipeline.process = lambda chunk, now_ns, calls=calls: next(calls)(chunk, now_ns)  # type: ignore[method-assign]  # a stop
        driver = stopped.driver(never(), [lambda _pipeline, _now_ns: True])
        driver.run()
        assert driver.is_interrupted
        stopped.close()
    rest = Parts(parts, log(12), chunk_bytes=1000)
    rest.driver(never()).run()

    assert rest.close() == expected.close()


def test_a_gap_is_committed_with_the_position_after_it_and_not_before(tmp_path: Path) -> None:
    parts = Parts(tmp_path, log(12), chunk_bytes=1000)
    source_read, commit = parts.source.read, parts.store.commit
    lost = iter([[Gap("log", "truncated", NOW_NS, 100)]])
    committed: list[tuple[list[str], bool]] = []

    def live(now_ns: int) -> Chunk | None:
        chunk = source_read(now_ns)
        return None if chunk is None else chunk._replace(live=True)

    def noting(transaction: Transaction, now_ns: int) -> None:
        committed.append(([each.event.event for each in transaction.outcomes], bool(transaction.sources)))
        commit(transaction, now_ns)

    parts.source.read = live  # type: ignore[method-assign]  # as if the log were read to its end each time
    parts.source.gaps = lambda: next(lost, [])  # type: ignore[method-assign]  # bytes that are lost before the first chunk
    parts.store.commit = noting  # type: ignore[method-assign]  # what each commit holds
    parts.driver(never(), [lambda _pipeline, _now_ns: True]).run()
    parts.close()

    (with_gap,) = [(events, moved) for events, moved in committed if "log.gap" in events]
    assert with_gap[1]
