import fcntl
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from stages import restore

from logwatch.errors import CommitError, StateError
from logwatch.lifecycle import Lifecycle
from logwatch.model import SECOND, Event, Outcome, Role, SampleChange, Severity
from logwatch.store import History, Query, Retention, Store, Sync, Transaction

NOW = datetime(2026, 11, 23, 18, 12, 57, tzinfo=UTC)
T = 1_795_457_577 * SECOND
HOUR = 3600 * SECOND
FILE = ("file", "/var/log/messages")


def outcome(
    seq, *, time_ns=None, kind="container.die", name="web", object_id="8dd3" + "0" * 60, amends=False, **attributes
):
    time_ns = T + seq if time_ns is None else time_ns
    return Outcome(
        seq,
        Event(
            time_ns, kind, "vm", object_id, name, attributes, Severity.INFO, "r/x", "/log", seq, None, Role.LEADING, 7
        ),
        amends,
    )


def opened(path, **options):
    store = Store(path, NOW, **options)
    return store, store.load()


def seqs(store, **query):
    return [found.seq for found in store.events(Query(**query))]


@pytest.fixture
def store(tmp_path):
    store, _ = opened(tmp_path / "state")
    yield store
    store.close()


def whole_turn():
    return Transaction(
        sources={FILE: '{"offset": 10}'},
        stages={("lifecycle", "a"): "[1]"},
        series=[SampleChange("x_total", ("a", 'b"\u00e9'), 3.0, 5), SampleChange("y", (), float("inf"), 6)],
        points=[SampleChange("x_total", ("a", "b"), 1.0, 4), SampleChange("x_total", ("a", "b"), None, 5)],
        outcomes=[outcome(1, exit_code="137"), outcome(2, name=None, object_id=None)],
        meta={"a": "b"},
    )


# ── one transaction ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sync", Sync)
def test_what_was_committed_is_there_after_a_restart(tmp_path, sync):
    transaction = whole_turn()
    store, empty = opened(tmp_path, sync=sync)
    store.commit(transaction, T)
    store.close()
    store, saved = opened(tmp_path)
    events = list(store.events(Query()))
    store.close()

    assert (empty.sources, empty.stages, empty.series, empty.points, empty.meta) == ({}, {}, [], [], {})
    assert (saved.sources, saved.stages, saved.meta) == (transaction.sources, transaction.stages, transaction.meta)
    assert (saved.series, saved.points) == (transaction.series, transaction.points)
    assert events == transaction.outcomes
    assert saved.notices == []


def test_what_was_committed_is_there_after_a_kill(tmp_path):
    script = f"""
import os
from datetime import datetime, UTC
from pathlib import Path
from logwatch.store import Store, Transaction
store = Store(Path({str(tmp_path)!r}), datetime.now(UTC))
store.load()
store.commit(Transaction(sources={{("file", "x"): "1"}}), 1)
os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    store, saved = opened(tmp_path)
    store.close()

    assert killed.returncode == -9
    assert saved.sources == {("file", "x"): "1"}


COUNTER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from logwatch.model import Event, Outcome, SampleChange
from logwatch.store import Store, Sync, Transaction
store = Store(Path(sys.argv[1]), datetime.now(UTC), sync=Sync(sys.argv[2]))
number = int(store.load().sources.get(("file", "x"), "0"))
while True:
    number += 1
    event = Event(number, "container.die", "vm", "a", None, {"n": "x" * (number % 3000)}, "info", "r", "/log", number)
    transaction = Transaction(sources={("file", "x"): str(number)}, stages={("s", "n"): str(number)}, outcomes=[Outcome(number, event)])
    transaction.series = [SampleChange("n_total", (), float(number), number)]
    store.commit(transaction, number * 10**8)
    print(number, flush=True)
"""


@pytest.mark.parametrize("sync", Sync)
def test_killed_at_any_moment_all_parts_tell_of_the_same_turn(tmp_path, sync):
    told = 0
    for turns in (1, 7, 50, 200):
        command = [sys.executable, "-c", COUNTER, str(tmp_path), sync]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            for _ in range(turns):
                told = int(child.stdout.readline())
            child.kill()
    store, saved = opened(tmp_path)
    found = seqs(store)
    store.close()

    number = int(saved.sources["file", "x"])
    assert number >= told
    assert saved.stages == {("s", "n"): str(number)}
    assert saved.series == [SampleChange("n_total", (), float(number), number)]
    assert found == list(range(1, number + 1))


