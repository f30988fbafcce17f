import pytest
from stages import changed_rows, restore

from logwatch.lifecycle.containers import ContainerRegister
from logwatch.metrics import Registry, catalog
from logwatch.metrics.event_metrics import EventMetrics
from logwatch.model import (
    SECOND,
    Described,
    Event,
    Expired,
    Mark,
    MetricRule,
    Outcome,
    Renamed,
    Role,
    Rule,
    Severity,
    State,
    StateChange,
)
from logwatch.store import state_table

T = 1_763_921_577 * SECOND
HOUR = 3600 * SECOND
WEB_ID, NEW_ID, BARE_ID = "a" * 64, "b" * 64, "c" * 64
BARE = BARE_ID[:12]
EVENTS = "docker_container_events_total"
STATE = "docker_container_state"


class Bench:
    """Event metrics with their series and a register that decides how long containers are kept."""

    def __init__(self, **options) -> None:
        self.series = Registry()
        self.metrics = EventMetrics(self.series, **options)
        self.register = ContainerRegister()
        self.seq = 0

    def event(self, kind, object_id=WEB_ID, name="web", *, time_ns=T, host="vm", amends=False, rule="r", **attributes):
        self.seq += 1
        event = Event(time_ns, kind, host, object_id, name, attributes, Severity.INFO, rule, "/log", 0)
        if kind.startswith("container.") and object_id is not None:
            self._register(event)
        self.metrics.process(Outcome(self.seq, event, amends))
        return event

    def state(self, after, object_id=WEB_ID, name="web", *, time_ns=T, before=None):
        kind = "container.destroy" if after is State.GONE else "container.attach"
        self._register(Event(time_ns, kind, "vm", object_id, name, {}, Severity.INFO, "r", "/log", 0))
        self.metrics.process(StateChange(time_ns, "vm", object_id, name or object_id[:12], before, after))

    def rename(self, object_id, name, old_label, time_ns=T):
        self.metrics.process(Renamed(time_ns, "vm", object_id, name, old_label))

    def advance(self, clock_ns):
        self.register.expire(clock_ns)
        for change in self.register.take_changes():
            if isinstance(change, Expired):
                self.metrics.process(change)

    def _register(self, event):
        register, time_ns = self.register, event.time_ns
        container = register.get(event.host, event.id) or register.add(event.host, event.id, time_ns, time_ns)[0]
        if event.name is not None:
            register.set_name(container, event.name, time_ns, time_ns, sure=True)
        register.process(container, event, time_ns)
        register.take_changes()

    def value(self, metric, *labels):
        return self.series.value(metric, labels)

    def ones(self, metric):
        return {labels for labels in self.labels(metric) if self.value(metric, *labels) == 1}

    def labels(self, metric):
        return {tuple(found.values()) for found, _, _ in self.series.select(metric)}

    def names(self):
        return {labels[0] for labels in self.labels(EVENTS)}


def rule(rule_id="r", *declared: MetricRule) -> Rule:
    return Rule(
        *(rule_id, "container.die", "", frozenset(), Role.PRIMARY, "", (), (), None, {}, Severity.INFO, False),
        *(frozenset(), declared, (), Mark("x.yml", 1, 1)),
    )


# ── events ───────────────────────────────────────────────────────────────────────────


def test_an_event_is_counted_for_the_host_and_for_its_container():
    bench = Bench()
    bench.event("container.die")
    bench.event("container.die")

    assert bench.value("docker_events_total", "container", "die") == 2
    assert bench.value(EVENTS, "web", "die") == 2
    assert bench.value("docker_container_last_event_timestamp_seconds", "web", "die") == T / SECOND


def test_an_amendment_moves_no_counter_but_tells_the_exit_code():
    bench = Bench()
    bench.event("container.die")
    bench.event("container.die", amends=True, exit_code="137", image="nginx")

    assert bench.value(EVENTS, "web", "die") == 1
    assert bench.value("docker_container_exit_code", "web") == 137
    assert bench.ones("docker_container_info") == {("web", WEB_ID, "nginx", "", "")}


