"""The real Alertmanager: two instances, one of which is away for a while."""

import dataclasses
import logging
import os
import shutil
import time
from collections.abc import Iterator

import pytest
from alertmanagers import Alertmanager as Real
from ports import wait_for
from receivers_on_loopback import alert

from logwatch.model import SECOND
from logwatch.notifiers.alertmanager import CHECK_NS, Alertmanager
from logwatch.notifiers.http import Client

pytestmark = pytest.mark.e2e


@pytest.fixture
def pair(tmp_path) -> Iterator[tuple[Real, Real]]:
    missing = [program for program in ("prometheus-alertmanager", "amtool") if shutil.which(program) is None]
    if missing:
        reason = f"missing here: {', '.join(missing)} (Debian: prometheus-alertmanager)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    both = Real(tmp_path / "first"), Real(tmp_path / "second")
    for one in both:
        one.start()
    wait_for(lambda: all(one.answers() for one in both), "both Alertmanagers")
    yield both
    for one in both:
        one.stop()


def test_both_know_every_alert_though_one_was_away(pair, owner):
    first, second = pair
    one = owner([Alertmanager(Client(each.url)) for each in pair])
    now_ns = time.time_ns()
    one.enqueue([alert(1)], now_ns)
    wait_for(lambda: "web-1" in first.alerts() and "web-1" in second.alerts(), "both")
    told = first.alerts()["web-1"]

    assert told["labels"] == dict(alert(1).labels)
    assert told["annotations"] == dict(alert(1).annotations)
    assert told["fingerprint"] == alert(1).fingerprint
    assert told["generatorURL"] == "http://host:19979"

    second.stop()
    one.enqueue([alert(1), alert(2)], now_ns)
    wait_for(lambda: "web-2" in first.alerts(), "the one that is there")
    second.start()
    wait_for(lambda: "web-2" in second.alerts(), "the one that came back")
    one.enqueue([alert(2, ends_ns=time.time_ns())], time.time_ns())
    wait_for(lambda: "web-2" not in {**first.alerts(), **second.alerts()}, "the end at both")
    one.commit()

    assert {"web-1"} == set(first.alerts())


def test_it_refuses_a_bad_alert_and_keeps_the_others(pair, owner):
    first, _ = pair
    one = owner([Alertmanager(Client(first.url))])
    bad = alert(40, **{"not a label": "x"})
    one.enqueue([bad if number == 40 else alert(number) for number in range(64)], time.time_ns() - SECOND)
    wait_for(lambda: one.commit() is not None and one.value("logwatch_notifications_queue_length") == 0, "sending")

    assert set(first.alerts()) == {f"web-{number}" for number in range(64)} - {"web-40"}
    assert one.value("logwatch_notifications_errors_total") == 1


def test_it_warns_if_another_posts_the_same_alert(pair, caplog):
    first, _ = pair
    ours, now_ns = Alertmanager(Client(first.url)), time.time_ns()
    mine = dataclasses.replace(alert(1, path='/a "b"'), generator_url="http://logwatch:19979/alerts")
    theirs = dataclasses.replace(mine, generator_url="http://prometheus:9090/graph?g0.expr=up")
    other = Alertmanager(Client(first.url))

    def posted_by_the_other() -> bool:
        other.send([theirs], time.time_ns())
        return bool(first.alerts()["web-1"]["generatorURL"] == theirs.generator_url)

    with caplog.at_level(logging.WARNING):
        ours.send([mine], now_ns)
        wait_for(posted_by_the_other, "the post of the other")
        ours.send([mine], now_ns + SECOND)
        warned_at_once = list(caplog.messages)
        wait_for(posted_by_the_other, "the post of the other")
        ours.send([mine], now_ns + CHECK_NS)

    assert warned_at_once == []
    assert ["is also posted by http://prometheus:9090/graph" in each for each in caplog.messages] == [True]