def test_rows_series_and_points_that_ended_are_gone(tmp_path):
    store, _ = opened(tmp_path)
    store.commit(whole_turn(), T)
    store.commit(
        Transaction(
            sources={FILE: None},
            stages={("lifecycle", "a"): None},
            series=[SampleChange("y", (), None, 9)],
            points=[SampleChange("x_total", ("a", "b"), 2.0, 9)],
            horizons={"x_total": 5},
        ),
        T + 2 * SECOND,
    )
    store.close()
    store, saved = opened(tmp_path)
    store.close()

    assert (saved.sources, saved.stages) == ({}, {})
    assert [change.family for change in saved.series] == ["x_total"]
    assert [point.time_ns for point in saved.points] == [5, 9]


def test_of_several_changes_of_one_series_the_last_counts(store):
    labels = ("web",)
    store.commit(Transaction(series=[SampleChange("y", labels, None, 1), SampleChange("y", labels, 1.0, 2)]), T)
    begun = store.load().series
    store.commit(Transaction(series=[SampleChange("y", labels, 2.0, 3), SampleChange("y", labels, None, 4)]), T)

    assert begun == [SampleChange("y", labels, 1.0, 2)]
    assert store.load().series == []


def test_an_empty_turn_commits_nothing(store, tmp_path):
    store.commit(Transaction(), T)

    assert not Transaction()
    assert not (tmp_path / "state" / "positions.json").exists()


def test_text_that_is_no_unicode_comes_back_as_it_was(store):
    odd = ("file", "/var/log/\udcff")
    told = outcome(1, name="\udcff\ud800", error="\udcfe")
    store.commit(Transaction(sources={odd: "1"}, stages={("reader", "\udcff"): "2"}, outcomes=[told, outcome(2)]), T)
    saved = store.load()

    assert saved.sources == {odd: "1"}
    assert saved.stages == {("reader", "\udcff"): "2"}
    assert next(store.events(Query())) == told


def test_merged_turns_equal_their_commits_in_order(tmp_path):
    one = whole_turn()
    two = Transaction(
        sources={FILE: '{"offset": 20}'},
        stages={("lifecycle", "a"): None},
        series=[SampleChange("y", (), None, 9), SampleChange("y", (), 4.0, 10)],
        outcomes=[outcome(2, name="late", amends=True), outcome(3)],
        meta={"a": "c"},
        clock_ns=T,
    )
    left, _ = opened(tmp_path / "left")
    left.commit(one, T)
    left.commit(two, T)
    merged = whole_turn()
    merged.merge(two)
    right, _ = opened(tmp_path / "right")
    right.commit(merged, T)
    expected, found = left.load(), right.load()
    histories = [list(store.events(Query())) for store in (left, right)]
    left.close()
    right.close()

    assert expected == found
    assert histories[0] == histories[1]


# ── the disk refuses ─────────────────────────────────────────────────────────────────


def test_a_full_disk_keeps_the_turn_for_another_try(store):
    store.commit(Transaction(outcomes=[outcome(1)], sources={FILE: "1"}), T)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    transaction = Transaction(outcomes=[outcome(seq, error="x" * 200) for seq in range(2, 500)], sources={FILE: "2"})
    with pytest.raises(CommitError, match=r"full.*free disk space") as refused:
        store.commit(transaction, T)
    during = (seqs(store), store.load().sources)
    store._connection.execute("PRAGMA max_page_count = 100000")
    transaction.merge(Transaction(outcomes=[outcome(500)], sources={FILE: "3"}))
    store.commit(transaction, T)

    assert refused.value.retry
    assert during == ([1], {FILE: "1"})
    assert seqs(store) == list(range(1, 501))
    assert store.load().sources == {FILE: "3"}


def test_damage_found_while_running_is_set_aside_at_the_next_start(tmp_path):
    store, _ = opened(tmp_path)
    store.commit(Transaction(sources={FILE: "1"}), T)
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store._connection.execute("PRAGMA shrink_memory")
    (tmp_path / "logwatch.db").write_bytes(b"\xff" * 100_000)
    with pytest.raises(CommitError, match="restart logwatch") as refused:
        store.commit(Transaction(sources={FILE: "2"}, outcomes=[outcome(1)]), T)
    store.close()
    store, saved = opened(tmp_path)
    store.commit(Transaction(sources={FILE: "3"}), T)
    store.close()

    assert not refused.value.retry
    assert saved.sources == {FILE: "1"}
    assert len(saved.notices) == 2
    assert not (tmp_path / "logwatch.db.damaged").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_explained(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StateError, match="--state-dir"):
        Store(tmp_path, NOW)
    tmp_path.chmod(stat.S_IRWXU)


