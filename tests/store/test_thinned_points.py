"""The change points that are committed are those in memory, also of a series that has too many."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logwatch.metrics import Registry, changepoints
from logwatch.model import SECOND, Family
from logwatch.store import Store, Sync, Transaction

EVENTS = Family("events_total", "counter", "Events.", ("name",))
LOOKBACK_NS = 3_000 * SECOND
MOST = 8
WEB = ("web",)
STEPS = st.sampled_from(("add", "add", "add", "late", "late", "forget", "commit", "end"))

Points = tuple[Sequence[int], Sequence[float]]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changepoints, "MAX_POINTS", MOST)


def registry() -> Registry:
    made = Registry((EVENTS,))
    made.set_lookback({EVENTS.name: LOOKBACK_NS})
    return made


def points(series: Registry) -> list[tuple[int, str]]:
    past = [(times, values) for _, times, values in series.select(EVENTS.name)]
    return [(time, repr(value)) for times, values in past for time, value in zip(times, values, strict=True)]


def transaction(series: Registry, now: int, *, forgets: bool) -> Transaction:
    horizons = series.forget(now) if forgets else {}
    return Transaction(series=series.changes(), points=series.points(), thinned=series.thinned(), horizons=horizons)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=120), together=st.integers(1, 3))
def test_a_restart_finds_the_points_that_were_in_memory(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], together: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("state")
    series, now, waiting = registry(), 5_000 * SECOND, list[Transaction]()
    with closing(Store(folder, datetime.fromtimestamp(0, UTC), sync=Sync.OFF)) as store:
        for step in (*steps, "commit"):
            now += 100 * SECOND
            if step in ("add", "late"):
                series.add(EVENTS.name, WEB, 1, now if step == "add" else now - 950 * SECOND)
            elif step == "end":
                series.remove(EVENTS.name, WEB, now)
            else:
                waiting.append(transaction(series, now, forgets=step == "forget"))
            if len(waiting) >= together:
                first, *later = waiting
                for each in later:
                    first.merge(each)
                store.commit(first, now)
                waiting = []
        for each in waiting:
            store.commit(each, now)
        saved = store.load()
    again = registry()
    again.restore(saved.series, saved.points)

    assert points(again) == points(series)
    assert len(saved.points) <= MOST + 1


def test_a_busy_series_takes_no_more_room_than_in_memory(tmp_path: Path) -> None:
    series = registry()
    with closing(Store(tmp_path, datetime.fromtimestamp(0, UTC), sync=Sync.OFF)) as store:
        for now in range(1, 1_001):
            series.add(EVENTS.name, WEB, 1, now)
            if now % 5 == 0:
                store.commit(transaction(series, now, forgets=True), now)
        saved = store.load()

    assert [(each.time_ns, repr(each.value)) for each in saved.points] == points(series)
    assert len(saved.points) <= MOST
