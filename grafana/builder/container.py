"""Docker / Container: one container's story, or those of a few side by side."""

from __future__ import annotations

from grafana_foundation_sdk.builders import logs, text
from grafana_foundation_sdk.builders.dashboard import DatasourceVariable
from grafana_foundation_sdk.builders.loki import Dataquery as LokiQuery
from grafana_foundation_sdk.models import common as model
from grafana_foundation_sdk.models.dashboard import VariableOption
from grafana_foundation_sdk.models.text import TextMode

from grafana.builder import looks
from grafana.builder.document import Section, render
from grafana.builder.frame import (
    BY_LABEL,
    BY_ROW,
    frame,
    to_evidence,
    to_story,
    with_annotations,
    with_names,
)
from grafana.builder.frame import (
    CONTAINER as UID,
)
from grafana.builder.overview import EVENTS, LAST, healths, states
from grafana.builder.panels import Column, Placed, Query, course, drawn, figure, rows, timeline
from grafana.builder.selectors import CONTAINER, RANGE, RATE, among, grown, happened, metric

NAME = "$name"
LOKI = model.DataSourceRef(type_val="loki", uid="${loki}")
WATCHED = ("create", "start", "die", "stop", "kill", "restart", "oom", "destroy")


def build() -> str:
    """Return the text of the file."""
    dashboard = frame(
        "Docker / Container",
        UID,
        "The story of one container, or of a few, out of the engine's log, by logwatch.",
    )
    dashboard = with_names(dashboard).with_variable(
        DatasourceVariable("loki").label("Loki (optional)").type("loki").current(VariableOption())
    )
    return render(
        with_annotations(dashboard, name=NAME),
        [
            _figures(),
            [_timeline()],
            [_events(), _counts()],
            [_identity()],
            Section("Resources: needs cAdvisor in the same Prometheus", _resources(), collapsed=True),
            Section("Output of the container: needs Loki", _output(), collapsed=True),
        ],
    )


def _figures() -> list[Placed]:
    return [
        figure(
            "State",
            "The state as the log told it last.",
            states(name=NAME),
            legend="{{name}}",
            thresholds=looks.plain(looks.QUIET),
            mappings=looks.words(looks.SHOWN_STATES, ("removed", looks.QUIET)),
            empty="unknown",
            links=[to_story(**BY_LABEL), to_evidence(BY_LABEL["instance"])],
            width=4,
        ),
        figure(
            "Health",
            "What the health check last said. The engine's own log never tells this: it takes the docker-events unit.",
            healths(name=NAME),
            legend="{{name}}",
            thresholds=looks.plain(looks.QUIET),
            mappings=looks.words(looks.HEALTH_LOOKS, ("not told", looks.QUIET)),
            empty="not told",
            width=4,
        ),
        figure(
            "Last exit code",
            "137: killed (often for want of memory), 143: stopped, 139: segmentation fault, 125 to 127: could not start.",
            f"max {CONTAINER} ({metric('docker_container_exit_code', name=NAME)})",
            legend="{{name}}",
            thresholds=looks.zero_is_good(looks.WARN),
            empty="not told",
            width=4,
        ),
        figure(
            "Started",
            "When it last started.",
            f"max {CONTAINER} ({metric(LAST, name=NAME, action='start')}) * 1000",
            legend="{{name}}",
            unit="dateTimeFromNow",
            thresholds=looks.plain(),
            empty="not in the log",
            width=4,
        ),
        figure(
            "Deaths",
            "How often its main process ended in the chosen time.",
            f"sum {CONTAINER} {grown(metric(EVENTS, name=NAME, action='die'), RANGE)}",
            legend="{{name}}",
            thresholds=looks.steps((None, looks.GOOD), (0.5, looks.WARN), (3.5, looks.BAD)),
            width=4,
        ),
        figure(
            "OOM kills",
            "Kills for want of memory in the chosen time.",
            f"sum {CONTAINER} {grown(metric(EVENTS, name=NAME, action='oom'), RANGE)}",
            legend="{{name}}",
            thresholds=looks.zero_is_good(),
            width=4,
        ),
    ]