def test_a_state_directory_that_is_a_file_is_explained(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StateError, match=r"file.*--state-dir"):
        Store(tmp_path / "file", NOW)


def test_a_lock_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "lock").mkdir()

    with pytest.raises(StateError, match=r"lock: .*--state-dir"):
        Store(tmp_path, NOW)


def test_a_database_that_cannot_be_opened_is_explained_and_stays(tmp_path):
    (tmp_path / "logwatch.db").mkdir()

    with pytest.raises(StateError, match="must be able to write"):
        Store(tmp_path, NOW)
    assert (tmp_path / "logwatch.db").is_dir()


# ── what is found at the start ───────────────────────────────────────────────────────


def test_a_second_logwatch_is_locked_out_and_told_the_pid_of_the_first(store, tmp_path):
    with pytest.raises(StateError, match=f"pid {os.getpid()}"):
        Store(tmp_path / "state", NOW)


def test_the_lock_ends_with_its_owner(tmp_path):
    store, _ = opened(tmp_path)
    store.close()
    store.close_again = opened(tmp_path)[0].close()

    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def garbage(path):
    path.write_bytes(b"this is no database, it is a poem" * 100)


def torn(path):
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def foreign(path):
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()


@pytest.mark.parametrize("damage", [garbage, torn, foreign])
def test_an_unreadable_database_is_set_aside_and_positions_go_on(tmp_path, damage):
    store, _ = opened(tmp_path)
    store.commit(whole_turn(), T)
    store.close()
    path = tmp_path / "logwatch.db"
    damage(path)
    kept = path.read_bytes()
    store, saved = opened(tmp_path)
    store.commit(Transaction(stages={("a", "b"): "1"}), T)
    store.close()

    assert (tmp_path / "logwatch.db.set-aside-20261123T181257Z").read_bytes() == kept
    assert saved.sources == {FILE: '{"offset": 10}'}
    assert (saved.stages, saved.series) == ({}, [])
    assert "set aside as logwatch.db.set-aside-20261123T181257Z" in saved.notices[0]
    assert "positions.json" in saved.notices[1]


