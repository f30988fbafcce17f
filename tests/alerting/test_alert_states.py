import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.alerting.alerting_rule import RESOLVED_RETENTION_NS, ActiveAlert, AlertSample, next_step_ns, step
from logwatch.promql import NEVER_NS

LABELS = {"alertname": "A"}
KEY = frozenset(LABELS.items())
TRUE = {KEY: AlertSample(LABELS, {}, 1.0)}


def step_all(active, samples, now, **holds):
    """Step all alerts there are, as at the first evaluation."""
    return step(active, samples, {**samples, **active}, now, **holds)


def course(pattern, *, hold=0, keep=0):
    """The state after each evaluation, one a second; `x` is true, `.` is not."""
    active, states = {}, []
    for second, mark in enumerate(pattern, 1):
        step_all(active, TRUE if mark == "x" else {}, second, hold_ns=hold, keep_ns=keep)
        states.append(active[KEY].state[0] if KEY in active else "-")
    return "".join(states)


@pytest.mark.parametrize(
    ("pattern", "hold", "keep", "expected"),
    [
        ("..xx..", 0, 0, "--ffrr"),
        ("xxxx.", 2, 0, "ppffr"),
        ("xx.xxx", 2, 0, "pp-ppf"),
        ("xxx...", 1, 2, "pffffr"),
        ("x.x.x...", 0, 2, "fffffffr"),
        ("x.x...", 0, 2, "fffffr"),
        ("xx.xx", 1, 0, "pfrpf"),
    ],
)
def test_goes_through_the_states(pattern, hold, keep, expected):
    assert expected == course(pattern, hold=hold, keep=keep)


def twin(pattern, hold, keep):
    """The same from the whole past of truths, evaluation by evaluation."""
    states, since, state, last = [], 0, "-", 0
    for second, mark in enumerate(pattern, 1):
        if mark == "x":
            if state in "-r":
                state, since = "p", second
            last = 0
            if state == "p" and second - since >= hold:
                state = "f"
        elif state == "p":
            state = "-"
        elif state == "f":
            last = last or second
            if not (keep and second - last < keep):
                state = "r"
        states.append(state)
    return "".join(states)


@given(st.text(alphabet="x.", max_size=40), st.integers(0, 4), st.integers(0, 4))
def test_agrees_with_a_slow_twin(pattern, hold, keep):
    assert twin(pattern, hold, keep) == course(pattern, hold=hold, keep=keep)


@given(st.text(alphabet="x.", max_size=30), st.integers(0, 3), st.integers(0, 3), st.integers(0, 30))
def test_an_interruption_changes_nothing(pattern, hold, keep, cut):
    active = {}
    states = []
    for second, mark in enumerate(pattern, 1):
        if second == cut:
            active = {key: ActiveAlert.from_row(json.loads(json.dumps(alert.row()))) for key, alert in active.items()}
        step_all(active, TRUE if mark == "x" else {}, second, hold_ns=hold, keep_ns=keep)
        states.append(active[KEY].state[0] if KEY in active else "-")

    assert course(pattern, hold=hold, keep=keep) == "".join(states)


def test_a_resolved_alert_is_forgotten_after_a_quarter_of_an_hour():
    active = {}
    step_all(active, TRUE, 1, hold_ns=0, keep_ns=0)
    step_all(active, {}, 2, hold_ns=0, keep_ns=0)
    step_all(active, {}, 2 + RESOLVED_RETENTION_NS, hold_ns=0, keep_ns=0)
    kept = dict(active)
    step_all(active, {}, 3 + RESOLVED_RETENTION_NS, hold_ns=0, keep_ns=0)

    assert list(kept) == [KEY]
    assert not active


def test_a_row_is_json():
    active = {}
    step_all(active, TRUE, 1, hold_ns=0, keep_ns=0)

    assert json.loads(json.dumps(active[KEY].row()))["state"] == "firing"


def test_alerts_are_told_apart_by_their_identity_alone():
    identities = [frozenset({("name", str(number))}) for number in range(2)]
    truths = {identity: AlertSample(LABELS, {}, 1.0) for identity in identities}
    active = {}
    step_all(active, truths, 1, hold_ns=1, keep_ns=0)
    changes = step_all(active, truths, 2, hold_ns=1, keep_ns=0)

    assert changes.began == [active[identity] for identity in identities]
    assert [alert.state for alert in changes.began] == ["firing", "firing"]


def test_an_older_row_is_read():
    row = {
        "annotations": {},
        "told": True,
        "labels": LABELS,
        "value": 1.0,
        "state": "firing",
        "active_ns": 1,
        "fired_ns": 2,
    }
    alert = ActiveAlert.from_row(row)

    assert (alert.sent, alert.state, alert.fired_ns) == (True, "firing", 2)


@given(st.text(alphabet="x.", max_size=40), st.integers(0, 4), st.integers(0, 4))
def test_nothing_changes_before_the_next_step(pattern, hold, keep):
    active, before, due = {}, "", 0
    for second, mark in enumerate(pattern, 1):
        changes = step_all(active, TRUE if mark == "x" else {}, second, hold_ns=hold, keep_ns=keep)
        if mark == before and second < due:
            assert changes.changed == set()
        before = mark
        due = min((next_step_ns(alert, hold_ns=hold, keep_ns=keep) for alert in active.values()), default=NEVER_NS)


@given(st.lists(st.text(alphabet="xy.", min_size=6, max_size=6), max_size=30), st.integers(0, 4), st.integers(0, 4))
def test_to_step_only_what_is_new_or_due_is_to_step_all(results, hold, keep):
    keys = [frozenset({("name", str(number))}) for number in range(6)]
    values = {"x": AlertSample(LABELS, {}, 1.0), "y": AlertSample(LABELS, {}, 2.0)}
    everything, some, before = {}, {}, {}
    for second, marks in enumerate(results, 1):
        samples = {key: values[mark] for key, mark in zip(keys, marks, strict=True) if mark in values}
        new = [key for key in keys if samples.get(key) is not before.get(key)]
        due = [key for key, alert in some.items() if next_step_ns(alert, hold_ns=hold, keep_ns=keep) <= second]
        step_all(everything, samples, second, hold_ns=hold, keep_ns=keep)
        step(some, samples, [*new, *due], second, hold_ns=hold, keep_ns=keep)
        before = samples
        assert everything == some
