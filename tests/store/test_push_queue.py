import pytest

from logwatch.errors import StateError
from logwatch.model import SECOND
from logwatch.store.push_queue import Limit, PushedSeries, PushQueue, Request

WEB = PushedSeries("docker_container_state", (("name", 'w"e\nb'), ("state", "running")))
DB = PushedSeries("up", ())


def request(receiver, time_s, body=b"x" * 100):
    return Request(receiver, time_s * SECOND, 10, body)


def drain(queue, receiver):
    times = []
    while (first := queue.first(receiver)) is not None:
        times.append(first.time_ns // SECOND)
        assert queue.remove(first)
    return times


@pytest.fixture
def opened(tmp_path):
    queues = []

    def open_queue(*receivers):
        queues.append(PushQueue(tmp_path, receivers or ("a", "b")))
        return queues[-1]

    yield open_queue
    for queue in queues:
        queue.close()


def test_each_receiver_gets_its_requests_in_order_also_after_a_restart(opened):
    queue = opened()
    for time_s in (1, 2, 3):
        queue.put([request("a", time_s), request("b", time_s)])
    queue.remove(queue.first("a"))
    queue.close()
    again = opened()

    assert (again.waiting("a").samples, again.waiting("b").bytes) == (20, 300)
    assert (drain(again, "a"), drain(again, "b")) == ([2, 3], [1, 2, 3])
    assert (again.waiting("a").samples, again.waiting("b").bytes) == (0, 0)


def test_a_request_is_removed_once(opened):
    queue = opened()
    queue.put([request("a", 1)])
    first = queue.first("a")

    assert [queue.remove(first), queue.remove(first)] == [True, False]
    assert queue.waiting("a").samples == 0


def test_the_series_of_the_last_round_survive(opened):
    queue = opened()
    queue.put([], [WEB, DB])
    queue.put([], [], [DB])
    queue.close()

    assert opened().series() == {WEB}


def test_what_waits_for_a_receiver_that_is_no_longer_configured_is_deleted(opened):
    queue = opened("a", "b")
    queue.put([request("a", 1), request("b", 1)])
    queue.close()
    opened("b").close()

    assert drain(opened("a", "b"), "a") == []


@pytest.mark.parametrize(
    ("limit", "dropped", "left"),
    [
        (Limit(100 * SECOND, 10_000), {}, [1, 2, 3]),
        (Limit(2 * SECOND, 10_000), {"too_old": 20}, [3]),
        (Limit(100 * SECOND, 250), {"queue_full": 10}, [2, 3]),
        (Limit(3 * SECOND, 150), {"too_old": 10, "queue_full": 10}, [3]),
    ],
)
def test_the_oldest_go_first(opened, limit, dropped, left):
    queue = opened()
    for time_s in (1, 2, 3):
        queue.put([request("a", time_s)])

    assert queue.drop_surplus("a", limit, 5 * SECOND) == dropped
    assert drain(queue, "a") == left


def test_a_damaged_file_is_set_aside(tmp_path, opened):
    (tmp_path / "push.db").write_bytes(b"not a database" * 100)
    queue = opened()
    queue.put([request("a", 1)])

    assert drain(queue, "a") == [1]
    assert (tmp_path / "push.db.damaged").read_bytes().startswith(b"not a database")


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StateError, match=r"push\.db"):
        PushQueue(tmp_path / "file", ["a"])
