"""Every metric that logwatch serves: name, type, help and labels, in one table.

Three groups, by where the value comes from:

- `COUNTED`: series that stages move; they are committed with the position in the log.
- `SAMPLED`: what is read off at the moment of a scrape: sources, queues, the build.
- `process_*`: as every Prometheus client library names them, by prometheus-client.

Metrics that rules declare come on top, with the `help` of their rule (`rule_metrics`). The table in docs/metrics.md is made from this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from logwatch.matching import docker_lines
from logwatch.model import COMPOSE_LABELS, Family, State

OTHER = "_other"
"""The value of all labels of the series that takes what a full metric refuses."""

BUILD_INFO = "logwatch_build_info"
CONTAINER_INFO = "docker_container_info"
STATES = tuple(state.value for state in State if state is not State.GONE)
HEALTH = ("starting", "healthy", "unhealthy")
LEVELS = ("trace", *docker_lines.LEVELS)

# The words of `docker events`, and of the troubles that only the log knows.
VOCABULARY: dict[str, tuple[str, ...]] = {
    "container": (
        *("create", "start", "die", "kill", "stop", "restart", "pause", "unpause", "oom", "destroy", "rename"),
        *("update", "exec_create", "exec_start", "exec_die", "health_status", "attach", "detach", "commit"),
        *("resize", "prune", "create_failed", "start_failed", "exec_failed", "kill_failed", "stop_timeout"),
        *("destroy_failed", "restart_refused", "health_error", "oom_killed", "killed_by_signal", "stop_incomplete"),
    ),
    "image": (
        *("pull", "push", "tag", "untag", "delete", "import", "load", "save", "build", "prune"),
        *("pull_failed", "push_failed", "delete_failed"),
    ),
    "network": (
        *("create", "connect", "disconnect", "destroy", "prune"),
        *("error", "remove_failed", "port_conflict", "dns_error"),
    ),
    "volume": ("create", "mount", "unmount", "destroy", "prune", "error", "destroy_failed"),
    "daemon": (
        *("start", "restore", "ready", "stop", "reload", "restart"),
        *("crash", "start_failed", "start_limit", "not_ready", "config_error", "warning", "error"),
    ),
    "api": ("error", "panic"),
    "containerd": ("start", "ready", "stop", "restart", "crash", "start_failed", "connection"),
    "storage": ("pressure", "error", "info"),
    "registry": ("error", "rate_limited", "first_failure", "pull", "push"),
    "swarm": ("join", "leave", "info", "node_problem", "task_failed"),
    "plugin": ("error",),
    "log_driver": ("error",),
    "security": ("tls_error", "authz_denied", "mac_denied", "insecure_socket"),
    "kernel": ("hung_task", "resource_exhausted", "netns_leak", "segfault"),
    "host": ("oom",),
    "log": ("suppressed", "repeated", "gap"),
}

# A counter that starts at 1 does not increase for Prometheus (prometheus#1673), so what
# alerts ask for most is 0 from the moment a container is first seen.
COMMON_ACTIONS = (
    *("create", "start", "die", "kill", "stop", "restart", "oom", "destroy"),
    *("health_status", "start_failed", "stop_timeout", "oom_killed"),
)

CAUSES = frozenset({"requested", "stop_timeout", "oom_limit", "oom_host", "signal", "exit", "daemon_stop", "unknown"})
"""Why containers end."""

# More series than a container can have; what bounds these metrics is the number of containers that have series.
_PER_CONTAINER = 50
MAX_CONTAINERS = 1000
_DELAY = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0)


def _counter(name: str, text: str, *labels: str, most: int = 10_000) -> Family:
    return Family(name, "counter", text, labels, max_series=most)


def _gauge(name: str, text: str, *labels: str, most: int = 10_000) -> Family:
    return Family(name, "gauge", text, labels, max_series=most)


# fmt: off
CONTAINER = (
    _counter("docker_container_events_total", "Events of a container.", "name", "action"),
    _gauge("docker_container_last_event_timestamp_seconds", "When an action last happened to a container.", "name", "action"),
    _gauge("docker_container_state", "1 for the state that a container is in, 0 for the others.", "name", "state"),
    _gauge("docker_container_exit_code", "Exit code of a container's main process when it last ended, if it was logged.", "name"),
    _counter("docker_container_exits_total", "How often a container's main process ended, by cause.", "name", "cause"),
    _gauge("docker_container_last_exit_timestamp_seconds", "When a container's main process last ended, by cause.", "name", "cause"),
    _gauge(CONTAINER_INFO, "Always 1; has a container's id and, if known, its image, compose project and service, and `docker.labels`.", "name", "id", "image", *COMPOSE_LABELS.values()),
    _gauge("docker_container_restart_count", "How often the engine restarted a container by its restart policy, as its own file says.", "name"),
    _gauge("docker_container_health_failing_streak", "Health probes of a container that failed in a row; 0 while it does not run.", "name"),
    _gauge("docker_container_health", "1 for the health that a container's check last reported, 0 for the others.", "name", "health"),
)
"""Labelled by the container's name; their life is the container's."""

ENGINE = (
    _counter("docker_events_total", "Events by type and action, in the words of docker events.", "type", "action", most=2000),
    _gauge("docker_last_event_timestamp_seconds", "When an action last happened to an object other than a container.", "type", "action", most=2000),
    _gauge("docker_daemon_last_start_timestamp_seconds", "When the daemon last started."),
    _counter("docker_api_errors_total", "Requests that the engine answered with an error.", "method", "status", most=500),
)
"""About the engine as a whole."""

AGENT = (
    _counter("docker_daemon_log_messages_total", "Messages of the engine itself, by level.", "level", most=20),
    _counter("logwatch_lines_read_total", "Lines read from a log.", "path"),
    _counter("logwatch_bytes_read_total", "Bytes read from a log.", "path"),
    _counter("logwatch_docker_lines_total", "Lines that contain docker or come from the engine.", "path"),
    _counter("logwatch_unmatched_docker_lines_total", "Docker lines that no rule matches.", "path"),
    _gauge("logwatch_unknown_line_groups", "Groups of engine lines with the same form of text that no rule of their own matches, by level, in the last 7 days.", "level", most=20),
    _gauge("logwatch_unknown_line_groups_since_upgrade", "Those of them that came first after the engine's version last changed.", "level", most=20),
    _gauge("logwatch_engine_upgrade_timestamp_seconds", "When an engine first logged another version than before."),
    _counter("logwatch_rule_hits_total", "Lines that a rule matched.", "rule"),
    _gauge("logwatch_rule_last_hit_timestamp_seconds", "When a rule last matched a line, by the log's clock.", "rule"),
    _counter("logwatch_lines_unparsed_total", "Lines with a part that could not be parsed, by reason.", "path", "reason"),
    _counter("logwatch_duplicate_lines_total", "Lines that had been read before: the engine's with the same time to the microsecond, and copies of a file's lines in the journal; they count once.", "path"),
    _counter("logwatch_line_errors_total", "Lines and events whose processing raised an error and that were skipped, by kind.", "kind", most=20),
    _counter("logwatch_source_gaps_total", "Losses of log bytes, by cause.", "path", "reason"),
    _counter("logwatch_source_gap_bytes_total", "Bytes of a log that were lost.", "path"),
    _counter("logwatch_upstream_dropped_lines_total", "Lines dropped before they reached the log, by the program that dropped them.", "by", most=100),
    Family("logwatch_event_delay_seconds", "histogram", "Time from an event to its processing, while following live.", (), _DELAY),
    _counter("logwatch_inventory_errors_total", "Files and folders of docker_root that could not be read, by reason.", "reason", most=20),
    _counter("logwatch_lifecycle_anomalies_total", "Events that the lifecycle of their object does not allow; they are still counted."),
    _counter("logwatch_late_events_total", "Events first reported more than 10 s after their time, or too late for a correlation; each counts once."),
    _counter("logwatch_correlation_keys_dropped_total", "Objects or values that a correlation stopped watching, the oldest first, because there were too many.", "rule"),
    _counter("logwatch_rule_value_errors_total", "Values that a rule's metric could not use as a number.", "rule"),
    _counter("logwatch_rule_evaluation_failures_total", "Evaluations of an alerting or recording rule (group/name) that failed.", "rule"),
    _counter("logwatch_series_dropped_total", "Updates beyond the series limit of their metric.", "metric", most=2000),
)
"""About logwatch, committed with the position."""

STORAGE = (
    _gauge("docker_storage_bytes", "What is on the engine's disk, by storage driver and kind; pool_data and pool_metadata: of devicemapper's sparse files what is allocated.", "driver", "kind", most=200),
    _gauge("docker_storage_reclaimable_bytes", "What of it nothing uses, so that a prune would free it.", "driver", "kind", most=200),
    _gauge("docker_storage_limit_bytes", "How large devicemapper's pool may become (pool_data, pool_metadata), and what it allows each container (container).", "driver", "kind", most=10),
    _gauge("docker_storage_filesystem_size_bytes", "Size of a file system that the engine's data lies on.", "mountpoint", most=20),
    _gauge("docker_storage_filesystem_avail_bytes", "What of it is available to others than root.", "mountpoint", most=20),
    _gauge("docker_container_writable_bytes", "What a container wrote into its own layer; with devicemapper all of its file system that is in use.", "name"),
    _gauge("docker_container_writable_limit_bytes", "What it may write at most, where that is limited.", "name"),
    _gauge("docker_container_log_bytes", "Log files that the engine keeps for a container, rotated ones included.", "name"),
    _gauge("docker_images", "Images that the engine has, those without a name included."),
    _gauge("docker_image_layers", "Layers of these images."),
    _gauge("docker_storage_sample_duration_seconds", "How long it took to add up the disk the last time, pauses not counted."),
    _gauge("docker_storage_last_sample_timestamp_seconds", "When the disk was last added up to the end."),
)
"""About the engine's disk, sampled slowly where `docker_root` is set."""

