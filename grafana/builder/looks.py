"""How values look: thresholds, mappings, colours of states and actions."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    RangeMap,
    RegexMap,
    SpecialValueMap,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from logwatch.metrics import catalog

Mappings = list[ValueMap | RangeMap | RegexMap | SpecialValueMap]

NEUTRAL, GOOD, WARN, BAD, QUIET, OTHER = "blue", "green", "orange", "red", "text", "purple"

STATE_LOOKS = {
    "running": GOOD,
    "created": "light-blue",
    "paused": "yellow",
    "restarting": WARN,
    "exited": "semi-dark-red",
    "dead": "dark-red",
    "removing": OTHER,
    "unknown": "#808080",
}
SHOWN_STATES = {**STATE_LOOKS, "ended": "#6e7681"}
"""One more than the engine has: exited with code 0, which is nothing to worry about."""
HEALTH_LOOKS = {"starting": "yellow", "healthy": GOOD, "unhealthy": BAD}
ACTION_LOOKS = {
    "create": "super-light-green",
    "start": GOOD,
    "restart": "light-blue",
    "stop": NEUTRAL,
    "kill": "purple",
    "die": WARN,
    "oom": BAD,
    "destroy": "#808080",
    "start_failed": "dark-red",
    "stop_timeout": "dark-orange",
}
"""The actions that people watch. All stand at 0 from the start, so that the panel is never empty."""

LEVEL_LOOKS = {"warning": "yellow", "error": BAD, "fatal": "dark-red", "panic": "dark-purple"}


def steps(*pairs: tuple[float | None, str]) -> ThresholdsConfig:
    """Colours from these values on; the first from minus infinity."""
    return (
        ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=color) for value, color in pairs])
    )


def zero_is_good(color: str = BAD) -> ThresholdsConfig:
    """Green at 0, `color` from 1 on (an increase may be a little less than the whole number it stands for)."""
    return steps((None, GOOD), (0.5, color))


def plain(color: str = NEUTRAL) -> ThresholdsConfig:
    """One colour: there is no value to act on."""
    return steps((None, color))


def words(looks: dict[str, str], nothing: tuple[str, str]) -> Mappings:
    """Show 1, 2, 3, … as these words in their colours, and 0 as `nothing`."""
    texts = [nothing, *looks.items()]
    return [
        ValueMap(
            options={
                str(value): ValueMappingResult(text=text, color=color, index=value)
                for value, (text, color) in enumerate(texts)
            }
        )
    ]


def cell(looks: dict[str, str], nothing: str) -> tuple[tuple[str, object], ...]:
    """The properties of a table's cell that shows 1, 2, 3, … as these words in their colours."""
    texts = [(nothing, QUIET), *looks.items()]
    options = {str(value): {"text": text, "color": color, "index": value} for value, (text, color) in enumerate(texts)}
    return ("mappings", [{"type": "value", "options": options}]), ("custom.cellOptions", {"type": "color-text"})


def fixed(color: str) -> list[DynamicConfigValue]:
    """The override that gives a series this colour."""
    return [DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": color})]


assert set(STATE_LOOKS) == set(catalog.STATES), "every state needs a colour, and only states do"
assert tuple(HEALTH_LOOKS) == catalog.HEALTH, "every health needs a colour, and only healths do"
