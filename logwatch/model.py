"""The values that flow, in the order in which they come into being.

    Chunk ─▶ Scan(Hit…) ─▶ Record ─▶ Event ─▶ Outcome ─▶ series ─▶ Alert

Everything here is immutable by contract and imports nothing of ours. What is made once
per line or per event is a NamedTuple: a frozen dataclass takes five times as long to
make, and a busy host makes a hundred thousand a second. Times are integer nanoseconds
since the Unix epoch (`…_ns`); log bytes stay bytes until a rule asks for a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

Attributes = Mapping[str, str]
SECOND = 1_000_000_000
SHORT_ID = 12
"""Hex digits of an id that Docker shows, and that stand in for an unknown name."""


# ── from the file ────────────────────────────────────────────────────────────────────


class Chunk(NamedTuple):
    """Some hundred KiB of whole lines, as they stand in one file.

    `data` always ends with a newline (a source adds the one that a torn last line lacks).
    """

    data: bytes
    path: str
    """The configured path, also when the bytes came from a rotated or compressed copy."""
    offset: int
    """Of data[0], from the start of this (decompressed) generation of the file."""
    mtime_ns: int
    """When the file was last written, as far as known when it was read: bounds a stamp's year."""
    live: bool = False
    """The reader stands at the end of the file: its newest line was written just now."""
    line: int | None = None
    """Number of the first line, from 1; None where lines are not counted (`run`)."""


class Hit(NamedTuple):
    """One line in which the scanner found the patterns of some rules.

    `start` and `end` bound the line in the chunk's data, without its newline; `rules` are
    ascending indexes into the rules the scanner was built from.
    """

    start: int
    end: int
    rules: tuple[int, ...]
    before: int = 0
    """Lines before it in the chunk."""


class Scan(NamedTuple):
    """What one pass over a chunk found."""

    lines: int
    docker_lines: int
    """Lines that contain `docker` or carry an engine's tag."""
    levels: Mapping[str, int]
    """Lines of the engine's own tags by the level that logrus wrote."""
    hits: Sequence[Hit]
    """In the order of the file, each line once."""
    ignored: Mapping[str, int] = {}
    """Lines by the id of the `ignore` rule that knows them, where the scanner only counts those."""
    known_lines: int = 0
    """Docker lines among the ignored ones; they are not among the hits."""


class Record(NamedTuple):
    """A line whose header has been read."""

    time_ns: int
    """When it happened: the payload's own time where it can be trusted, else `stamp_ns`."""
    stamp_ns: int
    """When the header says it was written; the evaluation clock moves by this."""
    host: str
    tag: str
    """Syslog tag or APP-NAME, without pid, brackets and colon."""
    pid: str | None
    message: bytes
    """As it stands in the file; escapes such as #012 are undone in the fields taken from it."""


# ── rules, compiled and believed ─────────────────────────────────────────────────────


class Role(StrEnum):
    """How much a rule's line counts as the teller of an event."""

    LEADING = "leading"
    PRIMARY = "primary"
    CORROBORATING = "corroborating"


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
    """Events of the same object that, told within the settle time, prove this one never happened."""
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


# ── what happened ────────────────────────────────────────────────────────────────────


class Event(NamedTuple):
    """Something that happened to an object of the engine, according to a rule."""

    time_ns: int
    event: str
    """`type.action`, in the words of `docker events` where it has one."""
    host: str
    id: str | None
    """Of the object, as the line gives it: 64 or 12 hex digits, a name or a reference."""
    name: str | None
    attributes: Attributes
    severity: str
    rule: str
    path: str
    offset: int
    line: int | None = None
    role: Role = Role.PRIMARY
    stamp_ns: int = 0
    """The header's time: the clock when the event was read."""
    revoked_by: frozenset[str] = frozenset()


class State(StrEnum):
    """A container's state, in the words of Docker's own diagram."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    DEAD = "dead"
    REMOVING = "removing"
    UNKNOWN = "unknown"
    GONE = "gone"
    """Removed; never exported."""


class Outcome(NamedTuple):
    """An event that the lifecycle accepted, or (`amends`) the fuller form of one it had accepted.

    `seq` counts accepted events from 1 and identifies the event in the history for ever.
    """

    seq: int
    event: Event
    amends: bool = False


class Container(NamedTuple):
    """A container as series know it; two with one name share its series, one after the other."""

    host: str
    id: str
    name: str | None

    @property
    def label(self) -> str:
        """The value of the label `name`."""
        return self.name or self.id[:SHORT_ID]


class StateChange(NamedTuple):
    """A container is now in another state."""

    time_ns: int
    container: Container
    before: State | None
    after: State


class Renamed(NamedTuple):
    """A container's name was learned or changed; its old series end here."""

    time_ns: int
    container: Container
    """With the new name."""
    old_label: str