def test_a_newer_database_is_refused_and_left_alone(tmp_path):
    store, _ = opened(tmp_path)
    store.close()
    with sqlite3.connect(tmp_path / "logwatch.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StateError, match=r"format is 99.*newer"):
        Store(tmp_path, NOW)
    assert [path.name for path in tmp_path.glob("*set-aside*")] == []


def test_an_older_database_is_brought_up_to_date(tmp_path, monkeypatch):
    from logwatch.store import schema

    store, _ = opened(tmp_path)
    store.commit(whole_turn(), T)
    store.close()
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE later (x);"))
    monkeypatch.setattr(schema, "VERSION", later := schema.VERSION + 1)
    store, saved = opened(tmp_path)
    version = store._connection.execute("PRAGMA user_version").fetchone()[0]
    store.close()

    assert version == later
    assert saved.stages == {("lifecycle", "a"): "[1]"}


def test_what_version_1_knew_of_events_is_known_still(tmp_path, monkeypatch):
    from logwatch.store import schema

    def told(order, seq, object_id, kind):
        event = [T, kind, "vm", object_id, None, {}, "info", "r/first", "/log", 5, None, "primary", T, []]
        return [event, [order, T, None, seq, T + SECOND], ["r/first"], []]

    def lines(*accounts):
        return [
            Event(T, kind, "vm", object_id, None, {"more": "1"}, "info", rule, "/log", 9, None, role, T)
            for kind, object_id, rule, role in accounts
        ]

    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        before.setattr(schema, "VERSION", 1)
        store, _ = opened(tmp_path)
        stages = {
            "tellers": [T, 4, {}],
            'subject ["vm", "container", "web"]': [T, [told(1, 1, "web", "container.stop"), told(2, 0, "web", "container.kill")], [2]],
            'nameless ["vm", "host.oom"]': [[], [told(3, 2, None, "host.oom")]],
            'nameless ["vm", "swarm.join"]': [[told(4, 0, None, "swarm.join")], []],
            "lifecycle": [2, 0],
        }  # fmt: skip
        store.commit(Transaction(stages={("lifecycle", key): json.dumps(row) for key, row in stages.items()}), T)
        store.close()
    store, saved = opened(tmp_path)
    store.close()
    life = Lifecycle(SECOND)
    restore(life, {key: row for (_, key), row in saved.stages.items()})
    joined = lines(
        ("container.stop", "web", "r/second", Role.PRIMARY), ("host.oom", None, "r/second", Role.CORROBORATING)
    )
    made = [made for line in joined for made in life.process(line)]

    assert sorted(key for _, key in saved.stages) == [
        "lifecycle",
        "tellers",
        *(f"telling {each}" for each in (1, 2, 3, 4)),
    ]
    assert [(each.seq, each.amends, each.event.attributes) for each in made] == [
        (1, True, {"more": "1"}),
        (2, True, {"more": "1"}),
    ]
    assert [(each.seq, each.event.event) for each in life.flush()] == [(3, "container.kill"), (4, "swarm.join")]


def test_what_version_2_knew_of_hosts_is_known_still(tmp_path, monkeypatch):
    from logwatch.matching.extractor import Extractor
    from logwatch.store import schema, state_table

    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        before.setattr(schema, "VERSION", 2)
        store, _ = opened(tmp_path)
        store.commit(Transaction(stages={("extractor", 'a "b"'): str(T), ("pipeline", "clock"): "5"}), T)
        store.close()
    store, saved = opened(tmp_path)
    store.close()
    extractor = Extractor([])
    rows = {key: row for (stage, key), row in saved.stages.items() if stage == "extractor"}
    state_table.restore(extractor.tables, rows)

    assert extractor.tables[0] == {'a "b"': T}
    assert saved.stages["pipeline", "clock"] == "5"


# ── the copy of the positions ────────────────────────────────────────────────────────


def positions(directory):
    return json.loads((directory / "positions.json").read_text())["sources"]


def test_positions_are_copied_once_a_second_and_at_the_end(tmp_path):
    store, _ = opened(tmp_path)
    seen = []
    for offset, now_ns in enumerate((T, T + SECOND // 2, T + SECOND, T + SECOND + 1, T - HOUR)):
        store.commit(Transaction(sources={("file", "x"): str(offset)}), now_ns)
        seen.append(positions(tmp_path)["file"]["x"])
    store.commit(Transaction(sources={("file", "x"): "last", ("file", "y"): "1"}), T - HOUR + 1)
    store.commit(Transaction(sources={("file", "y"): None}), T - HOUR + 2)
    store.close()

    assert seen == ["0", "0", "2", "2", "4"]
    assert positions(tmp_path) == {"file": {"x": "last"}}


def test_positions_are_copied_at_every_commit_that_is_forced_to_the_disk(tmp_path):
    store, _ = opened(tmp_path, sync=Sync.ALWAYS)
    store.commit(Transaction(sources={("file", "x"): "1"}), T)
    store.commit(Transaction(sources={("file", "x"): "2"}), T)
    copied = positions(tmp_path)
    store.close()

    assert copied == {"file": {"x": "2"}}


@pytest.mark.parametrize(
    ("text", "words"),
    [('{"version": 9, "sources": {}}', "newer logwatch"), ("[]", "move it away"), ("{", "move it away")],
)
def test_a_copy_that_cannot_be_used_is_explained(tmp_path, text, words):
    (tmp_path / "positions.json").write_text(text)
    store = Store(tmp_path, NOW)

    with pytest.raises(StateError, match=words):
        store.load()
    store.close()


def test_a_copy_that_cannot_be_written_does_not_fail_the_commit(tmp_path):
    store, _ = opened(tmp_path)
    (tmp_path / "positions.tmp").mkdir()
    store.commit(Transaction(sources={FILE: "1"}), T)
    sources = store.load().sources
    store.close()

    assert sources == {FILE: "1"}


# ── history ──────────────────────────────────────────────────────────────────────────


def test_a_later_teller_completes_the_stored_event(store):
    store.commit(Transaction(outcomes=[outcome(1), outcome(2)]), T)
    store.commit(Transaction(outcomes=[outcome(1, amends=True, exit_code="1"), outcome(9, amends=True)]), T)
    store.commit(Transaction(outcomes=[outcome(3), outcome(3, amends=True, exit_code="3")]), T)

    assert [found.event.attributes for found in store.events(Query())] == [{"exit_code": "1"}, {}, {"exit_code": "3"}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"since_ns": T + 2, "until_ns": T + 4}, [2, 3]),
        ({"event": "container.die"}, [1, 4]),
        ({"event": "container"}, [1, 2, 4]),
        ({"event": "*.create"}, [2, 3]),
        ({"name": "db"}, [4]),
        ({"id": "8dd3"}, [1, 2]),
        ({"id": "8dd3%"}, []),
        ({"after_seq": 2, "limit": 1}, [3]),
        ({"newest_first": True, "limit": 2}, [4, 3]),
        ({"limit": 0}, []),
    ],
    ids=str,
)
def test_events_are_found_by_time_kind_name_and_id(store, query, expected):
    store.commit(
        Transaction(
            outcomes=[
                outcome(1),
                outcome(2, kind="container.create"),
                outcome(3, kind="network.create", name=None, object_id=None),
                outcome(4, name="db", object_id="ffff"),
            ]
        ),
        T,
    )

    assert seqs(store, **query) == expected


