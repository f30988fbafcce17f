"""A, and no B within a time."""

import pytest
from correlating import NOT_READY, START, event, feed, names

from logwatch.correlations import Correlator
from logwatch.model import SECOND


def test_what_is_missing_is_made_when_its_time_is_over() -> None:
    watch = Correlator([NOT_READY])
    feed(watch, event("daemon.start", 0, None))
    early = watch.advance(START + 30 * SECOND - 1)
    (made,) = watch.advance(START + 300 * SECOND)

    assert early == []
    assert (made.event, made.time_ns, made.offset) == ("daemon.not_ready", START + 30 * SECOND, 0)


@pytest.mark.parametrize("end", ["daemon.ready", "daemon.stop"])
def test_what_follows_in_time_is_not_missing(end: str) -> None:
    watch = Correlator([NOT_READY])
    feed(watch, event("daemon.start", 0, None), event(end, 29, None))

    assert watch.advance(START + 300 * SECOND) == []


def test_a_second_beginning_does_not_postpone_it() -> None:
    watch = Correlator([NOT_READY])
    made = feed(watch, event("daemon.start", 0, None), event("daemon.start", 20, None), event("daemon.other", 31, None))

    assert names(made) == ["daemon.not_ready"]


def test_it_may_be_missing_again() -> None:
    watch = Correlator([NOT_READY])
    made = feed(
        watch, event("daemon.start", 0, None), event("daemon.start", 60, None), event("daemon.start", 120, None)
    )

    assert len(made) == 2
