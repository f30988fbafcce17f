from datetime import timedelta

import pytest
from receivers_on_loopback import alert

from logwatch.errors import NotifyError
from logwatch.model import SECOND
from logwatch.notation import rfc3339
from logwatch.notifiers.alertmanager import Alertmanager, posted
from logwatch.notifiers.http import Client, Credentials
from logwatch.notifiers.receiver import Options
from logwatch.notifiers.webhook import Webhook
from logwatch.notifiers.webhook import message as webhook

NOW = 1_790_000_600 * SECOND


def test_a_firing_alert_ends_by_itself_after_four_times_the_minute():
    assert posted(alert(), NOW) == {
        "labels": {"alertname": "DockerContainerOom", "name": "web-0", "severity": "critical"},
        "annotations": {"summary": "A container ran out of memory.", "evidence": "kernel: Killed process 1"},
        "startsAt": "2026-09-21T14:13:20.000000000Z",
        "endsAt": rfc3339(NOW + 240 * SECOND),
        "generatorURL": "http://host:19979",
    }


def test_a_slow_groups_alert_is_believed_for_four_intervals():
    from dataclasses import replace

    slow = replace(alert(), interval_ns=300 * SECOND)

    assert posted(slow, NOW)["endsAt"] == rfc3339(NOW + 1200 * SECOND)


def test_a_resolved_alert_is_told_with_all_it_has():
    firing, resolved = posted(alert(), NOW), posted(alert(ends_ns=NOW - 1), NOW)

    assert resolved == {**firing, "endsAt": rfc3339(NOW - 1)}


def test_no_alert_ends_before_it_starts():
    assert posted(alert(ends_ns=1), NOW)["endsAt"] == posted(alert(), NOW)["startsAt"]


def test_a_webhook_is_told_as_by_an_alertmanager():
    message = webhook([alert(1), alert(2, ends_ns=NOW)], "http://hook", "http://host:19979")
    told = message.pop("alerts")

    assert message == {
        "version": "4",
        "groupKey": '{}:{alertname="DockerContainerOom"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "http://hook",
        "groupLabels": {"alertname": "DockerContainerOom"},
        "commonLabels": {"alertname": "DockerContainerOom", "severity": "critical"},
        "commonAnnotations": dict(alert().annotations),
        "externalURL": "http://host:19979",
    }
    assert [(each["status"], each["endsAt"], each["fingerprint"]) for each in told] == [
        ("firing", "0001-01-01T00:00:00Z", alert(1).fingerprint),
        ("resolved", rfc3339(NOW), alert(2).fingerprint),
    ]


def test_the_key_of_a_group_quotes_its_labels_as_an_alertmanager_does():
    message = webhook([alert(alertname='Disk "C:\\" full\n')], "http://hook", "http://host:19979")

    assert message["groupKey"] == r'{}:{alertname="Disk \"C:\\\" full\n"}'
    assert message["groupLabels"] == {"alertname": 'Disk "C:\\" full\n'}


def test_bytes_that_are_no_text_do_not_spoil_a_message():
    assert posted(alert(path="/var/log/\udcff"), NOW)["labels"]["path"] == "/var/log/?"


# ── requests ─────────────────────────────────────────────────────────────────────────


def test_prefix_and_content_type_are_as_alertmanager_wants_them(loopback):
    server = loopback()
    Alertmanager(Client(f"{server.url}/"), "/am/").send([alert()], NOW)
    _, path, headers = server.requests[0]

    assert (path, headers["Content-Type"]) == ("/am/api/v2/alerts", "application/json")


def test_a_secret_is_read_anew_for_each_request(loopback, tmp_path):
    server, token = loopback(), tmp_path / "token"
    receiver = Alertmanager(Client(server.url, Credentials(bearer_token_file=token)))
    for secret in ("first\n", "second\n"):
        token.write_text(secret)
        receiver.send([alert()], NOW)

    assert [headers["Authorization"] for _, _, headers in server.requests] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("where", ["file", "value", "url"])
def test_basic_auth(loopback, tmp_path, where):
    server, secret = loopback(), tmp_path / "password"
    secret.write_text("hunter2\n")
    url = server.url.replace("://", "://me:hunter2@") if where == "url" else server.url
    given = {
        "file": Credentials("me", password_file=secret),
        "value": Credentials("me", "hunter2"),
        "url": Credentials(),
    }
    receiver = Alertmanager(Client(url, given[where]))
    receiver.send([alert()], NOW)

    assert server.requests[0][2]["Authorization"] == "Basic bWU6aHVudGVyMg=="
    assert "hunter2" not in receiver.name + repr(given[where])


def test_a_missing_secret_says_which_file(tmp_path):
    receiver = Alertmanager(Client("http://127.0.0.1:9", Credentials(bearer_token_file=tmp_path / "token")))

    with pytest.raises(NotifyError, match=r"token: No such file or directory"):
        receiver.send([alert()], NOW)


def test_no_message_tells_the_path_of_a_webhook(loopback):
    server = loopback(lambda body: 500)
    for url in (f"{server.url}/hooks/hunter2", "http://127.0.0.1:9/hooks/hunter2"):
        receiver = Webhook(Client(url, timeout=timedelta(seconds=1)), Options(SECOND), "http://host")
        with pytest.raises(NotifyError) as caught:
            receiver.send([alert()], NOW)

        assert "hunter2" not in f"{caught.value} {receiver.name}"


def test_what_is_no_alertmanager_is_noticed_by_its_probe(loopback):
    server = loopback()

    assert Alertmanager(Client(server.url)).probe() == "Alertmanager 0.25.0, cluster ready"

    with pytest.raises(NotifyError, match="Connection refused"):
        Alertmanager(Client("http://127.0.0.1:9")).probe()


def test_a_webhook_that_answers_passes_its_probe(loopback):
    server = loopback()

    assert Webhook(Client(server.url), Options(SECOND), "").probe() == "reachable"
    assert server.bodies == []
