"""logwatch / Agent: whether logwatch itself reads, keeps up, knows the lines, and gets its alerts out."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig

from grafana.builder import looks
from grafana.builder.document import Section, render
from grafana.builder.frame import AGENT, frame
from grafana.builder.panels import Column, Placed, Query, course, drawn, figure, rows, verdict
from grafana.builder.selectors import RANGE, RATE, among, happened, metric, other_than, total

MIB = 1 << 20


def build() -> str:
    """Return the text of the file."""
    dashboard = frame(
        "logwatch / Agent",
        AGENT,
        "How logwatch itself fares: whether it reads every log, keeps up, knows the lines, and gets its alerts out.",
    )
    return render(
        dashboard,
        [
            _figures(),
            [_pending(), _delay(), _notifications()],
            [_lines(), _known()],
            Section("Rules and alerts", [_rules(), _losses(), _unparsed(), _alerts()]),
            Section("Limits and the process", _process()),
        ],
    )


def _figures() -> list[Placed]:
    return [
        verdict(
            "Logs",
            "Whether every log it follows can be read.",
            "logwatch_source_open",
            bad="blind",
            good="read",
            width=4,
        ),
        figure(
            "Unread",
            "Bytes of the logs that are still to be read, older generations included. It should come back to 0 by itself.",
            f"sum({metric('logwatch_source_pending_bytes')})",
            unit="bytes",
            thresholds=looks.steps((None, looks.GOOD), (MIB, looks.WARN), (100 * MIB, looks.BAD)),
            empty="no logwatch",
            width=4,
        ),
        figure(
            "Losses",
            "Losses of log bytes that were proven in the chosen time (truncated or deleted before they were read), and lines that journald, "
            "rsyslog or the kernel's socket say they dropped.",
            f"({total('logwatch_source_gaps_total', RANGE)}) + ({total('logwatch_upstream_dropped_lines_total', RANGE)})",
            thresholds=looks.zero_is_good(),
            width=4,
        ),
        figure(
            "Failed notifications",
            "Notifications that a receiver refused or did not answer, or that were dropped from a full queue, in the chosen time.",
            f"({total('logwatch_notifications_errors_total', RANGE)}) + ({total('logwatch_notifications_dropped_total', RANGE)})",
            thresholds=looks.zero_is_good(),
        ),
        figure(
            "Commits failed",
            "Commits of the state that the disk refused and that were tried again, in the chosen time.",
            total("logwatch_commit_errors_total", RANGE),
            thresholds=looks.zero_is_good(),
        ),
        verdict(
            "Last reload",
            "Whether configuration and rules could be loaded when they were last read. If not, the old ones go on.",
            "logwatch_config_last_reload_successful",
            bad="refused",
            good="good",
        ),
        figure(
            "Version",
            "The version that runs; several, if hosts differ.",
            f"count by (version) ({metric('logwatch_build_info')})",
            legend="{{version}}",
            text=True,
            thresholds=looks.plain(),
            empty="no logwatch",
        ),
    ]


def _line(title: str, description: str, expr: str, legend: str, unit: str, *, width: int = 8, **more: object) -> Placed:
    """A panel of one query."""
    return course(title, description, [drawn(expr, legend)], unit=unit, width=width, **more)  # type: ignore[arg-type]  # course's own keywords


def _pending() -> Placed:
    return _line(
        "Unread bytes",
        "How far it lags behind each log, older generations included.",
        f"sum by (instance, path) ({metric('logwatch_source_pending_bytes')})",
        "{{path}}",
        "bytes",
        empty="No logwatch answers here",
    )


def _delay() -> Placed:
    buckets = f"sum by (le) (rate({metric('logwatch_event_delay_seconds', '_bucket')}{RATE}))"
    queries = [
        # Without events a quantile is NaN, and NaN is not at least 0.
        drawn(f"(histogram_quantile({share}, {buckets}) >= 0) or vector(0)", name)
        for share, name in ((0.99, "99 of 100 within"), (0.5, "half within"))
    ]
    return course(
        "Delay of events",
        "From the time an event happened to the time it was counted. 0 while nothing happens.",
        queries,
        unit="s",
        width=8,
        thresholds=looks.steps((None, looks.GOOD), (60, looks.WARN)),
    )


def _notifications() -> Placed:
    return course(
        "Notifications",
        "What was sent to each receiver, what failed, and what waits.",
        [
            drawn(happened("logwatch_notifications_sent_total", "receiver"), "sent: {{receiver}}"),
            drawn(happened("logwatch_notifications_errors_total", "receiver"), "failed: {{receiver}}"),
            drawn(f"sum({metric('logwatch_notifications_queue_length')})", "waiting"),
        ],
        unit="short",
        width=8,
        empty="No logwatch answers here",
    )


def _lines() -> Placed:
    return _line(
        "Lines read",
        "Lines a second of each log, whatever is in them.",
        f"sum by (instance, path) (rate({metric('logwatch_lines_read_total')}{RATE}))",
        "{{path}}",
        "cps",
        width=12,
        empty="No line was read yet",
    )


def _known() -> Placed:
    unknown = metric("logwatch_unmatched_docker_lines_total")
    docker = metric("logwatch_docker_lines_total")
    share = f"1 - sum(increase({unknown}{RANGE})) / (sum(increase({docker}{RANGE})) > 0)"
    return _line(
        "Docker lines that rules know",
        "The share of docker lines, over the chosen time before each moment, that some rule knows. `logwatch suggest` drafts rules for the rest.",
        f"({share}) or vector(1)",
        "known",
        "percentunit",
        width=12,
        thresholds=looks.steps((None, looks.WARN), (0.9, looks.GOOD)),
    )


def _losses() -> Placed:
    return course(
        "Gaps, drops and rotations",
        "Proven losses, what others say they dropped, and rotations that were followed.",
        [
            drawn(happened("logwatch_source_gaps_total", "reason"), "gap: {{reason}}"),
            drawn(happened("logwatch_upstream_dropped_lines_total", "by"), "dropped by {{by}}"),
            drawn(happened("logwatch_source_skipped_total", "reason"), "skipped: {{reason}}"),
            drawn(total("logwatch_source_rotations_total"), "rotations"),
        ],
        unit="short",
        bars=True,
        width=5,
    )


def _rules() -> Placed:
    hits = f"topk(20, round({happened('logwatch_rule_hits_total', 'rule', RANGE)}))"
    last = f"max by (rule) ({metric('logwatch_rule_last_hit_timestamp_seconds')}) * 1000 and on (rule) {hits}"
    return rows(
        "Rules with the most hits",
        "The twenty rules that recognised most lines in the chosen time, and when last.",
        [Query(hits, as_table=True), Query(last, as_table=True)],
        [
            Column("rule", "Rule"),
            Column("Value #A", "Hits", width=70),
            Column("Value #B", "Last hit", (("unit", "dateTimeFromNow"),), 155),
        ],
        empty="No rule recognised a line yet",
        sort="Hits",
        width=9,
        height=8,
    )


def _unparsed() -> Placed:
    return course(
        "Lines not understood",
        "Docker lines that no rule knows, lines of which a part could not be read, values that a rule could not use, events that the "
        "lifecycle does not allow, and late ones.",
        [
            drawn(total("logwatch_unmatched_docker_lines_total"), "unknown"),
            drawn(happened("logwatch_lines_unparsed_total", "reason"), "{{reason}}"),
            drawn(happened("logwatch_rule_value_errors_total", "rule"), "value: {{rule}}"),
            drawn(total("logwatch_lifecycle_anomalies_total"), "not allowed"),
            drawn(total("logwatch_late_events_total"), "late"),
        ],
        unit="short",
        bars=True,
        width=5,
    )


def _alerts() -> Placed:
    states = metric("logwatch_alerts", alertname=other_than("Watchdog"), state=among("pending", "firing"))
    return course(
        "Alerts",
        "Alerts that logwatch evaluates, by how they stand, and how often a rule could not be evaluated.",
        [
            drawn(f"sum by (state) ({states})", "{{state}}"),
            drawn(f"{happened('logwatch_rule_evaluation_failures_total', 'rule')} > 0", "failed: {{rule}}"),
        ],
        unit="short",
        colors={"firing": looks.BAD, "pending": looks.WARN},
        empty="No alert is pending or firing",
        width=5,
    )


def _process() -> list[Placed]:
    return [
        _line(
            "Updates refused by a limit of series",
            "Updates that found their metric at its limit: too many containers, paths or values of a label.",
            total("logwatch_series_dropped_total"),
            "refused",
            "short",
            bars=True,
        ),
        _line(
            "CPU",
            "Share of one core.",
            f"sum by (instance) (rate({metric('process_cpu_seconds_total')}{RATE}))",
            "{{instance}}",
            "percentunit",
            decimals=1,
            empty="No logwatch answers here",
            soft_most=0.05,
        ),
        _line(
            "Memory",
            "Resident memory.",
            f"sum by (instance) ({metric('process_resident_memory_bytes')})",
            "{{instance}}",
            "bytes",
            thresholds=_memory(),
            empty="No logwatch answers here",
        ),
    ]


def _memory() -> ThresholdsConfig:
    return looks.steps((None, looks.GOOD), (160 * MIB, looks.WARN))
