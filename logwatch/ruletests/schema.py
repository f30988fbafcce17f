"""The shape of a test file: promtool's, and what only logwatch has; the JSON Schema is made from these models.

https://prometheus.io/docs/prometheus/2.42/configuration/unit_testing_rules/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from logwatch.alerting.schema import Texts
from logwatch.model import Severity
from logwatch.notation import nanoseconds
from logwatch.rulefiles.checks import ONE_OR_MANY, Duration, Flag, refuse
from logwatch.rulefiles.schema import Described, schema_text
from logwatch.ruletests.input_series import NATIVE, metric, values

DEFAULT_INTERVAL = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _read(read: Callable[[str], Any], example: str) -> BeforeValidator:
    """Read a field from text with a function that explains itself by ValueError."""

    def convert(value: object) -> object:
        if not isinstance(value, str | None):
            raise refuse(f"expected text such as {example}")
        try:
            return read(value or "")
        except ValueError as error:
            raise refuse(str(error)) from None

    return BeforeValidator(convert)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a time: write for instance 2026-11-23T18:12:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' names no zone: write Z or +01:00 after it")
    return moment


def _timestamp(value: object) -> object:
    """Unix seconds as text with a zone; what is not a number stays as it is, as in promtool's parseTime."""
    try:
        return datetime.fromtimestamp(float(str(value)), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return value


def _native(_: object) -> object:
    raise refuse(f"{NATIVE}: expect the series _bucket, _sum and _count")


def _number(value: object) -> object:
    """Numbers as Go's YAML reads them."""
    if isinstance(value, str) and (match := re.fullmatch(r"([+-]?)\.(inf|Inf|INF|nan|NaN|NAN)", value)):
        return float(match[1] + match[2])
    return value


def _series(text: str) -> dict[str, str]:
    labels = metric(text)
    if "__name__" not in labels:
        raise ValueError(f"'{text}' has no name: write for instance docker_events_total{{type=\"image\"}}")
    return labels


TEXT = WithJsonSchema({"type": "string"})
SeriesLabels = Annotated[dict[str, str], _read(_series, 'up{job="docker"}'), TEXT]
SampleLabels = Annotated[dict[str, str], _read(lambda text: metric(text) if text.strip() else {}, '{name="web"}'), TEXT]
Steps = Annotated[list[Any], _read(values, "'0+1x10'"), WithJsonSchema({"type": ["string", "number"]})]
Moment = Annotated[
    datetime, _read(_moment, "2026-11-23T18:12:00Z"), WithJsonSchema({"type": "string", "format": "date-time"})
]
Timestamp = Annotated[Moment, BeforeValidator(_timestamp), WithJsonSchema({"type": ["number", "string"]})]
Value = Annotated[float, BeforeValidator(_number), WithJsonSchema({"type": ["number", "string"]})]
Optional = BeforeValidator(lambda value: [] if value is None else value)
"""A key without a value, as Go's YAML reads it."""
Words = Annotated[dict[str, str | None], Field(default_factory=dict)]


class InputSeriesSpec(Described):
    """A series, given by its samples."""

    series: SeriesLabels
    """`metric{label="value"}`."""
    steps: Steps = Field(default_factory=list, alias="values")
    """Samples, `interval` apart: '0+1x10 _x3 stale'."""


class InputLinesSpec(Described):
    """Lines of a log."""

    at: Duration | None = None
    """When the (first) line is written, after the start. Left out: at its own stamp."""
    line: str | None = None
    """One line, as it is in a log; with `at` its stamps do not matter, and a header is not needed."""
    lines: Annotated[list[str], *ONE_OR_MANY] | None = None
    """Several lines; with `at` they keep their distances."""
    file: str | None = None
    """A file of lines, relative to the test file, also .gz .bz2 .xz .zst."""
    times: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Write it so often …"""
    every: Duration = timedelta(0)
    """… and with this distance."""
    path: str = "/var/log/messages"
    """The log they are in."""

    @model_validator(mode="after")
    def _one_kind(self) -> InputLinesSpec:
        if sum(given is not None for given in (self.line, self.lines, self.file)) != 1:
            raise refuse("lines come from line:, lines: or file:: write one of them")
        if self.times > 1 and (self.at is None or not self.every):
            raise refuse("lines that come several times need at: and every:, such as at: 0s, every: 10s")
        return self

    @property
    def text(self) -> str:
        """What is written here."""
        return self.line if self.line is not None else "\n".join(self.lines or [])


class AlertSpec(Described):
    """An alert that must fire."""

    exp_labels: Texts = Field(default_factory=dict)
    """All its labels, but for alertname."""
    exp_annotations: Texts = Field(default_factory=dict)
    """All its annotations, but for evidence."""


class AlertTestSpec(Described):
    """Which alerts of a name fire at a time, all of them."""

    eval_time: Duration = timedelta(0)
    alertname: Annotated[str, Field(min_length=1)]
    exp_alerts: list[AlertSpec] | None = None


class SampleSpec(Described):
    """A sample that must be there."""

    labels: SampleLabels = Field(default_factory=dict)
    """`metric{label="value"}`."""
    value: Value = 0.0
    histogram: SkipJsonSchema[Annotated[None, BeforeValidator(_native)]] = None


class ExprTestSpec(Described):
    """What an expression gives at a time."""

    expr: Annotated[str, Field(min_length=1)]
    eval_time: Duration = timedelta(0)
    exp_samples: list[SampleSpec] | None = None


class EventSpec(Described):
    """An event that must have happened; what is written here must be so."""

    event: str | None = None
    id: str | None = None
    """All of it, or its first 12 or more characters."""
    name: str | None = None
    host: str | None = None
    severity: Severity | None = None
    rule: str | None = None
    at: Duration | None = None
    """When it happened, after the start."""
    attributes: Words
    """Attributes that it has; null for one that it must not have."""
    exact: Flag = False
    """It has no other attributes."""


class EventTestSpec(Described):
    """Which events happened until a time, all of them, in their order."""

    eval_time: Duration = timedelta(0)
    event: str | None = None
    """Of this type.action, or a pattern of it such as 'container.*'; left out: of all."""
    exp_events: list[EventSpec] | None = None
    """Nothing, or []: none."""
    exp_count: Annotated[int, Field(ge=0)] | None = None
    """Instead of exp_events: how many."""

    @model_validator(mode="after")
    def _one_kind(self) -> EventTestSpec:
        if self.exp_events is not None and self.exp_count is not None:
            raise refuse("exp_events gives the number already: remove exp_count")
        return self


class ServedSampleSpec(Described):
    """A sample that /metrics must show, without the labels of a scrape."""

    labels: SeriesLabels
    value: Value | None = None
    """Left out, or null: the series must not exist."""


class MetricTestSpec(Described):
    """What /metrics shows at a time."""

    eval_time: Duration = timedelta(0)
    metric: str | None = None
    """Of this metric these are all samples; left out: there may be others."""
    exp_samples: Annotated[list[ServedSampleSpec], Optional] = Field(default_factory=list)


class NotificationSpec(Described):
    """A notification; what is written here must match."""

    status: Literal["firing", "resolved"]
    at: Duration | None = None
    """When, after the start."""
    exp_labels: Texts | None = None
    """All labels, but for alertname; those of external_labels included."""
    exp_annotations: Texts | None = None
    """All annotations, but for evidence."""
    exp_evidence: Annotated[list[str], *ONE_OR_MANY] = Field(default_factory=list)
    """Texts that are in the evidence."""


class NotificationTestSpec(Described):
    """All notifications of an alert until a time, in order."""

    eval_time: Duration = timedelta(0)
    alertname: Annotated[str, Field(min_length=1)]
    exp_notifications: list[NotificationSpec] | None = None


class CaseSpec(Described):
    """One test: what is there, and what must come of it."""

    name: str = ""
    interval: Duration | None = None
    """Between two samples of a series; evaluation_interval if left out."""
    input_series: Annotated[list[InputSeriesSpec], Optional] = Field(default_factory=list)
    alert_rule_test: Annotated[list[AlertTestSpec], Optional] = Field(default_factory=list)
    promql_expr_test: Annotated[list[ExprTestSpec], Optional] = Field(default_factory=list)
    external_labels: Texts = Field(default_factory=dict)
    external_url: str = ""
    start_time: Moment | None = None
    """Time 0 of the test; a multiple of the intervals."""
    start_timestamp: Timestamp | None = None
    """The same, as promtool 3 calls it: also Unix seconds."""
    timezone: str | None = None
    """Of stamps in lines that name none; UTC if left out."""
    input_lines: Annotated[list[InputLinesSpec], Optional] = Field(default_factory=list)
    target_labels: Texts | None = None
    """What a scrape attaches to the series of lines; job and instance if left out."""
    event_test: Annotated[list[EventTestSpec], Optional] = Field(default_factory=list)
    metric_test: Annotated[list[MetricTestSpec], Optional] = Field(default_factory=list)
    notification_test: Annotated[list[NotificationTestSpec], Optional] = Field(default_factory=list)
    restart_at: Annotated[list[Duration], *ONE_OR_MANY] = Field(default_factory=list)
    """Do the test once more, killed and restored from its state at these times: nothing may change."""

    @model_validator(mode="after")
    def _one_start(self) -> CaseSpec:
        if self.start_time is not None and self.start_timestamp is not None:
            raise refuse("start_time and start_timestamp are the same: remove one of them")
        return self

    @property
    def start_ns(self) -> int | None:
        """Time 0 of the test, if it is written."""
        start = self.start_time or self.start_timestamp
        return None if start is None else nanoseconds(start - EPOCH)


class FileSpec(Described):
    """A test file, without its tests: each of these is looked at on its own."""

    schema_: SkipJsonSchema[str | None] = Field(default=None, alias="$schema")
    rule_files: Annotated[list[str], Optional] = Field(default_factory=list)
    """Alert files (and event rules), relative to this file; patterns such as ../alerts/*.yml."""
    evaluation_interval: Duration = DEFAULT_INTERVAL
    """Between two evaluations, of all groups."""
    group_eval_order: Annotated[list[str], Optional] = Field(default_factory=list)
    fuzzy_compare: Flag = False
    """Of promtool 3. Values are compared to twelve digits in any case."""


class WholeFile(FileSpec):
    """Tests of alerting rules, recording rules, event rules."""

    tests: list[CaseSpec] = Field(default_factory=list)


def json_schema() -> str:
    """The JSON Schema of a test file, as it is committed in rules/schemas/."""
    return schema_text(WholeFile, "logwatch rule tests", required=["tests"])
