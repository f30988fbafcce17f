"""The kinds of panels that the dashboards are made of, each with what all of its kind have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import common, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as model
from grafana_foundation_sdk.models.dashboard import DashboardLink as LinkModel
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    Panel,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.builder import looks
from grafana.builder.selectors import metric

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
Link = Builder[LinkModel]
Kind = TypeVar("Kind", stat.Panel, timeseries.Panel, statetimeline.Panel, table.Panel)
Linked = TypeVar("Linked", stat.Panel, timeseries.Panel, statetimeline.Panel)


@dataclass(frozen=True, slots=True)
class Placed:
    """A panel and its size in the grid of 24 columns; rows are 30 pixels high."""

    panel: Builder[Panel]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel; instant unless it is drawn over time."""

    expr: str
    legend: str = ""
    over_time: bool = False
    as_table: bool = False

    def built(self) -> Dataquery:
        """Make it the SDK's."""
        query = Dataquery().expr(self.expr).datasource(DATASOURCE)
        query = query.range() if self.over_time else query.instant()
        if self.as_table:
            query = query.format(PromQueryFormat.TABLE)
        return query.legend_format(self.legend) if self.legend else query


def link(title: str, url: str, *, new_tab: bool = False) -> DashboardLink:
    """A link on a value, a series or a cell."""
    return DashboardLink(title).url(url).target_blank(new_tab)


def drawn(expr: str, legend: str) -> Query:
    """A query that is drawn over time."""
    return Query(expr, legend, over_time=True)


def _headed(panel: Kind, title: str, description: str) -> Kind:
    return panel.title(title).description(description).datasource(DATASOURCE)


def _linked(panel: Linked, links: Iterable[Link]) -> Linked:
    made = list(links)
    return panel.data_links(made) if made else panel


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(model.LegendDisplayMode.LIST)
        .placement(model.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )


def figure(
    title: str,
    description: str,
    expr: str,
    *,
    thresholds: ThresholdsConfig,
    unit: str = "none",
    legend: str = "",
    mappings: looks.Mappings | None = None,
    empty: str = "0",
    links: Iterable[Link] = (),
    spark: bool = False,
    text: bool = False,
    width: int = 3,
    height: int = 4,
) -> Placed:
    """One big number (or, with `text`, the legend as a word); `spark` draws its course behind it."""
    panel = (
        _headed(stat.Panel(), title, description)
        .with_target(Query(expr, legend, over_time=spark).built())
        .unit(unit)
        .decimals(0)
        .thresholds(thresholds)
        .mappings(mappings or [])
        .no_value(empty)
        .color_mode(model.BigValueColorMode.BACKGROUND)
        .graph_mode(model.BigValueGraphMode.AREA if spark else model.BigValueGraphMode.NONE)
        .text_mode(model.BigValueTextMode.NAME if text else model.BigValueTextMode.AUTO)
        .justify_mode(model.BigValueJustifyMode.CENTER)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .orientation(model.VizOrientation.AUTO)
    )
    return Placed(_linked(panel, links), width, height)


def verdict(
    title: str, description: str, name: str, *, bad: str, good: str, links: Iterable[Link] = (), width: int = 3
) -> Placed:
    """What a gauge of 0 (bad) and 1 (good) says, as a word; the worst of all."""
    return figure(
        title,
        description,
        f"min({metric(name)}) + 1",
        thresholds=looks.plain(looks.BAD),
        mappings=looks.words({bad: looks.BAD, good: looks.GOOD}, (bad, looks.BAD)),
        empty="no logwatch",
        links=links,
        width=width,
    )


