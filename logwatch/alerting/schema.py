"""The shape of Prometheus' rule files.

https://prometheus.io/docs/prometheus/2.42/configuration/recording_rules/
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from logwatch.model import LABEL_NAME
from logwatch.rulefiles.checks import Duration, refuse
from logwatch.rulefiles.schema import Described, schema_text
from logwatch.rulefiles.vocabulary import METRIC

NEWER = {
    "source_tenants": "belongs to Mimir; remove it",
    "partial_response_strategy": "belongs to Thanos; remove it",
}
"""Keys of a group that others know."""


def _metric(text: str) -> str:
    if METRIC.fullmatch(text) is None:
        raise refuse(f"'{text}' is not a metric name: use letters, digits, _ and :, such as 'job:errors:rate5m'")
    return text


def _label(text: str) -> str:
    if LABEL_NAME.fullmatch(text) is None or text == "__name__":
        raise refuse(f"'{text}' is not a label name: use letters, digits and _")
    return text


def _expression(text: str) -> str:
    if not text.strip():
        raise refuse("the expression is empty: write for instance up == 0")
    return text


def _as_text(value: object) -> object:
    """Go's YAML takes true and null for text where text is wanted."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def _as_mapping(value: object) -> object:
    return {} if value is None else value


Label = Annotated[str, AfterValidator(_label)]
Text = Annotated[str, BeforeValidator(_as_text)]
Texts = Annotated[dict[Label, Text], BeforeValidator(_as_mapping)]


class RuleSpec(Described):
    """One rule: `alert` or `record`."""

    alert: Annotated[str, Field(min_length=1)] | None = None
    record: Annotated[str, AfterValidator(_metric)] | None = None
    expr: Annotated[str, AfterValidator(_expression)]
    hold: Duration = Field(default=timedelta(0), alias="for")
    keep_firing_for: Duration = timedelta(0)
    labels: Texts = Field(default_factory=dict)
    annotations: Texts = Field(default_factory=dict)


class GroupSpec(Described):
    """Rules that are evaluated one after the other at the same times."""

    name: Annotated[str, Field(min_length=1)]
    interval: Duration | None = None
    limit: Annotated[int, Field(ge=0)] = 0
    query_offset: Duration = timedelta(0)
    """Evaluate the expressions so much earlier than the group; needs Prometheus 2.53 elsewhere."""
    labels: Texts = Field(default_factory=dict)
    """Of all rules that have no such label themselves; needs Prometheus 3.0 elsewhere."""
    rules: list[RuleSpec] = Field(default_factory=list)


class AlertFile(Described):
    """A Prometheus rule file. The loader reads it piece by piece; this is its shape as a whole."""

    schema_: SkipJsonSchema[str | None] = Field(default=None, alias="$schema")
    groups: list[GroupSpec]


def json_schema() -> str:
    """The JSON Schema of an alert file, as it is committed in rules/schemas/."""
    return schema_text(AlertFile, "Prometheus rules that logwatch evaluates")
