"""PromQL selectors of logwatch's own metrics, checked against what logwatch serves."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from logwatch.metrics import catalog
from logwatch.rulefiles.files import fleet_files

TARGET = 'job=~"$job", instance=~"$instance"'
RATE = "[$__rate_interval]"
RANGE = "[$__range]"
CONTAINER = "by (instance, host, name)"
"""One container: `host` is only there with `sources.multi_host`, and harms nobody elsewhere."""

FAMILIES = {family.name: family for family in catalog.counted(multi_host=True) + catalog.SAMPLED + catalog.PROCESS}
_ACTIONS = {action for actions in catalog.VOCABULARY.values() for action in actions}
_WORDS = {
    "type": set(catalog.VOCABULARY),
    "action": _ACTIONS,
    "health": set(catalog.HEALTH),
    "level": set(catalog.LEVELS),
}
"""The labels whose values logwatch chooses."""


@dataclass(frozen=True, slots=True)
class Any:
    """One of several values, or (`other=True`) none of them."""

    values: tuple[str, ...]
    other: bool = False


def among(*values: str) -> Any:
    """A label that has one of these values."""
    return Any(values)


def other_than(*values: str) -> Any:
    """A label that has none of these values."""
    return Any(values, other=True)


def metric(name: str, suffix: str = "", /, **matchers: str | Any) -> str:
    """Select a metric's series of the chosen jobs and instances; ValueError for what logwatch does not serve."""
    family = FAMILIES.get(name)
    if family is None:
        raise ValueError(f"logwatch serves no metric {name}")
    if suffix and family.kind != "histogram":
        raise ValueError(f"{name} is no histogram: it has no {suffix}")
    return f"{name}{suffix}{{{', '.join([TARGET, *(_matcher(name, *each) for each in matchers.items())])}}}"


def recorded(name: str, /, **matchers: str) -> str:
    """Select a series that the rules of a fleet record for each host; ValueError for what they do not record."""
    if name not in RECORDED:
        raise ValueError(f"the rules of a fleet do not record {name}")
    if unknown := matchers.keys() - RECORDED[name]:
        raise ValueError(f"{name} has no label {sorted(unknown)}")
    return f"{name}{{{', '.join([TARGET, *(_words(*each) for each in matchers.items())])}}}"


def _words(label: str, value: str) -> str:
    known = _WORDS.get(label)
    if known is not None and value not in known:
        raise ValueError(f"there is no {label} {value!r}")
    return f'{label}="{value}"'


def _recorded_labels() -> dict[str, frozenset[str]]:
    """By name: the labels beside job and instance of each series that is recorded for a host."""
    found = {}
    for path in fleet_files():
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                if rule.get("record", "").startswith("instance:"):
                    grouped = re.search(r"by \(job, instance,? ?([\w, ]*)\)", rule["expr"])
                    assert grouped, rule["record"]
                    found[rule["record"]] = frozenset(filter(None, grouped[1].split(", ")))
    return found


RECORDED = _recorded_labels()
"""What rules/fleet records of each host."""


def grown(selector: str, window: str) -> str:
    """By how much counters grew in a window, also those that began or ended in it between two scrapes.

    As the shipped alerts count (docs/alerts.md); `increase` over scrapes misses the first event of a new counter.
    """
    now, length = f"last_over_time({selector}{window})", window.strip("[]")
    before = f"last_over_time({selector}[1h] offset {length}) <= {now}"
    scraped = f"last_over_time({metric('logwatch_build_info')}[1h] offset {length})"
    return f"({now} - ({before} or {now} * 0 and on (job, instance) {scraped} or min_over_time({selector}{window})))"


def happened(name: str, by: str, window: str = RATE, /, **matchers: str | Any) -> str:
    """How often something happened in a window, by these labels."""
    return f"sum by ({by}) {grown(metric(name, **matchers), window)}"


def total(name: str, window: str = RATE, /, **matchers: str | Any) -> str:
    """How often something happened in a window in all; 0 where there is no series."""
    return f"sum{grown(metric(name, **matchers), window)} or vector(0)"


def _matcher(name: str, label: str, value: str | Any) -> str:
    if label not in FAMILIES[name].labels:
        raise ValueError(f"{name} has no label {label}")
    known = set(catalog.STATES) if name == "docker_container_state" and label == "state" else _WORDS.get(label)
    if isinstance(value, str):
        if known is not None and value not in known:
            raise ValueError(f"{name} has no {label} {value!r}")
        # A variable of the dashboard may hold several values.
        return f'{label}=~"{value}"' if value.startswith("$") else f'{label}="{value}"'
    if known is not None and (unknown := set(value.values) - known):
        raise ValueError(f"{name} has no {label} {sorted(unknown)}")
    return f'{label}{"!~" if value.other else "=~"}"{"|".join(value.values)}"'
