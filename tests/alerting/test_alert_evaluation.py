import itertools
import lzma
from pathlib import Path

import pytest
from stages import changed_rows, restore

from logwatch import __version__, alerting
from logwatch.alerting import Alerts, Muting, Options
from logwatch.alerting.evidence import MOST_OBJECTS, MOST_WAITING, Evidence
from logwatch.build import Builder
from logwatch.config.settings import Alerting, Config, Rules
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk, Event, Family, Mute, Outcome, Record, SampleChange
from logwatch.promql.matchers import Matcher, Selector, matcher

DIES = Family("docker_container_events_total", "counter", "Events.", ("name", "action"))
LAST = Family("docker_last_event_timestamp_seconds", "gauge", "Last events.", ("type", "action"))
DAY = 86_400 * SECOND
RULES = """\
groups:
  - name: docker
    interval: 5s
    rules:
      - record: docker:dies:5m
        expr: sum by (name) (increase(docker_container_events_total{action="die"}[5m]))
      - alert: Died
        expr: increase(docker_container_events_total{action="die"}[1m]) > 0
        labels: {severity: warning}
        annotations: {summary: "{{ $labels.name }} died {{ $value }} times."}
      - alert: Loop
        expr: docker:dies:5m > 2
        for: 10s
        keep_firing_for: 1m
      - alert: Both
        expr: count by (name) (ALERTS{alertname=~"Died|Loop", alertstate="firing"}) > 1
"""
TARGETS = {"job": "logwatch", "instance": "h:1"}


def stage(tmp_path: Path, text: str, series: Registry | None = None, **terms) -> tuple[Alerts, Registry]:
    path = tmp_path / "rules.yml"
    path.write_text(text)
    series = series or Registry([DIES])
    return Alerts(alerting.load([path]), Options(TARGETS, **terms), series), series


def one(expr: str, *more: str) -> str:
    lines = "".join(f"\n        {line}" for line in more)
    return f"groups:\n  - name: g\n    interval: 5s\n    rules:\n      - alert: A\n        expr: {expr}{lines}\n"


def firing(part: Alerts) -> list[dict[str, str]]:
    return [dict(alert.labels) for alert in part.report().alerts if alert.state == "firing"]


def test_an_alert_has_the_labels_it_has_in_prometheus(tmp_path):
    part, series = stage(tmp_path, one('docker_container_events_total{action="die"} > 0', "labels: {severity: page}"))
    series.add(DIES.name, ("web", "die"), 1, 3 * SECOND)
    part.evaluate(5 * SECOND)

    assert firing(part) == [{"name": "web", "action": "die", "severity": "page", "alertname": "A", **TARGETS}]


def test_external_labels_are_added_to_what_is_sent_only_and_only_when_live(tmp_path):
    part, _ = stage(tmp_path, one("vector(1)"), external_labels={"cluster": "eu"})
    part.evaluate(5 * SECOND)
    away = part.outgoing(6 * SECOND, live=False)
    (sent,) = part.outgoing(6 * SECOND)

    assert away == []
    assert sent.labels == {"alertname": "A", "cluster": "eu"}
    assert firing(part) == [{"alertname": "A"}]


