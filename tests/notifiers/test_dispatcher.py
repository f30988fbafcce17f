import json
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from ports import free_port, wait_for
from receivers_on_loopback import alert

from logwatch.model import SECOND
from logwatch.notifiers.alertmanager import Alertmanager
from logwatch.notifiers.http import Client, Credentials
from logwatch.notifiers.receiver import Options
from logwatch.notifiers.webhook import Webhook

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
SENT, ERRORS = "logwatch_notifications_sent_total", "logwatch_notifications_errors_total"
DROPPED, LENGTH = "logwatch_notifications_dropped_total", "logwatch_notifications_queue_length"


def alertmanager(url, **options):
    return Alertmanager(Client(url, **options))


def webhook(url, **options):
    return Webhook(Client(url), Options(4 * HOUR, **options), "http://host:19979")


def settled(one):
    """Everything was taken, and the owner knows."""
    one.commit()
    return one.value(LENGTH) == 0


def test_nothing_is_sent_before_it_is_committed(loopback, owner):
    server = loopback()
    one = owner([alertmanager(server.url)])
    one.dispatcher.enqueue([alert()], 0)
    written = one.dispatcher.changed_rows()
    time.sleep(0.1)

    assert (len(written), server.bodies) == (1, [])

    one.dispatcher.committed()
    wait_for(lambda: settled(one), "sending")

    assert server.names() == ["web-0"]


def test_many_alerts_go_in_batches_of_64(loopback, owner):
    server = loopback()
    one = owner([alertmanager(server.url)])
    one.enqueue([alert(number) for number in range(150)], 0)
    wait_for(lambda: settled(one), "sending")

    assert [len(body) for body in server.bodies] == [64, 64, 22]


@pytest.mark.parametrize("status", [400, 422])
def test_one_bad_alert_in_64_is_found_and_the_rest_kept(loopback, owner, status, caplog):
    def answer(body):
        return status if any(each["labels"]["name"] == "web-40" for each in body) else 200

    server = loopback(answer)
    one = owner([alertmanager(server.url)])
    one.enqueue([alert(number) for number in range(64)], 0)
    wait_for(lambda: settled(one), "sending")

    assert sorted(set(server.names())) == sorted({f"web-{number}" for number in range(64)} - {"web-40"})
    assert (one.value(SENT), one.value(ERRORS)) == (64, 1)
    assert len(server.bodies) == 13  # 64, then two halves on each of six levels
    assert [f"status {status}" in record.message for record in caplog.records if record.levelname == "ERROR"] == [True]


def test_a_bad_alert_is_left_alone_for_a_while(loopback, owner):
    server = loopback(lambda body: 400)
    one = owner([alertmanager(server.url)])
    one.enqueue([alert()], 0)
    wait_for(lambda: settled(one), "sending")
    now_ns = time.time_ns()
    one.enqueue([alert()], now_ns + MINUTE)
    one.commit()

    assert (len(server.bodies), one.value(LENGTH)) == (1, 0)

    one.enqueue([alert()], now_ns + 6 * MINUTE)
    wait_for(lambda: settled(one), "trying again")

    assert len(server.bodies) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 415])
def test_a_receiver_that_takes_nothing_is_not_asked_for_each_alert(loopback, owner, status):
    server = loopback(lambda body: status)
    one = owner([alertmanager(server.url)])
    one.enqueue([alert(number) for number in range(10)], 0)
    wait_for(lambda: settled(one), "sending")

    assert (len(server.bodies), one.value(ERRORS)) == (1, 10)

    server.answer = lambda body: 200
    one.enqueue([alert(number) for number in range(10)], 1)
    wait_for(lambda: settled(one), "the next offer")

    assert len(server.names()) == 10


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_later_is_tried_again(loopback, owner, status):
    answers = [200, status, status]
    server = loopback(lambda body: answers.pop())
    one = owner([alertmanager(server.url)])
    one.enqueue([alert()], 0)
    wait_for(lambda: settled(one), "sending")

    assert (server.names(), one.value(SENT), one.value(ERRORS)) == (["web-0"], 3, 2)


