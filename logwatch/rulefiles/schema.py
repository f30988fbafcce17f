"""The shape of a rules file; the JSON Schema for editors is made from these models.

Checks of one field are here, checks of two are in `compiling`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic.json_schema import SkipJsonSchema

from logwatch.model import Role, Severity
from logwatch.rulefiles.checks import (
    ONE_OR_MANY,
    AttributeName,
    CapturingRegex,
    Duration,
    EventName,
    EventTemplate,
    Flag,
    LabelName,
    Line,
    Literally,
    Name,
    Regex,
    Template,
    refuse,
)
from logwatch.rulefiles.checks import Tag as SyslogTag

MAX_SERIES = 1000
ReportingRole = Literal[Role.LEADING, Role.PRIMARY, Role.CORROBORATING, Role.SUPPORTING, Role.REQUEST]
"""The roles that rules have."""


class Strict(BaseModel):
    """Unknown keys are mistakes, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Described(Strict):
    """A part of a file with a JSON Schema, which shows the text below each attribute.

    pydantic reads the source again to find that, which would slow every start, also for models without a schema.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)


def _form(value: object) -> str:
    # The tags are in angle brackets so that the path of an error cannot take them for a key.
    return "<text>" if isinstance(value, str | bool | None) else "<mapping>"


class RegexSpec(Described):
    """A pattern in RE2 syntax; `^` and `$` mean the message's ends."""

    regex: Regex


PatternSpec = Annotated[
    Annotated[Literally, Tag("<text>")] | Annotated[RegexSpec, Tag("<mapping>")], Discriminator(_form)
]


class RegexFields(Described):
    """Named groups of a pattern become fields."""

    regex: CapturingRegex
    of: str | None = None
    """Search in this field, made by a parser before it, instead of the whole message."""


FieldSpec = Annotated[
    Annotated[Literal["logfmt", "json", "docker_events"], Tag("<text>")] | Annotated[RegexFields, Tag("<mapping>")],
    Discriminator(_form),
]


