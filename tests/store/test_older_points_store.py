"""Older change points within the limits of the database."""

from kept_history import HOUR, START, Kept

from logwatch.model import SECOND


def test_they_go_first_when_the_database_is_too_large(tmp_path):
    kept = Kept(tmp_path)
    for minute in range(0, 600, 5):
        kept.series.add("docker_container_events_total", ("web", "die"), 1, START + minute * 60 * SECOND)
        kept.commit(START + minute * 60 * SECOND)
    retention = kept._store._retention
    count = "SELECT count(*) FROM older_points"
    before = kept._store._connection.execute(count).fetchone()[0]
    retention.max_bytes = 1
    removed = retention._too_big(kept._store._connection)
    after = kept._store._connection.execute(count).fetchone()[0]

    assert (before > 0, removed, after) == (True, 0, 0)
    with kept.queries(START + 10 * HOUR) as queries:
        assert queries.instant("docker_container_events_total", START + 10 * HOUR)[0].value == 120
    kept.close()
