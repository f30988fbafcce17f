"""One log of ever more hosts, whose names anybody may invent who writes to it: what is kept does not grow with them."""

import random
import re
from collections import Counter, deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks import mutations
from logwatch.correlations import correlation_state
from logwatch.formats import rfc3164
from logwatch.lifecycle import containers, occurrence_store
from logwatch.matching import duplicate_lines, engine_hosts, extractor, redaction, unknown_lines
from logwatch.metrics import Registry, changepoints, event_metrics
from logwatch.model import SECOND, Chunk
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import load
from logwatch.store import state_table

MOST = 40
"""Hosts that each table may keep."""
HOSTS = 4 * MOST
BEGIN = datetime(2026, 11, 24, tzinfo=UTC)
WRITTEN = re.compile(rb"^2026-11-23T\S+ vm ")
HOUR = re.compile(rb"2026-11-23T\d\d")
TIME = re.compile(rb"2026-11-23T\d\d:\d\d:\d\d")


BOUNDS = (
    (state_table, "MOST_HOSTS", MOST),
    (engine_hosts, "MAX_HOSTS", MOST),
    (extractor, "_MAX_HOSTS", MOST),
    (unknown_lines, "MOST_HOSTS", MOST),
    (occurrence_store, "KINDS_OF_HOST", 4),
    (occurrence_store, "MAX_OBJECTS", MOST),
    (occurrence_store, "MAX_PENDING", MOST),
    (occurrence_store, "MAX_EVENT_TYPES", 4 * MOST),
    (occurrence_store, "MAX_STREAMS", MOST),
    (event_metrics, "MOST_KINDS", 4 * MOST),
    (duplicate_lines, "LINES", 4 * MOST),
    (containers, "MAX_UNNAMED", MOST),
    (containers, "MAX_REGISTERED", 2 * MOST),
    (correlation_state, "MAX_OPEN", MOST // 8),
    (changepoints, "MAX_POINTS", MOST // 4),
    (rfc3164, "ORIGINS_KEPT", MOST),
    (redaction, "_CACHE_SIZE", MOST),
)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds so low that a few hosts reach them."""
    for module, name, most in BOUNDS:
        monkeypatch.setattr(module, name, most)


def feed(
    pipeline: Pipeline, hosts: int, lines_of_host: int, apart: timedelta
) -> Iterator[dict[tuple[str, str], str | None]]:
    """Feed lines of one host after the other, and yield the rows of each commit."""
    chance = random.Random(1)
    recorded = [line for line in mutations.lines() if WRITTEN.match(line)]
    offset = 0
    for host in range(hosts):
        at = BEGIN + apart * host
        lines = [
            WRITTEN.sub(lambda found: found[0].replace(b" vm ", b" host%d " % host), line)  # noqa: B023 - called now
            for line in chance.sample(recorded, lines_of_host)
        ]
        data = b"\n".join(lines) + b"\n"
        if apart < timedelta(hours=1):
            data = TIME.sub(f"{at:%Y-%m-%dT%H:%M:%S}".encode(), data)
        data = HOUR.sub(f"{at:%Y-%m-%dT%H}".encode(), data)
        now_ns = int((at + timedelta(hours=1)).timestamp()) * SECOND
        pipeline.process(Chunk(data, "messages", offset, now_ns), now_ns)
        offset += len(data)
        yield pipeline.take_transaction(pipeline.take_outcomes()).stages


def grown(before: Counter[str], after: Counter[str], allowed: float) -> dict[str, tuple[int, int]]:
    return {what: (before[what], size) for what, size in after.items() if size > 1.3 * before[what] + allowed}


def test_no_table_grows_with_the_number_of_hosts(few: None, tmp_path: Path) -> None:
    rules = load([])
    pipeline = Pipeline(rules.rules, rules.correlations, Settings(), Registry(), tmp_path)
    rows: dict[tuple[str, str], str | None] = {}
    sizes: list[Counter[str]] = []
    for host, committed in enumerate(feed(pipeline, HOSTS, 60, timedelta(hours=1))):
        rows.update(committed)
        if host in (HOSTS // 2, HOSTS - 1):
            sizes.append(Counter(f"{stage}/{key.partition(' ')[0]}" for (stage, key), row in rows.items() if row))

    assert len(sizes[0]) > 10
    assert grown(*sizes, MOST / 4) == {}


def collections(root: object) -> Counter[str]:
    """How many items all dicts, sets, lists and deques have, by the attributes that lead there."""
    sizes: Counter[str] = Counter()
    seen: set[int] = set()
    rest: list[tuple[object, str]] = [(root, "")]
    while rest:
        each, path = rest.pop()
        if id(each) in seen or callable(each):
            continue
        seen.add(id(each))
        if isinstance(each, dict | set | frozenset | list | deque):
            sizes[path] += len(each)
        if isinstance(each, dict | set | frozenset | list | deque | tuple):
            rest += ((item, path) for item in each)
            rest += ((item, path) for item in (each.values() if isinstance(each, dict) else ()))
        if type(each).__module__.startswith("logwatch"):
            slots = [name for base in type(each).__mro__ for name in getattr(base, "__slots__", ())]
            for name in {*getattr(each, "__dict__", {}), *slots}:
                # The paths that lead through a loop end.
                if path.count(f".{name}") < 2:
                    rest.append((getattr(each, name, None), f"{path}.{name}"))
    return sizes


@pytest.mark.parametrize("apart", [timedelta(milliseconds=500), timedelta(0)], ids=["half a second", "at once"])
@pytest.mark.parametrize("multi_host", [False, True], ids=["one", "a label"])
def test_nothing_else_grows_with_hosts_that_come_within_an_hour(
    few: None, tmp_path: Path, apart: timedelta, *, multi_host: bool
) -> None:
    rules = load([])
    settings = Settings(multi_host=multi_host, max_containers=MOST)
    pipeline = Pipeline(rules.rules, rules.correlations, settings, Registry(), tmp_path)
    sizes = [
        collections(pipeline)
        for host, _ in enumerate(feed(pipeline, 2 * HOSTS, 20, apart))
        if host in (HOSTS, 2 * HOSTS - 1)
    ]

    assert sum(sizes[0].values()) > 1000
    # Series are bounded for each metric, by max_series.
    assert {what: size for what, size in grown(*sizes, HOSTS / 4).items() if "series" not in what} == {}
