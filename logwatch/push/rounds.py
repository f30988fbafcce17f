"""All samples of one moment, and how a format writes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from logwatch.model import Family, SampleChange
from logwatch.store.push_queue import PushedSeries


@dataclass(frozen=True, slots=True)
class Round:
    """What a scrape at one time would bring."""

    time_ns: int
    families: Mapping[str, Family]
    """By sample name."""
    values: Mapping[PushedSeries, float]
    ended: Collection[PushedSeries]
    """Series that the previous round had and this one has not."""
    metadata: bool
    """Type and help of each metric are sent as well; once a minute."""

    def __len__(self) -> int:
        return len(self.values) + len(self.ended)


class Encoded(NamedTuple):
    """The body of one request."""

    samples: int
    body: bytes


class Format(Protocol):
    """How samples are written."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of every request."""

    def encode(self, samples: Round, most: int) -> Iterator[Encoded]:
        """Yield the requests of a round, each with at most so many samples."""

    def rejected(self, answer: bytes) -> tuple[int, str]:
        """Return how many samples of a request an answer of 2xx says were not taken, and why."""


def take(
    families: Iterable[Family],
    samples: Iterable[SampleChange],
    before: Collection[PushedSeries],
    time_ns: int,
    *,
    metadata: bool,
) -> Round:
    """Make a round of current samples; `before` are the series of the previous one."""
    by_sample = {sample: family for family in families for sample in family.samples()}
    labels = {sample: names for family in by_sample.values() for sample, names in family.samples().items()}
    values: dict[PushedSeries, float] = {}
    for sample, found, value, _ in samples:
        if value is not None:
            pairs = zip(labels[sample], found, strict=True)
            values[PushedSeries(sample, tuple((name, text(label)) for name, label in pairs if label))] = value
    return Round(time_ns, by_sample, values, [each for each in before if each not in values], metadata)


def complete(labels: Sequence[tuple[str, str]], constant: Mapping[str, str]) -> dict[str, str]:
    """Return all labels of a series; as in a scrape, one of the target's renames the series' own."""
    own = {f"exported_{name}" if name in constant else name: value for name, value in labels}
    return {**own, **constant}


def text(value: str) -> str:
    """Bytes of a log that are not UTF-8 become question marks, as on the page for scrapes."""
    return value.encode("utf-8", "replace").decode()
