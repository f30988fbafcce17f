"""The dashboards' files, taken apart for the tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser as parser

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
BUILT_IN = {"$__range_s": "10800", "$__rate_interval": "5m", "$__interval": "1m", "$__range": "3h"}


@dataclass(frozen=True)
class Query:
    """A query of a dashboard; panel 0 stands for variables and annotations."""

    dashboard: str
    panel: str
    expr: str
    target: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.dashboard}/{self.panel}/{self.target.get('refId', '')}"

    @property
    def logwatchs(self) -> bool:
        """Whether all of its metrics are logwatch's."""
        return not re.search(r"\bcontainer_\w+\{", self.expr)


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels but rows, those of collapsed rows too."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def queries(*, annotations: bool = True) -> list[Query]:
    """Every PromQL query of every dashboard."""
    found = []
    for path in FILES:
        dashboard = load(path)
        for panel in panels(dashboard):
            for target in panel.get("targets", ()):
                if target["datasource"]["type"] == "prometheus":
                    found.append(Query(path.stem, panel["title"], target["expr"], target))
        for annotation in dashboard["annotations"].get("list", ()) if annotations else ():
            found.append(Query(path.stem, f"annotation {annotation['name']}", annotation["expr"], annotation))
    return found


def variable_selectors() -> list[tuple[str, str, str]]:
    """Dashboard, selector and label of every variable that asks Prometheus."""
    found = []
    for path in FILES:
        for variable in load(path)["templating"]["list"]:
            if variable["type"] == "query":
                asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
                assert asked, variable["definition"]
                found.append((path.stem, asked[1], asked[2]))
    return found


def concrete(expr: str, **values: str) -> str:
    """A query with Grafana's variables filled in: everything is chosen unless said otherwise."""
    for name, value in {**BUILT_IN, **{f"${name}": value for name, value in values.items()}}.items():
        expr = expr.replace(name, value)
    return re.sub(r"\$\w+", ".+", expr)


def below(tree: Any) -> list[Any]:
    """The parts directly below a part of a parsed query."""
    parts = [getattr(tree, name, None) for name in ("lhs", "rhs", "expr", "param", "vector_selector")]
    return [each for each in [*parts, *(getattr(tree, "args", None) or ())] if hasattr(each, "prettify")]


def nodes(tree: Any) -> Iterator[Any]:
    """Every part of a parsed query, the whole first."""
    yield tree
    for each in below(tree):
        yield from nodes(each)


def selectors(expr: str) -> list[Any]:
    """The selectors in a query."""
    return [node for node in nodes(parser.parse(expr)) if isinstance(node, parser.VectorSelector)]
