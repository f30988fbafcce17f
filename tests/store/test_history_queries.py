"""Which events of the history a query finds, and how many there are."""

from datetime import UTC, datetime

import pytest

from logwatch.model import SECOND, Event, Outcome, Severity
from logwatch.store import History, Query, Store, Sync, Transaction

START = 1_796_000_000 * SECOND


def event(seq, kind, name, severity=Severity.INFO, **attributes):
    return Outcome(
        seq, Event(START + seq * SECOND, kind, "vm", f"{seq:064x}", name, attributes, severity, "r", "/log", 0)
    )


@pytest.fixture
def history(tmp_path):
    store = Store(tmp_path, datetime.fromtimestamp(0, UTC), sync=Sync.OFF)
    outcomes = [
        event(1, "container.die", "Web", exit_code="1", compose_project="shop"),
        event(2, "container.exec_start", "web"),
        event(3, "image.pull_failed", None, Severity.ERROR, error="50% of 'x' is \\gone", image="redis:7"),
        event(4, "container.oom_killed", "db", Severity.CRITICAL, compose_project="shop"),
    ]
    store.commit(Transaction(outcomes=outcomes), START)
    history = History(tmp_path)
    yield history
    history.close()
    store.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(text="WEB"), [1, 2]),
        (Query(text="50% of 'x'"), [3]),
        (Query(text="_"), [1, 2, 3, 4]),
        (Query(text="%"), [3]),
        (Query(severities=("error", "critical")), [3, 4]),
        (Query(attributes={"compose_project": "shop"}), [1, 4]),
        (Query(attributes={"image": "redis:7"}, severities=("error",)), [3]),
        (Query(attributes={"image": "redis"}), []),
        (Query(without=("container.exec_*",)), [1, 3, 4]),
        (Query(without=("container.*", "volume.*"), text="redis"), [3]),
    ],
)
def test_a_query_finds(history, query, expected):
    assert [outcome.seq for outcome in history.events(query)] == expected
    assert sum(history.count(query, SECOND).values()) == len(expected)


def test_events_are_counted_by_step_and_severity(history):
    step = START // (2 * SECOND)

    assert history.count(Query(since_ns=START + 2 * SECOND), 2 * SECOND) == {
        (step + 1, "info"): 1,
        (step + 1, "error"): 1,
        (step + 2, "critical"): 1,
    }