PUSH = (
    _counter("logwatch_push_samples_total", "Samples that were pushed, by receiver.", "receiver"),
    _counter("logwatch_push_samples_failed_total", "Samples that a receiver rejected; they are not sent again.", "receiver"),
    _counter("logwatch_push_samples_retried_total", "Samples of requests that failed and are sent again, each try counted.", "receiver"),
    _counter("logwatch_push_samples_dropped_total", "Samples dropped before they were sent: too_old, queue_full, or disk (it refused them).", "receiver", "reason"),
    _gauge("logwatch_push_samples_pending", "Samples waiting to be pushed.", "receiver"),
    _gauge("logwatch_push_last_success_timestamp_seconds", "When a receiver last took samples.", "receiver"),
)
"""About samples that are pushed, where `remote_write` or `otlp` is configured."""

SAMPLED = (
    *STORAGE,
    *PUSH,
    _gauge(BUILD_INFO, "Always 1; has the version.", "version", "pythonversion"),
    _gauge("logwatch_config_last_reload_successful", "1 if the last reload of configuration and rules worked."),
    _gauge("logwatch_config_last_reload_success_timestamp_seconds", "When configuration and rules were last loaded."),
    _gauge("logwatch_rules", "Event rules that are loaded."),
    _gauge("logwatch_source_open", "1 while a log can be read.", "path"),
    _gauge("logwatch_source_size_bytes", "Size of a log.", "path"),
    _gauge("logwatch_source_position_bytes", "Bytes of a log that were read.", "path"),
    _gauge("logwatch_source_pending_bytes", "Bytes still to be read, older generations of the log included.", "path"),
    _gauge("logwatch_source_last_read_timestamp_seconds", "When bytes were last read from a log.", "path"),
    _counter("logwatch_source_rotations_total", "Rotations of a log that were followed, by kind.", "path", "kind"),
    _counter(
        "logwatch_source_late_lines_total",
        "Lines that a writer added to a log's file after it was rotated; each is read once.",
        "path",
    ),
    _counter("logwatch_source_skipped_total", "Lines or bytes of a log that were skipped, by cause.", "path", "reason"),
    _counter("logwatch_commit_errors_total", "Commits of the state that failed and were retried."),
    _gauge("logwatch_commit_last_success_timestamp_seconds", "When the state was last committed."),
    _gauge("logwatch_alerts", "Active alerts, by name, severity and state.", "alertname", "severity", "state"),
    _gauge("logwatch_mutes", "Mutes and windows of muted alerts that are in force."),
    _gauge("logwatch_alerts_muted", "Firing alerts that are muted."),
    _counter("logwatch_notifications_sent_total", "Notifications sent to a receiver, failures included.", "receiver"),
    _counter("logwatch_notifications_errors_total", "Notifications that a receiver rejected or did not answer.", "receiver"),
    _counter("logwatch_notifications_dropped_total", "Notifications dropped from a full queue.", "receiver"),
    Family("logwatch_notifications_latency_seconds", "histogram", "Time until a receiver answered.", ("receiver",), (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0)),
    _gauge("logwatch_notifications_queue_length", "Notifications waiting to be sent."),
)
"""Read off when a scrape asks."""

