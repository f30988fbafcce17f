"""What the web server may see and ask for; the engine implements it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from logwatch.alerting import Muting, Report
from logwatch.matching.unknown_lines import LineGroup
from logwatch.metrics.exposition import Published
from logwatch.model import Container, Mute, Outcome, Rule, SampleChange, SourceStatus
from logwatch.queries import Querying
from logwatch.store import Query


@dataclass(frozen=True, slots=True)
class Probe:
    """The answer to a probe: yes or no, and why."""

    ok: bool
    detail: str


class View(Protocol):
    """The state of logwatch as of the last commit. Every method may be called from any thread."""

    def now_ns(self) -> int:
        """Return the time, as the loop has it."""

    @property
    def published(self) -> Published:
        """The committed series."""

    def metrics(self, accept: str) -> tuple[bytes, str]:
        """Return the page for Prometheus and its content type, negotiated by the header `Accept`."""

    def self_metrics(self) -> Iterator[SampleChange]:
        """Yield the metrics that are not committed but measured when they are asked for."""

    @property
    def commits(self) -> int:
        """How many commits there were: what is shown changes at no other time."""

    def sources(self) -> Sequence[SourceStatus]:
        """Return the status of each followed path."""

    def rules(self) -> Sequence[Rule]:
        """Return the loaded event rules."""

    def alerts(self) -> Report:
        """Return the state of alerting and recording rules."""

    def muting(self) -> Muting:
        """Return which alerts are muted."""

    def containers(self) -> Sequence[Container]:
        """Return the register of containers, removed ones included."""

    def unknown_lines(self) -> Sequence[LineGroup]:
        """Return the groups of engine lines that no rule knows, the one with most lines first."""

    def queries(self) -> AbstractContextManager[Querying]:
        """Return PromQL queries over the last commit, to be closed after use."""

    def events(self, query: Query) -> Iterator[Outcome]:
        """Yield the accepted events that match."""

    def count_events(self, query: Query, step_ns: int) -> Mapping[tuple[int, str], int]:
        """Count the accepted events that match, by step (its number since the epoch) and severity."""

    def explain(self, line: str) -> Sequence[tuple[str, str]]:
        """Return how a line of a log is read, as titles and texts."""

    def mute(self, mute: Mute) -> None:
        """Begin a mute; raises OSError."""

    def unmute(self, mute_id: str) -> None:
        """End a mute; raises OSError."""

    def health(self) -> Probe:
        """Return whether the main loop runs: it gave a sign of life within the last seconds."""

    def readiness(self) -> Probe:
        """Return whether a source is open and was read to its end once, and the status of each."""

    def reload(self) -> Probe:
        """Reload the rules, wait for the result, and return the mistakes if it failed."""

    def quit(self) -> None:
        """Ask the loop to end."""
