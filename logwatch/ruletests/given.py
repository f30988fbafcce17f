"""The series that a test gives, as change points that the evaluator reads like those of lines.

A sample is shown until the next one, but not for longer than Prometheus looks back, and functions
of ranges see it once:

    samples         1    1    _    _    3    stale
    change points   1         Held      3    NaN
    shown           1111111111111111111133333
    in ranges       1    1              3
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from logwatch.metrics.changepoints import NAN
from logwatch.model import SECOND
from logwatch.promql.windows import Held, Stood
from logwatch.ruletests.notation import No, Step

LOOK_BACK_NS = 300 * SECOND
"""Prometheus' default: for how long a sample is shown that no other follows."""
NAME = "__name__"

Points = tuple[list[int], list[float]]


class InputSeries(NamedTuple):
    """One series of a test: its labels, with its name as `__name__`, and its samples tick by tick."""

    labels: Mapping[str, str]
    steps: Sequence[Step]


class Given:
    """All input series of a test; ticks are `interval_ns` apart, the first at `start_ns`."""

    def __init__(self, series: Iterable[InputSeries], start_ns: int, interval_ns: int) -> None:
        self.touched: dict[str, int] = {}
        self._series: dict[str, list[tuple[Mapping[str, str], Points]]] = {}
        for labels, steps in series:
            own = {label: value for label, value in labels.items() if label != NAME}
            times, values = change_points(steps, start_ns, interval_ns)
            if times:
                name = labels[NAME]
                self._series.setdefault(name, []).append((own, (times, values)))
                self.touched[name] = max(self.touched.get(name, 0), times[-1])

    def names(self) -> Iterable[str]:
        """As `model.SeriesView`."""
        return self._series.keys()

    def select(self, name: str) -> Iterator[tuple[Mapping[str, str], Sequence[int], Sequence[float]]]:
        """As `model.SeriesView`."""
        for labels, (times, values) in self._series.get(name, ()):
            yield labels, times, values


def change_points(steps: Sequence[Step], start_ns: int, interval_ns: int) -> Points:
    """The change points of one series; see the drawing above."""
    times: list[int] = []
    values: list[float] = []
    shown_until = 0
    """The last moment at which the newest sample is shown; 0 where there is none."""
    for number, step in enumerate([*steps, No.SAMPLE]):
        now = start_ns + number * interval_ns
        if shown_until and shown_until < now:
            times.append(shown_until + 1)
            values.append(NAN)
            shown_until = 0
        if isinstance(step, float):
            if not shown_until or values[-1] != step or type(values[-1]) is Held:
                times.append(now)
                values.append(step if number else Stood(step))
            shown_until = now + LOOK_BACK_NS
        elif step is No.MORE and shown_until:
            times.append(now)
            values.append(NAN)
            shown_until = 0
        elif shown_until and type(values[-1]) is not Held:
            times.append(now)
            values.append(Held(values[-1]))
    if shown_until:
        times.append(shown_until + 1)
        values.append(NAN)
    return times, values