@pytest.mark.parametrize(("kind", "object_id"), [("network.create", WEB_ID), ("container.die", None)])
def test_amendments_of_what_has_no_container_change_nothing(kind, object_id):
    bench = Bench()
    bench.series.changes()
    bench.event(kind, object_id, amends=True, exit_code="1")

    assert bench.series.changes() == []


def test_every_known_event_stands_at_0_before_it_happens():
    known = {(kind, action) for kind, actions in catalog.VOCABULARY.items() for action in actions}

    assert Bench().labels("docker_events_total") == known


def test_common_actions_of_a_container_stand_at_0_when_it_is_first_seen():
    bench = Bench()
    bench.event("container.create")

    assert bench.value(EVENTS, "web", "oom") == 0
    assert bench.labels(EVENTS) == {("web", action) for action in catalog.COMMON_ACTIONS}


def test_a_late_event_does_not_take_the_last_timestamp_back():
    bench = Bench()
    bench.event("container.die", time_ns=T)
    bench.event("container.die", time_ns=T - HOUR)

    assert bench.value("docker_container_last_event_timestamp_seconds", "web", "die") == T / SECOND


def test_the_last_time_of_everything_but_containers_is_known():
    bench = Bench()
    bench.event("storage.pressure", None, None, time_ns=T)
    bench.event("storage.pressure", None, None, time_ns=T - HOUR)
    bench.event("container.die", time_ns=T)

    assert bench.value("docker_last_event_timestamp_seconds", "storage", "pressure") == T / SECOND
    assert bench.labels("docker_last_event_timestamp_seconds") == {("storage", "pressure")}


def test_events_about_the_engine_move_its_own_series():
    bench = Bench()
    bench.event("daemon.start", None, None)
    bench.event("api.error", None, None, method="POST", status="500")
    bench.event("api.error", None, None)

    assert bench.value("docker_daemon_last_start_timestamp_seconds") == T / SECOND
    assert bench.value("docker_api_errors_total", "POST", "500") == 1
    assert bench.value("docker_api_errors_total", "", "") == 1


def test_an_event_without_an_object_is_counted_for_the_host_only():
    bench = Bench()
    bench.event("container.die", None, None)

    assert bench.value("docker_events_total", "container", "die") == 1
    assert bench.names() == set()


@pytest.mark.parametrize("code", ["", "many", "12a", "\u00b2"])
def test_an_exit_code_that_is_no_number_is_not_shown(code):
    bench = Bench()
    bench.event("container.die", exit_code=code)

    assert bench.value("docker_container_exit_code", "web") is None


# ── states, health, names ────────────────────────────────────────────────────────────


def test_a_container_is_in_one_state_at_a_time():
    bench = Bench()
    bench.event("container.start")
    unknown = bench.ones(STATE)
    bench.state(State.RUNNING)
    running = bench.ones(STATE)
    bench.state(State.EXITED)

    assert unknown == {("web", "unknown")}
    assert running == {("web", "running")}
    assert bench.ones(STATE) == {("web", "exited")}
    assert bench.labels(STATE) == {("web", state) for state in catalog.STATES}


def test_a_removed_container_is_in_no_state():
    bench = Bench()
    bench.state(State.RUNNING)
    bench.state(State.GONE)

    assert bench.ones(STATE) == set()


def test_health_is_told_until_the_container_ends_and_begins_anew_with_it():
    bench = Bench()
    seen = []
    for kind, attributes in (
        ("container.start", {}),
        ("container.health_status", {"health": "unhealthy"}),
        ("container.die", {}),
        ("container.start", {}),
        ("container.health_status", {"health": "healthy"}),
        ("container.health_status", {"health": "perplexed"}),
    ):
        bench.event(kind, **attributes)
        seen.append({health for _, health in bench.ones("docker_container_health")})

    assert seen == [set(), {"unhealthy"}, set(), {"starting"}, {"healthy"}, {"healthy"}]