def test_no_answer_in_time_is_tried_again(loopback, owner, caplog):
    answers = [200, None]
    server = loopback(lambda body: answers.pop())
    one = owner([alertmanager(server.url, timeout=timedelta(seconds=0.2))])
    one.enqueue([alert()], 0)
    wait_for(lambda: settled(one), "sending")

    assert (server.names(), one.value(ERRORS)) == (["web-0"], 1)
    assert any("no answer within 0.2 s" in record.message for record in caplog.records)


def test_one_receiver_that_is_down_does_not_keep_another(loopback, owner, caplog):
    server = loopback()
    down = f"http://127.0.0.1:{free_port()}"
    one = owner([alertmanager(down), alertmanager(server.url)])
    one.enqueue([alert()], 0)
    wait_for(lambda: server.names() == ["web-0"], "the other one")
    one.commit()

    assert one.value(LENGTH) == 1
    assert any("Connection refused" in record.message for record in caplog.records)


def test_alertmanager_is_told_again_each_minute_also_of_the_end(loopback, owner):
    server = loopback()
    one = owner([alertmanager(server.url)])
    for state in (alert(), replace(alert(), state="resolved", ends_ns=alert().starts_ns + SECOND)):
        one.enqueue([state], 0)
        wait_for(lambda: settled(one), "the first")
        now_ns = time.time_ns()
        one.enqueue([state], now_ns + 10 * SECOND)

        assert one.value(LENGTH) == 0

        one.enqueue([state], now_ns + MINUTE)
        wait_for(lambda: settled(one), "the repetition")

    assert len(server.bodies) == 4


def test_alertmanager_is_told_again_after_the_clock_was_set_back(loopback, owner):
    server = loopback()
    one = owner([alertmanager(server.url)])
    one.enqueue([alert()], 0)
    wait_for(lambda: settled(one), "the first")
    one.enqueue([alert()], time.time_ns() - 20 * HOUR)
    wait_for(lambda: settled(one) and len(server.bodies) == 2, "the repetition")


def test_alerts_that_go_on_write_nothing(loopback, owner):
    server = loopback()
    one = owner([alertmanager(server.url), webhook(loopback().url)])
    one.enqueue([alert()], 0)
    wait_for(lambda: settled(one), "the first")
    one.dispatcher.enqueue([alert()], time.time_ns() + MINUTE)

    assert one.commit() == {}
    wait_for(lambda: len(server.bodies) == 2, "the repetition")
    assert one.commit() == {}


def test_a_webhook_is_told_once_and_again_after_its_interval(loopback, owner):
    server = loopback()
    one = owner([webhook(server.url)])
    for later in (0, MINUTE, 3 * HOUR, 4 * HOUR + MINUTE, 5 * HOUR):
        one.enqueue([alert()], time.time_ns() + later)
        wait_for(lambda: settled(one), "sending")
        if later > 4 * HOUR:
            break

    assert len(server.bodies) == 2


def test_a_webhook_hears_of_the_end_once(loopback, owner):
    server = loopback()
    one = owner([webhook(server.url)])
    one.enqueue([alert()], 0)
    wait_for(lambda: settled(one), "the beginning")
    for later in range(3):
        one.enqueue([alert(ends_ns=alert().starts_ns + SECOND)], time.time_ns() + later * HOUR)
        wait_for(lambda: settled(one), "the end")

    assert [body["status"] for body in server.bodies] == ["firing", "resolved"]


def test_a_webhook_hears_no_end_of_what_it_was_not_told(loopback, owner):
    one = owner([webhook(loopback().url)])
    one.enqueue([alert(ends_ns=alert().starts_ns + SECOND)], 0)

    assert (one.rows, one.value(LENGTH)) == ({}, 0)


def test_a_webhook_gets_the_severities_it_wants(loopback, owner):
    server = loopback()
    one = owner([webhook(server.url, severities=("critical",))])
    one.enqueue([alert(1, severity="info"), alert(2)], 0)
    wait_for(lambda: settled(one), "sending")

    assert server.names() == ["web-2"]


