"""The seventeen rules of Grafana's dashboard-linter, over the parser's tree of each query.

Each takes a dashboard and yields the panel (empty for the dashboard itself) and what is wrong. After the
rules' descriptions in https://github.com/grafana/dashboard-linter/tree/main/docs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import promql_parser as parser
from dashboards import below, concrete, nodes, panels, selectors

Finding = tuple[str, str]
Dashboard = dict[str, Any]
WITH_TITLE = {"stat", "timeseries", "table", "gauge", "state-timeline", "logs"}
WITH_UNIT = {"stat", "timeseries", "gauge", "table", "state-timeline"}
UNITS = {
    *("none", "short", "percentunit", "percent", "bytes", "decbytes", "Bps", "s", "ms", "cps", "ops", "reqps"),
    *("dateTimeFromNow", "dateTimeAsIso", "dtdurations"),
}
"""Those of Grafana's list that these dashboards use, and a few more."""


def variable(dashboard: Dashboard, name: str) -> dict[str, Any]:
    return next((each for each in dashboard["templating"]["list"] if each["name"] == name), {})


def template_datasource(dashboard: Dashboard) -> Iterator[Finding]:
    found = variable(dashboard, "datasource")
    if (found.get("type"), found.get("label"), found.get("query")) != ("datasource", "Data source", "prometheus"):
        yield "", "no variable datasource, labelled Data source, of Prometheus' kind"


def template_target(name: str) -> Callable[[Dashboard], Iterator[Finding]]:
    def rule(dashboard: Dashboard) -> Iterator[Finding]:
        found = variable(dashboard, name)
        expected = {"type": "query", "label": name.title(), "multi": True, "allValue": ".+"}
        for key, value in expected.items():
            if found.get(key) != value:
                yield "", f"variable {name}: {key} is not {value}"
        if found.get("datasource", {}).get("uid") != "${datasource}":
            yield "", f"variable {name} does not ask the chosen data source"

    return rule


def template_label_promql(dashboard: Dashboard) -> Iterator[Finding]:
    for each in dashboard["templating"]["list"]:
        if each["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), \w+\)", each["definition"])
            if not asked or not valid(asked[1]) or each["query"]["query"] != each["definition"]:
                yield "", f"variable {each['name']}: {each['definition']}"


def template_reload(dashboard: Dashboard) -> Iterator[Finding]:
    for each in dashboard["templating"]["list"]:
        if each["type"] == "query" and each.get("refresh") != 2:
            yield "", f"variable {each['name']} is not asked anew when the time range changes"


def panel_datasource(dashboard: Dashboard) -> Iterator[Finding]:
    for panel in panels(dashboard):
        if panel["type"] in WITH_UNIT and panel.get("datasource", {}).get("uid") != "${datasource}":
            yield panel["title"], "does not ask the chosen data source"


def panel_title_description(dashboard: Dashboard) -> Iterator[Finding]:
    for panel in panels(dashboard):
        if panel["type"] in WITH_TITLE and not (panel.get("title") and panel.get("description")):
            yield panel["title"], "needs a title and a description"


def panel_units(dashboard: Dashboard) -> Iterator[Finding]:
    for panel in panels(dashboard):
        if panel["type"] in WITH_UNIT and panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            yield panel["title"], "has no unit that Grafana knows"


def panel_no_targets(dashboard: Dashboard) -> Iterator[Finding]:
    for panel in panels(dashboard):
        if panel["type"] != "text" and not panel.get("targets"):
            yield panel["title"], "asks nothing"


def target_logql(dashboard: Dashboard) -> Iterator[Finding]:
    for panel, target in targets(dashboard, "loki"):
        if not re.fullmatch(r"\{\w+=~\"[^\"]+\"\}", target["expr"]):
            yield panel, "is no plain selector of streams"