def test_what_was_counted_under_an_id_goes_on_under_the_name_that_is_learned_late():
    bench = Bench()
    bench.event("container.start", BARE_ID, None, image="nginx")
    bench.event("container.health_status", BARE_ID, None, health="healthy")
    bench.state(State.RUNNING, BARE_ID, None)
    bench.rename(BARE_ID, "web", BARE)
    bench.event("container.die", BARE_ID, "web")

    assert bench.names() == {"web"}
    assert (bench.value(EVENTS, "web", "start"), bench.value(EVENTS, "web", "die")) == (1, 1)
    assert bench.ones(STATE) == {("web", "running")}
    assert bench.ones("docker_container_info") == {("web", BARE_ID, "nginx", "", "")}
    assert bench.value("docker_events_total", "container", "start") == 1


def test_it_joins_what_an_earlier_container_of_that_name_counted():
    bench = Bench()
    bench.event("container.oom", WEB_ID)
    bench.state(State.GONE, WEB_ID)
    bench.event("container.oom", BARE_ID, None)
    bench.rename(BARE_ID, "web", BARE)

    assert bench.value(EVENTS, "web", "oom") == 2
    assert bench.names() == {"web"}


def test_what_was_counted_long_ago_stays_under_the_id():
    bench = Bench()
    bench.event("container.oom", BARE_ID, None)
    bench.rename(BARE_ID, "web", BARE, T + 2 * HOUR)

    assert bench.value(EVENTS, "web", "oom") == 0


def test_a_container_that_is_renamed_begins_at_0():
    bench = Bench()
    bench.event("container.oom", WEB_ID)
    bench.rename(WEB_ID, "other", "web")

    assert bench.value(EVENTS, "other", "oom") == 0


def test_windows_see_an_increment_once_and_at_its_own_time():
    bench = Bench()
    bench.series.set_lookback({EVENTS: HOUR})
    bench.event("container.start", BARE_ID, None)
    bench.event("container.oom", BARE_ID, None, time_ns=T + 10 * SECOND)
    bench.event("container.oom", BARE_ID, None, time_ns=T + 20 * SECOND)
    bench.rename(BARE_ID, "web", BARE, T + 30 * SECOND)
    past = {
        (found["name"], found["action"]): [each for each in zip(times, values, strict=True) if each[1] == each[1]]
        for found, times, values in bench.series.select(EVENTS)
    }

    assert past["web", "oom"] == [(T, 0.0), (T + 10 * SECOND, 1.0), (T + 20 * SECOND, 2.0)]
    assert {key: points for key, points in past.items() if key[0] == BARE and points} == {}


def test_a_rename_of_what_is_not_known_changes_nothing():
    bench = Bench()
    bench.event("container.start")
    bench.rename(NEW_ID, "other", "web")
    bench.rename(NEW_ID, "other", "nobody")

    assert bench.names() == {"web"}


def test_a_container_takes_a_name_over_with_its_series():
    bench = Bench()
    bench.event("container.start", WEB_ID)
    bench.state(State.RUNNING, WEB_ID)
    bench.state(State.GONE, WEB_ID)
    bench.event("container.create", NEW_ID)
    bench.state(State.RUNNING, NEW_ID)
    bench.event("container.destroy", WEB_ID)
    bench.state(State.GONE, WEB_ID)
    bench.advance(T + 2 * HOUR)

    assert bench.ones("docker_container_info") == {("web", NEW_ID, "", "", "")}
    assert bench.ones(STATE) == {("web", "running")}
    assert bench.value(EVENTS, "web", "start") == 1


def test_the_first_12_digits_of_an_id_are_the_same_container():
    bench = Bench()
    bench.event("container.start", WEB_ID)
    bench.event("container.die", WEB_ID[:12], "web", exit_code="3")

    assert bench.ones("docker_container_info") == {("web", WEB_ID, "", "", "")}
    assert bench.value("docker_container_exit_code", "web") == 3


# ── how long series live ─────────────────────────────────────────────────────────────


