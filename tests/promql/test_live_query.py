"""A result that is kept up to date is that of an evaluation of everything, at every time."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import expressions
import fleet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logwatch import promql
from logwatch.alerting import AlertRule, load
from logwatch.metrics.changepoints import ChangePoints
from logwatch.promql.values import Moment
from logwatch.rulefiles.files import rules_folder

SECOND = 1_000_000_000
STEP = 5 * SECOND
START, END = fleet.START_MS * 1_000_000, (fleet.START_MS + fleet.TICKS * fleet.STEP_MS) * 1_000_000
SHIPPED = [
    rule.query.text
    for group in load(sorted((rules_folder() / "alerts").glob("*.yml")))
    for rule in group.rules
    if isinstance(rule, AlertRule)
]
WRITTEN = [*expressions.by_hand(), *expressions.tabled(), *expressions.generated(400, seed=7)]


class Shifted(fleet.View):
    """The fleet's series, no change of which is on the grid of samples."""

    def __init__(self) -> None:
        super().__init__()
        chance = random.Random(1)
        for rows in self.rows.values():
            for _, times, _ in rows:
                assert isinstance(times, list)
                times[:] = sorted({time + chance.randrange(1, 15 * SECOND) for time in times})[: len(times)]


def index_of(view: fleet.View) -> promql.SeriesIndex:
    index = promql.SeriesIndex(promql.Scrape(fleet.TARGET))
    index.read(view)
    return index


def compiled(text: str) -> promql.Query | None:
    """None where it is refused, as a part of what is generated."""
    try:
        return promql.compile(text)
    except promql.ExpressionError:
        return None


INDEX, SHIFTED = index_of(fleet.View()), index_of(Shifted())


def at(query: promql.Query, index: promql.SeriesIndex, time_ns: int) -> tuple[object, int]:
    """The result and until when it stays as it is; an error is a result."""
    series = [index.select(numbered.selector) for numbered in query.selectors]
    moment = Moment(index.scrape, series, time_ns, time_ns)
    try:
        return comparable(query.elements(moment)), moment.until_ns
    except promql.EvaluationError as error:
        return str(error), 0


def comparable(elements: Sequence[tuple[promql.Labels, float]]) -> dict[frozenset[tuple[str, str]], str]:
    return {labels.identity(): repr(value) for labels, value in elements}


# ── until when a result stays ────────────────────────────────────────────────────────

A, B = 1000 * SECOND, 1100 * SECOND
STAYS = [
    "a",
    "increase(a[15m]) >= 4",
    "a == 1 unless b",
    "absent(a)",
    "sum by (x) (rate(a[5m])) / 2",
    "-a",
    "vector(1)",
]
STAYS += [
    "a > b",
    "a or b",
    "topk(3, a)",
    "1 + 2",
    "last_over_time(a[1h])",
    "min_over_time(a[5m])",
    "avg_over_time(a[5m])",
]
MOVES = ["time() - a > 300", "max_over_time(a[1h:1m])", "a > bool time()", "hour()", "deriv(a[5m])", "a == time()"]
MOVES += [
    "a + time()",
    "timestamp(a)",
    "vector(time())",
    "1 > bool time()",
    "sum_over_time(a[5m])",
    "count_over_time(a[1m])",
]
ENDS = {
    "a > time() - 9500": (1000 + 9500) * SECOND,
    "time() - 9500 < a": (1000 + 9500) * SECOND,
    "a < time() - 9500": (1000 + 9500) * SECOND,
    "(a > time() - 9500) and b": (1000 + 9500) * SECOND,
    "b unless a > time() - 9500": (1000 + 9500) * SECOND,
    "a - 60 > time() - 9500": (1000 + 9440) * SECOND,
    "increase(b[3h])": A + 3 * 3600 * SECOND,
    "increase(b[2h] offset 1h)": A + 3 * 3600 * SECOND,
    "b offset 3h": A + 3 * 3600 * SECOND,
}


def simple() -> promql.SeriesIndex:
    index = promql.SeriesIndex(promql.Scrape({}))
    index.add("a", {"x": "1"}, [A], [1000.0])
    index.add("b", {"x": "1"}, [A, B], [1.0, 2.0])
    return index


@pytest.mark.parametrize("text", STAYS)
def test_a_result_in_which_nothing_moves_stays(text: str) -> None:
    assert at(promql.compile(text), simple(), 10_000 * SECOND)[1] == promql.NEVER_NS


