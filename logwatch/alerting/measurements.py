"""What only this process can tell of itself, as series that alerts may read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from logwatch.alerting.memory import Memory
from logwatch.metrics.catalog import PROCESS, SAMPLED
from logwatch.model import SampleChange

FAMILIES = (*SAMPLED, *PROCESS)
MEASURED = {name: labels for family in FAMILIES for name, labels in family.samples().items()}
"""Sample name to its labels."""
COUNTS = frozenset(name for family in FAMILIES if family.kind != "gauge" for name in family.samples())


def measure(memory: Memory, names: Collection[str], samples: Iterable[SampleChange], time_ns: int) -> None:
    """Put the samples of these names.

    What a counter counted before anybody looked is no increase: nobody knows when that was. A series
    that comes later was born since the look before.
    """
    vectors: dict[str, list[tuple[Mapping[str, str], float]]] = {name: [] for name in MEASURED.keys() & names}
    for sample in samples:
        if sample.family in vectors and sample.value is not None:
            labels = dict(zip(MEASURED[sample.family], sample.labels, strict=True))
            vectors[sample.family].append((labels, sample.value))
    for name, vector in vectors.items():
        unseen = name in COUNTS and name not in memory.names()
        memory.put(name, vector, 0 if unseen else time_ns)
