"""Metrics of this process as series that rules may read: measured ones, and the constant build information."""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterable, Mapping, Sequence

from logwatch import __version__
from logwatch.alerting.series_store import SeriesStore
from logwatch.metrics.catalog import BUILD_INFO, PROCESS, SAMPLED
from logwatch.model import SampleChange

FAMILIES = tuple(family for family in (*SAMPLED, *PROCESS) if family.name != BUILD_INFO)
MEASURED = {name: labels for family in FAMILIES for name, labels in family.samples().items()}
"""Sample name to its labels."""
ALWAYS_NS = -(1 << 62)
"""Before every time that an expression can look at."""
COUNTS = frozenset(name for family in FAMILIES if family.kind != "gauge" for name in family.samples())


def measure(store: SeriesStore, names: Collection[str], samples: Iterable[SampleChange], time_ns: int) -> None:
    """Put the samples of these names.

    What a counter counted before its first sample does not count as an increase, because its time is not known. A series
    that comes later has counted from 0 since the previous sample.
    """
    vectors: dict[str, list[tuple[Mapping[str, str], float]]] = {name: [] for name in MEASURED.keys() & names}
    for sample in samples:
        if sample.family in vectors and sample.value is not None:
            labels = dict(zip(MEASURED[sample.family], sample.labels, strict=True))
            vectors[sample.family].append((labels, sample.value))
    for name, vector in vectors.items():
        unseen = name in COUNTS and name not in store.names()
        store.put(name, vector, 0 if unseen else time_ns)


class BuildInfo:
    """`logwatch_build_info`: 1 at every time.

    Shipped alerts ask for it whether a series that is absent was absent while logwatch was
    scraped. For the evaluator logwatch has always run, also in a replay.
    """

    def names(self) -> Sequence[str]:
        """As `model.SeriesView`."""
        return (BUILD_INFO,)

    def select(self, name: str) -> Iterable[tuple[Mapping[str, str], Sequence[int], Sequence[float]]]:
        """As `model.SeriesView`."""
        if name == BUILD_INFO:
            yield {"version": __version__, "pythonversion": platform.python_version()}, (ALWAYS_NS,), (1.0,)
