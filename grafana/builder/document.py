"""From the SDK's model to the file: what Grafana expects and the SDK leaves out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import GridPos

from grafana.builder.panels import Placed

SCHEMA_VERSION = 39
"""That of Grafana 10.4. Newer ones migrate older files when they load them; never the other way round."""
COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under a heading; a collapsed one is loaded when it is opened."""

    title: str
    panels: Sequence[Placed]
    collapsed: bool = False


def render(dashboard: Dashboard, parts: Iterable[Sequence[Placed] | Section]) -> str:
    """Return the text of the dashboard's file: panels laid out in lines of 24 columns, ids and refIds given."""
    tree = _tree(dashboard.build())
    panels: list[dict[str, Any]] = []
    top = 0
    for part in parts:
        if not isinstance(part, Section):
            laid, top = _laid(part, top)
            panels += laid
            continue
        row = {"type": "row", "title": part.title, "collapsed": part.collapsed, "panels": []}
        row["gridPos"] = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        laid, bottom = _laid(part.panels, top + 1)
        panels.append(row)
        if part.collapsed:
            row["panels"], top = laid, top + 1
        else:
            panels += laid
            top = bottom
    _number(panels)
    tree |= {"panels": panels, "schemaVersion": SCHEMA_VERSION, "id": None}
    tree.pop("version", None)
    return json.dumps(tree, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _laid(panels: Sequence[Placed], top: int) -> tuple[list[dict[str, Any]], int]:
    """Lay panels out from left to right; a line is as high as its highest. Returns where the next line begins."""
    laid, left, height = [], 0, 0
    for placed in panels:
        if left + placed.width > COLUMNS:
            left, top, height = 0, top + height, 0
        tree = _tree(placed.panel.build())
        tree["gridPos"] = _tree(GridPos(x=left, y=top, w=placed.width, h=placed.height))
        laid.append(tree)
        left, height = left + placed.width, max(height, placed.height)
    return laid, top + height


def _number(panels: list[dict[str, Any]]) -> None:
    everything = [each for panel in panels for each in (panel, *panel.get("panels", ()))]
    for number, panel in enumerate(everything, 1):
        panel["id"] = number
        for letter, target in zip(ascii_uppercase, panel.get("targets", ()), strict=False):
            target["refId"] = letter


def _tree(model: object) -> Any:
    return json.loads(json.dumps(model, cls=JSONEncoder))
