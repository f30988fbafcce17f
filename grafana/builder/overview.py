"""Docker / Overview: what is wrong, on which host, with which container."""

from __future__ import annotations

from typing import Any

from grafana.builder import looks
from grafana.builder.document import Section, render
from grafana.builder.frame import (
    AGENT,
    BY_LABEL,
    BY_ROW,
    OVERVIEW,
    frame,
    to_container,
    to_evidence,
    with_annotations,
)
from grafana.builder.panels import (
    Column,
    Placed,
    Query,
    background,
    course,
    drawn,
    figure,
    link,
    rows,
    timeline,
    verdict,
)
from grafana.builder.selectors import CONTAINER, RANGE, among, grown, happened, metric, other_than, total

EVENTS = "docker_container_events_total"
LAST = "docker_container_last_event_timestamp_seconds"
STATE = "docker_container_state"
HEALTH = "docker_container_health"
CODE = "docker_container_exit_code"
WRITABLE = "docker_container_writable_bytes"
LOGS = "docker_container_log_bytes"
NO_ROOT = "Not sampled: it takes docker_root (--docker-root)"

TOLD = metric("logwatch_alerts", alertname=other_than("Watchdog"), state="firing")
LOGWATCH_SAYS = f"sum by (alertname, severity, instance) ({TOLD}) > 0"
PROMETHEUS_SAYS = (
    'sum by (alertname, severity, instance) (ALERTS{alertname=~"(Docker|Logwatch).*", alertstate="firing", '
    'job=~"$job|", instance=~"$instance|"})'
)
FIRING = f"({LOGWATCH_SAYS}) or on (alertname) {PROMETHEUS_SAYS}"
"""What logwatch evaluates (but for the Watchdog, which fires as long as all is well), and of what Prometheus evaluates only alerts that logwatch does not tell of: none is counted twice."""

ENDED_WELL = f"max {CONTAINER} ({metric(CODE)}) == 0"
STOPPED = f"max {CONTAINER} ({metric(LAST, action='stop')}) >= max {CONTAINER} ({metric(LAST, action='die')})"
"""Someone stopped it: the engine tells of the stop after the death."""
DOWN = (
    f"(sum {CONTAINER} ({metric(STATE, state=among('exited', 'dead', 'restarting'))}) > 0)"
    f" unless ({ENDED_WELL}) unless ({STOPPED})"
)


def build() -> str:
    """Return the text of the file."""
    dashboard = frame(
        "Docker / Overview",
        OVERVIEW,
        "What happened to the containers of Docker hosts, out of the engine's log, by logwatch.",
    )
    return render(
        with_annotations(dashboard),
        [
            _figures(),
            [_alerts(), _unwell()],
            [_timeline()],
            [_events(), _killed()],
            Section("Engine", _engine()),
            Section("Storage (with docker_root)", _storage(), collapsed=True),
        ],
    )


def _figures() -> list[Placed]:
    return [
        figure(
            "Firing alerts",
            "Alerts that fire now: those that logwatch evaluates, and those of the same files that this Prometheus evaluates.",
            f"sum({FIRING}) or vector(0)",
            thresholds=looks.zero_is_good(),
        ),
        figure(
            "Down",
            "Containers that exited, died or are between two restarts. What ended with exit code 0, as a job does, or was stopped on "
            "purpose is not counted.",
            f"count({DOWN}) or vector(0)",
            thresholds=looks.zero_is_good(),
        ),
        figure(
            "Unhealthy",
            "Containers whose health check last failed. The engine's own log never tells this: it takes the docker-events unit.",
            f"sum({metric(HEALTH, health='unhealthy')}) or vector(0)",
            thresholds=looks.zero_is_good(),
        ),
        figure(
            "Restart loops",
            "Containers that died more than three times within the last 15 minutes; those that are counted together are left out.",
            f"count(sum {CONTAINER} {grown(metric(EVENTS, action='die', name=other_than('_.*')), '[15m]')} > 3) or vector(0)",
            thresholds=looks.zero_is_good(),
        ),
        figure(
            "OOM kills",
            "Kills for want of memory in the chosen time.",
            total("docker_events_total", RANGE, type="container", action="oom"),
            thresholds=looks.zero_is_good(),
        ),
        figure(
            "Running",
            "Containers that run now. Behind it: how many ran.",
            f"sum({metric(STATE, state='running')}) or vector(0)",
            thresholds=looks.plain(),
            spark=True,
        ),
        figure(
            "Daemon started",
            "When the engine last started (the newest start, if there are several hosts).",
            f"max({metric('docker_daemon_last_start_timestamp_seconds')}) * 1000",
            unit="dateTimeFromNow",
            thresholds=looks.plain(),
            empty="not in the log",
        ),
        verdict(
            "Log",
            "Whether logwatch can read every log it follows. If not, all other panels show the past.",
            "logwatch_source_open",
            bad="blind",
            good="read",
            links=[link("How logwatch fares", f"/d/{AGENT}?${{__url_time_range}}&${{__all_variables}}")],
        ),
    ]


