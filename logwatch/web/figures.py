"""Figures about logwatch itself: how far it is, what was lost, what it sends, what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from logwatch.model import SECOND, LabelValues
from logwatch.notation import counted
from logwatch.web.view import View

Measured = dict[str, dict[LabelValues, float]]
"""Names of samples to their values by label values."""
MUCH = 1 << 20
"""Bytes still to read that need a look."""
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line."""

    title: str
    text: str
    level: str = ""
    """`bad` or `warn` where it needs a look."""
    url: str = ""


def amount(size: float) -> str:
    """Bytes as people read them."""
    for unit in UNITS[:-1]:
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {UNITS[-1]}"


def number(value: float) -> str:
    """Return a whole number with its thousands apart."""
    return f"{value:,.0f}".replace(",", "\u202f")


def figures(view: View, now_ns: int) -> list[Figure]:
    """Return what is worth knowing at a glance."""
    measured: Measured = {}
    for change in view.self_metrics():
        if change.value is not None:
            measured.setdefault(change.family, {})[change.labels] = change.value
    found = [*_reading(view), *_sending(view, measured), *_disks(measured), *_process(measured, now_ns)]
    return found if view.readiness().ok else [Figure("Ready", "no", "bad", "/sources"), *found]


def _reading(view: View) -> Iterable[Figure]:
    pending = sum(status.pending for status in view.sources())
    yield Figure("Still to read", amount(pending), "warn" if pending > MUCH else "", "/sources")
    lines, docker, unknown = (
        sum(view.published.values(f"logwatch_{name}_total").values())
        for name in ("lines_read", "docker_lines", "unmatched_docker_lines")
    )
    yield Figure("Lines read", f"{number(lines)}, {number(docker)} about Docker")
    if docker:
        yield Figure("Matched by no rule", f"{number(unknown)} ({unknown / docker:.1%})")
    gaps = sum(view.published.values("logwatch_source_gaps_total").values())
    lost = sum(view.published.values("logwatch_source_gap_bytes_total").values())
    text = f"{amount(lost)} in {counted(int(gaps), 'gap')}" if gaps else "nothing"
    yield Figure("Lost", text, "bad" if gaps else "", "/sources")


def _sending(view: View, measured: Measured) -> Iterable[Figure]:
    alerts = [alert for alert in view.alerts().alerts if alert.state == "firing"]
    firing = [alert for alert in alerts if alert.labels.get("severity") != "none"]
    muted = sum(view.muting().is_muted(alert.labels) for alert in firing)
    yield Figure("Alerts firing", f"{len(firing)}{f', {muted} muted' if muted else ''}", "", "/alerts")
    errors = measured.get("logwatch_notifications_errors_total", {})
    for labels, sent in measured.get("logwatch_notifications_sent_total", {}).items():
        failed = errors.get(labels, 0)
        text = f"{number(sent)} sent{f', {number(failed)} failed' if failed else ''}"
        yield Figure(labels[0], text, "warn" if failed else "")


def _disks(measured: Measured) -> Iterable[Figure]:
    sizes = measured.get("docker_storage_filesystem_size_bytes", {})
    for labels, available in measured.get("docker_storage_filesystem_avail_bytes", {}).items():
        if size := sizes.get(labels):
            used = 1 - available / size
            level = "bad" if used > 0.95 else "warn" if used > 0.85 else ""
            yield Figure(f"Disk {labels[0]}", f"{used:.0%} of {amount(size)}", level)


def _process(measured: Measured, now_ns: int) -> Iterable[Figure]:
    memory, started, used = (
        measured.get(f"process_{name}", {}).get((), 0.0)
        for name in ("resident_memory_bytes", "start_time_seconds", "cpu_seconds_total")
    )
    if memory and started:
        share = used / max(1.0, now_ns / SECOND - started)
        yield Figure("Memory, processor", f"{amount(memory)}, {share:.1%} of a core since the start")
