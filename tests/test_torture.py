"""The whole engine, killed at random moments while its log is written and rotated.

Each child is a fork that runs the real loop (source, pipeline, store) and is killed with -9. When
nothing is left to read, history, counters and windows must be those of one uninterrupted replay.
`make torture` runs a thousand seeds.
"""

import os
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from forks import Fork
from ports import wait_for

from logwatch.alerting import Muting, Report
from logwatch.daemon import SOURCE
from logwatch.driver import Driver
from logwatch.live import LivePublisher
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk, SourceStatus
from logwatch.notifiers import Dispatcher
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import RuleSet, load
from logwatch.sources.file import FileSource
from logwatch.status import Requests, StatusSnapshot
from logwatch.store import Query, Store, Sync

SEEDS = int(os.environ.get("LOGWATCH_TORTURE_SEEDS", "25"))
LINES = 2000
"""So few that most kills are while lines are read: the child reads what is left at the end undisturbed."""
BURST = 300
BEFORE_NS = 1_795_453_200 * SECOND
"""2026-11-23T17:00:00Z"""
RULES = """\
events:
  - event: container.die
    name: die
    description: A death, as the test writes it.
    match: 'msg="ignoring event" container='
    id: "{container}"
    attributes: {exit_code: "{n}"}
    metrics:
      - counter: test_deaths_total
        help: Deaths.
        labels: {id: "{event.id}"}
    examples:
      - line: 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57Z" level=info msg="ignoring event" container=8dd3'
        event: {id: 8dd3}
      - line: 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57Z" level=info msg="event" container=8dd3'
        event: null
  - event: container.oom
    name: oom
    description: A kill, as the test writes it.
    match: 'msg="out of memory" container='
    id: "{container}"
    examples:
      - line: 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57Z" level=info msg="out of memory" container=8dd3'
        event: {id: 8dd3}
      - line: 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57Z" level=info msg="memory" container=8dd3'
        event: null
correlations:
  - event: container.oom_killed
    description: A container died of an OOM kill.
    sequence: [container.oom, container.die]
    within: 30s
    by: [id]
"""


Account = tuple[list[object], dict[object, float]]
"""History, and counters by family and labels."""


class Page(StatusSnapshot):
    """Asks for the end when everything is read and `done` lies beside the log; a commit that fails is a failure."""

    done: Path
    is_over = False

    def show(self, sources: Sequence[SourceStatus], report: Report, muting: Muting, *, caught_up: bool) -> None:
        super().show(sources, report, muting, caught_up=caught_up)
        self.is_over = caught_up and self.done.exists()

    def commit_failed(self, why: str) -> None:
        raise AssertionError(why)


def line(number: int) -> bytes:
    """A line a tenth of a second after the one before; every third tells an event of one of ten containers."""
    seconds, tenth = divmod(number, 10)
    stamp = f"2026-11-23T{18 + seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{tenth}00000+00:00"
    container = f"{number // 3 % 10:x}" * 64
    text = (
        "nothing of note",
        f'"out of memory" container={container}',
        f'"ignoring event" container={container} n={number}',
    )[number % 3]
    return f'{stamp} vm dockerd[42]: time="{stamp[:-6]}Z" level=info msg={text}\n'.encode()


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    path = tmp_path_factory.mktemp("rules") / "torture.yml"
    path.write_text(RULES)
    return load([path], shipped=False)


@pytest.fixture(scope="module")
def expected(rules: RuleSet, tmp_path_factory: pytest.TempPathFactory) -> Account:
    return uninterrupted(tmp_path_factory.mktemp("once"), rules)


