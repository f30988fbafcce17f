"""What somebody should look at, and the sentence about it."""

import pytest
from webfakes import ID

from logwatch.alerting import Muting, Report
from logwatch.alerting.report import ActiveReport, GroupReport, RuleReport
from logwatch.model import SECOND, Event, Mute, Severity
from logwatch.web.containers import ContainerStatus
from logwatch.web.overview import headline
from logwatch.web.trouble import firing, troubles

NOW = 1_763_921_600 * SECOND
MINUTE = 60 * SECOND


def happened(minutes, kind, **attributes):
    time_ns = NOW - int(minutes * MINUTE)
    return Event(time_ns, f"container.{kind}", "vm", ID, "web", attributes, Severity.INFO, "r", "/log", 0)


def report(name="Full", severity="critical", state="firing", labels=()):
    labels = {"alertname": name, "severity": severity, **dict(labels)}
    texts = {"summary": "A disk is full.", "description": "The disk of docker-1 is full."}
    alert = ActiveReport(labels, texts, state, NOW - MINUTE, None, 1.0)
    rule = RuleReport(name, "alerting", "up == 0", 0, 0, {}, {}, (alert,), "ok", "", NOW)
    return Report((GroupReport("g", "f.yml", SECOND, 0, (rule,)),))


def found(events=(), alerts=None, mutes=(), **status):
    status = ContainerStatus("web", **{"state": "running", "since": NOW / SECOND - 60, **status})
    reported = firing(alerts or Report(), Muting(mutes))
    return troubles([status], {("", "web"): list(events)}, reported, NOW)


LOOP = [happened(n, "die", exit_code="1", cause="exit") for n in range(1, 5)]


@pytest.mark.parametrize(
    ("events", "status", "what", "bad"),
    [
        ([happened(2, "oom"), happened(9, "oom")], {}, "Ran out of memory twice within 15 minutes", True),
        (LOOP, {}, "Ended 4 times within 15 minutes, always with exit code 1", True),
        ([*LOOP[:2], happened(5, "die", exit_code="2")], {}, "Ended 3 times within 15 minutes", True),
        ([], {"state": "restarting"}, "The engine is restarting it", True),
        (
            [happened(1, "start_failed", error="port is\nallocated"), happened(3, "start")],
            {"state": "exited"},
            "Could not be started: port is allocated",
            True,
        ),
        (
            [],
            {"health": "unhealthy", "failing_streak": 8, "probe_output": "x" * 200},
            f"Its health check fails (8 failed probes in a row): {'x' * 160}…",
            False,
        ),
        (
            [],
            {"state": "exited", "exit_code": 3, "cause": "exit"},
            "Ended with exit code 3 and was not started again",
            False,
        ),
    ],
    ids=["out of memory", "loop", "several codes", "restarting", "start failed", "unhealthy", "exited"],
)
def test_a_container_is_in_trouble_by_what_happened_or_its_state(events, status, what, bad):
    (trouble,) = found(events, **status)

    assert (trouble.subject, trouble.what, trouble.bad) == ("web", what, bad)


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([happened(n, "die", exit_code="143", cause="requested") for n in range(1, 9)], {}),
        ([happened(n, "die", exit_code="0") for n in range(1, 9)], {}),
        ([happened(20, "oom")], {}),
        ([happened(1, "start"), happened(3, "start_failed")], {}),
        ([], {"state": "exited", "exit_code": 137, "cause": "requested"}),
        ([], {"state": "exited", "exit_code": 0}),
        ([], {"state": "exited", "exit_code": 1, "cause": "exit", "since": NOW / SECOND - 90_000}),
        ([happened(1, "oom")], {"state": ""}),
    ],
    ids=["stopped", "done", "long ago", "started since", "asked for", "ended well", "yesterday", "removed"],
)
def test_what_is_asked_for_or_over_is_no_trouble(events, status):
    assert found(events, **status) == []


def test_an_alert_of_a_container_is_with_it_and_makes_trouble_of_its_own():
    (trouble,) = found(alerts=report(labels={"name": "web"}))

    assert (trouble.is_container, trouble.what, trouble.bad) == (True, "The disk of docker-1 is full", True)
    assert [each.rule.name for each in trouble.alerts] == ["Full"]


def test_alerts_of_other_things_follow_the_containers():
    container, disk = found([happened(1, "oom")], alerts=report(labels={"mountpoint": "/var"}))

    assert container.is_container
    assert (disk.subject, disk.is_container, disk.what) == ("/var", False, "The disk of docker-1 is full")


@pytest.mark.parametrize(("severity", "state"), [("none", "firing"), ("info", "firing"), ("critical", "pending")])
def test_watchdog_and_what_does_not_fire_yet_are_no_trouble(severity, state):
    assert found(alerts=report("Watchdog", severity, state)) == []


def test_what_is_muted_is_last_and_not_in_the_sentence():
    mutes = (Mute("m", {"alertname": "Full"}, 0, None),)
    container, disk = found([happened(1, "oom")], alerts=report(), mutes=mutes)

    assert (container.muted, disk.muted) == (False, True)
    assert [each.subject for each in headline([ContainerStatus("web", state="running")], [disk], []).named] == []


STATUSES = [ContainerStatus(f"c{n}", state="running") for n in range(24)]


@pytest.mark.parametrize(
    ("known", "count", "sentence"),
    [
        (STATUSES, 0, "All 24 containers are well on vm"),
        (STATUSES[:1], 0, "The only container is well on vm"),
        (STATUSES, 1, "1 of 24 containers is in trouble on vm"),
        (STATUSES, 5, "5 of 24 containers are in trouble on vm"),
    ],
)
def test_one_sentence_says_how_the_host_is(known, count, sentence):
    events = {("", each.name): [happened(1, "oom")] for each in known[:count]}
    top = headline(known, troubles(known, events, [], NOW), ["vm"])

    assert top.strong + top.rest == sentence
    assert [each.brief for each in top.named] == ["ran out of memory"] * min(3, count)
    assert top.more == max(0, count - 3) or count < 3


def test_other_things_that_need_a_look_are_said_where_containers_are_well():
    other = troubles([], {}, firing(report(), Muting()), NOW)
    top = headline(STATUSES, other, [])

    assert top.strong + top.rest == "1 alert needs a look: "
    assert [each.brief for each in top.named] == ["fires"]
