"""Moves the series of what was read: lines by source, level and rule, gaps, and what stages set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from logwatch.matching.unknown_lines import UnknownLines
from logwatch.metrics.registry import Registry
from logwatch.model import SECOND, Chunk, Doubtful, Gap, Scan


class SourceMetrics:
    """Counts lines once per chunk, whatever events they make."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._levels: set[str] = set()
        """Of the unknown lines until now."""

    def count(
        self,
        chunk: Chunk,
        scan: Scan,
        of_engine: Sequence[Doubtful],
        known: int,
        clock_ns: int,
    ) -> None:
        """Count the lines of a chunk.

        `of_engine` are the doubtful lines that are the engine's, `known` docker lines that some rule knows.
        """
        add, path = self._registry.add, (chunk.path,)
        docker_lines = scan.docker_lines + sum(not line.says_docker for line in of_engine)
        levels = Counter(scan.levels)
        levels.update(line.level for line in of_engine if line.level is not None)
        add("logwatch_lines_read_total", path, scan.lines, clock_ns)
        add("logwatch_bytes_read_total", path, len(chunk.data), clock_ns)
        add("logwatch_docker_lines_total", path, docker_lines, clock_ns)
        add("logwatch_unmatched_docker_lines_total", path, max(0, docker_lines - known), clock_ns)
        for level, count in levels.items():
            add("docker_daemon_log_messages_total", (level,), count, clock_ns)

    def count_rules(self, hits: Mapping[str, int], clock_ns: int) -> None:
        """Count the lines that rules took, by rule."""
        for rule, count in hits.items():
            self._registry.add("logwatch_rule_hits_total", (rule,), count, clock_ns)
            self._registry.set("logwatch_rule_last_hit_timestamp_seconds", (rule,), clock_ns / SECOND, clock_ns)

    def count_unmatched(self, path: str, clock_ns: int) -> None:
        """Count a docker line that no rule knows, after it was counted as known."""
        self._registry.add("logwatch_unmatched_docker_lines_total", (path,), 1, clock_ns)

    def count_groups(self, unknown: UnknownLines, clock_ns: int) -> None:
        """Set how many groups of unknown lines there are, and how many of them an upgrade brought."""
        every, later = unknown.counts()
        for level in self._levels | every.keys():
            self._registry.set("logwatch_unknown_line_groups", (level,), every.get(level, 0), clock_ns)
            self._registry.set("logwatch_unknown_line_groups_since_upgrade", (level,), later.get(level, 0), clock_ns)
        self._levels |= every.keys()
        if unknown.changed_ns is not None:
            self._registry.set("logwatch_engine_upgrade_timestamp_seconds", (), unknown.changed_ns / SECOND, clock_ns)

    def count_unparsed(self, path: str, reasons: Mapping[str, int], clock_ns: int) -> None:
        """Count the lines whose header could not be read or trusted, by reason."""
        for reason, count in reasons.items():
            self._registry.add("logwatch_lines_unparsed_total", (path, reason), count, clock_ns)

    def count_duplicate(self, path: str, clock_ns: int) -> None:
        """Count a line of the engine that had been read before."""
        self._registry.add("logwatch_duplicate_lines_total", (path,), 1, clock_ns)

    def count_gap(self, gap: Gap, time_ns: int) -> None:
        """Count bytes that were lost."""
        self._registry.add("logwatch_source_gaps_total", (gap.path, gap.reason), 1, time_ns)
        self._registry.add("logwatch_source_gap_bytes_total", (gap.path,), gap.size or gap.lower, time_ns)

    def count_repeated(self, count: int, clock_ns: int) -> None:
        """Count repetitions of a line beyond those that make events."""
        self._registry.add("logwatch_upstream_dropped_lines_total", ("repeated",), count, clock_ns)

    def observe_delay(self, delay_ns: int, clock_ns: int) -> None:
        """Note how long after its time an event was read."""
        self._registry.observe("logwatch_event_delay_seconds", (), max(0, delay_ns) / SECOND, clock_ns)