def course(
    title: str,
    description: str,
    queries: Iterable[Query],
    *,
    unit: str,
    width: int,
    height: int = 8,
    bars: bool = False,
    colors: Mapping[str, str] | None = None,
    thresholds: ThresholdsConfig | None = None,
    decimals: int | None = None,
    soft_most: float = 1,
    empty: str = "No data",
    links: Iterable[Link] = (),
) -> Placed:
    """Values over time: lines, or stacked bars that count what happened in each step."""
    panel = (
        _headed(timeseries.Panel(), title, description)
        .targets([query.built() for query in queries])
        .unit(unit)
        .min(0)
        .no_value(empty)
        .thresholds(thresholds or looks.plain())
        .legend(_legend())
        .tooltip(
            common.VizTooltipOptions()
            .mode(model.TooltipDisplayMode.MULTI)
            .sort(model.SortOrder.DESCENDING)
            .hide_zeros(bars)
        )
        .line_width(1)
        .axis_soft_max(soft_most)
    )
    if bars:
        # A minute at least: with shorter steps the windows of $__rate_interval overlap, and one event fills several bars.
        panel = (
            panel.draw_style(model.GraphDrawStyle.BARS)
            .fill_opacity(80)
            .stacking(common.StackingConfig().mode(model.StackingMode.NORMAL).group("A"))
            .interval("1m")
            .decimals(0)
        )
    else:
        panel = panel.fill_opacity(10).show_points(model.VisibilityMode.NEVER)
    if decimals is not None:
        panel = panel.decimals(decimals)
    for name, color in (colors or {}).items():
        panel = panel.override_by_name(name, looks.fixed(color))
    return Placed(_linked(panel, links), width, height)


def timeline(
    title: str,
    description: str,
    query: Query,
    *,
    mappings: looks.Mappings,
    empty: str,
    links: Iterable[Link] = (),
    width: int = 24,
    height: int = 9,
) -> Placed:
    """Bands that change their colour with the value."""
    panel = (
        _headed(statetimeline.Panel(), title, description)
        .with_target(query.built())
        .unit("none")
        .mappings(mappings)
        .thresholds(looks.plain(looks.QUIET))
        .no_value(empty)
        .show_value(model.VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.85)
        .per_page(20)
        .line_width(0)
        .fill_opacity(75)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(model.TooltipDisplayMode.SINGLE).sort(model.SortOrder.NONE))
    )
    return Placed(_linked(panel, links), width, height)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the field it shows, its title, and how."""

    field: str
    title: str
    properties: tuple[tuple[str, Any], ...] = ()
    width: int = 0
    links: tuple[Link, ...] = ()
    """A cell with a link looks like one."""

    def override(self) -> list[DynamicConfigValue]:
        """Return what differs from the table's defaults."""
        # The table's own text for nothing speaks of the whole table.
        values = [DynamicConfigValue(id_val="noValue", value="–")]
        values += [DynamicConfigValue(id_val=name, value=value) for name, value in self.properties]
        if self.width:
            values.append(DynamicConfigValue(id_val="custom.width", value=self.width))
        if self.links:
            values.append(DynamicConfigValue(id_val="links", value=[_plain(link) for link in self.links]))
        return values


def rows(
    title: str,
    description: str,
    queries: Iterable[Query],
    columns: Iterable[Column],
    *,
    empty: str,
    sort: str,
    descending: bool = True,
    width: int,
    height: int,
    unit: str = "none",
) -> Placed:
    """A table: the queries side by side, one row for each set of labels, only the named columns, in that order."""
    shown = list(columns)
    panel = (
        _headed(table.Panel(), title, description)
        .targets([query.built() for query in queries])
        .unit(unit)
        .decimals(0)
        .thresholds(looks.plain(looks.QUIET))
        .no_value(empty)
        .show_header(True)
        .cell_height(model.TableCellHeight.SM)
        .sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
        .transformations([*only(column.field for column in shown), _in_order(shown)])
    )
    for column in shown:
        panel = panel.override_by_name(column.title, column.override())
    return Placed(panel, width, height)


def _plain(link: Link) -> dict[str, Any]:
    model = link.build()
    return {"title": model.title, "url": model.url, "targetBlank": model.target_blank}


def only(fields: Iterable[str]) -> list[DataTransformerConfig]:
    """Join the queries' rows by their labels, and leave all other fields out (also those that are not there)."""
    pattern = "^(" + "|".join(field.replace("#", "\\#") for field in fields) + ")$"
    return [
        DataTransformerConfig(id_val="merge", options={}),
        DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"pattern": pattern}}),
    ]


def _in_order(columns: list[Column]) -> DataTransformerConfig:
    return DataTransformerConfig(
        id_val="organize",
        options={
            "excludeByName": {},
            "includeByName": {},
            "indexByName": {column.field: place for place, column in enumerate(columns)},
            "renameByName": {column.field: column.title for column in columns},
        },
    )


def background(thresholds: list[tuple[float | None, str]]) -> tuple[tuple[str, Any], ...]:
    """The properties of a cell that is coloured by its value."""
    return (
        ("custom.cellOptions", {"type": "color-background", "mode": "basic"}),
        (
            "thresholds",
            {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in thresholds]},
        ),
    )
