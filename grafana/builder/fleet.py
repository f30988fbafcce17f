"""Docker / Fleet: which of many hosts are in trouble, from figures that a Prometheus records once a minute."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig

from grafana.builder import looks
from grafana.builder.document import Section, render
from grafana.builder.frame import FLEET, frame, to_host
from grafana.builder.panels import Column, Placed, Query, background, course, drawn, figure, rows
from grafana.builder.selectors import metric, recorded

NOT_RECORDED = "not recorded"
MOST = 100
"""Rows of the table."""
SCORE = recorded("instance:docker_trouble:score")
NOTHING = f"0 * count({SCORE})"
"""0, but only if the rules of a fleet are evaluated: each host has a score."""
EVENTS = "instance:docker_events:increase1h"
STATES = "instance:docker_containers:count"
FIRING = "instance:logwatch_alerts:firing"
SILENT = recorded("instance:logwatch_silent:bool")
DOWN = recorded("instance:docker_containers_down:count")
UNHEALTHY = recorded("instance:docker_containers_unhealthy:count")
EVENT_LOOKS = {
    "container die": looks.WARN,
    "container oom": looks.BAD,
    "container start_failed": "dark-red",
    "daemon crash": "dark-purple",
    "daemon error": "yellow",
    "image pull_failed": "light-blue",
    "storage pressure": "dark-orange",
}
SEVERITY_LOOKS = {"critical": looks.BAD, "warning": looks.WARN, "info": looks.NEUTRAL}


def build() -> str:
    """Return the text of the file."""
    dashboard = frame(
        "Docker / Fleet",
        FLEET,
        "Which of many Docker hosts are in trouble. Its figures are recorded by the rules of logwatch for a fleet.",
    )
    return render(
        dashboard,
        [
            _figures(),
            [_hosts()],
            [_trouble(), _alerts()],
            Section("All hosts together", [_events(), _containers(), _versions()]),
        ],
    )


def _figures() -> list[Placed]:
    return [
        figure(
            "Hosts",
            "Hosts of which samples arrive.",
            f"count(group by (job, instance) ({metric('logwatch_build_info')}))",
            thresholds=looks.plain(),
            empty="no logwatch",
        ),
        _count(
            "Silent",
            "Hosts of which samples arrived within the last hour, and now do not: logwatch, the host or the network is down.",
            f"count({SILENT})",
        ),
        _count(
            "In trouble",
            "Hosts with a firing alert, a container that is down or unhealthy, or no samples.",
            f"count({SCORE} > 0)",
            looks.zero_is_good(looks.WARN),
        ),
        _count(
            "Critical alerts",
            "Alerts of severity critical that fire now, on all hosts.",
            f"sum({recorded(FIRING, severity='critical')})",
        ),
        _count(
            "Down",
            "Containers that exited with an error, died or are between two restarts, and were not stopped.",
            f"sum({DOWN})",
        ),
        _count("Unhealthy", "Containers whose health check last failed.", f"sum({UNHEALTHY})"),
        _count(
            "OOM kills",
            "Kills because memory ran out within the last hour.",
            f"sum({recorded(EVENTS, type='container', action='oom')})",
        ),
        _count(
            "Running",
            "Containers that run now.",
            f"sum({recorded(STATES, state='running')})",
            looks.plain(),
            spark=True,
        ),
    ]


def _count(
    title: str, description: str, expr: str, thresholds: ThresholdsConfig | None = None, *, spark: bool = False
) -> Placed:
    """A figure of what is recorded; 0 if no host has it, and `not recorded` without the rules of a fleet."""
    return figure(
        title,
        description,
        f"{expr} or {NOTHING}",
        thresholds=thresholds or looks.zero_is_good(),
        empty=NOT_RECORDED,
        spark=spark,
    )


def _hosts() -> Placed:
    """Hosts by trouble; each column is looked up for the hosts that are shown."""
    chosen = f"topk({MOST}, {SCORE} > 0)"

    def also(expr: str) -> str:
        return f"sum by (job, instance) ({expr}) and on (job, instance) {chosen}"

    figures = [
        recorded(FIRING, severity="critical"),
        recorded(FIRING, severity="warning"),
        DOWN,
        UNHEALTHY,
        recorded(EVENTS, type="container", action="die"),
        recorded(EVENTS, type="container", action="oom"),
        recorded(EVENTS, type="daemon", action="error"),
        f"{SILENT} * 1",
    ]
    red = background([(None, "transparent"), (0.5, looks.BAD)])
    orange = background([(None, "transparent"), (0.5, looks.WARN)])
    return rows(
        "Hosts by trouble",
        f"The {MOST} hosts in most trouble. A silent host weighs 1000, a critical alert 100, a warning 10, another alert and each container that is "
        "down or unhealthy 1. Deaths, OOM kills and errors of the engine are those of the last hour. An instance leads to its overview.",
        [Query(expr, as_table=True) for expr in (chosen, *map(also, figures))],
        [
            Column("instance", "Instance", links=(to_host(),)),
            Column("Value #A", "Trouble", width=90),
            Column("Value #I", "Silent", red, 80),
            Column("Value #B", "Critical", red, 90),
            Column("Value #C", "Warnings", orange, 90),
            Column("Value #D", "Down", orange, 80),
            Column("Value #E", "Unhealthy", orange, 90),
            Column("Value #F", "Deaths", width=90),
            Column("Value #G", "OOM kills", red, 90),
            Column("Value #H", "Errors", width=90),
        ],
        empty="No host is in trouble",
        sort="Trouble",
        width=24,
        height=11,
    )


def _trouble() -> Placed:
    return course(
        "Hosts in trouble",
        "How many of the chosen hosts are in trouble, and how many are silent.",
        [
            drawn(f"count({SCORE} > 0) or {NOTHING}", "in trouble"),
            drawn(f"count({SILENT}) or {NOTHING}", "silent"),
        ],
        unit="short",
        colors={"in trouble": looks.WARN, "silent": looks.BAD},
        width=12,
    )


def _alerts() -> Placed:
    return course(
        "Firing alerts",
        "Alerts that fire on the chosen hosts, by severity.",
        [drawn(f"sum by (severity) ({recorded(FIRING)})", "{{severity}}")],
        unit="short",
        colors=SEVERITY_LOOKS,
        empty="No alert is firing",
        width=12,
    )


def _events() -> Placed:
    return course(
        "Troubles within an hour",
        "What happened within the hour before each moment, on the chosen hosts together.",
        [drawn(f"sum by (type, action) ({recorded(EVENTS)}) > 0", "{{type}} {{action}}")],
        unit="short",
        colors=EVENT_LOOKS,
        empty="Nothing happened that tells of trouble",
        width=10,
    )


def _containers() -> Placed:
    return course(
        "Containers",
        "Containers of the chosen hosts, by state.",
        [drawn(f"sum by (state) ({recorded(STATES)})", "{{state}}")],
        unit="short",
        colors=looks.STATE_LOOKS,
        empty="No container is there",
        width=10,
    )


def _versions() -> Placed:
    return rows(
        "Versions",
        "How many hosts run which version of logwatch.",
        [Query(f"count by (version) ({metric('logwatch_build_info')})", as_table=True)],
        [Column("version", "Version"), Column("Value", "Hosts", width=70)],
        empty="No logwatch answers here",
        sort="Hosts",
        width=4,
        height=8,
    )