@pytest.mark.parametrize(
    ("severities", "heard"), [((), []), (("none",), ["web-1"])], ids=["not asked for", "asked for"]
)
def test_a_webhook_is_told_of_severity_none_only_if_it_asks(loopback, owner, severities, heard):
    server = loopback()
    one = owner([webhook(server.url, severities=severities)])
    one.enqueue([alert(1, severity="none"), alert(2, name="last", severity="none" if severities else "info")], 0)
    wait_for(lambda: settled(one), "sending")

    assert [name for name in server.names() if name != "last"] == heard


# ── over a restart ───────────────────────────────────────────────────────────────────


def test_what_waited_when_it_was_killed_is_sent_after_the_start(loopback, owner):
    server = loopback()
    killed = owner([webhook(server.url)], running=False)
    killed.enqueue([alert(number) for number in range(3)], 0)
    one = owner([webhook(server.url)], killed.rows)
    wait_for(lambda: settled(one), "sending")

    assert server.names() == ["web-0", "web-1", "web-2"]
    assert {key.partition(" ")[0] for key in one.rows} == {"sent"}


def test_after_a_kill_a_webhook_sees_at_most_one_repeat(loopback, owner):
    server = loopback()
    killed = owner([webhook(server.url)])
    killed.enqueue([alert()], 0)
    wait_for(lambda: len(server.bodies) == 1, "sending")
    killed.dispatcher.close()  # sent, but the acknowledgement was never committed
    for _ in range(3):
        one = owner([webhook(server.url)], killed.rows)
        one.enqueue([alert()], time.time_ns())
        wait_for(lambda one=one: settled(one), "sending")
        one.dispatcher.close()

    assert len(server.bodies) == 2


def test_a_commit_that_failed_sends_nothing_twice(loopback, owner):
    server = loopback()
    one = owner([webhook(server.url)])
    one.dispatcher.enqueue([alert()], 0)
    one.dispatcher.enqueue([alert()], 1)  # in between, the disk was full
    one.commit()
    wait_for(lambda: settled(one), "sending")
    one.commit()

    assert len(server.bodies) == 1


def test_rows_of_a_receiver_that_is_gone_go_too(owner):
    killed = owner([webhook("http://127.0.0.1:9/hook")], running=False)
    killed.enqueue([alert()], 0)
    one = owner([], killed.rows, running=False)
    one.commit()

    assert one.rows == {}


def test_rows_of_the_first_version_are_translated_and_sent(loopback, owner):
    server = loopback()
    killed = owner([webhook(server.url)], running=False)
    killed.enqueue([alert(number) for number in range(12)], 0)
    old = {}
    for key, row in killed.rows.items():
        receiver, fingerprint, starts_ns, state = json.loads(key.partition(" ")[2])
        old[f"queue {receiver} {fingerprint} {starts_ns} {state}"] = row
    known = alert(20)
    old[f"told {server.url} {known.fingerprint} {known.starts_ns} firing"] = f"[{time.time_ns()},false]"
    one = owner([webhook(server.url)], old)
    one.commit()
    one.enqueue([known], time.time_ns())
    wait_for(lambda: settled(one), "sending")

    assert server.names() == [f"web-{number}" for number in range(12)]
    assert {key.partition(" ")[0] for key in one.rows} == {"sent"}
    assert len(one.rows) == 13


def test_a_full_queue_drops_the_oldest_and_counts_them(loopback, owner):
    server = loopback()
    killed = owner([webhook(server.url)], capacity=10, running=False)
    killed.enqueue([alert(number) for number in range(13)], 0)

    assert (killed.value(DROPPED), killed.value(LENGTH), len(killed.rows)) == (3, 10, 10)

    one = owner([webhook(server.url)], killed.rows)
    wait_for(lambda: settled(one), "sending")

    assert server.names() == [f"web-{number}" for number in range(3, 13)]


def test_who_was_told_is_forgotten_a_day_after_the_end(loopback, owner):
    one = owner([webhook(loopback().url)])
    one.enqueue([alert()], 0)
    wait_for(lambda: settled(one), "sending")
    now_ns = time.time_ns()
    one.enqueue([], now_ns + 23 * HOUR)

    assert len(one.rows) == 1

    one.enqueue([], now_ns + 25 * HOUR)

    assert one.rows == {}