def _timeline() -> Placed:
    return timeline(
        "State",
        "The state as the log told it; ended: with exit code 0. Dashed lines: red, a kill for want of memory; blue, a start of the daemon.",
        drawn(states(name=NAME), "{{name}} {{host}}"),
        mappings=looks.words(looks.SHOWN_STATES, ("removed", "transparent")),
        empty="Choose a container",
        links=[to_story(**BY_LABEL)],
        height=5,
    )


def _events() -> Placed:
    watched = happened(EVENTS, "action", name=NAME, action=among(*WATCHED))
    return course(
        "Events",
        "What happened to it, counted for each step.",
        [drawn(watched, "{{action}}")],
        unit="short",
        bars=True,
        colors={action: looks.ACTION_LOOKS[action] for action in WATCHED},
        empty="Choose a container",
        width=14,
        height=9,
    )


def _counts() -> Placed:
    ever = f"sum by (instance, host, name, action) ({metric(EVENTS, name=NAME)}) > 0"
    last = f"max by (instance, host, name, action) ({metric(LAST, name=NAME)}) * 1000"
    return rows(
        "Events by kind",
        "Every kind of event that the log told of it: how often since logwatch knows it, and when last. "
        "The name leads to its page in logwatch, with the log lines.",
        [Query(ever, as_table=True), Query(last, as_table=True)],
        [
            Column("name", "Container", links=(to_story(**BY_ROW),)),
            Column("action", "Event"),
            Column("Value #A", "Count", width=80),
            Column("Value #B", "Last", (("unit", "dateTimeFromNow"),), 130),
            Column("instance", "Instance", width=150, links=(to_evidence(BY_ROW["instance"]),)),
        ],
        empty="Choose a container",
        sort="Last",
        width=10,
        height=9,
    )


def _identity() -> Placed:
    return rows(
        "What it is",
        "Id and image, as far as the log, docker-events lines or the engine's own files tell. The name leads to its page in logwatch with the log lines, the instance to logwatch's own page.",
        [
            Query(
                f"max by (instance, host, name, id, image) ({metric('docker_container_info', name=NAME)})",
                as_table=True,
            )
        ],
        [
            Column("name", "Container", width=200, links=(to_story(**BY_ROW),)),
            Column("image", "Image"),
            Column("id", "Id"),
            Column("host", "Host", width=150),
            Column("instance", "Instance", width=200, links=(to_evidence(BY_ROW["instance"]),)),
        ],
        empty="Choose a container",
        sort="Container",
        descending=False,
        width=24,
        height=5,
    )


def _resources() -> list[Placed]:
    chosen = 'name=~"$name"'
    return [
        course(
            "Memory, share of the limit",
            "Working set against the limit; containers without a limit are not shown.",
            [
                drawn(
                    f"container_memory_working_set_bytes{{{chosen}}} / (container_spec_memory_limit_bytes{{{chosen}}} > 0)",
                    "{{name}}",
                )
            ],
            unit="percentunit",
            thresholds=looks.steps((None, looks.GOOD), (0.9, looks.WARN)),
            empty="No memory limit, or no cAdvisor",
            width=12,
        ),
        course(
            "CPU",
            "Cores in use.",
            [drawn(f"sum by (name) (rate(container_cpu_usage_seconds_total{{{chosen}}}{RATE}))", "{{name}}")],
            unit="short",
            decimals=2,
            empty="No cAdvisor",
            width=12,
        ),
    ]


def _output() -> list[Placed]:
    note = (
        "The containers' own output, from Loki. The query below expects the label `container_name`, as Docker's Loki logging "
        "driver sets it; change it if your collector uses another label (`container`, `name`)."
    )
    panel = (
        logs.Panel()
        .title("Output")
        .description("What the chosen containers print.")
        .datasource(LOKI)
        .with_target(LokiQuery().expr('{container_name=~"/?($name)"}').datasource(LOKI))
        .no_value("No Loki, or no lines")
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .sort_order(model.LogsSortOrder.DESCENDING)
        .dedup_strategy(model.LogsDedupStrategy.NONE)
    )
    explained = text.Panel().title("").description(note).mode(TextMode.MARKDOWN).content(note).transparent(True)
    return [Placed(explained, 24, 2), Placed(panel, 24, 12)]