def _alerts() -> Placed:
    severity = {
        "type": "value",
        "options": {
            "critical": {"color": looks.BAD, "index": 0},
            "warning": {"color": looks.WARN, "index": 1},
            "info": {"color": looks.NEUTRAL, "index": 2},
        },
    }
    return rows(
        "Firing alerts",
        "What fires now. The link leads to logwatch's page, which shows the very lines behind each alert.",
        [Query(FIRING, as_table=True)],
        [
            Column(
                "severity", "Severity", (("mappings", [severity]), ("custom.cellOptions", {"type": "color-text"})), 90
            ),
            Column("alertname", "Alert"),
            Column("instance", "Instance", width=140, links=(to_evidence(BY_ROW["instance"]),)),
            Column("Value", "Count", width=65),
        ],
        empty="No alert is firing",
        sort="Severity",
        descending=False,
        width=9,
        height=8,
    )


def _unwell() -> Placed:
    deaths = times("die", name=other_than("_.*"))
    unhealthy = f"max {CONTAINER} ({metric(HEALTH, health='unhealthy')}) > 0"
    often = f"({deaths}) > 3 or (({deaths}) > 0 unless ({ENDED_WELL}))"
    chosen = f"topk(15, {often} or 0 * ({DOWN}) or 0 * ({unhealthy}))"
    also = f" and on (instance, host, name) {chosen}"
    killed = f"({times('oom')})"
    code = f"max {CONTAINER} ({metric(CODE)})"
    when = f"max {CONTAINER} ({metric(LAST, action='die')}) * 1000"
    return rows(
        "Containers that need a look",
        "Containers that died in the chosen time (other than once or twice with exit code 0), are down, or are unhealthy; most deaths first; those that are counted together are left out. A name leads to the container, an instance to logwatch's page with the log lines.",
        [Query(expr, as_table=True) for expr in (chosen, killed + also, code + also, when + also)]
        + [Query(f"({expr}){also}", as_table=True) for expr in (states(), healths())],
        [
            Column("name", "Container", links=(to_container(**BY_ROW),)),
            Column("host", "Host", width=110),
            Column("instance", "Instance", width=140, links=(to_evidence(BY_ROW["instance"]),)),
            Column("Value #E", "State", looks.cell(looks.SHOWN_STATES, "removed"), 85),
            Column("Value #F", "Health", looks.cell(looks.HEALTH_LOOKS, ""), 90),
            Column("Value #A", "Deaths", background([(None, "transparent"), (3.5, looks.WARN), (10, looks.BAD)]), 75),
            Column("Value #B", "OOM kills", background([(None, "transparent"), (0.5, looks.BAD)]), 85),
            Column("Value #C", "Exit code", width=85),
            Column("Value #D", "Last death", (("unit", "dateTimeFromNow"),), 125),
        ],
        empty="None: no container died of an error, is down or unhealthy",
        sort="Deaths",
        width=15,
        height=8,
    )


def times(action: str, **matchers: str | Any) -> str:
    """How often it happened to each container in the chosen time."""
    return f"sum {CONTAINER} {grown(metric(EVENTS, action=action, **matchers), RANGE)}"


def states(**matchers: str) -> str:
    """Number the states in the order of their colours; 0 when the container is removed."""
    numbers = {state: number for number, state in enumerate(looks.SHOWN_STATES, 1)}
    by_state = " + ".join(
        f"{numbers[state]} * sum {CONTAINER} ({metric(STATE, state=state, **matchers)})" for state in looks.STATE_LOOKS
    )
    exited = f"sum {CONTAINER} ({metric(STATE, state='exited', **matchers)})"
    well = f"(max {CONTAINER} ({metric(CODE, **matchers)}) == bool 0)"
    return f"({by_state} + {numbers['ended'] - numbers['exited']} * {exited} * {well}) or ({by_state})"


def healths(**matchers: str) -> str:
    """Number what health checks last said in the order of their colours; 0 or nothing where none said anything."""
    terms = [
        f"{number} * sum {CONTAINER} ({metric(HEALTH, health=health, **matchers)})"
        for number, health in enumerate(looks.HEALTH_LOOKS, 1)
    ]
    return " + ".join(terms)


def _timeline() -> Placed:
    return timeline(
        "Container states",
        "Each container's state as the log told it; ended: with exit code 0. Dashed lines: red, a kill for want of memory; blue, a start of the daemon. "
        "Click a band to look at its container.",
        drawn(
            f'label_replace(({states()}) > 0, "at", "$1", "instance", "(.+?)(:[0-9]+)?")', "{{name}} @ {{at}} {{host}}"
        ),
        mappings=looks.words(looks.SHOWN_STATES, ("removed", "transparent")),
        empty="No container is known yet: the log has told of none",
        links=[to_container(**BY_LABEL)],
    )


def _events() -> Placed:
    watched = happened("docker_events_total", "action", type="container", action=among(*looks.ACTION_LOOKS))
    return course(
        "Container events",
        "What happened to containers, counted for each step.",
        [drawn(watched, "{{action}}")],
        unit="short",
        bars=True,
        colors=looks.ACTION_LOOKS,
        width=16,
    )