@pytest.mark.parametrize("text", MOVES)
def test_a_result_that_moves_by_itself_is_asked_for_always(text: str) -> None:
    assert at(promql.compile(text), simple(), 10_000 * SECOND)[1] == 0


@pytest.mark.parametrize(("text", "until"), ENDS.items(), ids=ENDS)
def test_the_time_of_the_next_change_is_known(text: str, until: int) -> None:
    known = at(promql.compile(text), simple(), 10_000 * SECOND)[1]

    assert until - 2_000_000 <= known <= until


def test_the_shipped_count_changes_when_its_first_sample_leaves() -> None:
    index = promql.SeriesIndex(promql.Scrape({"job": "logwatch", "instance": "h"}))
    index.add("x", {}, [0, 10_000 * SECOND], [3.0, 4.0])
    index.add("up", {}, [0], [1.0])
    count = "x - (last_over_time(x[1h] offset 15m) <= x or x * 0 and on (job, instance) last_over_time(up[1h] offset 15m) or min_over_time(x[15m]))"
    live = promql.LiveQuery(promql.compile(count), index.scrape)
    index.watch(live)
    live.update(10_007 * SECOND)
    (_, grown), due_ns = live.result()[0], live.due_ns
    live.update(due_ns)

    assert grown == 1.0
    assert due_ns == (10_005 + 900) * SECOND
    assert [value for _, value in live.result()] == [0.0]
    assert live.due_ns == promql.NEVER_NS


@pytest.mark.parametrize(
    ("text", "reads_both"),
    [
        ("(a > 1e9) / b", False),
        ("(a > 0) / b", True),
        ("(a > 1e9) / sum without (x) (b)", False),
        ('(a > 1e9) / label_replace(b, "x", "y", "", "")', True),
        ("(a > 1e9) / (b + on (x) b)", True),
    ],
)
def test_an_empty_left_side_decides_where_the_right_one_cannot_fail(text: str, *, reads_both: bool) -> None:
    query, index = promql.compile(text), simple()
    series = [index.select(numbered.selector) for numbered in query.selectors]
    moment = Moment(index.scrape, series, 10_000 * SECOND, 10_000 * SECOND)
    query.elements(moment)

    assert reads_both == (moment.read == (1 << len(series)) - 1)


@pytest.mark.parametrize("index", [INDEX, SHIFTED], ids=["on the grid", "off the grid"])
@pytest.mark.parametrize("texts", [WRITTEN[start::40] for start in range(40)], ids=range(40))
def test_no_result_changes_before_it_says(texts: Sequence[str], index: promql.SeriesIndex) -> None:
    chance = random.Random(len(texts))
    for query in map(compiled, texts):
        for _ in range(4 if query else 0):
            assert query is not None
            time_ns = chance.randrange(START + 600 * SECOND, END)
            result, until_ns = at(query, index, time_ns)
            later = {min(until_ns - 1, time_ns + step) for step in (1, STEP, 15 * SECOND, 1000 * SECOND, 1 << 45)}
            for time in sorted(time for time in later if time > time_ns):
                assert at(query, index, time)[0] == result, (query.text, time_ns, time, until_ns)


# ── kept up to date ──────────────────────────────────────────────────────────────────

NAMES = {
    "docker_container_events_total": ("name", ["die", "oom"]),
    "docker_container_state": ("name", ["exited", "running"]),
    "docker_container_last_event_timestamp_seconds": ("name", ["die", "start", "oom", "stop", "stop_incomplete"]),
    "docker_events_total": ("type", ["error", "pull_failed", "pull", "die"]),
    "docker_last_event_timestamp_seconds": ("type", ["stop", "start", "crash"]),
}
OWN = [
    'increase(docker_container_events_total{action="die"}[1m]) > 1',
    "sum by (name) (docker_container_events_total) - sum by (name) (docker_container_events_total offset 30s) > 1",
    'docker_container_events_total{action="die"} > ignoring (action) docker_container_events_total{action="oom"}',
    'docker_container_events_total * on (name) group_left docker_container_state{state="exited"}',
    "topk(2, docker_container_events_total)",
    "absent(docker_events_total)",
    "count(docker_container_state == 1) by (state) or vector(7)",
    "changes(docker_container_state[1m]) > 1",
    "time() - docker_container_last_event_timestamp_seconds > 20",
    "max_over_time(docker_container_state[1m:10s])",
    '{__name__=~"docker_.*events_total"} > 2',
    'label_replace(docker_container_state, "name", "x", "state", "exited") == 1',
]
KINDS = {"docker_container_state": "state"}
CHANGES = st.lists(
    st.tuples(
        st.floats(0, 40).map(lambda gap: round(gap, 3)),
        st.sampled_from(sorted(NAMES)),
        st.sampled_from(["daemon", "image"]),
        st.integers(0, 4),
        st.sampled_from([0, 1, 2, 5, 1, 1, math.nan]),
    ),
    max_size=25,
)