Consequence = Outcome | StateChange | Renamed
"""What the lifecycle tells the stages after it, in order."""


# ── contracts between a stage and the engine ─────────────────────────────────────────


class Stateful(Protocol):
    """A stage whose state is committed with the position in the log."""

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over the rows (key to JSON) that changed since the last call; None deletes a row."""

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit, all of them."""


class Source(Protocol):
    """Where chunks come from. One source may follow many files."""

    @property
    def finished(self) -> bool:
        """Nothing will ever come again: a replay at its end, a closed pipe. Never true of a followed file."""

    def read(self, now_ns: int) -> Chunk | None:
        """Return the next chunk, or None when there is nothing to read at the moment."""

    def changed_rows(self) -> dict[str, str | None]:
        """As `Stateful`: the position just behind the last chunk that `read` returned."""

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue behind the last committed chunk. Called before the first read."""

    def committed(self) -> None:
        """The rows last handed over are safe on disk; what only guarded them may be dropped."""

    def status(self) -> Sequence[SourceStatus]:
        """Tell how each followed path stands."""

    def gaps(self) -> Sequence[Gap]:
        """Hand over the losses proven since the last call."""

    def wait(self, timeout: float) -> None:
        """Sleep until something may have been written, at the most `timeout` seconds."""

    def wake(self) -> None:
        """End a `wait` from another thread or a signal handler."""

    def close(self) -> None:
        """Let go of every descriptor (a clean stop also writes pygtail's offset file)."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How one followed path stands, for metrics and the page."""

    path: str
    open: bool
    """False while the file is missing or unreadable; `error` then says why."""
    error: str | None
    size: int
    """Bytes of the live file."""
    position: int
    """Bytes of it that were read."""
    pending: int
    """Bytes still to be read, older generations included."""
    last_read_ns: int | None
    rotations: Mapping[str, int] = field(default_factory=dict)
    """Kind (`rename`, `copytruncate`, `replaced`) to how often since the state began."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Reason (`too_long`, `nul`, `partial`, …) to lines or bytes passed over, since the state began."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that were written to a log and can no longer be read."""

    path: str
    reason: str
    time_ns: int
    size: int | None
    """Bytes lost; None where only the fact is known."""
    lower: int = 0
    """At least so many bytes."""


# ── series ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: its name, type and labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    max_series: int = 10_000


LabelValues = tuple[str, ...]


class SampleChange(NamedTuple):
    """A series has a new value from this time on; None ends it."""

    family: str
    labels: LabelValues
    """Values in the order of the family's labels."""
    value: float | None
    time_ns: int


class SeriesView(Protocol):
    """What the PromQL evaluator sees of the series."""

    def names(self) -> Iterable[str]:
        """Every sample name (histograms as _bucket, _sum and _count)."""

    def select(self, name: str) -> Iterable[tuple[Mapping[str, str], Sequence[int], Sequence[float]]]:
        """Every series of that sample name.

        Labels (without `__name__`), the ascending times (ns) of its change points, and the
        value from each of those times on. A value of NaN (the staleness marker) ends the series.
        The first time is 0 where a series began before what is kept of it: else its whole value
        would count as an increase at that time.
        """


# ── alerts ───────────────────────────────────────────────────────────────────────────


FNV_OFFSET = 14_695_981_039_346_656_037
FNV_PRIME = 1_099_511_628_211


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return 16 hex digits that stand for a label set, equal to those of Prometheus and Alertmanager.

    FNV-1a of 64 bits over names and values in the order of names, each followed by the byte 255
    (prometheus/common, model/signature.go).
    """
    digest = FNV_OFFSET
    for name in sorted(labels):
        for byte in b"%b\xff%b\xff" % (name.encode(), labels[name].encode("utf-8", "surrogateescape")):
            digest = ((digest ^ byte) * FNV_PRIME) & 0xFFFF_FFFF_FFFF_FFFF
    return f"{digest:016x}"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as receivers see it: its labels say which one it is, its annotations what about it."""

    labels: Mapping[str, str]
    """With `alertname`; the identity."""
    annotations: Mapping[str, str]
    """Of the rule, and `evidence`: the last lines that made it true."""
    starts_ns: int
    """Since when it fires, or (pending) is true."""
    ends_ns: int | None
    """When it resolved; None while it is pending or fires."""
    state: Literal["pending", "firing", "resolved"]
    value: float
    rule: str
    """`<group>/<alert>`, for logs and pages."""
    generator_url: str
    updated_ns: int
    """The evaluation that this stands for."""
    interval_ns: int = 0
    """Between two evaluations of its group; 0: not known."""

    @property
    def fingerprint(self) -> str:
        """The identity in 16 hex digits, as Alertmanager shows it."""
        return fingerprint(self.labels)
