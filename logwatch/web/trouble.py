"""What somebody should look at: containers and alerts, one sentence each, the worst first.

A container is in trouble by what its events of the last minutes say, by its state, or by an alert that fires for it. What
its owner asked for (docker stop, kill, rm) does not count, and neither does an alert without severity, such as Watchdog.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from logwatch.alerting import Muting, Report
from logwatch.alerting.report import ActiveReport, RuleReport
from logwatch.model import SECOND, Event
from logwatch.notation import counted
from logwatch.web.containers import ContainerStatus

RECENT_NS = 15 * 60 * SECOND
"""Events of this long ago are trouble of now."""
ENDED_NS = 24 * 3600 * SECOND
"""So long a container that failed and is not started again is trouble."""
LOOP = 3
"""So many ends within RECENT_NS are a loop."""
ASKED_FOR = frozenset({"requested", "stop_timeout", "daemon_stop"})
"""Causes of ends that somebody wanted."""
HARMLESS = frozenset({"none", "info"})
"""Severities of alerts that nobody has to look at."""
SUBJECTS = ("name", "registry", "driver", "mountpoint", "path", "receiver", "rule")
"""Labels of which the first says what an alert is about."""
LONGEST = 160
"""Characters of what a container printed that are in a sentence."""
PRINTED = ("last_words", "probe_output")
"""Attributes of events that are output of a container."""


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that is pending or fires, with its rule."""

    rule: RuleReport
    alert: ActiveReport
    muted: bool

    @property
    def severity(self) -> str:
        """As its label says."""
        return self.alert.labels.get("severity", "")

    @property
    def is_serious(self) -> bool:
        """Whether it fires and somebody has to look at it."""
        return self.alert.state == "firing" and self.severity not in HARMLESS


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a container is in trouble."""

    brief: str
    """Continues a sentence that begins with the name."""
    what: str
    """A sentence, without its full stop."""
    time_ns: int
    alert: str
    """The shipped alert that is about this."""
    bad: bool = True
    """It is serious now; otherwise somebody should look at it some time."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that somebody should look at."""

    subject: str
    """The name of a container, or what an alert is about."""
    host: str
    """Of a container, where there are several."""
    project: str
    is_container: bool
    brief: str
    what: str
    time_ns: int
    bad: bool
    alert: str
    """The alert that is about this, whether or not it fires."""
    alerts: Sequence[Firing]
    printed: Sequence[tuple[str, str]] = ()
    """What the container printed last: titles and texts."""

    @property
    def has_evidence(self) -> bool:
        """Whether an alert has lines of the log."""
        return any(each.alert.annotations.get("evidence") for each in self.alerts)

    @property
    def muted(self) -> bool:
        """Whether all its alerts are muted."""
        return bool(self.alerts) and all(each.muted for each in self.alerts)


def firing(report: Report, muting: Muting) -> list[Firing]:
    """Return all pending and firing alerts: what fires first, then by severity and name."""
    ranks = {"critical": 0, "warning": 1, "info": 2}
    found = [
        Firing(rule, alert, muting.is_muted(alert.labels))
        for group in report.groups
        for rule in group.rules
        for alert in rule.alerts
    ]
    return sorted(
        found,
        key=lambda each: (
            each.alert.state != "firing",
            ranks.get(each.severity, 3),
            each.rule.name,
            sorted(each.alert.labels.items()),
        ),
    )


def troubles(
    known: Iterable[ContainerStatus],
    events: Mapping[tuple[str, str], Sequence[Event]],
    alerts: Sequence[Firing],
    now_ns: int,
) -> list[Trouble]:
    """Return what is in trouble, the worst first.

    `events` are the last ones of each container, by its host (empty unless there are several) and name, newest first.
    """
    by_name: defaultdict[str, list[Firing]] = defaultdict(list)
    for each in alerts:
        by_name[each.alert.labels.get("name", "")].append(each)
    found = []
    for status in known:
        own = [each for each in by_name.get(status.name, ()) if _is_of(each, status)]
        if status.state and (trouble := _of_container(status, events.get((status.host, status.name), ()), own, now_ns)):
            found.append(trouble)
    taken = {id(each) for trouble in found for each in trouble.alerts}
    rest = [each for each in alerts if each.is_serious and id(each) not in taken]
    found += _of_alerts(rest)
    return sorted(found, key=lambda each: (each.muted, not each.bad, not each.is_container, -each.time_ns))


def _is_of(each: Firing, status: ContainerStatus) -> bool:
    return not status.host or each.alert.labels.get("host", status.host) == status.host


def _of_container(
    status: ContainerStatus, events: Sequence[Event], alerts: Sequence[Firing], now_ns: int
) -> Trouble | None:
    cause = _cause(status, events, now_ns)
    serious = [each for each in alerts if each.is_serious]
    if cause is None and not serious:
        return None
    if cause is None:
        first = serious[0]
        cause = Cause(
            _brief(first, status.name),
            _sentence(first),
            first.alert.active_ns,
            first.rule.name,
            first.severity == "critical",
        )
    bad = cause.bad or any(each.severity == "critical" for each in serious)
    return Trouble(
        status.name,
        status.host,
        status.project,
        True,  # noqa: FBT003 - the order of the fields says what it is
        cause.brief,
        cause.what,
        cause.time_ns,
        bad,
        cause.alert,
        tuple(alerts),
        _printed(status, events),
    )