class Metric(Described):
    """A metric that is fed once per accepted event."""

    counter: str | None = None
    """Name of a counter; ends in _total."""
    gauge: str | None = None
    histogram: str | None = None
    help: Annotated[str, Field(min_length=1)]
    """One sentence about what is counted."""
    labels: dict[LabelName, Template] = {}
    """Label name to template: {event.name}, {event.id}, {event.host}, or an attribute."""
    value: Template | None = None
    """What a gauge is set to, a histogram observes, or a counter grows by (1 if absent)."""
    buckets: list[float] = []
    """Upper bounds of a histogram, ascending, without +Inf."""
    max_series: Annotated[int, Field(ge=1, le=100_000)] = MAX_SERIES
    """More label sets than this are counted in one series labelled _other."""

    @model_validator(mode="after")
    def _one_kind(self) -> Metric:
        given = [kind for kind in ("counter", "gauge", "histogram") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise refuse("a metric is one of counter:, gauge: and histogram:, each with its name: write one of them")
        return self

    @property
    def kind(self) -> Literal["counter", "gauge", "histogram"]:
        """Which of the three it is."""
        if self.counter is not None:
            return "counter"
        return "gauge" if self.gauge is not None else "histogram"

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.counter or self.gauge or self.histogram or ""


class Expected(Described):
    """What an example's event must at least have."""

    event: str | None = None
    id: str | None = None
    name: str | None = None
    severity: str | None = None
    attributes: dict[str, str] = {}


class ExampleSpec(Described):
    """A real line, and what the rule makes of it."""

    line: Line
    event: Expected | None = None
    """What the event must have; null: this rule makes no event of it; left out: any event."""


class EventRule(Described):
    """A rule that makes an event of a line."""

    event: EventTemplate | None = None
    """type.action, such as container.die; a template for lines that contain it."""
    ignore: Flag = False
    """Instead of `event`: the line is known and makes no event."""
    name: Name
    """The rule's id is <file>/<name>."""
    description: str = ""
    """What the line means."""
    program: Annotated[list[SyslogTag], *ONE_OR_MANY] = ["engine"]
    """Syslog tags, the families `engine` and `containerd`, or `container`: what containers print (`--log containers:`)."""
    role: ReportingRole = Role.PRIMARY
    """leading: `docker events` itself; primary; corroborating: a second report; supporting: a report that makes no event alone; request: what somebody asked for."""
    engine: str = ""
    """Engine versions that write this text; documentation."""
    match: Annotated[list[PatternSpec], Field(min_length=1), *ONE_OR_MANY]
    """What the message contains: text, or {regex: …}; one alternative is enough."""
    fields: Annotated[list[FieldSpec], Field(min_length=1), *ONE_OR_MANY] = ["logfmt"]
    """How fields are parsed: logfmt, json, docker_events, {regex: '(?P<field>…)', of: field}, or a list of them."""
    id: Template | None = None
    """The object's id, such as '{container}'."""
    attributes: dict[AttributeName, Template] = {}
    """Attribute name to template; `name` becomes the event's name."""
    severity: Severity = Severity.INFO
    unless_other: Flag = False
    """Makes its event only when no other rule of the line does."""
    revoked_by: Annotated[list[EventName], *ONE_OR_MANY] = []
    """Events of the same object which, reported within the settle time, prove that this one did not happen."""
    examples: list[ExampleSpec] = []
    """Run by `logwatch check`: at least one line it matches, and one near miss."""
    metrics: list[Metric] = []

    @model_validator(mode="after")
    def _event_or_ignore(self) -> EventRule:
        if self.ignore == (self.event is not None):
            raise refuse("a rule makes an event or knows a line: write either event: type.action or ignore: true")
        return self


class StepSpec(Described):
    """An event that a correlation waits for."""

    event: EventName
    where: dict[AttributeName, str] = {}
    """Attributes that must have these values."""


Step = Annotated[Annotated[EventName, Tag("<text>")] | Annotated[StepSpec, Tag("<mapping>")], Discriminator(_form)]
Steps = Annotated[list[Step], Field(min_length=1), *ONE_OR_MANY]


class CorrelationRule(Described):
    """A rule that makes an event of events."""

    event: EventName
    name: Name | None = None
    """The rule's id is <file>/<name>; the event's action if left out."""
    description: str = ""
    sequence: Steps | None = None
    """These events of one object in this order within the time."""
    missing: Steps | None = None
    """The first event, not followed by the second within the time."""
    first_seen: Steps | None = None
    """An event whose values of `by` were not seen for the time."""
    unless: Annotated[list[EventName], *ONE_OR_MANY] = []
    """Not if one of these events of the same object is among them."""
    within: Duration
    by: Annotated[list[str], Field(min_length=1), *ONE_OR_MANY] = ["id"]
    """What must be equal: id, name, host or attributes.<key>."""
    attributes: dict[AttributeName, Template] = {}
    severity: Severity = Severity.INFO
    metrics: list[Metric] = []

    @model_validator(mode="after")
    def _one_kind(self) -> CorrelationRule:
        kinds = [kind for kind in ("sequence", "missing", "first_seen") if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise refuse(
                "a correlation is one of sequence:, missing: and first_seen:, each with events: write one of them"
            )
        return self

    @property
    def kind(self) -> Literal["sequence", "missing", "first_seen"]:
        """Which of the three it is."""
        if self.sequence is not None:
            return "sequence"
        return "missing" if self.missing is not None else "first_seen"

    @property
    def steps(self) -> list[str | StepSpec]:
        """The events it waits for."""
        return list(self.sequence or self.missing or self.first_seen or [])


class RulesFile(Described):
    """Rules that make events of log lines, and of events."""

    schema_: SkipJsonSchema[str | None] = Field(default=None, alias="$schema")
    events: list[EventRule] = []
    correlations: list[CorrelationRule] = []


def json_schema() -> str:
    """The JSON Schema of a rules file, as it is committed in rules/schemas/."""
    either = [{"required": ["events"]}, {"required": ["correlations"]}]
    return schema_text(RulesFile, "logwatch event rules", anyOf=either)


def schema_text(model: type[BaseModel], title: str, **further: Any) -> str:
    """The JSON Schema of a kind of files, for editors."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **{key: value for key, value in model.model_json_schema().items() if key != "title"},
        **further,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
