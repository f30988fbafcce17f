"""Rules and correlations, compiled and believed: what `rulefiles` makes of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Role(StrEnum):
    """How much a rule's report of an event counts."""

    __hash__ = str.__hash__  # that of Enum runs in Python, at each look-up in a table

    LEADING = "leading"
    PRIMARY = "primary"
    CORROBORATING = "corroborating"
    SUPPORTING = "supporting"
    REQUEST = "request"
    INVENTORY = "inventory"
    """Reported by the engine's own files, by no rule."""


class Severity(StrEnum):
    """How bad an event is, in the words of alert labels."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a rule file; line and column count from 1."""

    path: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """One alternative of a rule's `match`: literal text, or a regex in RE2 syntax."""

    text: str
    regex: bool
    mark: Mark


@dataclass(frozen=True, slots=True)
class FieldParser:
    """How fields are taken from the message; `regex` is set for kind `regex` only."""

    kind: Literal["logfmt", "json", "docker_events", "regex"]
    regex: str | None = None
    of: str | None = None
    """The regex is searched in this field (decoded) that an earlier parser took; None: in the message as it stands."""
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class MetricRule:
    """A metric that a rule feeds, once per accepted event."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    labels: Mapping[str, str]
    """Label name to template."""
    value: str | None = None
    """Template of the gauge's value or the observed value; None counts 1."""
    buckets: tuple[float, ...] = ()
    max_series: int = 1000


@dataclass(frozen=True, slots=True)
class Example:
    """A line and what the rule makes of it: None, or what its event must at least carry."""

    line: str
    event: Mapping[str, str | Mapping[str, str]] | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Rule:
    """One event rule, checked by `rulefiles`; templates are compiled by the extractor."""

    id: str
    """`<file>/<name>`"""
    event: str
    """`type.action`, a template of it, or empty: the line is known and makes no event (`ignore: true`)."""
    description: str
    programs: frozenset[str]
    """Syslog tags, and names of tag families (`engine`, `containerd`, see formats/tags.py)."""
    role: Role
    engine: str
    patterns: tuple[Pattern, ...]
    fields: tuple[FieldParser, ...]
    object_id: str | None
    """Template of the object's id."""
    attributes: Mapping[str, str]
    """Attribute name to template; the attribute `name` becomes the event's name."""
    severity: Severity
    unless_other: bool
    """Makes its event only when no other rule of that line does."""
    revoked_by: frozenset[str]
    """Events of the same object which, reported within the settle time, prove that this one did not happen."""
    metrics: tuple[MetricRule, ...]
    examples: tuple[Example, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Correlation:
    """An event made of events of one object: exactly one of the three kinds."""

    id: str
    event: str
    kind: Literal["sequence", "missing", "first_seen"]
    steps: tuple[str, ...]
    """`type.action` of each step, each optionally with attribute conditions in `where`."""
    where: tuple[Mapping[str, str], ...]
    unless: tuple[str, ...]
    within_ns: int
    by: tuple[str, ...]
    """`id`, `name`, `host` or `attributes.<key>`."""
    attributes: Mapping[str, str]
    severity: Severity
    metrics: tuple[MetricRule, ...]
    description: str
    mark: Mark
