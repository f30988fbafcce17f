"""What of the configuration the stages depend on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import tzinfo

from logwatch.alerting import Options
from logwatch.lifecycle.containers import KEEP_SERIES_NS
from logwatch.log_clock import STEP_NS
from logwatch.metrics.catalog import MAX_CONTAINERS
from logwatch.model import SECOND


@dataclass(frozen=True, slots=True)
class Settings:
    """What of the configuration the path of a line depends on."""

    zone: tzinfo | None = None
    settle_ns: int = SECOND
    multi_host: bool = False
    count_repeated: bool = True
    """`message repeated 3 times` is three events, not none."""
    secrets: tuple[str, ...] = ()
    """Further parts of keys whose values are masked."""
    max_containers: int = MAX_CONTAINERS
    """That have series of their own."""
    keep_removed_ns: int = KEEP_SERIES_NS
    """How long removed containers have series."""
    short_lived: str | None = None
    """By what containers that lived shortly are counted together: `image` or `compose_service`."""
    labels: tuple[str, ...] = ()
    """Keys of container labels that are labels of docker_container_info."""
    max_ahead_ns: int = STEP_NS
    """Of a log that is followed live: how far beyond the wall clock its lines move the clock."""
    has_engine: bool = False
    """Every host has an engine, whether or not a line of it was seen."""
    pairs_lines: bool = False
    """The paths that are followed may have copies of one line."""
    raw: bool = False
    """Events as the rules make them, before lifecycle and correlations."""
    groups_unknown: bool = False
    """Group the engine's lines that no rule knows."""
    counts_events: bool = True
    """Whether events move series; where only the events are shown, nobody would read them."""
    alerting: Options = field(default_factory=Options)
