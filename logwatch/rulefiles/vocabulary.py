"""The words of events (`docker events`' own, plus failures that only the log reports), and names of metrics.

https://docs.docker.com/reference/cli/docker/system/events/ lists Docker's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from logwatch.metrics.catalog import VOCABULARY as COUNTED

# Docker's words in addition to those that are counted from zero.
FURTHER = {
    "container": "archive-path copy exec_detach export extract-to-dir top",
    "network": "remove update",
    "builder": "prune",
    "plugin": "disable enable install remove",
    "node": "create remove update",
    "service": "create remove update",
    "secret": "create remove update",
    "config": "create remove update",
}
VOCABULARY: Mapping[str, frozenset[str]] = {
    kind: frozenset(COUNTED.get(kind, ())) | frozenset(FURTHER.get(kind, "").split()) for kind in {**COUNTED, **FURTHER}
}
EVENTS = frozenset(f"{kind}.{action}" for kind, actions in VOCABULARY.items() for action in actions)

WORD = re.compile(r"[a-z][a-z0-9_-]*")
"""Docker has actions with a hyphen, such as `archive-path`."""

# Below this two short words such as `stop` and `top` count as the same mistake.
CLOSE = 0.75


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the nearest known word, or nothing."""
    nearest = closest(word, known)
    return f" (did you mean '{nearest}'?)" if nearest else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is nearest to a mistaken one, if any is near."""
    by_lower = {name.lower(): name for name in sorted(known)}
    lower = word.lower()
    if lower in by_lower:
        return by_lower[lower]
    found = [
        *get_close_matches(lower.replace("-", "_"), by_lower, 1, CLOSE),
        *get_close_matches(lower, by_lower, 1, CLOSE),
        *(name for name in by_lower if len(name) > 2 and _one_slip(lower, name)),
    ]
    return by_lower[found[0]] if found else None


def _one_slip(word: str, known: str) -> bool:
    """Whether one letter differs, or two neighbours are exchanged: difflib misses that in a short word such as `die`."""
    if len(word) != len(known):
        return False
    apart = [place for place, (a, b) in enumerate(zip(word, known, strict=True)) if a != b]
    exchanged = len(apart) == 2 and apart[1] == apart[0] + 1 and sorted(word) == sorted(known)
    return len(apart) == 1 or exchanged


def event_mistake(event: str) -> str | None:
    """What is wrong with the form of a `type.action`, if anything."""
    kind, dot, action = event.partition(".")
    if not dot:
        near = [name for name in sorted(EVENTS) if name.endswith(f".{event}")]
        return f"'{event}' is not type.action: write for instance '{near[0] if near else 'container.' + event}'"
    if not (WORD.fullmatch(kind) and WORD.fullmatch(action)):
        return f"'{event}' is not type.action: use lower-case letters, digits, _ and - around one dot, such as 'container.die'"
    return None


def near_miss(event: str) -> str | None:
    """The known event that is nearest to an unknown one."""
    if event in EVENTS:
        return None
    kind, _, action = event.partition(".")
    if kind in VOCABULARY:
        nearest = closest(action, VOCABULARY[kind])
        return f"{kind}.{nearest}" if nearest else None
    return closest(event, EVENTS)


# ── names of metrics ────────────────────────────────────────────────────────────────────


METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
CONVENTION = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
RESERVED = ("logwatch_", "process_", "python_", "scrape_", "prometheus_", "alertmanager_", "up_", "alerts_")
DOCKERS = "docker_"
DERIVED = ("_bucket", "_sum", "_count", "_created", "_info")
UNITS = {
    "_ms": "_seconds",
    "_milliseconds": "_seconds",
    "_minutes": "_seconds",
    "_hours": "_seconds",
    "_kb": "_bytes",
    "_mb": "_bytes",
    "_kilobytes": "_bytes",
    "_megabytes": "_bytes",
    "_percent": "_ratio",
}


def name_mistake(kind: str, name: str, *, shipped: bool) -> str | None:
    """What is wrong with a metric's name, if anything."""
    if METRIC.fullmatch(name) is None:
        return f"'{name}' is not a metric name: use lower-case letters, digits and _"
    if ":" in name:
        return f"'{name}' has a colon, which is for recording rules: write '{name.replace(':', '_')}'"
    reserved = next((prefix for prefix in RESERVED if name.startswith(prefix)), None)
    if reserved is None and not shipped and name.startswith(DOCKERS):
        reserved = DOCKERS
    if reserved is not None:
        return f"metric '{name}': the prefix {reserved} belongs to {_owner(reserved)}: begin with a word of your own"
    if CONVENTION.fullmatch(name) is None:
        spelled = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        return f"metric '{name}' breaks the convention: write <what>_<unit> in lower case, such as '{_joined(spelled)}'"
    return _suffix_mistake(kind, name)


def _suffix_mistake(kind: str, name: str) -> str | None:
    if kind == "counter" and not name.endswith("_total"):
        return f"a counter ends in _total: write '{name}_total'"
    if kind != "counter" and name.endswith("_total"):
        return f"only a counter ends in _total: write '{name.removesuffix('_total')}', or counter:"
    derived = next((suffix for suffix in DERIVED if name.endswith(suffix)), None)
    if derived is not None and not (derived == "_info" and kind == "gauge"):
        return f"metric '{name}': {derived} is what Prometheus appends itself: write another ending"
    return None


def unit_warning(name: str) -> str | None:
    """Whether the name's unit is not a base unit."""
    bare = name.removesuffix("_total")
    unit = next((unit for unit in UNITS if bare.endswith(unit)), None)
    if unit is None:
        return None
    better = bare.removesuffix(unit) + UNITS[unit] + name.removeprefix(bare)
    return f"metric '{name}' is not in base units: give {UNITS[unit][1:]} and write '{better}'"


def _owner(prefix: str) -> str:
    return "logwatch" if prefix in {"logwatch_", DOCKERS} else "Prometheus and its clients"


def _joined(name: str) -> str:
    spelled = re.sub(r"_+", "_", name).strip("_") or "things"
    return spelled if "_" in spelled else f"my_{spelled}"
