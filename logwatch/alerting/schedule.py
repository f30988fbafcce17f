"""When groups about the log are evaluated while its clock moves on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from logwatch.alerting.group import Circle

MOST_AT_ONCE = 5_000
"""So many evaluations when the clock jumps (at 5 s: 7 hours of silence), and as many for the rest, further apart."""


def times_due(
    circles: Sequence[Circle],
    before_ns: int,
    clock_ns: int,
    deadline: Callable[[], int | None],
    moves: Callable[[], int],
) -> Iterator[int]:
    """Yield the times from `before_ns` on that the clock has passed, for each to be evaluated before the next.

    While all circles are quiet, for no series has moved (`moves` counts how often one did), it goes on
    to the next `deadline`.
    """
    intervals = {circle.group.interval_ns for circle in circles}
    if not before_ns or not intervals:
        return
    time_ns = before_ns
    for count in itertools.count():
        if count == MOST_AT_ONCE:
            stretch = 1 + (clock_ns - time_ns) // (MOST_AT_ONCE * min(intervals))
            intervals = {interval * stretch for interval in intervals}
        time_ns = min(-(-time_ns // interval) * interval for interval in intervals)
        if time_ns >= clock_ns:
            return
        yield time_ns
        time_ns += 1
        if all(circle.quiet_at == moves() for circle in circles):
            wake_ns = deadline()
            time_ns = clock_ns if wake_ns is None else max(time_ns, wake_ns)