def _killed() -> Placed:
    last = f"max {CONTAINER} ({metric(LAST, action='oom')})"
    return rows(
        "Last OOM kills",
        "Containers that were killed for want of memory, the latest first. A name leads to the container, an instance to logwatch's page with the log lines.",
        [Query(f"topk(10, {last}) * 1000", as_table=True)],
        [
            Column("name", "Container", links=(to_container(**BY_ROW),)),
            Column("host", "Host", width=110),
            Column("instance", "Instance", width=150, links=(to_evidence(BY_ROW["instance"]),)),
            Column("Value", "When", (("unit", "dateTimeFromNow"),), 130),
        ],
        empty="No container ran out of memory",
        sort="When",
        width=8,
        height=8,
    )


def _engine() -> list[Placed]:
    return [
        course(
            "Daemon warnings and errors",
            "Messages that the engine itself wrote at these levels.",
            [
                drawn(
                    happened(
                        "docker_daemon_log_messages_total", "level", level=among("warning", "error", "fatal", "panic")
                    ),
                    "{{level}}",
                )
            ],
            unit="short",
            bars=True,
            colors=looks.LEVEL_LOOKS,
            empty="The engine wrote no warning and no error",
            width=12,
        ),
        course(
            "Pulls and registries",
            "Pulls and pushes that failed, and what registries answered.",
            [
                _troubles("image", "pull_failed", "push_failed"),
                _troubles("registry", "error", "rate_limited"),
            ],
            unit="short",
            bars=True,
            width=12,
        ),
        course(
            "Storage, volumes and networks",
            "Storage under pressure or in error, volumes and networks that failed.",
            [
                _troubles("storage", "pressure", "error"),
                _troubles("volume", "error", "destroy_failed"),
                _troubles("network", "error", "remove_failed", "port_conflict", "dns_error"),
            ],
            unit="short",
            bars=True,
            width=12,
        ),
        course(
            "API errors",
            "Requests that the engine answered with an error, by method and status.",
            [drawn(happened("docker_api_errors_total", "method, status"), "{{method}} {{status}}")],
            unit="short",
            bars=True,
            empty="The engine answered no request with an error",
            width=12,
        ),
    ]


def _storage() -> list[Placed]:
    """What lies on the engine's disk; other parts of a pool than its layers are in none of the sums."""
    layers = {"kind": other_than("pool_data", "pool_metadata")}
    pools = {"kind": among("pool_data", "pool_metadata")}
    avail, size = metric("docker_storage_filesystem_avail_bytes"), metric("docker_storage_filesystem_size_bytes")
    written, logs = f"max {CONTAINER} ({metric(WRITABLE)})", f"max {CONTAINER} ({metric(LOGS)})"
    chosen = f"topk(15, {written} + {logs})"
    also = f" and on (instance, host, name) {chosen}"
    return [
        course(
            "Disk by kind",
            "What images, containers, volumes, logs and the build cache take on the engine's disk, as sampled every five minutes.",
            [drawn(f"sum by (kind) ({metric('docker_storage_bytes', **layers)})", "{{kind}}")],
            unit="decbytes",
            empty=NO_ROOT,
            width=12,
        ),
        course(
            "Unused by kind",
            "What of it nothing uses: `logwatch storage` lists it with the command that frees it.",
            [drawn(f"sum by (kind) ({metric('docker_storage_reclaimable_bytes', **layers)})", "{{kind}}")],
            unit="decbytes",
            empty=NO_ROOT,
            width=12,
        ),
        course(
            "File systems and thin pools",
            "How full the file systems are that the engine's data lies on, and devicemapper's thin pool of its limit.",
            [
                drawn(f"1 - {avail} / {size}", "{{mountpoint}} @ {{instance}}"),
                drawn(
                    f"{metric('docker_storage_bytes', **pools)} / {metric('docker_storage_limit_bytes', **pools)}",
                    "{{kind}} @ {{instance}}",
                ),
            ],
            unit="percentunit",
            empty=NO_ROOT,
            width=12,
        ),
        rows(
            "Largest containers on disk",
            "What containers wrote into their own layers, and the log files that the engine keeps for them. A name leads to the container.",
            [Query(chosen, as_table=True), Query(written + also, as_table=True), Query(logs + also, as_table=True)],
            [
                Column("name", "Container", links=(to_container(**BY_ROW),)),
                Column("host", "Host", width=110),
                Column("instance", "Instance", width=150),
                Column("Value #A", "Together", width=100),
                Column("Value #B", "Written", width=100),
                Column("Value #C", "Logs", width=100),
            ],
            empty=NO_ROOT,
            sort="Together",
            unit="decbytes",
            width=12,
            height=8,
        ),
    ]


def _troubles(kind: str, *actions: str) -> Query:
    """How often these happened to objects of a kind, each drawn by itself."""
    return drawn(
        happened("docker_events_total", "type, action", type=kind, action=among(*actions)), "{{type}} {{action}}"
    )