def test_what_began_and_ended_while_away_is_history_only(tmp_path):
    part, series = stage(tmp_path, one("increase(docker_container_events_total[10s]) > 0"))
    series.add(DIES.name, ("web", "die"), 1, 3 * SECOND)
    for second in (5, 10, 15, 20):
        part.evaluate(second * SECOND)

    assert part.outgoing(21 * SECOND) == []
    assert [(past.starts_ns // SECOND, past.ends_ns // SECOND) for past in part.report().past] == [(5, 15)]


def test_a_resolved_alert_is_told_to_who_was_told_that_it_fires(tmp_path):
    part, series = stage(tmp_path, one("increase(docker_container_events_total[10s]) > 0"))
    series.add(DIES.name, ("web", "die"), 1, 3 * SECOND)
    states = []
    for second in (5, 10, 15, 20):
        part.evaluate(second * SECOND)
        states.append([alert.state for alert in part.outgoing(second * SECOND)])

    assert states == [["firing"], ["firing"], ["resolved"], ["resolved"]]


def test_absence_is_judged_only_while_the_log_can_be_read(tmp_path):
    part, _ = stage(tmp_path, one('absent(docker_container_events_total{name="web"})'))
    part.measure(4 * SECOND, (), readable=False)
    part.evaluate(5 * SECOND)
    blind = firing(part)
    part.measure(9 * SECOND, ())
    part.evaluate(10 * SECOND)

    assert blind == []
    assert [each["name"] for each in firing(part)] == ["web"]


def test_more_alerts_than_the_limit_are_none(tmp_path):
    text = one("docker_container_events_total > 0").replace("interval: 5s", "interval: 5s\n    limit: 1")
    part, series = stage(tmp_path, text)
    series.add(DIES.name, ("a", "die"), 1, SECOND)
    part.evaluate(5 * SECOND)
    before = len(firing(part))
    series.add(DIES.name, ("b", "die"), 1, 6 * SECOND)
    part.evaluate(10 * SECOND)
    (rule,) = part.report().groups[0].rules

    assert before == 1
    assert firing(part) == []
    assert rule.health == "err"
    assert "limit of 1" in rule.error


def test_two_series_that_become_one_alert_are_an_error(tmp_path):
    part, series = stage(tmp_path, one("docker_container_events_total > 0", 'labels: {name: ""}'))
    series.add(DIES.name, ("a", "die"), 1, SECOND)
    series.add(DIES.name, ("b", "die"), 1, SECOND)
    part.evaluate(5 * SECOND)

    assert firing(part) == []
    assert part.report().groups[0].rules[0].health == "err"


def test_groups_about_this_process_follow_the_wall_clock(tmp_path):
    part, _ = stage(tmp_path, one("logwatch_source_open == 0", "for: 5s"))
    closed = [SampleChange("logwatch_source_open", ("/var/log/messages",), 0.0, 0)]
    states = []
    for second in (1, 2, 7, 11):
        part.evaluate(second * SECOND)
        part.measure(second * SECOND, closed)
        states.append([alert.state for alert in part.report().alerts])

    assert states == [[], [], ["pending"], ["firing"]]
    assert list(part.due(SECOND, 60 * SECOND, lambda: None)) == []


def test_silence_is_passed_over_once_nothing_can_change_any_more(tmp_path):
    part, series = stage(tmp_path, one("docker_last_event_timestamp_seconds > time() - 300"), Registry([LAST]))
    part.evaluate(5 * SECOND)
    series.set_max(LAST.name, ("storage", "pressure"), 7, 7 * SECOND)
    times = []
    for time_ns in part.due(7 * SECOND, 30 * DAY, lambda: DAY + 1 if times[-1] * SECOND < DAY else None):
        part.evaluate(time_ns)
        times.append(time_ns // SECOND)
    (gone,) = part.report().past

    assert (gone.starts_ns, gone.ends_ns) == (10 * SECOND, 310 * SECOND)
    assert times[:2] == [10, 310]
    assert 1200 < times[-2] < 1300  # the alert is forgotten 15 minutes after its end
    assert times[-1] == DAY // SECOND + 5
    assert len(times) <= 5


def test_what_never_rests_is_evaluated_a_bounded_number_of_times(tmp_path):
    part, _ = stage(tmp_path, one("vector(time()) > 1e10"))
    times = list(part.due(SECOND, 300 * DAY, lambda: None))

    assert times[:3] == [5 * SECOND, 10 * SECOND, 15 * SECOND]
    assert 5_000 < len(times) <= 10_000
    assert {time_ns % (5 * SECOND) for time_ns in times} == {0}


def test_evidence_is_the_last_lines_about_the_same_object(tmp_path):
    part, series = stage(tmp_path, one('docker_container_events_total{action="die"} > 0'))
    for offset, name in enumerate(("web", "db", "web")):
        message = f'time="x" msg="gone {offset}" password=hunter2 \x1b[31m'.encode()
        event = Event(offset, "container.die", "h", None, name, {}, "info", "r/die", "/log", offset)
        part.evidence.add_line("/log", offset, Record(offset, offset, "h", "dockerd", "7", message))
        part.process(Outcome(offset + 1, event))
    series.add(DIES.name, ("web", "die"), 1, SECOND)
    part.evaluate(5 * SECOND)
    (alert,) = part.report().alerts
    first, second = alert.annotations["evidence"].splitlines()

    assert "/log:0 dockerd[7]: " in first
    assert "gone 2" in second
    assert "hunter2" not in first
    assert "\x1b" not in first


def gone(offset: int) -> Outcome:
    event = Event(offset, "container.die", "h", None, f"c{offset}", {}, "info", "r/die", "/log", offset)
    return Outcome(offset + 1, event)


def hold(kept: Evidence, offset: int) -> None:
    kept.add_line("/log", offset, Record(offset, offset, "h", "dockerd", None, b"gone"))


def test_of_the_lines_that_wait_the_oldest_goes_first():
    kept = Evidence({})
    for offset in range(MOST_WAITING + 1):
        hold(kept, offset)
    kept.process(gone(0))
    kept.process(gone(1))

    assert list(kept.table.changed_rows()) == ['evidence ["container","die","c1"]']


def test_of_the_objects_with_evidence_the_oldest_goes_first():
    kept = Evidence({})
    for offset in range(MOST_OBJECTS + 1):
        hold(kept, offset)
        kept.process(gone(offset))
    rows = kept.table.changed_rows()

    assert sum(row is not None for row in rows.values()) == MOST_OBJECTS
    assert rows['evidence ["container","die","c0"]'] is None


def test_lines_about_one_kind_of_object_are_not_sought_among_all_others():
    kept = Evidence({})
    for offset in range(100):
        hold(kept, offset)
        kept.process(gone(offset))
    hold(kept, 100)
    kept.process(Outcome(101, Event(100, "daemon.stop", "h", None, None, {}, "info", "r/stop", "/log", 100)))
    looked_at: list[str] = []
    stopped = Matcher("action", "=~", "stop|crash", lambda action: looked_at.append(action) or action == "stop")
    daemon = matcher("type", "=", "daemon")
    shown = kept.lines_about({}, [Selector("docker_last_event_timestamp_seconds", (stopped, daemon))])

    assert looked_at == ["stop"]
    assert shown.endswith("/log:100 dockerd: gone")


LABELS = ({}, {"name": "c70"}, {"type": "container"}, {"action": "die", "name": "c70"}, {"name": "c7"})
CONDITIONS = ("name", "=", "c80"), ("name", "!=", "c80"), ("action", "=~", "die|stop"), ("type", "=", "")


@pytest.mark.parametrize("restores", [False, True], ids=["as noted", "after a restart"])
def test_evidence_is_what_a_look_at_every_line_finds(restores):
    kept = Evidence({})
    for offset in range(MOST_OBJECTS + 10):
        hold(kept, offset)
        kept.process(gone(offset))
    if restores:
        kept.table.restore({key: row for key, row in kept.table.changed_rows().items() if row is not None})
        kept.restored()
    for labels, asked in itertools.product(LABELS, [(), *((matcher(*each),) for each in CONDITIONS)]):
        objects = {key: dict(zip(("type", "action", "name"), key, strict=True)) for key in kept.table}
        found = [
            int(key[2][1:])
            for key, known in objects.items()
            if labels.items() <= known.items() and all(each.accepts(known[each.label]) for each in asked)
        ]
        shown = kept.lines_about(labels, [Selector("docker_container_events_total", asked)]).splitlines()

        assert [f"/log:{offset}" for offset in sorted(found)[-5:]] == [line.split()[1] for line in shown], (
            labels,
            asked,
        )


# ── with the whole path of a line ────────────────────────────────────────────────────

LOG = lzma.decompress(
    (Path(__file__).parent.parent / "data/recordings/info-rfc5424-docker-events/messages.xz").read_bytes()
)
NOW = 1_795_500_000 * SECOND


def pipeline(tmp_path, series):
    path = tmp_path / "alerts.yml"
    path.write_text(RULES)
    config = Config(rules=Rules(paths=(path,)), alerting=Alerting(target_labels=TARGETS))
    builder = Builder(config, series, tmp_path)
    return builder.pipeline(builder.rules())


def told(parts):
    """All alerts that were ever: who, from when, until when, with what."""
    report = parts[-1].alerts.report()
    active = [(sorted(each.labels.items()), each.active_ns, each.annotations) for each in report.alerts]
    past = [(each.ends_ns, sorted(each.labels.items()), each.starts_ns, each.annotations) for each in report.past]
    return sorted(past, key=lambda each: each[:2]), sorted(active, key=lambda each: each[0])


@pytest.mark.parametrize("cuts", [(0.1, 0.3, 0.5, 0.9), (0.25, 0.26, 0.27)])
def test_an_interruption_anywhere_changes_no_alert(tmp_path, cuts):
    whole = pipeline(tmp_path, Registry())
    whole.process(Chunk(LOG, "m", 0, NOW), NOW)
    ends = [LOG.index(b"\n", int(len(LOG) * cut)) + 1 for cut in cuts] + [len(LOG)]
    rows, values, points, start = {}, {}, {}, 0
    parts = []
    for end in ends:
        series = Registry()
        part = pipeline(tmp_path, series)
        series.restore(values.values(), sorted(points.values(), key=lambda each: each.time_ns))
        part.restore(rows)
        part.process(Chunk(LOG[start:end], "m", start, NOW), NOW)
        turn = part.take_transaction(part.take_outcomes())
        rows.update(turn.stages)
        rows = {key: row for key, row in rows.items() if row is not None}
        values.update({(each.family, each.labels): each for each in turn.series})
        values = {key: each for key, each in values.items() if each.value is not None}
        points.update({(each.family, each.labels, each.time_ns): each for each in turn.points})
        start = end
        parts.append(part)

    assert len(whole.alerts.report().past) > 20
    assert told([whole]) == told(parts)
    assert {"Died", "Loop", "Both"} <= {alert.labels["alertname"] for alert in whole.alerts.report().past} | {
        alert.labels["alertname"] for alert in whole.alerts.report().alerts
    }


def test_passing_over_silence_changes_no_alert(tmp_path):
    one, other = pipeline(tmp_path, Registry()), pipeline(tmp_path, Registry())
    for part in (one, other):
        part.process(Chunk(LOG, "m", 0, NOW), NOW)
    start = one.clock_ns // (5 * SECOND) * 5 * SECOND
    one.advance(start + 1200 * SECOND)
    for time_ns in range(start + 5 * SECOND, start + 1200 * SECOND, 5 * SECOND):
        other._events._advance(time_ns)
        for rule in other.alerts._rules():
            rule.live.invalidate()
            rule.due_ns = 0
        other.alerts.evaluate(time_ns)

    assert told([one]) == told([other])


# ── rules that change under an alert ─────────────────────────────────────────────────


class Reloaded:
    """One series under rules that change, with a dict for the store."""

    def __init__(self, tmp_path: Path) -> None:
        self._tmp_path = tmp_path
        self.series = Registry([DIES])
        self.rows: dict[str, str] = {}
        self.part: Alerts | None = None

    def load(self, text: str, **terms) -> "Reloaded":
        self.save()
        self.part, _ = stage(self._tmp_path, text, self.series, **terms)
        restore(self.part, self.rows)
        return self

    def save(self) -> None:
        if self.part is not None:
            changed = changed_rows(self.part)
            self.rows = {key: row for key, row in {**self.rows, **changed}.items() if row is not None}

    def told(self, second: int) -> list[tuple[str, int, int | None, str]]:
        """State, begin, end and site of what receivers are to know."""
        return [
            (each.state, each.starts_ns // SECOND, each.ends_ns and each.ends_ns // SECOND, each.labels.get("site", ""))
            for each in self.part.outgoing(second * SECOND)
        ]


DEATHS = 'docker_container_events_total{action="die"} > 0'
FIRES = ("firing", 5, None, "")


@pytest.fixture
def reloaded(tmp_path):
    """`A` fires since second 5, and receivers know."""
    one_of_them = Reloaded(tmp_path).load(one(DEATHS))
    one_of_them.series.add(DIES.name, ("web", "die"), 1, 3 * SECOND)
    one_of_them.part.evaluate(5 * SECOND)
    assert one_of_them.told(6) == [FIRES]
    return one_of_them


NONE = "groups: []\n"
LABELLED = one(DEATHS, "labels: {severity: page}")


@pytest.mark.parametrize("text", [NONE, LABELLED, one(DEATHS).replace("alert: A", "alert: B")])
def test_an_alert_whose_rule_is_no_more_ends_for_who_was_told(reloaded, text):
    reloaded.load(text)

    assert reloaded.told(20) == [("resolved", 5, 20, "")]
    assert reloaded.told(20 + 15 * 60) == [("resolved", 5, 20, "")]
    assert reloaded.told(21 + 15 * 60) == []
    assert [(past.starts_ns // SECOND, past.ends_ns // SECOND) for past in reloaded.part.report().past] == [(5, 20)]

    reloaded.save()

    assert not [key for key in reloaded.rows if "orphan" in key or "alert" in key]


def test_the_end_of_an_alert_without_a_rule_survives_a_restart(reloaded):
    reloaded.load(NONE)
    reloaded.load(NONE)  # killed before anybody heard of it
    first = reloaded.told(20)
    reloaded.load(NONE)

    assert first == [("resolved", 5, 20, "")]
    assert reloaded.told(60) == first
    assert len(reloaded.part.report().past) == 1


def test_nobody_hears_of_the_end_of_what_nobody_was_told(tmp_path):
    unheard = Reloaded(tmp_path).load(one(DEATHS))
    unheard.series.add(DIES.name, ("web", "die"), 1, 3 * SECOND)
    unheard.part.evaluate(5 * SECOND)
    unheard.load(NONE)

    assert unheard.told(20) == []


def test_a_resolved_alert_is_still_repeated_when_its_rule_is_gone(reloaded):
    reloaded.load(one("docker_container_events_total > 5"))
    reloaded.part.evaluate(10 * SECOND)
    before = reloaded.told(11)
    reloaded.load(NONE)

    assert before == [("resolved", 5, 10, "")]
    assert reloaded.told(20) == before
    assert len(reloaded.part.report().past) == 1


def test_an_alert_that_another_rule_makes_again_does_not_end(reloaded):
    reloaded.load(NONE)
    reloaded.load(one(DEATHS))
    reloaded.part.evaluate(10 * SECOND)

    assert reloaded.told(11) == [("firing", 10, None, "")]


@pytest.mark.parametrize("threshold", [0, 5])
def test_a_rule_of_the_same_name_and_labels_in_another_group_goes_on_with_the_alert(reloaded, threshold):
    reloaded.load(one(f"docker_container_events_total > {threshold}").replace("name: g", "name: mine"))
    before = reloaded.told(9)
    reloaded.part.evaluate(10 * SECOND)
    reloaded.load(one(f"docker_container_events_total > {threshold}").replace("name: g", "name: mine"))

    assert before == [FIRES]
    assert reloaded.told(11) == [FIRES if threshold == 0 else ("resolved", 5, 10, "")]


def test_a_rule_that_stands_twice_keeps_its_own_alert_when_the_other_goes(tmp_path):
    twice = one(DEATHS) + one(DEATHS).replace("groups:\n", "").replace("name: g", "name: h").replace("5s", "10s")
    both = Reloaded(tmp_path).load(twice)
    both.series.add(DIES.name, ("web", "die"), 1, 3 * SECOND)
    for second in (5, 10):
        both.part.evaluate(second * SECOND)
    told = both.told(10)
    both.load(twice)
    again = both.told(10)
    both.load(one(DEATHS).replace("name: g", "name: h"))

    assert told == again == [FIRES, ("firing", 10, None, "")]
    assert both.told(11) == [("firing", 10, None, "")]


def test_other_external_labels_end_the_alert_under_the_old_ones(reloaded):
    reloaded.load(one(DEATHS), external_labels={"site": "berlin"})

    assert sorted(reloaded.told(20)) == [("firing", 5, None, "berlin"), ("resolved", 5, 20, "")]
    assert reloaded.part.report().past == ()

    reloaded.load(one(DEATHS), external_labels={"site": "berlin"})

    assert sorted(reloaded.told(21)) == [("firing", 5, None, "berlin"), ("resolved", 5, 20, "")]


def test_the_build_information_is_there_at_every_time_and_needs_no_process(tmp_path):
    part, _ = stage(tmp_path, one("max without (version, pythonversion) (logwatch_build_info offset 1y) == 1"))
    times = [time_ns // SECOND for time_ns in part.due(4 * SECOND, 7 * SECOND, lambda: None)]
    part.evaluate(5 * SECOND)

    assert times == [5]
    assert firing(part) == [{"alertname": "A", **TARGETS}]


def test_what_a_process_measures_does_not_replace_the_build_information(tmp_path):
    part, _ = stage(tmp_path, one("logwatch_build_info and on (job) logwatch_rules > 0"))
    part.measure(
        15 * SECOND, [SampleChange("logwatch_build_info", ("9", "3"), 1, 0), SampleChange("logwatch_rules", (), 7, 0)]
    )

    assert [labels["version"] for labels in firing(part)] == [__version__]


def test_a_muted_alert_is_kept_and_sent_when_the_mute_ends(tmp_path):
    part, _ = stage(tmp_path, one("vector(1)", "labels: {severity: warning}"), external_labels={"cluster": "eu"})
    part.evaluate(5 * SECOND)
    muting = Muting((Mute("m", {"cluster": "eu", "severity": "warning"}, 0, None),))
    muted = part.outgoing(6 * SECOND, muting=muting)
    (sent,) = part.outgoing(7 * SECOND)

    assert (muted, [alert["alertname"] for alert in firing(part)]) == ([], ["A"])
    assert (sent.state, sent.starts_ns) == ("firing", 5 * SECOND)


def test_an_alert_that_was_sent_before_it_was_muted_is_sent_as_resolved(tmp_path):
    part, series = stage(tmp_path, one("increase(docker_container_events_total[10s]) > 0"))
    series.add(DIES.name, ("web", "die"), 1, 3 * SECOND)
    part.evaluate(5 * SECOND)
    muting = Muting((Mute("m", {}, 0, None),))
    first = part.outgoing(6 * SECOND)
    for second in (10, 15):
        part.evaluate(second * SECOND)
    (last,) = part.outgoing(16 * SECOND, muting=muting)

    assert [alert.state for alert in first] == ["firing"]
    assert last.state == "resolved"


def test_what_resolves_while_it_is_muted_is_never_sent(tmp_path):
    part, series = stage(tmp_path, one("increase(docker_container_events_total[10s]) > 0"))
    series.add(DIES.name, ("web", "die"), 1, 3 * SECOND)
    muting = Muting((Mute("m", {"name": "web"}, 0, None),))
    part.evaluate(5 * SECOND)
    sent = part.outgoing(6 * SECOND, muting=muting)
    for second in (10, 15):
        part.evaluate(second * SECOND)

    assert [*sent, *part.outgoing(16 * SECOND)] == []
    assert len(part.report().past) == 1


@pytest.mark.parametrize(("replays", "fires"), [(True, ["a"]), (False, [])])
def test_in_a_replay_a_group_that_reads_what_only_a_process_measures_follows_the_log(tmp_path, replays, fires):
    rules = one("docker_container_events_total > 0")
    for name, expr in (("B", "logwatch_source_open == 0"), ("C", "absent(logwatch_source_open)")):
        rules += f"      - alert: {name}\n        expr: {expr}\n"
    part, series = stage(tmp_path, rules, replays=replays)
    series.add(DIES.name, ("a", "die"), 1, SECOND)
    for time_ns in part.due(SECOND, 11 * SECOND, lambda: None):
        part.evaluate(time_ns)

    assert [labels["name"] for labels in firing(part)] == fires