def follow(log: Path, state: Path, rules: RuleSet) -> None:
    """What a child does: the real loop, until it has read everything and `done` stands beside the log."""
    store = Store(state, datetime.now(UTC), sync=Sync.OFF)
    saved = store.load()
    series = Registry()
    pipeline = Pipeline(rules.rules, rules.correlations, Settings(max_ahead_ns=86_400 * SECOND), series, state)
    series.restore(saved.series, saved.points)
    pipeline.restore(saved.stages)
    source = FileSource([str(log)], chunk_bytes=4096, max_line_bytes=2000, offset_dir=state, poll_interval=0.01)
    source.restore({key: row for (name, key), row in saved.sources.items() if name == SOURCE})
    status = Page(state, rules, series.families(), Requests(source.wake), (), time.time_ns)
    status.done = log.parent / "done"
    begun = time.monotonic_ns()
    publisher = LivePublisher(source, Dispatcher((), time.time_ns), status)
    # An hour before the recording, so that nothing settles by the wall clock; lines may move the clock that far.
    now = lambda: BEFORE_NS + time.monotonic_ns() - begun  # noqa: E731 - as short as it is
    Driver(source, SOURCE, pipeline, publisher, store, now, lambda: status.is_over).run()
    source.close()
    store.close()


def forked(log: Path, state: Path, rules: RuleSet) -> Fork:
    return Fork(partial(follow, log, state, rules), state.with_name("stderr"))


def write(log: Path, chance: random.Random, first: int) -> int:
    """Write a burst, and sometimes rotate; return the next line's number."""
    last = min(LINES, first + chance.randint(1, BURST))
    with log.open("ab", buffering=0) as out:
        out.write(b"".join(map(line, range(first, last))))
    if chance.random() < 0.4 and last < LINES:
        for number in range(40, 0, -1):
            older = log.with_name(f"messages.{number}")
            if older.exists():
                older.rename(log.with_name(f"messages.{number + 1}"))
        log.rename(log.with_name("messages.1"))
        log.touch()
    return last


def account(state: Path) -> Account:
    """History and counters as the last commit left them."""
    store = Store(state, datetime.now(UTC), sync=Sync.OFF)
    history = [
        (o.seq, o.event.time_ns, o.event.event, o.event.id, dict(o.event.attributes)) for o in store.events(Query())
    ]
    counters = {
        (change.family, change.labels): change.value
        for change in store.load().series
        if change.family.startswith(("docker_", "test_", "logwatch_lines", "logwatch_rule_hits")) and change.value
    }
    store.close()
    return history, counters


def uninterrupted(state: Path, rules: RuleSet) -> Account:
    series = Registry()
    pipeline = Pipeline(rules.rules, rules.correlations, Settings(max_ahead_ns=86_400 * SECOND), series, state)
    data = b"".join(map(line, range(LINES)))
    now = BEFORE_NS
    pipeline.process(Chunk(data, "messages", 0, now), now)
    history = [
        (o.seq, o.event.time_ns, o.event.event, o.event.id, dict(o.event.attributes)) for o in pipeline.take_outcomes()
    ]
    counters = {
        (change.family, change.labels): change.value
        for change in series.everything()
        if change.family.startswith(("docker_", "test_", "logwatch_rule_hits")) and change.value
    }
    return history, counters


@pytest.mark.parametrize("seed", range(SEEDS))
def test_killed_at_random_moments_it_counts_every_line_once(
    seed: int, tmp_path: Path, rules: RuleSet, expected: Account
) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "log"
    folder.mkdir()
    log, state = folder / "messages", tmp_path / "state"
    log.write_bytes(b"".join(map(line, range(100))))
    written = 100
    child = forked(log, state, rules)
    # What was rotated away before the first commit was never begun.
    wait_for((state / "positions.json").exists, "the first commit")
    while written < LINES:
        time.sleep(chance.random() ** 2 / 20)
        if chance.random() < 0.3:
            child.kill()
            if chance.random() < 0.5:
                written = write(log, chance, written)
            child = forked(log, state, rules)
        written = write(log, chance, written)
    (folder / "done").touch()

    assert child.wait() == (0, "")
    history, counters = account(state)
    expected_history, expected_counters = expected
    assert history == expected_history
    lines = counters.pop(("logwatch_lines_read_total", (str(log),)))
    assert lines == LINES
    assert counters == expected_counters
