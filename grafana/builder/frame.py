"""What all dashboards share: variables, links to each other, annotations at the exact second."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.builder.panels import DATASOURCE, link
from grafana.builder.selectors import TARGET, metric

TAGS = ["logwatch", "docker"]
OVERVIEW, CONTAINER, AGENT = "logwatch-docker-overview", "logwatch-container", "logwatch-agent"
FLEET = "logwatch-docker-fleet"
SINCE = "3h"
"""How far back a dashboard looks at first."""
_KEEP = "${__url_time_range}&${datasource:queryparam}&${job:queryparam}"


def frame(title: str, uid: str, description: str) -> Dashboard:
    """A dashboard with all but its panels."""
    dashboard = (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(TAGS)
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(f"now-{SINCE}", "now")
        .refresh("1m")
        .timezone("browser")
        .with_variable(
            DatasourceVariable("datasource").label("Data source").type("prometheus").current(VariableOption())
        )
        .with_variable(_query("job", "Job", "label_values(logwatch_build_info, job)"))
        .with_variable(_query("instance", "Instance", 'label_values(logwatch_build_info{job=~"$job"}, instance)'))
    )
    for title_of, uid_of, tooltip in (
        ("Overview", OVERVIEW, "All containers of the chosen hosts"),
        ("Container", CONTAINER, "One container, or a few"),
        ("Agent", AGENT, "How logwatch itself fares"),
        ("Fleet", FLEET, "Many hosts, by trouble"),
    ):
        if uid_of != uid:
            dashboard = dashboard.link(_to(title_of, uid_of, tooltip))
    return dashboard


def with_names(dashboard: Dashboard) -> Dashboard:
    """Add the variable `name`: a container, or several."""
    query = f"label_values(docker_container_state{{{TARGET}}}, name)"
    variable = QueryVariable("name").label("Container").query({"query": query, "refId": "name"}).definition(query)
    return dashboard.with_variable(
        variable.datasource(DATASOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(True)
    )


def with_annotations(dashboard: Dashboard, *, name: str | None = None) -> Dashboard:
    """Draw OOM kills (of the containers called `name`) and starts of the daemon at the second they happened."""
    told = "docker_container_last_event_timestamp_seconds"
    oom = metric(told, action="oom", name=name) if name else metric(told, action="oom")
    return dashboard.annotation(
        _annotation("OOM kills", oom, "red", "Out of memory: {{name}}", "{{instance}} {{host}}", "name,instance")
    ).annotation(
        _annotation(
            "Daemon starts",
            metric("docker_daemon_last_start_timestamp_seconds"),
            "blue",
            "Docker daemon started",
            "{{instance}} {{host}}",
            "instance",
        )
    )


def to_container(*, name: str, instance: str) -> DashboardLink:
    """The link from a row or series to its container; the two are Grafana's expressions for their values."""
    url = f"/d/{CONTAINER}?{_KEEP}&var-instance={instance}&var-name={name}"
    return link("Look at this container", url)


def to_host() -> DashboardLink:
    """The link from a row to the overview of its host."""
    return link("Look at this host", f"/d/{OVERVIEW}?{_KEEP}&var-instance={BY_ROW['instance']}")


def to_story(*, name: str, instance: str) -> DashboardLink:
    """The link to a container's page on logwatch's own server: its events, the alerts about it, their log lines."""
    return link("Its story and log lines in logwatch", f"http://{instance}/containers/{name}", new_tab=True)


def to_evidence(instance: str) -> DashboardLink:
    """The link to logwatch's own page: alerts with the very lines behind them."""
    return link("Evidence on logwatch's page", f"http://{instance}/", new_tab=True)


BY_LABEL = {"name": "${__field.labels.name}", "instance": "${__field.labels.instance}"}
BY_ROW = {"name": "${__data.fields.Container}", "instance": "${__data.fields.Instance}"}


def _query(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .query({"query": query, "refId": name})
        .definition(query)
        .datasource(DATASOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(VariableOption(text="All", value="$__all", selected=True))
    )


def _to(title: str, uid: str, tooltip: str) -> DashboardLink:
    return (
        DashboardLink(title)
        .type(DashboardLinkType.LINK)
        .icon("dashboard")
        .tooltip(tooltip)
        .url(f"/d/{uid}")
        .keep_time(True)
        .include_vars(True)
    )


def _annotation(name: str, expr: str, color: str, title: str, text: str, keys: str) -> AnnotationQuery:
    """An annotation whose time is the value of a series, not the time of its sample."""
    return (
        AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color(color)
        .expr(f"{expr} * 1000")
        .step("15s")
        .use_value_for_time(True)
        .title_format(title)
        .text_format(text)
        .tag_keys(keys)
    )
