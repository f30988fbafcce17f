"""The values that flow, in the order in which they come into being.

    Chunk ─▶ Scan(Hit…) ─▶ Record ─▶ Event ─▶ Outcome ─▶ series ─▶ Alert
    └────────── lines ──────────┘    └── events ──┘

`rules` holds what decides on the way, `sources` and `stages` the contracts of those who do
the work. Everything here is immutable by contract and imports nothing of ours. What is made once
per line or per event is a NamedTuple: a frozen dataclass takes five times as long to
make, and a busy host makes a hundred thousand a second. Times are integer nanoseconds
since the Unix epoch (`…_ns`); log bytes stay bytes until a rule asks for a field.
"""

from logwatch.model.alerts import Alert, Mute, fingerprint
from logwatch.model.containers import (
    COMPOSE_LABELS,
    FULL_ID,
    HEX,
    SHORT_ID,
    Container,
    State,
    is_label,
    label_name,
)
from logwatch.model.events import (
    LATE_NS,
    LONGEST_NAME,
    LONGEST_VALUE,
    Attributes,
    Consequence,
    Described,
    Event,
    Expired,
    Outcome,
    Probed,
    Renamed,
    StateChange,
)
from logwatch.model.lines import SECOND, Chunk, Doubtful, Hit, NamedContainer, Record, Scan
from logwatch.model.rules import Correlation, Example, FieldParser, Mark, MetricRule, Pattern, Role, Rule, Severity
from logwatch.model.series import LABEL_NAME, Family, LabelValues, SampleChange, SeriesView
from logwatch.model.sources import CONTAINERS, Gap, Source, SourceStatus

__all__ = [
    "COMPOSE_LABELS",
    "CONTAINERS",
    "FULL_ID",
    "HEX",
    "LABEL_NAME",
    "LATE_NS",
    "LONGEST_NAME",
    "LONGEST_VALUE",
    "SECOND",
    "SHORT_ID",
    "Alert",
    "Attributes",
    "Chunk",
    "Consequence",
    "Container",
    "Correlation",
    "Described",
    "Doubtful",
    "Event",
    "Example",
    "Expired",
    "Family",
    "FieldParser",
    "Gap",
    "Hit",
    "LabelValues",
    "Mark",
    "MetricRule",
    "Mute",
    "NamedContainer",
    "Outcome",
    "Pattern",
    "Probed",
    "Record",
    "Renamed",
    "Role",
    "Rule",
    "SampleChange",
    "Scan",
    "SeriesView",
    "Severity",
    "Source",
    "SourceStatus",
    "State",
    "StateChange",
    "fingerprint",
    "is_label",
    "label_name",
]
