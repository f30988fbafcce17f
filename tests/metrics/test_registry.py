import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.metrics import Registry, catalog
from logwatch.metrics.changepoints import MAX_POINTS, ChangePoints
from logwatch.model import SECOND, Family, SampleChange

EVENTS = Family("events_total", "counter", "What happened.", ("name", "action"))
STATE = Family("state", "gauge", "How it is.", ("name",))
DELAY = Family("delay_seconds", "histogram", "How long.", ("path",), (0.5, 10.0))
ALL = (EVENTS, STATE, DELAY)
WEB = ("web", "die")


def dropped(series: Registry, metric: str) -> float | None:
    return series.value("logwatch_series_dropped_total", (metric,))


def selected(series: Registry, name: str) -> dict:
    return {json.dumps(labels): (list(times), list(values)) for labels, times, values in series.select(name)}


def test_only_what_moved_is_handed_over():
    series = Registry(ALL)
    series.add("events_total", WEB, 1, 10)
    series.add("events_total", WEB, 2, 11)
    series.set("state", ("web",), 1, 12)
    first = series.changes()
    series.set("state", ("web",), 1, 13)
    series.set("state", ("web",), 0, 14)

    assert first == [SampleChange("events_total", WEB, 3.0, 11), SampleChange("state", ("web",), 1.0, 12)]
    assert series.changes() == [SampleChange("state", ("web",), 0.0, 14)]
    assert series.changes() == []


def test_a_gauge_that_begins_at_0_is_handed_over():
    series = Registry(ALL)
    series.set("state", ("web",), 0, 5)

    assert series.changes() == [SampleChange("state", ("web",), 0.0, 5)]


def test_a_series_ends_and_begins_again_at_0():
    series = Registry(ALL)
    series.add("events_total", WEB, 7, 1)
    series.changes()
    series.remove("events_total", WEB, 2)
    series.add("events_total", WEB, 1, 3)

    assert series.changes() == [SampleChange("events_total", WEB, None, 2), SampleChange("events_total", WEB, 1.0, 3)]


def test_a_series_that_ends_in_the_turn_it_moved_in_is_only_ended():
    series = Registry(ALL)
    series.add("events_total", WEB, 7, 1)
    series.remove("events_total", WEB, 2)
    series.remove("events_total", ("never", "was"), 2)

    assert series.changes() == [SampleChange("events_total", WEB, None, 2)]


def test_the_series_of_one_owner_end_together():
    series = Registry()
    series.declare(EVENTS, group_by=(0,))
    for labels in (("web", "die"), ("web", "oom"), ("db", "die")):
        series.add("events_total", labels, 1, 1)
    series.remove_group("events_total", ("web",), 2)
    series.remove_group("events_total", ("nobody",), 2)

    assert series.value("events_total", ("web", "die")) is None
    assert series.value("events_total", ("db", "die")) == 1


def test_a_zero_stands_before_anything_happens_and_resets_nothing():
    series = Registry(ALL)
    series.add("events_total", WEB, 1, 1)
    series.start("events_total", WEB, 2)
    series.start("events_total", ("db", "die"), 2)

    assert (series.value("events_total", WEB), series.value("events_total", ("db", "die"))) == (1, 0)


def test_a_gauge_is_lifted_but_not_lowered():
    series = Registry(ALL)
    for value in (5, 3, 8):
        series.set_max("state", ("web",), value, 1)

    assert series.value("state", ("web",)) == 8


def test_beyond_its_limit_a_counter_goes_on_as_other_and_is_counted():
    series = Registry([*catalog.counted(), Family("few_total", "counter", "Few.", ("name",), max_series=2)])
    for name in ("a", "b", "c", "d", "a"):
        series.add("few_total", (name,), 1, 1)

    assert [series.value("few_total", (name,)) for name in ("a", "b", "c", "_other")] == [2, 1, None, 2]
    assert dropped(series, "few_total") == 2


def test_beyond_its_limit_a_gauge_shows_no_more_and_is_counted():
    series = Registry([*catalog.counted(), Family("few", "gauge", "Few.", ("name",), max_series=1)])
    for name in ("a", "b"):
        series.set("few", (name,), 1, 1)

    assert (series.value("few", ("b",)), series.value("few", ("_other",)), dropped(series, "few")) == (None, None, 1)


def test_beyond_its_limit_a_histogram_goes_on_as_other():
    series = Registry([*catalog.counted(), Family("few_seconds", "histogram", "Few.", ("name",), (1.0,), max_series=1)])
    for name in ("a", "b", "c"):
        series.observe("few_seconds", (name,), 0.5, 1)

    assert series.value("few_seconds", ("_other",)) == 1.0