PROCESS = (
    _gauge("process_virtual_memory_bytes", "Virtual memory size in bytes."),
    _gauge("process_resident_memory_bytes", "Resident memory size in bytes."),
    _gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds."),
    _counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds."),
    _gauge("process_open_fds", "Number of open file descriptors."),
    _gauge("process_max_fds", "Maximum number of open file descriptors."),
)
"""About the process; prometheus-client measures these."""
# fmt: on


def counted(
    *, multi_host: bool = False, max_containers: int = MAX_CONTAINERS, chosen: Sequence[str] = ()
) -> tuple[Family, ...]:
    """Return the families that stages move; with several hosts docker's own carry `host` as their last label.

    `chosen` are the labels that are added to docker_container_info.
    """
    most = _PER_CONTAINER * max_containers
    containers = (_with_chosen(replace(family, max_series=most), chosen) for family in CONTAINER)
    docker: tuple[Family, ...] = (*containers, *ENGINE)
    if multi_host:
        docker = tuple(replace(family, labels=(*family.labels, "host")) for family in docker)
    return docker + AGENT


def _with_chosen(family: Family, chosen: Sequence[str]) -> Family:
    return replace(family, labels=(*family.labels, *chosen)) if family.name == CONTAINER_INFO else family


def table() -> str:
    """Return the Markdown table of every metric."""
    rows = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for family in counted() + SAMPLED + PROCESS:
        labels = ", ".join(f"`{label}`" for label in family.labels) or "–"
        rows.append(f"| `{family.name}` | {family.kind} | {labels} | {family.help} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 -- the table for docs/metrics.md
