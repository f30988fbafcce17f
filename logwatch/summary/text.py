"""A summary as text or as a page: one sentence first, then what is in trouble, then the rest in few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import jinja2

from logwatch.model import SECOND, Alert
from logwatch.notation import counted, one_line
from logwatch.summary.gathering import ContainerSummary, Happening, Loss, Summary

CAUSES = {
    "requested": "requested",
    "daemon_stop": "with the engine",
    "stop_timeout": "killed after the stop timeout",
    "oom_limit": "out of memory (its limit)",
    "oom_host": "out of memory (the host's)",
    "signal": "by a signal",
    "exit": "by itself",
    "unknown": "for an unknown reason",
}
MOST_ROWS = 15
"""Of a section."""
MOST_NAMES = 5
Section = tuple[str, list[str]]


def as_html(summary: Summary) -> str:
    """Return the report as a page that needs no other file: for a browser, and as the body of a mail."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.get_template("report.html")
    return template.render(period=period(summary), headline=headline(summary), sections=list(sections(summary)))


def as_text(summary: Summary) -> str:
    """Return the whole report, lines ending in newlines."""
    lines = [period(summary), "", headline(summary)]
    for title, rows in sections(summary):
        lines += ["", title, *(f"  {row}" for row in rows)]
    return "\n".join(lines) + "\n"


def period(summary: Summary) -> str:
    """Return which time on which hosts it is about."""
    hosts = f" on {', '.join(map(one_line, summary.hosts))}" if summary.hosts else ""
    return f"{moment(summary.since_ns)} to {moment(summary.until_ns)}{hosts}"


def headline(summary: Summary) -> str:
    """Return what happened in one sentence."""
    troubled, firing = len(summary.in_trouble), sum(alert.ends_ns is None for alert in _for_people(summary))
    if not summary.events:
        return "Nothing happened: the log had no event."
    parts = [
        f"{troubled} of {counted(len(summary.containers), 'container')} had trouble"
        if troubled
        else "No container had trouble",
        f"{counted(len(_for_people(summary)), 'alert')} fired" + (f", {firing} of them still" if firing else "")
        if _for_people(summary)
        else "no alert fired",
    ]
    if summary.losses:
        parts.append("a part of the log was lost")
    return "; ".join(parts) + "."


def sections(summary: Summary) -> Iterator[Section]:
    """Yield title and lines of each section that has any."""
    quiet = [each for each in summary.containers if not each.had_trouble]
    found: list[Section] = [
        ("In trouble", [_container(each) for each in summary.in_trouble]),
        ("Alerts", _alerts(summary)),
        ("Failures", [_happening(each) for each in summary.failures]),
        ("Lost of the log", [_loss(each) for each in summary.losses]),
        ("The engine", [_happening(each) for each in summary.engine]),
        ("Other containers", [_others(quiet)] if quiet else []),
        ("Happened for the first time", [one_line(", ".join(summary.new_events))] if summary.new_events else []),
        ("Disk", [_disk(summary)] if summary.disk is not None else []),
    ]
    return ((title, _shortened(rows)) for title, rows in found if rows)


def _shortened(rows: list[str]) -> list[str]:
    return rows if len(rows) <= MOST_ROWS else [*rows[: MOST_ROWS - 1], f"and {len(rows) - MOST_ROWS + 1} more"]


def moment(time_ns: int) -> str:
    """Return a local time to the minute."""
    return f"{datetime.fromtimestamp(time_ns / SECOND).astimezone():%Y-%m-%d %H:%M %Z}"


def _for_people(summary: Summary) -> list[Alert]:
    return [alert for alert in summary.alerts if alert.labels.get("severity") != "none"]


def _container(container: ContainerSummary) -> str:
    parts = [counted(container.oom_kills, "OOM kill")] if container.oom_kills else []
    if container.ends:
        code = f", last exit code {container.exit_code}" if container.exit_code is not None else ""
        parts.append(f"{_ends(container.ends)}{code}")
    if container.starts:
        parts.append(f"started {_times(container.starts)}")
    if container.unhealthy:
        parts.append(f"became unhealthy {_times(container.unhealthy)}")
    return f"{one_line(container.name)}: {'; '.join(parts)}; last {_clock(container.last_ns)}"


def _ends(ends: Mapping[str, int]) -> str:
    frequent = sorted(ends.items(), key=lambda item: (-item[1], item[0]))
    by_cause = ", ".join(f"{count} {CAUSES.get(cause, one_line(cause))}" for cause, count in frequent)
    return f"ended {_times(sum(ends.values()))} ({by_cause})"


def _others(quiet: list[ContainerSummary]) -> str:
    ends: Counter[str] = Counter()
    for each in quiet:
        ends.update(each.ends)
    ended = _ends(ends) if ends else "none ended"
    return f"{counted(len(quiet), 'container')}: {counted(sum(each.starts for each in quiet), 'start')}, {ended}"


def _happening(happening: Happening) -> str:
    subject = f" {one_line(happening.subject)}" if happening.subject else ""
    cause = f" ({one_line(happening.cause)})" if happening.cause else ""
    return f"{one_line(happening.event)}{subject}{cause}: {_times(happening.count)}, last {_clock(happening.last_ns)}"


def _alerts(summary: Summary) -> list[str]:
    """One line for all alerts of a name, those that fire still first."""
    by_name: dict[str, list[Alert]] = {}
    for alert in _for_people(summary):
        by_name.setdefault(alert.labels["alertname"], []).append(alert)
    rows = sorted((-sum(alert.ends_ns is None for alert in alerts), name) for name, alerts in by_name.items())
    return [_alert(name, by_name[name], -firing) for firing, name in rows]


def _alert(name: str, alerts: list[Alert], firing: int) -> str:
    about = list(dict.fromkeys(filter(None, (alert.labels.get("name") for alert in alerts))))
    names = ", ".join(about[:MOST_NAMES]) + (f" and {len(about) - MOST_NAMES} more" if len(about) > MOST_NAMES else "")
    fired = f"fired {_times(len(alerts))}" + (f", {firing} still" if firing else "")
    when = f"first {_clock(alerts[0].starts_ns)}"
    return one_line(f"{name}: {fired}, {when}" + (f": {names}" if names else ""))


def _loss(loss: Loss) -> str:
    size = f"{'' if loss.is_known else 'at least '}{_bytes(loss.size)}"
    return f"{one_line(loss.path)}: {size} in {counted(loss.count, 'gap')} ({one_line(loss.reason)})"


def _disk(summary: Summary) -> str:
    assert summary.disk is not None
    disk = summary.disk
    share = 100 * disk.available // max(1, disk.size)
    return f"{one_line(disk.path)}: {_bytes(disk.available)} of {_bytes(disk.size)} are available ({share} %)"


def _clock(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / SECOND).astimezone():%b %d %H:%M}"


def _bytes(size: int) -> str:
    """Write a number of bytes for people: `3.2 GB`."""
    for unit, power in (("TB", 4), ("GB", 3), ("MB", 2), ("kB", 1)):
        if size >= 1000**power:
            return f"{size / 1000**power:.1f} {unit}"
    return f"{size} bytes"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