def test_a_histogram_adds_its_buckets_up():
    series = Registry(ALL)
    for value in (0.1, 0.5, 3.0, 11.0):
        series.observe("delay_seconds", ("x",), value, 4)

    assert series.changes() == [
        SampleChange("delay_seconds_bucket", ("x", "0.5"), 2.0, 4),
        SampleChange("delay_seconds_bucket", ("x", "10.0"), 3.0, 4),
        SampleChange("delay_seconds_bucket", ("x", "+Inf"), 4.0, 4),
        SampleChange("delay_seconds_count", ("x",), 4.0, 4),
        SampleChange("delay_seconds_sum", ("x",), 14.6, 4),
    ]


def test_wrong_labels_are_a_bug():
    with pytest.raises(AssertionError, match="events_total has labels"):
        Registry(ALL).add("events_total", ("web",), 1, 1)


# ── declarations ─────────────────────────────────────────────────────────────────────


def test_series_outlive_a_declaration_that_changes_words_only():
    series = Registry(ALL)
    series.add("events_total", WEB, 1, 1)
    series.declare(Family("events_total", "counter", "Other words.", ("name", "action"), max_series=5))

    assert series.value("events_total", WEB) == 1
    assert series.families()[0].help == "Other words."


def test_series_end_where_a_declaration_changes_their_labels():
    series = Registry(ALL)
    series.add("events_total", WEB, 1, 1)
    series.changes()
    series.declare(Family("events_total", "counter", "What happened.", ("name",)), time_ns=9)

    assert series.changes() == [SampleChange("events_total", WEB, None, 9)]
    assert series.value("events_total", ("web",)) is None


def test_a_group_that_drops_a_metric_ends_it():
    series = Registry(ALL)
    series.retire_undeclared("rules", {"state"})
    series.set("state", ("web",), 1, 1)
    series.changes()
    series.retire_undeclared("rules", set(), 5)

    assert series.changes() == [SampleChange("state", ("web",), None, 5)]
    assert "state" not in series.names()


# ── the commit and back ──────────────────────────────────────────────────────────────


def test_a_restart_continues_where_it_was():
    before, after = Registry(ALL), Registry(ALL)
    before.add("events_total", WEB, 3, 1)
    before.set("state", ("web",), 1, 2)
    for value in (0.1, 3.0, 11.0):
        before.observe("delay_seconds", ("x",), value, 4)
    changes = before.changes()
    after.start("events_total", WEB, 0)
    after.restore(changes)
    quiet = after.changes()
    for series in (before, after):
        series.add("events_total", WEB, 1, 5)
        series.observe("delay_seconds", ("x",), 0.1, 6)

    assert quiet == []
    assert after.changes() == before.changes()


@pytest.mark.parametrize(
    "change",
    [
        SampleChange("gone_total", ("web",), 1.0, 1),
        SampleChange("events_total", ("too few",), 1.0, 1),
        SampleChange("delay_seconds_bucket", ("x", "0.7"), 1.0, 1),
    ],
    ids=["metric", "labels", "bucket"],
)
def test_what_is_no_longer_declared_ends_at_the_restart(change):
    series = Registry(ALL)
    series.restore([change])

    assert series.changes() == [change._replace(value=None)]


# ── change points ────────────────────────────────────────────────────────────────────


def test_without_a_look_back_only_the_present_is_known():
    series = Registry(ALL)
    for time in (1, 2, 3):
        series.add("events_total", WEB, 1, time)
    series.observe("delay_seconds", ("x",), 0.7, 4)

    assert series.points() == []
    assert selected(series, "events_total") == {'{"name": "web", "action": "die"}': ([3], [3.0])}
    assert selected(series, "delay_seconds_count") == {'{"path": "x"}': ([4], [1.0])}
    assert '{"path": "x", "le": "10.0"}' in selected(series, "delay_seconds_bucket")
    assert selected(series, "no_such_metric") == {}


def test_change_points_are_kept_where_rules_look_back():
    series = Registry(ALL)
    series.set_lookback({"events_total": 100, "delay_seconds_bucket": 100, "unknown_total": 5})
    series.add("events_total", WEB, 1, 10)
    series.add("events_total", WEB, 1, 20)
    series.observe("delay_seconds", ("x",), 0.7, 30)
    series.observe("delay_seconds", ("x",), 0.1, 40)
    series.remove("events_total", WEB, 50)
    (times, values) = selected(series, "events_total")['{"name": "web", "action": "die"}']
    buckets = selected(series, "delay_seconds_bucket")

    assert times == [10, 20, 50]
    assert values[:2] == [1.0, 2.0]
    assert math.isnan(values[2])
    assert buckets['{"path": "x", "le": "0.5"}'] == ([30, 40], [0.0, 1.0])
    assert buckets['{"path": "x", "le": "+Inf"}'] == ([30, 40], [1.0, 2.0])