def _cause(status: ContainerStatus, events: Sequence[Event], now_ns: int) -> Cause | None:
    """What of the events or the state is trouble; the first that is found."""
    recent = [event for event in events if event.time_ns > now_ns - RECENT_NS]
    failed = status.exit_code not in (None, 0) and status.cause not in ASKED_FOR
    oom = [event for event in recent if event.event == "container.oom"]
    ends = [event for event in recent if _is_unwanted_end(event)]
    if oom:
        text = f"Ran out of memory {_times(len(oom))} within 15 minutes"
        return Cause("ran out of memory", text, oom[0].time_ns, "DockerContainerOomKilled")
    if len(ends) >= LOOP or status.state == "restarting":
        time_ns = ends[0].time_ns if ends else int(status.since * SECOND)
        return Cause("keeps ending and restarting", _loop(ends), time_ns, "DockerContainerRestartLoop")
    last = next((event for event in events if event.event in ("container.start", "container.start_failed")), None)
    if last is not None and last.event == "container.start_failed":
        why = last.attributes.get("error") or last.attributes.get("cause", "")
        return Cause(
            "could not be started", _with("Could not be started", why), last.time_ns, "DockerContainerStartFailed"
        )
    if status.health == "unhealthy" and status.state == "running":
        since = next((event.time_ns for event in events if event.event == "container.health_status"), 0)
        streak = f" ({counted(status.failing_streak, 'failed probe')} in a row)" if status.failing_streak else ""
        text = _with(f"Its health check fails{streak}", status.probe_output)
        return Cause(
            "is unhealthy", text, since or int(status.last_event * SECOND), "DockerContainerUnhealthy", bad=False
        )
    since_ns = int(status.since * SECOND)
    if status.state == "dead":
        return Cause(
            "is dead",
            "The engine could not remove it, or not stop it: its state is dead",
            since_ns,
            "DockerContainerDown",
        )
    if status.state == "exited" and failed and now_ns - since_ns < ENDED_NS:
        text = f"Ended with exit code {status.exit_code} and was not started again"
        return Cause(f"ended with exit code {status.exit_code}", text, since_ns, "DockerContainerDown", bad=False)
    return None


def _is_unwanted_end(event: Event) -> bool:
    if event.event != "container.die" or event.attributes.get("cause") in ASKED_FOR:
        return False
    return event.attributes.get("exit_code") != "0"


def _loop(ends: Sequence[Event]) -> str:
    if not ends:
        return "The engine is restarting it"
    codes = {event.attributes.get("exit_code", "") for event in ends}
    text = f"Ended {_times(len(ends))} within 15 minutes"
    if len(codes) == 1 and "" not in codes:
        return f"{text}, {'always ' if len(ends) > 1 else ''}with exit code {codes.pop()}"
    return text


def _printed(status: ContainerStatus, events: Iterable[Event]) -> list[tuple[str, str]]:
    titles = {"last_words": "It printed last", "probe_output": "Its health check printed"}
    found = []
    for key in PRINTED:
        text = next((event.attributes[key] for event in events if event.attributes.get(key)), "")
        if key == "probe_output":
            text = status.probe_output or text
        if text:
            found.append((titles[key], text))
    return found


def _of_alerts(alerts: Iterable[Firing]) -> list[Trouble]:
    """Trouble of anything else: one row for all alerts of one rule."""
    by_rule: defaultdict[tuple[str, str], list[Firing]] = defaultdict(list)
    for each in alerts:
        by_rule[each.rule.name, each.alert.labels.get("name", "")].append(each)
    found = []
    for own in by_rule.values():
        first = own[0]
        labels = first.alert.labels
        subject = next((labels[key] for key in SUBJECTS if labels.get(key)), first.rule.name)
        more = f" ({len(own) - 1} more of the same)" if len(own) > 1 else ""
        bad = any(each.severity == "critical" for each in own)
        time_ns = max(each.alert.active_ns for each in own)
        brief, text = _brief(first, subject), _sentence(first) + more
        found.append(Trouble(subject, "", "", False, brief, text, time_ns, bad, first.rule.name, tuple(own)))  # noqa: FBT003 - as above
    return found


def _brief(each: Firing, subject: str) -> str:
    return "fires" if subject == each.rule.name else f"has the alert {each.rule.name}"


def _sentence(each: Firing) -> str:
    """What the alert says, in one sentence."""
    annotations = each.alert.annotations
    text = annotations.get("description") or annotations.get("summary") or each.rule.name
    return text.strip().removesuffix(".")


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _with(text: str, more: str) -> str:
    """A sentence with what was printed, on one line."""
    words = " ".join(more.split())
    return f"{text}: {words[:LONGEST]}{'…' if len(words) > LONGEST else ''}" if words else text