def test_state_and_counters_that_never_moved_end_with_a_container_and_the_others_a_quarter_of_an_hour_later():
    bench = Bench()
    bench.event("container.die", exit_code="1")
    bench.state(State.GONE)
    actions = {labels[1] for labels in bench.labels("docker_container_events_total")}
    states = bench.labels("docker_container_state")
    bench.advance(T + HOUR // 4 - 1)
    before = bench.names()
    bench.advance(T + HOUR // 4)

    assert (actions, states) == ({"die"}, set())
    assert before == {"web"}
    assert bench.names() == set()
    assert {labels for family in catalog.CONTAINER for labels in bench.labels(family.name)} == set()


def test_a_container_without_a_name_is_forgotten_after_a_day_of_silence():
    bench = Bench()
    bench.event("container.start", BARE_ID, None)
    bench.event("container.die", BARE_ID, None, time_ns=T + HOUR)
    bench.advance(T + 24 * HOUR)
    before = bench.names()
    bench.advance(T + 25 * HOUR)

    assert before == {BARE}
    assert bench.names() == set()
    assert bench.register.next_deadline_ns() is None


def test_a_container_with_a_name_is_not_forgotten():
    bench = Bench()
    bench.event("container.start")
    bench.advance(T + 1000 * HOUR)

    assert bench.names() == {"web"}


def test_at_the_limit_destroyed_containers_go_first_then_those_silent_for_longest():
    bench = Bench(max_containers=3)
    for number, name in enumerate(("running", "silent", "destroyed")):
        bench.event("container.start", f"{number}" * 64, name, time_ns=T + number)
    bench.state(State.RUNNING, "0" * 64, "running")
    bench.state(State.GONE, "2" * 64, "destroyed")
    bench.event("container.start", "3" * 64, "third", time_ns=T + 3)
    without_destroyed = bench.names()
    bench.event("container.start", "4" * 64, "fourth", time_ns=T + 4)

    assert without_destroyed == {"running", "silent", "third"}
    assert bench.names() == {"running", "third", "fourth"}


def test_while_all_containers_run_further_ones_are_counted_together():
    bench = Bench(max_containers=1)
    bench.state(State.RUNNING)
    for _ in range(2):
        bench.event("container.die", NEW_ID, "further")
    bench.state(State.EXITED, NEW_ID, "further")
    crowded = bench.value(EVENTS, "_other", "die")
    bench.state(State.EXITED)
    bench.event("container.die", NEW_ID, "further")

    assert crowded == 2
    assert bench.value("logwatch_series_dropped_total", EVENTS) == 2
    assert bench.value(EVENTS, "further", "die") == 1


def test_a_rename_while_all_run_ends_the_old_name_only():
    bench = Bench(max_containers=1)
    bench.event("container.start", BARE_ID, None)
    bench.state(State.RUNNING, BARE_ID, None)
    bench.rename(BARE_ID, "web", BARE)

    assert bench.names() == {"web"}


# ── several hosts ────────────────────────────────────────────────────────────────────


def test_several_hosts_are_told_apart():
    bench = Bench(multi_host=True)
    for host in ("a", "b", "b"):
        bench.event("container.die", host=host)
    bench.event("daemon.start", None, None, host="a")

    assert bench.value(EVENTS, "web", "die", "b") == 2
    assert bench.value("docker_events_total", "container", "die", "a") == 1
    assert bench.value("docker_events_total", "container", "oom", "b") == 0
    assert bench.value("docker_daemon_last_start_timestamp_seconds", "a") == T / SECOND


def test_one_hosts_container_ends_without_its_namesake():
    bench = Bench(multi_host=True)
    bench.event("container.die", host="vm")
    bench.event("container.die", NEW_ID, host="other")
    bench.state(State.GONE)
    bench.advance(T + HOUR)

    assert bench.value(EVENTS, "web", "die", "vm") is None
    assert bench.value(EVENTS, "web", "die", "other") == 1


# ── the rules' own metrics ───────────────────────────────────────────────────────────

DELETES = MetricRule("counter", "deletes_total", "Deletions.", {"name": "{event.name}", "code": "{exit_code}"})
BYTES = MetricRule("counter", "bytes_total", "Bytes.", {}, value="{size}")
SIZE = MetricRule("gauge", "size_bytes", "Size.", {"id": "{event.id}"}, value="{size}")
LONG = MetricRule("histogram", "long_seconds", "Length.", {"host": "{event.host}"}, value="{size}", buckets=(1.0, 5.0))


def test_a_rules_metrics_move_once_per_accepted_event():
    bench = Bench(rules=[rule("r", DELETES, BYTES, SIZE, LONG)])
    bench.event("container.die", exit_code="137", size="3")
    bench.event("container.die", size="4", rule="another")
    bench.event("container.die", size="5", amends=True)

    assert bench.value("deletes_total", "137", "web") == 1
    assert bench.value("bytes_total") == 3
    assert bench.value("size_bytes", WEB_ID) == 3
    assert bench.value("long_seconds", "vm") == 3


def test_an_absent_field_is_an_empty_label():
    bench = Bench(rules=[rule("r", DELETES)])
    bench.event("container.die", BARE_ID, None)
    bench.event("network.create", None, None)

    assert bench.labels("deletes_total") == {("", BARE), ("", "")}


@pytest.mark.parametrize("size", ["", "big", "nan", "inf", "-1"])
def test_a_value_that_is_no_number_is_counted_as_an_error(size):
    bench = Bench(rules=[rule("r", BYTES)])
    bench.event("container.die", size=size)

    assert bench.value("bytes_total") is None
    assert bench.value("logwatch_rule_value_errors_total", "r") == 1


def test_metrics_of_an_event_that_gave_way_count_all_the_same():
    bench = Bench(rules=[rule("r", DELETES)])
    event = Event(T, "daemon.error", "vm", None, None, {}, Severity.ERROR, "r", "/log", 0)
    bench.metrics.count_suppressed(event)

    assert bench.value("deletes_total", "", "") == 1
    assert bench.value("docker_events_total", "daemon", "error") == 0


@pytest.mark.parametrize(("role", "counted"), [(Role.PRIMARY, 1), (Role.CORROBORATING, 0)])
def test_a_failed_request_counts_whatever_event_its_line_made(role, counted):
    bench = Bench()
    attributes = {"method": "POST", "status": "500"}
    event = Event(T, "api.error", "vm", None, None, attributes, Severity.ERROR, "r", "/log", 0, None, role)
    bench.metrics.count_suppressed(event)

    assert (bench.value("docker_api_errors_total", "POST", "500") or 0) == counted
    assert bench.value("docker_events_total", "api", "error") == 0


def test_a_rules_series_end_with_the_container_they_name():
    bench = Bench(rules=[rule("r", DELETES, SIZE)])
    bench.event("container.die", size="1")
    bench.event("container.die", NEW_ID, "db", size="1")
    bench.state(State.GONE)
    bench.advance(T + HOUR)

    assert bench.labels("deletes_total") == {("", "db")}
    assert bench.labels("size_bytes") == {(NEW_ID,)}


def test_two_rules_share_a_metric():
    turned = MetricRule("counter", "deletes_total", "Deletions.", {"code": "0", "name": "{event.name}"})
    bench = Bench(rules=[rule("r", DELETES), rule("s", turned)])
    bench.event("container.die", exit_code="0")
    bench.event("container.die", rule="s")

    assert bench.value("deletes_total", "0", "web") == 2


def test_a_reload_keeps_series_and_ends_those_of_rules_that_are_gone():
    bench = Bench(rules=[rule("r", DELETES, BYTES)])
    bench.event("container.die", size="3")
    reloaded = EventMetrics(bench.series, [rule("r", BYTES)])
    restore(reloaded, changed_rows(bench.metrics))

    assert bench.value("bytes_total") == 3
    assert bench.value(EVENTS, "web", "die") == 1
    assert "deletes_total" not in bench.series.names()


# ── restarts ─────────────────────────────────────────────────────────────────────────


def test_a_restart_changes_nothing():
    whole, first, second = Bench(), Bench(), Bench()

    def begin(bench):
        bench.event("container.start", image="nginx")
        bench.event("container.health_status", health="unhealthy")
        bench.state(State.RUNNING)
        bench.event("container.start", BARE_ID, None)

    def end(bench):
        bench.event("container.die", exit_code="1")
        bench.state(State.GONE, time_ns=T + SECOND)
        bench.event("container.start", NEW_ID, "db")
        bench.advance(T + 30 * HOUR)

    begin(whole)
    begin(first)
    second.series.restore(change for change in first.series.changes() if change.value is not None)
    restore(second.metrics, changed_rows(first.metrics))
    state_table.restore(second.register.tables, state_table.changed_rows(first.register.tables))
    second.register.restored()
    quiet = (changed_rows(second.metrics), second.series.changes())
    end(whole)
    end(second)

    assert quiet == ({}, [])
    for family in catalog.counted():
        expected = {labels: whole.value(family.name, *labels) for labels in whole.labels(family.name)}
        assert expected == {labels: second.value(family.name, *labels) for labels in second.labels(family.name)}


def test_rows_of_containers_that_ended_are_deleted():
    bench = Bench()
    bench.event("container.die")
    bench.state(State.GONE)
    (key,) = changed_rows(bench.metrics)
    bench.advance(T + HOUR)

    assert changed_rows(bench.metrics) == {key: None}
    assert changed_rows(bench.metrics) == {}


# ── labels of containers ─────────────────────────────────────────────────────────────

INFO = "docker_container_info"


def info(bench):
    """The labels of docker_container_info beside name and id."""
    return {labels[0]: labels[2:] for labels in bench.ones(INFO)}


def test_info_has_the_compose_and_the_chosen_labels():
    bench = Bench(chosen=["label_team"])
    bench.event("container.create", image="nginx", compose_project="shop", compose_service="web", label_team="a")
    bench.event("container.start")

    assert info(bench) == {"web": ("nginx", "shop", "web", "a")}


def test_info_follows_labels_name_and_removal():
    bench = Bench(chosen=["label_team"])
    bench.event("container.create", image="nginx", label_team="a")
    bench.event("container.rename", name="web2")
    bench.rename(WEB_ID, "web2", "web")
    renamed = info(bench)
    bench.event("container.update", name="web2", label_team="b")
    changed = info(bench)
    bench.event("container.destroy", name="web2")
    bench.event("container.create", NEW_ID, "web2", image="nginx:2")

    assert (renamed, changed) == ({"web2": ("nginx", "", "", "a")}, {"web2": ("nginx", "", "", "b")})
    assert bench.ones(INFO) == {("web2", NEW_ID, "nginx:2", "", "", "")}


def test_info_has_labels_that_only_the_inventory_reports():
    bench = Bench(chosen=["label_team"])
    labels = {"compose_project": "shop", "label_team": "a", "label_other": "x"}
    bench.metrics.process(Described(T, "vm", WEB_ID, "web", "nginx", labels, None, None, 0))

    assert info(bench) == {"web": ("nginx", "shop", "", "a")}


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (["label_team"], ("nginx", "shop", "", "a")),
        (["label_tier"], ("nginx", "shop", "", "")),
        (["label_tier", "label_team"], ("nginx", "shop", "", "", "a")),
        ([], ("nginx", "shop", "")),
    ],
    ids=["same", "another", "more", "none"],
)
@pytest.mark.parametrize("looked_back_at", [True, False])
def test_other_labels_may_be_chosen_at_the_next_start(chosen, expected, looked_back_at):
    first = Bench(chosen=["label_team"])
    first.series.set_lookback({INFO: HOUR} if looked_back_at else {})
    first.event("container.create", image="nginx", compose_project="shop", label_team="a")
    second = Bench(chosen=chosen)
    second.series.set_lookback({INFO: HOUR} if looked_back_at else {})
    second.series.restore(first.series.everything(), first.series.points())
    restore(second.metrics, changed_rows(first.metrics))
    served = [change.labels for change in second.series.everything() if change.family == INFO]

    assert served == [("web", WEB_ID, *expected)]
    assert {labels[-len(expected) :] for labels in current(second)} == {expected}


def current(bench):
    """The label values of docker_container_info now, as rules see them."""
    return {tuple(labels.values()) for labels, _, values in bench.series.select(INFO) if values[-1] == 1}