def test_commands_read_the_last_commit_while_it_is_written_to(store, tmp_path):
    y = SampleChange("y", (), 1.0, 1)
    store.commit(
        Transaction(outcomes=[outcome(1)], stages={("lifecycle", "a 1"): "1", ("lifecycle", "ab 1"): "2"}, series=[y]),
        T,
    )
    history = History(tmp_path / "state")
    first = seqs(history)
    store.commit(Transaction(outcomes=[outcome(2)]), T)
    second = seqs(history)
    stages, series = history.rows("lifecycle", "a"), history.series("y")
    history.close()

    assert (first, second, stages) == ([1], [1, 2], {"a 1": "1"})
    assert series == {(): 1.0}


def test_a_copy_without_the_companions_of_wal_can_be_read(tmp_path):
    store, _ = opened(tmp_path / "state")
    store.commit(Transaction(outcomes=[outcome(1)]), T)
    store.close()
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "state" / "logwatch.db", tmp_path / "copy")
    history = History(tmp_path / "copy")
    found = seqs(history)
    history.close()

    assert found == [1]


def test_reading_where_nothing_was_written_is_explained(tmp_path):
    with pytest.raises(StateError, match="logwatch run --state-dir"):
        History(tmp_path)


def test_reading_what_is_no_database_is_explained(tmp_path):
    (tmp_path / "logwatch.db").write_bytes(b"poem" * 1000)
    with pytest.raises(StateError, match="sets it aside"):
        History(tmp_path)
    (tmp_path / "logwatch.db").unlink()
    (tmp_path / "logwatch.db").mkdir()
    with pytest.raises(StateError, match="readable"):
        History(tmp_path)


# ── how much is kept ─────────────────────────────────────────────────────────────────


def test_the_oldest_events_beyond_the_number_go(tmp_path):
    store, _ = opened(tmp_path, retention=Retention(events=10))
    for start in (1, 6, 11, 16, 21):
        store.commit(Transaction(outcomes=[outcome(seq) for seq in range(start, start + 5)]), T)
    found = seqs(store)
    store.close()

    assert found == list(range(16, 26))


def test_events_older_than_the_newest_by_a_week_go(tmp_path):
    store, _ = opened(tmp_path, retention=Retention(age_ns=7 * 24 * HOUR))
    store.commit(Transaction(outcomes=[outcome(1, time_ns=T), outcome(2, time_ns=T + 24 * HOUR)]), T)
    store.commit(Transaction(outcomes=[outcome(3, time_ns=T + 7 * 24 * HOUR + 2 * HOUR)]), T)
    found = seqs(store)
    store.commit(Transaction(outcomes=[outcome(4, time_ns=T + 60 * 24 * HOUR)]), T)
    later = seqs(store)
    store.close()

    assert (found, later) == ([2, 3], [4])


def test_an_event_from_the_far_future_expires_nothing(store):
    store.commit(Transaction(outcomes=[outcome(1)]), T)
    store.commit(Transaction(outcomes=[outcome(2, time_ns=T + 10_000 * HOUR)], clock_ns=T + HOUR), T)

    assert seqs(store) == [1, 2]


