"""One log of ever more hosts, whose names anybody may invent who writes to it: what is kept does not grow with them."""

import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks import mutations
from logwatch.lifecycle import occurrence_store
from logwatch.matching import engine_hosts, extractor, unknown_lines
from logwatch.metrics import Registry
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


def test_no_table_grows_with_the_number_of_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (state_table, "MOST_HOSTS"),
        (engine_hosts, "MAX_HOSTS"),
        (extractor, "_MAX_HOSTS"),
        (unknown_lines, "MOST_HOSTS"),
    ):
        monkeypatch.setattr(module, name, MOST)
    monkeypatch.setattr(occurrence_store, "KINDS_OF_HOST", 4)
    monkeypatch.setattr(occurrence_store, "MAX_OBJECTS", MOST)
    rules, chance = load([]), random.Random(1)
    pipeline = Pipeline(rules.rules, rules.correlations, Settings(), Registry(), tmp_path)
    recorded = [line for line in mutations.lines() if WRITTEN.match(line)]
    rows: dict[tuple[str, str], str | None] = {}
    sizes: list[Counter[str]] = []
    offset = 0
    for host in range(HOSTS):
        at = BEGIN + timedelta(hours=host)
        lines = [
            WRITTEN.sub(lambda found: found[0].replace(b" vm ", b" host%d " % host), line)  # noqa: B023 - called now
            for line in chance.sample(recorded, 60)
        ]
        data = HOUR.sub(f"{at:%Y-%m-%dT%H}".encode(), b"\n".join(lines)) + b"\n"
        now_ns = int((at + timedelta(hours=1)).timestamp()) * SECOND
        pipeline.process(Chunk(data, "messages", offset, now_ns), now_ns)
        offset += len(data)
        rows.update(pipeline.take_transaction(pipeline.take_outcomes()).stages)
        if host in (HOSTS // 2, HOSTS - 1):
            sizes.append(Counter(f"{stage}/{key.partition(' ')[0]}" for (stage, key), row in rows.items() if row))
    before, after = sizes

    assert len(before) > 10
    assert {
        table: (before[table], size) for table, size in after.items() if size > 1.3 * before[table] + MOST / 4
    } == {}