def test_change_points_survive_a_restart():
    before, after = Registry(ALL), Registry(ALL)
    for series in (before, after):
        series.set_lookback({"events_total": 100, "state": 100})
    for time in (10, 20, 15):
        before.add("events_total", WEB, 1, time)
    before.set("state", ("web",), 1, 12)
    before.remove("state", ("web",), 30)
    points = {(point.family, point.labels, point.time_ns): point for point in before.points()}
    after.restore(before.changes(), sorted(points.values(), key=lambda point: point.time_ns))

    assert selected(after, "events_total") == selected(before, "events_total")
    assert repr(selected(after, "state")) == repr(selected(before, "state"))


def test_a_look_back_that_begins_later_starts_from_the_present():
    series = Registry(ALL)
    series.add("events_total", WEB, 5, 10)
    series.set_lookback({"events_total": 100})
    series.add("events_total", WEB, 1, 20)

    assert selected(series, "events_total") == {'{"name": "web", "action": "die"}': ([0, 20], [5.0, 6.0])}


def test_a_zero_is_a_change_point_too():
    series = Registry(ALL)
    series.set_lookback({"events_total": 100, "state": 100})
    series.start("events_total", WEB, 10)
    series.start("state", ("web",), 10)
    series.set("state", ("web",), 1, 20)

    assert selected(series, "events_total") == {'{"name": "web", "action": "die"}': ([10], [0.0])}
    assert selected(series, "state") == {'{"name": "web"}': ([10, 20], [0.0, 1.0])}


def test_what_no_window_sees_is_forgotten():
    series = Registry(ALL)
    series.set_lookback({"events_total": 100})
    series.add("events_total", ("old", "die"), 1, 1)
    series.remove("events_total", ("old", "die"), 2)
    for time in (10, 50, 200):
        series.add("events_total", WEB, 1, time)
    horizons = series.forget(160)

    assert horizons == {"events_total": 60}
    assert series.forget(161) == {}
    assert selected(series, "events_total") == {'{"name": "web", "action": "die"}': ([0, 200], [2.0, 3.0])}


def test_no_look_back_any_more_frees_what_was_kept():
    series = Registry(ALL)
    series.set_lookback({"events_total": 100})
    series.add("events_total", WEB, 1, 10)
    series.set_lookback({})

    assert series.forget(10) == {}
    assert selected(series, "events_total") == {'{"name": "web", "action": "die"}': ([10], [1.0])}


def test_a_late_increment_lifts_what_came_after_it():
    points = ChangePoints()
    for time, value in ((10, 1.0), (20, 2.0), (30, 3.0)):
        points.grow(time, 1, value)
    points.grow(15, 1, 4.0)
    points.grow(20, 1, 5.0)
    points.grow(5, 1, 6.0)

    assert (points.times, points.values) == ([10, 15, 20, 30], [2.0, 3.0, 5.0, 6.0])


def test_a_series_has_a_bounded_past():
    points = ChangePoints()
    for time in range(3 * MAX_POINTS):
        points.grow(time, 1, time + 1.0)

    assert len(points.times) <= MAX_POINTS
    assert (points.times[-1], points.values[-1]) == (3 * MAX_POINTS - 1, 3.0 * MAX_POINTS)


@given(st.lists(st.integers(0, 50), min_size=1))
def test_however_late_increments_come_the_past_adds_up(times):
    points = ChangePoints()
    for count, time in enumerate(times, 1):
        points.grow(time, 1, float(count))

    assert points.times == sorted(set(points.times))
    assert points.values == sorted(points.values)
    assert points.values[-1] == len(times)
    for time, value in zip(points.times, points.values, strict=True):
        assert value == sum(other <= time for other in times)


OPERATIONS = st.tuples(
    st.sampled_from(["add", "set", "remove", "end", "start", "commit", "restart"]),
    st.sampled_from("abcd"),
    st.integers(0, 9),
)


