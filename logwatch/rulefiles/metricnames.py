"""Names of metrics and labels: Prometheus' conventions, and whose prefix is whose.

https://prometheus.io/docs/practices/naming/ and promtool's `check metrics`.
"""

from __future__ import annotations

import re

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
        return f"'{name}' is no metric name: use lower-case letters, digits and _"
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
