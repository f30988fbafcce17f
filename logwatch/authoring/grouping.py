"""Groups unknown docker lines by their text: the only import of drain3.

Drain (He et al., ICWS 2017) keeps a tree of word counts and first words, and in each leaf
templates in which the words that differ are parameters. What is sure to differ (ids,
addresses, numbers) is masked before, so that two lines are enough to see a form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, cast

from logwatch.authoring.line_classifier import CONTAINER, NO_HEADER, DockerLine
from logwatch.errors import ConfigError
from logwatch.formats import logrus
from logwatch.matching.redaction import WORDS, Masker
from logwatch.matching.unknown_lines import PARAMETER, text_of
from logwatch.model import Record

MOST_SAMPLES = 20
"""Lines of a group that are kept; a draft must hold for all of them."""
MOST_GROUPS = 5000
LIKENESS = 0.6
DEPTH = 4
LEFT_OUT = (CONTAINER, NO_HEADER)
"""Families for which no rule is drafted: container output, and lines without a header."""

_VARIABLE = re.compile(
    r"""
    (?<! [A-Za-z0-9] )
    (?: (?:sha256:)? [0-9a-f]{12,64}                                # 8dd3a1b2c3d4…
      | \d{4}-\d\d-\d\dT [\d:.]+ (?: Z | [+-]\d\d:?\d\d )?          # 2026-11-23T18:12:57.7Z
      | \d{1,3} (?: [.]\d{1,3} ){3} (?: [:/]\d+ )?                  # 172.17.0.2:80
      | 0x[0-9a-f]+
      | \d+ (?: [.]\d+ ){0,8} (?: [a-zµ]{1,3} )?                        # 137, 1.5s, 20.10.2
    )
    (?! [A-Za-z0-9] )
    """,
    re.VERBOSE,
)


class Cluster(Protocol):
    """What is used of a group as drain3 has it."""

    cluster_id: int

    def get_template(self) -> str:
        """Return the words of the template, with the parameter's sign between."""


class Miner(Protocol):
    """What is used of drain3."""

    def add_log_message(self, content: str) -> tuple[Cluster, str]:
        """Find or make the group of a text."""


@dataclass(slots=True)
class Sample:
    """One line of a group, its secrets masked."""

    text: str
    record: Record
    message: bytes
    """As rules see it: in logfmt, where the engine wrote another form."""


@dataclass(slots=True)
class Group:
    """Lines with the same text."""

    family: str
    level: str | None
    """As the engine gave it; None for bare text."""
    cluster: Cluster
    count: int = 0
    tags: set[str] = field(default_factory=set)
    samples: list[Sample] = field(default_factory=list)

    @property
    def template(self) -> str:
        """The text of the message, parameters written as `<*>`."""
        return self.cluster.get_template()


class Grouper:
    """Groups lines as they come. Raises ConfigError, naming the extra, where drain3 is missing.

    Lines that only rules in `general` know count as unknown. `secrets` are further parts of keys
    whose values are masked.
    """

    def __init__(self, general: frozenset[str] = frozenset(), secrets: Iterable[str] = ()) -> None:
        self._general = general
        self._new_miner = _miner
        self._miners: dict[tuple[str, str | None], Miner] = {}
        self._groups: dict[tuple[str, str | None, int], Group] = {}
        self._masker = Masker([*WORDS, *secrets])
        self.left_out: dict[str, int] = {}
        """Family to the unknown lines of which no rule is drafted."""
        self.crowded_out = 0
        """Unknown lines of further groups, where there are very many."""
        _drain()

    def add(self, line: DockerLine, times: int = 1) -> None:
        """Take in a docker line that came so many times; one that rules know is passed over."""
        if not self._general.issuperset(line.rules):
            return
        record = line.record
        if record is None or line.family in LEFT_OUT:
            self.left_out[line.family] = self.left_out.get(line.family, 0) + times
            return
        level, text = text_of(logrus.translated(record).message)
        key = (line.family, level)
        miner = self._miners.get(key)
        if miner is None:
            miner = self._miners[key] = self._new_miner()
        cluster, _ = miner.add_log_message(_VARIABLE.sub(PARAMETER, text))
        group = self._groups.get((*key, cluster.cluster_id))
        if group is None:
            if len(self._groups) >= MOST_GROUPS:
                self.crowded_out += times
                return
            group = self._groups[(*key, cluster.cluster_id)] = Group(line.family, level, cluster)
        group.count += times
        group.tags.add(record.tag)
        if len(group.samples) < MOST_SAMPLES:
            group.samples.append(self._sample(line.text, record))

    def groups(self) -> list[Group]:
        """All groups, the one with most lines first."""
        return sorted(self._groups.values(), key=lambda group: (-group.count, group.family, group.template))

    def _sample(self, text: bytes, record: Record) -> Sample:
        message = self._masker.mask(record.message.decode(errors="replace"))
        header = text[: len(text) - len(record.message)].decode(errors="replace")
        masked = record._replace(message=message.encode())
        return Sample(header + message, masked, logrus.translated(masked).message)


def _miner() -> Miner:
    return cast("Miner", _drain()(depth=DEPTH, sim_th=LIKENESS, param_str=PARAMETER, max_clusters=MOST_GROUPS))


def _drain() -> type:
    try:
        from drain3.drain import Drain  # an extra: everything else works without it
    except ImportError as error:
        raise ConfigError(
            f"suggest groups lines with drain3, which is not installed ({error}): pip install drain3"
        ) from error
    return cast("type", Drain)


def pieces(template: str) -> Iterator[str]:
    """The literal texts of a template, in order."""
    return (piece for piece in template.split(PARAMETER) if piece.strip())