def test_every_receiver_is_counted_from_the_start(owner):
    one = owner([webhook("http://127.0.0.1:9/secret/path")], running=False)
    values = {change.family: change for change in one.dispatcher.samples() if change.labels[:1] != ()}

    assert {SENT, ERRORS, DROPPED, "logwatch_notifications_latency_seconds_count"} <= set(values)
    assert {change.labels[0] for change in values.values()} == {"http://127.0.0.1:9"}


# ── over a reload ────────────────────────────────────────────────────────────────────


def test_what_waits_for_a_receiver_that_stays_is_sent_with_its_new_settings(loopback, owner, tmp_path):
    def answer(_):
        return 200 if server.requests[-1][2].get("Authorization") == "Bearer right" else 503

    server = loopback(answer)
    one = owner([alertmanager(server.url)])
    one.enqueue([alert(0), alert(1)], 0)
    wait_for(lambda: one.value(ERRORS) >= 2, "a try with the old settings")
    (tmp_path / "token").write_text("right\n")
    one.dispatcher.replace_receivers(
        [alertmanager(server.url, credentials=Credentials(bearer_token_file=tmp_path / "token"))]
    )
    wait_for(lambda: settled(one), "a try with the new ones")

    assert server.names() == ["web-0", "web-1"]
    assert one.value(SENT) > 2  # those before are still counted
    assert one.rows == {}


def test_a_new_receiver_hears_of_what_fires_and_no_other_hears_it_twice(loopback, owner):
    first, second = loopback(), loopback()
    one = owner([webhook(first.url)])
    one.enqueue([alert()], 0)
    wait_for(lambda: settled(one), "the first")
    one.dispatcher.replace_receivers([webhook(first.url), webhook(second.url)])
    one.enqueue([alert()], time.time_ns())
    wait_for(lambda: settled(one), "the second")

    assert (first.names(), second.names()) == (["web-0"], ["web-0"])


def test_a_receiver_that_is_gone_is_sent_nothing_more(loopback, owner):
    gone, stays = loopback(lambda _: 503), loopback()
    one = owner([webhook(gone.url), webhook(stays.url)])
    one.enqueue([alert(0)], 0)
    wait_for(lambda: len(gone.bodies) > 0 and stays.names() == ["web-0"], "sending")
    one.dispatcher.enqueue([alert(1)], 1)  # not yet committed
    one.dispatcher.replace_receivers([webhook(stays.url)])
    one.commit()
    wait_for(lambda: settled(one), "sending to who stays")
    told = {json.loads(key.partition(" ")[2])[0] for key in one.rows}

    assert stays.names() == ["web-0", "web-1"]
    assert not [body for body in gone.bodies if "web-1" in str(body)]
    assert told == {stays.url}
    assert {change.labels for change in one.dispatcher.samples() if change.family == SENT} == {(stays.url,)}


def test_an_answer_of_a_receiver_that_is_gone_by_then_is_nothing(loopback, owner):
    gone = loopback()
    one = owner([webhook(gone.url)])
    one.enqueue([alert()], 0)
    wait_for(lambda: gone.names() == ["web-0"], "sending")
    one.dispatcher.replace_receivers([])
    one.dispatcher.close()
    one.enqueue([alert()], 1)

    assert (one.rows, one.value(LENGTH)) == ({}, 0)


def test_a_receiver_that_went_and_came_back_starts_anew(loopback, owner):
    server = loopback()
    one = owner([webhook(server.url)])
    one.enqueue([alert()], 0)
    wait_for(lambda: settled(one), "the first")
    one.dispatcher.replace_receivers([])
    one.enqueue([alert()], 1)
    one.dispatcher.replace_receivers([webhook(server.url)])
    one.enqueue([alert()], 2)
    wait_for(lambda: settled(one), "the second")

    assert server.names() == ["web-0", "web-0"]


def test_receivers_may_change_before_the_start(loopback, owner):
    server = loopback()
    one = owner([], running=False)
    one.dispatcher.replace_receivers([webhook(server.url)])
    one.enqueue([alert()], 0)
    one.dispatcher.start()
    wait_for(lambda: settled(one), "sending")

    assert server.names() == ["web-0"]