@given(st.lists(OPERATIONS, max_size=60))
def test_what_is_handed_over_adds_up_to_what_a_plain_dictionary_holds(operations):
    counter, gauge = Family("n_total", "counter", "N.", ("name",)), Family("g", "gauge", "G.", ("name",))

    def fresh():
        series = Registry([gauge])
        series.declare(counter, group_by=(0,))
        return series

    series, twin, stored = fresh(), {}, {}
    for time, (operation, name, value) in enumerate([*operations, ("commit", "a", 0)], 1):
        key = (name,)
        if operation == "add":
            series.add("n_total", key, value, time)
            twin["n_total", key] = twin.get(("n_total", key), 0) + value
        elif operation == "set":
            series.set("g", key, value, time)
            twin["g", key] = value
        elif operation == "remove":
            series.remove("g", key, time)
            twin.pop(("g", key), None)
        elif operation == "end":
            series.remove_group("n_total", key, time)
            twin.pop(("n_total", key), None)
        elif operation == "start":
            series.start("n_total", key, time)
            twin.setdefault(("n_total", key), 0)
        else:
            for change in series.changes():
                stored[change.family, change.labels] = change
            stored = {found: change for found, change in stored.items() if change.value is not None}
            if operation == "restart":
                series = fresh()
                series.restore(stored.values())

    assert {found: change.value for found, change in stored.items()} == twin
    assert {found: series.value(*found) for found in twin} == twin


def test_the_journal_has_what_changed_and_from_when_on_while_somebody_has_it():
    series = Registry([Family("a_total", "counter", "A.", ("x",))])
    series.set_lookback({"a_total": 10 * SECOND})
    journal = series.journal()
    changes = []
    for step in (
        lambda: series.add("a_total", ("1",), 1, SECOND),
        lambda: series.add("a_total", ("1",), 1, 3 * SECOND),
        lambda: series.add("a_total", ("1",), 1, 2 * SECOND),  # late: later points change too
        lambda: series.remove("a_total", ("1",), 4 * SECOND),
        lambda: series.forget(60 * SECOND),
    ):
        step()
        changes.append(
            [(labels[0], len(points.times), since_ns // SECOND) for _, labels, points, since_ns in journal][-1:]
        )
        journal.clear()
    del journal
    series.add("a_total", ("2",), 1, 70 * SECOND)

    assert changes == [[("1", 1, 1)], [("1", 2, 3)], [("1", 3, 2)], [("1", 4, 4)], [("1", 0, 0)]]
    assert series._changes.journals == []


def test_a_journal_tells_each_change_of_what_is_looked_back_at_and_what_is_gone():
    series = Registry([EVENTS, STATE])
    series.set_lookback({"events_total": 100})
    journal = series.journal()
    series.set("state", ("web",), 1, 5)
    series.add("events_total", WEB, 1, 10)
    series.remove("events_total", WEB, 20)
    changed = [(name, labels, list(past.times)) for name, labels, past, _ in journal]
    journal.clear()
    series.forget(200)

    assert [entry[:2] for entry in changed] == [("events_total", WEB)] * 3
    assert [(name, labels, past.times) for name, labels, past, _ in journal] == [("events_total", WEB, [])]
    assert series.label_names("events_total") == ("name", "action")


def test_what_a_series_was_before_its_first_point_is_committed_with_the_points_that_go():
    series = Registry(ALL)
    series.set_lookback({"events_total": 100})
    for time in (10, 50, 200):
        series.add("events_total", WEB, 1, time)
    series.points()
    series.add("events_total", WEB, 1, 210)
    horizons = series.forget(160)

    assert horizons == {"events_total": 60}
    assert series.points() == [SampleChange("events_total", WEB, 2.0, 0), SampleChange("events_total", WEB, 4.0, 210)]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 400), st.sampled_from(["add", "remove"])), max_size=40),
    st.lists(st.integers(100, 900), min_size=1, max_size=6),
)
def test_points_are_dropped_as_if_every_series_was_looked_at(operations, clocks):
    series, twin = Registry([EVENTS]), {}
    series.set_lookback({"events_total": 100})
    rest = iter(operations)
    for clock in sorted(clocks):
        for name, time, operation in (each for each, _ in zip(rest, range(8), strict=False)):
            labels = (name, "die")
            if operation == "add":
                series.add("events_total", labels, 1, time)
            else:
                series.remove("events_total", labels, time)
        for key, past in series._by_sample["events_total"].past.items():
            twin[key] = copy(past)
        series._forgot_ns = -10 * SECOND
        series.forget(clock)
        for past in twin.values():
            past.forget(clock - 100)

        left = {key: (past.times, past.values) for key, past in series._by_sample["events_total"].past.items()}
        assert repr(left) == repr({key: (past.times, past.values) for key, past in twin.items() if past.times})
        twin = {}


def copy(past: ChangePoints) -> ChangePoints:
    twin = ChangePoints()
    twin.times, twin.values, twin.unsaved = list(past.times), list(past.values), past.unsaved
    return twin
