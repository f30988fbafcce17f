"""Test files and their cases, read and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from logwatch import promql
from logwatch.alerting import Group
from logwatch.model import Mark
from logwatch.rulefiles.yaml import Node
from logwatch.ruletests.schema import CaseSpec


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a file."""

    spec: CaseSpec
    node: Node
    queries: tuple[promql.Query, ...]
    """Of promql_expr_test, in its order."""
    number: int
    """In its file, from 1."""

    @property
    def name(self) -> str:
        """Its name, or what stands for one."""
        return self.spec.name or f"test {self.number}"

    def mark(self, key: str, index: int) -> Mark:
        """Where an item of one of its lists stands."""
        return self.node.at((key, index)).mark


@dataclass(slots=True)
class TestFile:
    """One file of tests."""

    __test__ = False  # for pytest, where a test imports it

    path: Path
    shown_path: str
    source: str
    interval_ns: int
    rule_files: tuple[Path, ...] = ()
    """The alert files among the rule files."""
    event_files: tuple[Path, ...] = ()
    groups: tuple[Group, ...] = ()
    """In the order of their evaluation, each at the file's interval."""
    cases: list[Case] = field(default_factory=list)


def sample_interval_ns(test_file: TestFile, case: Case) -> int:
    """Between two samples of a case's series."""
    return nanoseconds(case.spec.interval) if case.spec.interval else test_file.interval_ns


def nanoseconds(length: timedelta) -> int:
    """A length of time in whole nanoseconds."""
    return length // timedelta(microseconds=1) * 1000