class Kept:
    """Series that change, and queries that are kept up to date beside it."""

    def __init__(self, texts: Sequence[str], offset_ns: int = 0) -> None:
        self.offset_ns = offset_ns
        self.index = promql.SeriesIndex(promql.Scrape({"job": "logwatch", "instance": "h"}))
        self.index.add("logwatch_build_info", {"version": "1"}, [0], [1.0])
        self.points: dict[tuple[str, frozenset[tuple[str, str]]], ChangePoints] = {}
        self.live = [promql.LiveQuery(promql.compile(text), self.index.scrape, offset_ns=offset_ns) for text in texts]
        for live in self.live:
            self.index.watch(live)

    def change(self, name: str, labels: Mapping[str, str], value: float, time_ns: int) -> None:
        points = self.points.setdefault((name, frozenset(labels.items())), ChangePoints())
        points.put(time_ns, value)
        if not self.index.touch(name, points.times, time_ns):
            self.index.add(name, labels, points.times, points.values)

    def forget(self, before_ns: int) -> None:
        for (name, _), points in self.points.items():
            if points.times and points.forget(before_ns) and not points.times:
                self.index.remove(name, points.times)

    def compare(self, time_ns: int) -> None:
        for live in self.live:
            expected, _ = at(live.query, self.index, time_ns - self.offset_ns)
            try:
                live.update(time_ns)
                found: object = comparable(live.result())
            except promql.EvaluationError as error:
                found = str(error)
            if isinstance(expected, str):
                assert isinstance(found, str), (live.query.text, time_ns)
            else:
                assert found == expected, (live.query.text, time_ns)


def value_of(name: str, drawn: float, before: float, time_ns: int) -> float:
    if drawn != drawn or name.endswith("_state"):
        return drawn if drawn != drawn else float(drawn > 0)
    if name.endswith("_seconds"):
        return time_ns / SECOND
    return drawn + (before if before == before and drawn != 5 else 0.0)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(CHANGES, st.sampled_from([1_000, 90_000]), st.sampled_from([0, 0, 61, 600]))
def test_what_is_kept_up_to_date_is_what_is_there(
    changes: Sequence[tuple[float, str, str, int, float]], stretch: int, offset: int
) -> None:
    kept = Kept([*SHIPPED, *OWN], offset * SECOND)
    time_ns, step_ns = 50_000 * SECOND, 50_000 * SECOND
    for gap, name, owner, number, drawn in changes:
        time_ns += int(gap * stretch) * SECOND // 1000
        while step_ns + STEP < time_ns:
            step_ns += STEP if time_ns - step_ns < 60 * SECOND else (time_ns - step_ns) // 40 // STEP * STEP or STEP
            kept.compare(step_ns)
        subject, actions = NAMES[name]
        pair = {subject: owner, KINDS.get(name, "action"): actions[number % len(actions)]}
        points = kept.points.get((name, frozenset(pair.items())))
        before = points.values[-1] if points and points.times else math.nan
        kept.change(name, pair, value_of(name, drawn, before, time_ns), time_ns)
        kept.forget(step_ns - 40_000 * SECOND)
    for _ in range(60):
        step_ns += 13 * STEP
        kept.compare(step_ns)


def test_what_fails_unexpectedly_is_evaluated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    index = simple()
    live = promql.LiveQuery(promql.compile("time() - a > 1"), index.scrape)
    index.watch(live)
    live.update(10_000 * SECOND)
    with monkeypatch.context() as broken:
        broken.setattr("logwatch.promql.operators.Time.scalar", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            live.update(10_005 * SECOND)
    live.update(10_010 * SECOND)

    assert [value for _, value in live.result()] == [9010.0]
