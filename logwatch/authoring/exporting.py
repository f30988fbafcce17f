"""Alert files as the configuration has them in force, written for a Prometheus that evaluates them.

A Prometheus that loads the files themselves would also evaluate alerts that `rules.disable` names, and shipped ones that
a user's alert replaces. So they are written again without these, for Prometheus or as resources of its operator for Kubernetes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import yaml

from logwatch import __version__
from logwatch.alerting import AlertRule, load
from logwatch.notation import duration, duration_text
from logwatch.rulefiles.files import is_shipped

Form = Literal["prometheus", "operator"]
HEADER = "# Written by `logwatch rules export` of logwatch {version} from {path}.\n"


@dataclass(frozen=True, slots=True)
class Exported:
    """A file to write."""

    name: str
    text: str
    rules: int


def export(
    paths: Sequence[Path],
    disabled: Collection[str] = (),
    *,
    interval: timedelta = timedelta(0),
    form: Form = "prometheus",
) -> list[Exported]:
    """Return each file with its rules that are in force; raises RuleError with every mistake.

    No group is evaluated more often than `interval`.
    """
    groups = load(paths, disabled=disabled)
    own = {rule.name for group in groups if not group.shipped for rule in group.rules if isinstance(rule, AlertRule)}
    exported: dict[str, Exported] = {}
    for path in paths:
        shipped = is_shipped(path)
        left_out = {*disabled, *(own if shipped else ())}
        content = yaml.load(path.read_bytes(), yaml.CSafeLoader)
        kept = list(_groups(content["groups"] or (), left_out, interval))
        if kept:
            name = _unique(path.stem, exported)
            tree = {"groups": kept} if form == "prometheus" else _resource(name, kept)
            header = HEADER.format(version=__version__, path=path.name if shipped else path)
            exported[name] = Exported(f"{name}.yml", header + _written(tree), sum(len(each["rules"]) for each in kept))
    return list(exported.values())


def _groups(
    groups: Sequence[Mapping[str, Any]], left_out: Collection[str], interval: timedelta
) -> Iterator[dict[str, Any]]:
    for group in groups:
        rules = [rule for rule in group.get("rules") or () if rule.get("alert") not in left_out]
        if not rules:
            continue
        changed = dict(group)
        # Without an interval of its own a group has the one of Prometheus' configuration.
        if "interval" in group and duration(str(group["interval"])) < interval:
            changed["interval"] = duration_text(interval)
        yield {**changed, "rules": rules}


def _resource(name: str, groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A PrometheusRule of https://prometheus-operator.dev/docs/api-reference/api/."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": f"logwatch-{name}".lower().replace("_", "-"), "labels": {"app.kubernetes.io/part-of": "docker-logwatch"}},
        "spec": {"groups": groups},
    }  # fmt: skip


def _unique(stem: str, taken: Collection[str]) -> str:
    number = 1
    while (name := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return name


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def _written(tree: Mapping[str, Any]) -> str:
    text: str = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return text