def test_the_database_keeps_its_size(tmp_path):
    limit = 400_000
    store, _ = opened(tmp_path, retention=Retention(max_bytes=limit))
    for start in range(1, 6001, 500):
        store.commit(Transaction(outcomes=[outcome(seq, error="x" * 200) for seq in range(start, start + 500)]), T)
    for seq in range(6001, 6400):
        store.commit(Transaction(outcomes=[outcome(seq)]), T)
    found = seqs(store)
    store.close()

    assert found[-1] == 6399
    assert (tmp_path / "logwatch.db").stat().st_size < 1.5 * limit


def test_change_points_of_series_that_are_gone_go_before_events(tmp_path):
    store, _ = opened(tmp_path, retention=Retention(max_bytes=700_000))
    alive = SampleChange("events_total", ("web", "die"), 1.0, T)
    store.commit(Transaction(series=[alive], points=[alive]), T)
    for number in range(400):
        points = [SampleChange("events_total", (f"job-{number}", f"{step}"), 1.0, T + number) for step in range(50)]
        store.commit(Transaction(points=points, outcomes=[outcome(number + 1)], clock_ns=T), T)
    kept = store.load().points
    found = seqs(store)
    store.close()

    assert found == list(range(1, 401))
    assert alive in kept
    assert len(kept) < 20_000


def test_change_points_that_end_at_every_commit_do_not_save_the_events(tmp_path):
    limit = 400_000
    store, _ = opened(tmp_path, retention=Retention(max_bytes=limit))
    for start in range(1, 8001, 20):
        points = [SampleChange("events_total", (f"job-{start}",), 1.0, T + start)]
        events = [outcome(seq, error="x" * 200) for seq in range(start, start + 20)]
        store.commit(Transaction(points=points, outcomes=events, clock_ns=T), T)
    found = seqs(store)
    store.close()

    assert found[-1] == 8000
    assert (tmp_path / "logwatch.db").stat().st_size < 1.5 * limit


def test_change_points_that_become_older_at_every_commit_do_not_save_the_events(tmp_path):
    limit = 400_000
    store, _ = opened(tmp_path, retention=Retention(max_bytes=limit))
    for start in range(1, 8001, 20):
        points = [SampleChange("events_total", ("web",), float(start), T + start)]
        events = [outcome(seq, error="x" * 200) for seq in range(start, start + 20)]
        now = {"points": points, "series": points, "horizons": {"events_total": T + start - 1}}
        store.commit(Transaction(**now, outcomes=events, clock_ns=T), T)
    found = seqs(store)
    store.close()

    assert found[-1] == 8000
    assert (tmp_path / "logwatch.db").stat().st_size < 1.5 * limit


def test_a_restart_knows_what_there_is(tmp_path):
    store, _ = opened(tmp_path, retention=Retention(events=10))
    store.commit(Transaction(outcomes=[outcome(seq) for seq in range(1, 11)]), T)
    store.close()
    store, _ = opened(tmp_path, retention=Retention(events=10))
    store.commit(Transaction(outcomes=[outcome(seq) for seq in range(11, 16)]), T)
    found = seqs(store)
    store.close()

    assert found == list(range(6, 16))


# ── durability ───────────────────────────────────────────────────────────────────────


def test_the_flusher_forces_commits_to_the_disk_beside_the_loop(tmp_path, monkeypatch):
    from logwatch.store import durability

    forced = []
    monkeypatch.setattr(durability, "CHECKPOINT_BYTES", 0)
    monkeypatch.setattr(durability.os, "fsync", lambda descriptor: forced.append(descriptor))
    store, _ = opened(tmp_path)
    store.commit(whole_turn(), T)
    store._flusher.close()
    database = (tmp_path / "logwatch.db").stat().st_size
    store.close()

    assert forced
    assert database > 4096
    assert store._flusher.error is None


def test_an_error_of_the_flusher_is_kept_for_who_asks(tmp_path, monkeypatch):
    from logwatch.store import durability

    def fail(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(durability.os, "fsync", fail)
    store, _ = opened(tmp_path)
    store.commit(Transaction(meta={"a": "b"}), T)
    store._flusher.close()
    monkeypatch.undo()
    store.close()

    assert "Input/output error" in store._flusher.error


def test_a_wal_that_grew_long_is_moved_into_the_database(tmp_path, monkeypatch):
    from logwatch.store import database

    monkeypatch.setattr(database, "LONGEST_WAL", 0)
    store, _ = opened(tmp_path)
    store.commit(whole_turn(), T)
    size = (tmp_path / "logwatch.db").stat().st_size
    store.close()

    assert size > 4096