def target_logql_auto(dashboard: Dashboard) -> Iterator[Finding]:
    for panel, target in targets(dashboard, "loki"):
        if "$__auto" not in target["expr"]:
            yield panel, "has no $__auto"


def target_promql(dashboard: Dashboard) -> Iterator[Finding]:
    for panel, target in targets(dashboard):
        if not valid(target["expr"]):
            yield panel, f"is no PromQL: {target['expr']}"


def target_rate_interval(dashboard: Dashboard) -> Iterator[Finding]:
    for panel, target in targets(dashboard):
        for window in re.findall(r"\birate\([^\[]*\[([^\]]+)\]|\brate\([^\[]*\[([^\]]+)\]", target["expr"]):
            if "$__rate_interval" not in window:
                yield panel, f"a rate over {''.join(window)}"


def target_label(name: str) -> Callable[[Dashboard], Iterator[Finding]]:
    def rule(dashboard: Dashboard) -> Iterator[Finding]:
        for panel, target in targets(dashboard):
            for selector in selectors(kept(target["expr"])):
                asked = [str(each.value) for each in selector.matchers.matchers if each.name == name]
                if asked != [f"${name}"]:
                    yield panel, f'{selector.name} without {name}=~"${name}"'

    return rule


def target_counter(dashboard: Dashboard) -> Iterator[Finding]:
    for panel, target in targets(dashboard):
        if bare := _bare(parser.parse(kept(target["expr"]))):
            yield panel, f"{bare} outside rate and increase"


def _bare(tree: Any) -> str:
    """The first counter that stands outside the functions that take its growth."""
    if (isinstance(tree, parser.Call) and tree.func.name in RATES) or _is_growth(tree):
        return ""
    if isinstance(tree, parser.VectorSelector):
        return tree.name if str(tree.name).endswith("_total") else ""
    return next((found for each in below(tree) if (found := _bare(each))), "")


def _is_growth(tree: Any) -> bool:
    """Whether a counter's value some time ago is subtracted from its value (grafana/builder/selectors.py, grown)."""
    if not isinstance(tree, parser.BinaryExpr) or str(tree.op) != "-":
        return False
    read = [
        {node.name for node in nodes(side) if isinstance(node, parser.VectorSelector)} for side in (tree.lhs, tree.rhs)
    ]
    return len(read[0]) == 1 and read[1] == read[0] | {"logwatch_build_info"}


def uneditable(dashboard: Dashboard) -> Iterator[Finding]:
    if dashboard["editable"]:
        yield "", "can be edited"


RATES = {"rate", "irate", "increase"}
RULES: dict[str, Callable[[Dashboard], Iterator[Finding]]] = {
    "template-datasource": template_datasource,
    "template-job": template_target("job"),
    "template-instance": template_target("instance"),
    "template-label-promql": template_label_promql,
    "template-on-time-change-reload": template_reload,
    "panel-datasource": panel_datasource,
    "panel-title-description": panel_title_description,
    "panel-units": panel_units,
    "panel-no-targets": panel_no_targets,
    "target-logql": target_logql,
    "target-logql-auto": target_logql_auto,
    "target-promql": target_promql,
    "target-rate-interval": target_rate_interval,
    "target-job": target_label("job"),
    "target-instance": target_label("instance"),
    "target-counter-agg": target_counter,
    "uneditable": uneditable,
}


def targets(dashboard: Dashboard, kind: str = "prometheus") -> Iterator[tuple[str, dict[str, Any]]]:
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            if target["datasource"]["type"] == kind:
                yield panel["title"], target


def kept(expr: str) -> str:
    """A query with its variables of time filled in only."""
    for name, value in (("$__range_s", "10800"), ("$__rate_interval", "5m"), ("$__interval", "1m"), ("$__range", "3h")):
        expr = expr.replace(name, value)
    return expr


def valid(expr: str) -> bool:
    try:
        parser.parse(concrete(expr))
    except ValueError:
        return False
    return True
