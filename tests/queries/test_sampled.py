"""Samples of what the process measures of itself."""

from logwatch.model import SECOND, SampleChange
from logwatch.queries import SampledSeries
from logwatch.queries.sampled import MOST_POINTS

START = 1_796_000_000 * SECOND
STEP = 15 * SECOND


def sample(value, name="logwatch_source_open", labels=("/var/log/messages",)):
    return SampleChange(name, labels, value, 0)


def test_only_other_values_are_kept_and_what_was_there_first_counts_for_all_time_before():
    series = SampledSeries(STEP)
    for place, value in enumerate((1, 1, 0, 0, 1)):
        series.process([sample(value)], START + place * STEP)

    ((labels, times, values),) = series.select("logwatch_source_open")
    assert labels == ("/var/log/messages",)
    assert list(times) == [0, START + 2 * STEP, START + 4 * STEP]
    assert list(values) == [1, 0, 1]


def test_a_series_that_is_missing_ends():
    series = SampledSeries(STEP)
    series.process([sample(1)], START)
    series.process([], START + STEP)
    series.process([], START + 2 * STEP)

    ((_, times, values),) = series.select("logwatch_source_open")
    assert list(times) == [0, START + STEP]
    assert values[1] != values[1]


def test_a_sample_is_due_once_per_interval():
    series = SampledSeries(STEP)
    start = START // STEP * STEP
    due = []
    for second in range(31):
        due.append(series.is_due(start + second * SECOND))
        if due[-1]:
            series.process([], start + second * SECOND)

    assert [second for second, is_due in enumerate(due) if is_due] == [0, 15, 30]


def test_the_past_of_a_series_is_bounded():
    series = SampledSeries(STEP)
    for place in range(MOST_POINTS + 5):
        series.process([sample(place)], START + place * STEP)

    ((_, times, _),) = series.select("logwatch_source_open")
    assert MOST_POINTS // 2 < len(times) <= MOST_POINTS
