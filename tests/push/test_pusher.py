"""What became of the samples of each interval, whatever happened to the receiver, the host and the disk."""

import sqlite3
import threading

import pytest
from ports import wait_for
from sample_receivers import INTERVAL, START, remote_samples

from logwatch.model import SECOND
from logwatch.push.remote_write import STALE
from logwatch.store.push_queue import Limit

EVENTS = "docker_events_total"


def times(one):
    """The times of the samples that a receiver took, in seconds after the start."""
    return [sample[3] // 1000 - START // SECOND for message in one.taken() for sample in remote_samples(message)]


def test_every_series_is_pushed_at_each_interval_with_the_labels_of_the_target(host, receiver):
    one = receiver()
    pushing = host(one.url)
    pushing.tick(2)
    pushing.send()
    wait_for(lambda: len(one.taken()) == 2, "two rounds")

    labels = {"type": "container", "action": "die", "job": "logwatch", "instance": "one:19979"}
    assert [sample for message in one.taken() for sample in remote_samples(message)] == [
        (EVENTS, labels, 1.0, (START + number * INTERVAL) // 1_000_000) for number in (1, 2)
    ]
    _, headers, _ = one.requests[0]
    assert headers["X-Scope-OrgID"] == "tenant"
    assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"


def test_nothing_is_lost_in_an_outage_over_a_restart(host, receiver):
    one = receiver(lambda: 503)
    pushing = host(one.url)
    pushing.tick(3)
    pushing.send()
    wait_for(lambda: len(one.requests) >= 2, "tries")
    pushing.pusher.close()
    pushing.restart()
    pushing.tick(2)
    one.answer = lambda: 200
    pushing.send()
    wait_for(lambda: len(one.taken()) == 5, "all rounds")

    assert times(one) == [15, 30, 45, 60, 75]
    wait_for(lambda: pushing.value("logwatch_push_samples_total") == 5, "their counts")
    assert pushing.value("logwatch_push_samples_pending") == 0


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_later_is_sent_again(host, receiver, status):
    answers = iter([status])
    one = receiver(lambda: next(answers, 204))
    pushing = host(one.url)
    pushing.tick()
    pushing.send()
    wait_for(lambda: len(one.taken()) == 1, "the second try")

    assert len(one.requests) == 2
    wait_for(lambda: pushing.value("logwatch_push_samples_total") == 1, "its count")
    assert pushing.value("logwatch_push_samples_retried_total") == 1
    assert pushing.value("logwatch_push_samples_failed_total") == 0


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_what_is_rejected_is_counted_and_the_next_is_sent(host, receiver, status):
    answers = iter([status])
    one = receiver(lambda: next(answers, 200))
    pushing = host(one.url)
    pushing.tick(2)
    pushing.send()
    wait_for(lambda: pushing.value("logwatch_push_samples_total") == 1, "the second round")

    assert times(one) == [30]
    assert pushing.value("logwatch_push_samples_failed_total") == 1
    assert pushing.value("logwatch_push_samples_retried_total") == 0


def test_one_that_is_down_does_not_hold_up_another(host, receiver):
    down, up = receiver(lambda: 503), receiver()
    pushing = host(down.url, up.url)
    pushing.tick(2)
    pushing.send()
    wait_for(lambda: len(up.taken()) == 2, "the other's rounds")

    assert pushing.queue.waiting("receiver-0").samples == 2
    assert pushing.queue.waiting("receiver-1").samples == 0 or len(down.taken()) == 0


def test_a_request_that_is_never_answered_ends_with_the_process_and_is_sent_after_it(host, receiver):
    one = receiver(lambda: None)
    pushing = host(one.url)
    pushing.tick()
    pushing.send()
    wait_for(lambda: len(one.requests) == 1, "the request")
    pushing.pusher.close()

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("logwatch-push")]
    one.answer = lambda: 200
    pushing.restart()
    pushing.send()
    wait_for(lambda: times(one) == [15], "the same round")


@pytest.mark.parametrize(
    ("limit", "reason"),
    [(Limit(30 * SECOND, 1 << 20), "too_old"), (Limit(3600 * SECOND, 400), "queue_full")],
    ids=["age", "bytes"],
)
def test_the_oldest_samples_are_dropped_and_counted_beyond_a_bound(host, receiver, limit, reason):
    one = receiver()
    pushing = host(one.url, limit=limit)
    pushing.tick(5)
    dropped = pushing.value("logwatch_push_samples_dropped_total", reason)
    pushing.send()
    wait_for(lambda: pushing.value("logwatch_push_samples_pending") == 0, "what is left")

    left = times(one)
    assert 0 < len(left) < 5
    assert left == [15, 30, 45, 60, 75][-len(left) :]
    assert dropped == 5 - len(left)


def test_a_series_that_ends_gets_the_marker_once_also_over_a_restart(host, receiver):
    one = receiver()
    pushing = host(one.url)
    pushing.values["docker_container_state", ("web", "running")] = 1.0
    pushing.values["docker_container_state", ("db", "running")] = 1.0
    pushing.tick()
    del pushing.values["docker_container_state", ("web", "running")]
    pushing.tick()
    pushing.pusher.close()
    pushing.restart()
    del pushing.values["docker_container_state", ("db", "running")]
    pushing.tick(2)
    pushing.send()
    wait_for(lambda: len(one.taken()) == 4, "four rounds")

    rounds = [
        {labels["name"]: value for name, labels, value, _ in remote_samples(message) if name != EVENTS}
        for message in one.taken()
    ]
    ended = [{name for name, value in samples.items() if value != value} for samples in rounds]
    assert [set(samples) for samples in rounds] == [{"web", "db"}, {"web", "db"}, {"db"}, set()]
    assert ended == [set(), {"web"}, {"db"}, set()]
    assert STALE.hex() == "nan"


def test_a_clock_that_is_set_back_a_little_brings_no_older_samples(host, receiver):
    one = receiver()
    pushing = host(one.url)
    pushing.tick(2)
    pushing.now_ns -= 20 * SECOND
    assert not pushing.pusher.step(pushing.scrape, pushing.now_ns)
    pushing.now_ns += 20 * SECOND
    pushing.tick()
    pushing.send()
    wait_for(lambda: len(one.taken()) == 3, "three rounds")

    assert times(one) == [15, 30, 45]


def test_samples_that_the_disk_refuses_are_counted_and_the_next_are_stored(host, receiver):
    one = receiver()
    pushing = host(one.url)
    other = sqlite3.connect(pushing.queue._path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # as a disk that refuses: the queue cannot write
    pushing.tick()
    other.execute("ROLLBACK")
    other.close()
    pushing.tick()
    pushing.send()
    wait_for(lambda: times(one) == [30], "the second round")

    assert pushing.value("logwatch_push_samples_dropped_total", "disk") == 1


def test_types_and_helps_are_sent_once_a_minute(host, receiver):
    one = receiver()
    pushing = host(one.url)
    pushing.tick(6)
    pushing.send()
    wait_for(lambda: len(one.taken()) == 6, "six rounds")

    described = [
        [(each.metric_family_name, each.type, each.help) for each in message.metadata] for message in one.taken()
    ]
    both = [(EVENTS, 1, "Events."), ("docker_container_state", 2, "State.")]
    assert described == [both, [], [], [], both, []]


def test_a_round_is_split_into_requests_of_so_many_samples(host, receiver):
    one = receiver()
    pushing = host(one.url, most=2)
    pushing.values = {(EVENTS, ("container", f"action{number}")): 1.0 for number in range(5)}
    pushing.tick()
    pushing.send()
    wait_for(lambda: len(one.taken()) == 3, "three requests")

    assert [len(remote_samples(message)) for message in one.taken()] == [2, 2, 1]
