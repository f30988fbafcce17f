import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from logwatch.metrics.backfill import Backfill
from logwatch.model import SECOND, Family, SampleChange

EVENTS = Family("x_events_total", "counter", "Events.", ("name",))
STATE = Family("x_state", "gauge", "State.", ("job",))
DELAY = Family("x_delay_seconds", "histogram", "Delay.", (), (1.0,))


def point(name: str, labels: tuple[str, ...], value: float | None, seconds: float) -> SampleChange:
    return SampleChange(name, labels, value, int(seconds * SECOND))


def course(points: list[SampleChange], family: Family = EVENTS) -> list[tuple[float, float]]:
    """Times and values of the only series."""
    history = Backfill(15 * SECOND, {})
    history.take_in(points)
    (metric,) = parse("".join(history.text([family])))
    return [(float(sample.timestamp), sample.value) for sample in metric.samples]


CASES = {
    "it holds its value between change points": (
        [("a", 0, 15), ("a", 1, 20), ("a", 2, 50)],
        [(15, 0), (30, 1), (45, 1), (60, 2)],
    ),
    "what happened last is in a sample after it": ([("a", 0, 15), ("a", 3, 61)], [(15, 0), (30, 0), (45, 0), (60, 0), (75, 3)]),
    "a point replaces another of its time": ([("a", 0, 15), ("a", 1, 15), ("a", 2, 30)], [(15, 1), (30, 2)]),
    "a late increment lifts the later points": (
        [("a", 0, 15), ("a", 1, 60), ("a", 1, 40), ("a", 2, 60)],
        [(15, 0), (30, 0), (45, 1), (60, 2)],
    ),
    "it ends where it ended": ([("a", 0, 15), ("a", None, 45), ("a", 5, 75), ("a", 6, 90)], [(15, 0), (30, 0), (75, 5), (90, 6)]),
    "one that stood from the beginning has no samples before all others": ([("a", 4, 0), ("a", 5, 60), ("a", 6, 75)], [(60, 5), (75, 6)]),
}  # fmt: skip


@pytest.mark.parametrize(("points", "expected"), CASES.values(), ids=CASES.keys())
def test_a_series_has_a_sample_on_every_step_of_its_life(points, expected):
    assert course([point("x_events_total", (name,), value, seconds) for name, value, seconds in points]) == expected


RUNNING = Family("docker_container_state", "gauge", "State.", ("name",))
ENDS = {
    "a state ends at 0": ([(1, 15), (None, 40), (1, 90)], [(15, 1), (30, 1), (45, 0), (90, 1)]),
    "a state at 0 ends as every series": ([(1, 15), (0, 20), (None, 40), (1, 90)], [(15, 1), (30, 0), (90, 1)]),
    "a state that comes again at once does not end": ([(1, 15), (None, 40), (1, 42), (1, 50)], [(15, 1), (30, 1), (45, 1), (60, 1)]),
}  # fmt: skip


@pytest.mark.parametrize(("points", "expected"), ENDS.values(), ids=ENDS.keys())
def test_a_state_that_nothing_has_no_more_is_0_once_because_openmetrics_marks_no_end(points, expected):
    assert course([point(RUNNING.name, ("a",), value, seconds) for value, seconds in points], RUNNING) == expected


def test_a_log_without_events_makes_an_empty_page():
    history = Backfill(15 * SECOND, {})
    history.take_in([point("x_events_total", ("a",), 0, 0)])

    assert "".join(history.text([EVENTS])) == "# EOF\n"


def test_the_history_reaches_to_the_end_of_the_log():
    history = Backfill(15 * SECOND, {})
    history.take_in([point("x_events_total", ("a",), 1, 15)])
    (metric,) = parse("".join(history.text([EVENTS], end_ns=45 * SECOND)))

    assert [float(sample.timestamp) for sample in metric.samples] == [15, 30, 45]


def test_target_labels_are_attached_as_a_scrape_attaches_them():
    history = Backfill(15 * SECOND, {"job": "logwatch", "instance": "vm:1"})
    history.take_in([point("x_state", ("mine",), 1, 15)])
    (metric,) = parse("".join(history.text([STATE])))

    assert metric.samples[0].labels == {"job": "logwatch", "instance": "vm:1", "exported_job": "mine"}


def test_a_histogram_is_written_whole():
    history = Backfill(15 * SECOND, {})
    history.take_in(
        [
            point("x_delay_seconds_bucket", ("1.0",), 1, 15),
            point("x_delay_seconds_bucket", ("+Inf",), 1, 15),
            point("x_delay_seconds_count", (), 1, 15),
            point("x_delay_seconds_sum", (), 0.5, 15),
        ]
    )
    (metric,) = parse("".join(history.text([DELAY])))

    assert [sample.name.removeprefix("x_delay_seconds") for sample in metric.samples] == [
        *("_bucket", "_bucket", "_count", "_sum"),
    ]
