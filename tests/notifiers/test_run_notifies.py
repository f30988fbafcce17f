"""The whole process: an alert that fires reaches a webhook once, though logwatch is killed in between."""

import signal
import time

from ports import wait_for

ALERTS = """
groups:
  - name: test
    interval: 1s
    rules:
      - alert: Always
        expr: vector(1)
        labels: {severity: warning}
        annotations: {summary: It fires.}
"""


def test_an_alert_reaches_its_receivers_once_over_a_kill(loopback, tmp_path, sidecar):
    alertmanager, hook = loopback(), loopback()
    log, rules, config = tmp_path / "messages", tmp_path / "alerts.yml", tmp_path / "logwatch.yml"
    log.write_text("Nov 23 18:12:57 vm systemd[1]: Started Session 1 of user root.\n")
    rules.write_text(ALERTS)
    config.write_text(f"alerting: {{alertmanagers: [{alertmanager.url}], webhooks: [{hook.url}]}}")
    arguments = ("--log", str(log), "--rules", str(rules), "--config.file", str(config), "--no-shipped-rules")
    killed = sidecar(*arguments)
    wait_for(lambda: bool(alertmanager.taken) and bool(hook.taken), "the alert")
    wait_for(lambda: killed.value("logwatch_notifications_queue_length") == 0, "the acknowledgement")
    time.sleep(0.5)  # two turns of an idle loop, which commit what they hear
    killed.end(signal.SIGKILL)
    again = sidecar(*arguments)
    wait_for(lambda: len(alertmanager.taken) == 2, "the repetition")

    sent = "logwatch_notifications_sent_total"
    assert (again.value(sent, receiver=alertmanager.url), again.value(sent, receiver=hook.url)) == (1, 0)
    assert [body["alerts"][0]["labels"]["alertname"] for body in hook.taken] == ["Always"]
    first, second = (body[0] for body in alertmanager.taken)
    ours = {"endsAt": "", "generatorURL": ""}  # the port is another one
    assert {**first, **ours} == {**second, **ours}
    assert again.end() == 0
