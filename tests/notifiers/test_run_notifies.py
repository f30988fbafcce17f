"""The whole process: an alert that fires reaches a webhook once, though logwatch is killed in between."""

import signal
import time

from commandline import call
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
    wait_for(lambda: again.value(sent, receiver=alertmanager.url) == 1, "its acknowledgement")

    assert again.value(sent, receiver=hook.url) == 0
    assert [body["alerts"][0]["labels"]["alertname"] for body in hook.taken] == ["Always"]
    first, second = (body[0] for body in alertmanager.taken)
    ours = {"endsAt": "", "generatorURL": ""}  # the port is another one
    assert {**first, **ours} == {**second, **ours}
    assert again.end() == 0


def names_of(receiver):
    return {each["labels"].get("site") for body in receiver.taken for each in body}


def test_a_reload_takes_other_receivers_and_labels_and_keeps_what_waits(loopback, tmp_path, sidecar):
    stays, new = loopback(lambda _: 503), loopback()
    log, rules, config = tmp_path / "messages", tmp_path / "alerts.yml", tmp_path / "logwatch.yml"
    log.write_text("Nov 23 18:12:57 vm systemd[1]: Started Session 1 of user root.\n")
    rules.write_text(ALERTS)
    config.write_text(f"alerting: {{webhooks: [{stays.url}]}}\nrules: {{watch: false}}\n")
    arguments = ("--log", str(log), "--rules", str(rules), "--config.file", str(config), "--no-shipped-rules")
    one = sidecar(*arguments, "--web.enable-lifecycle")
    wait_for(lambda: len(stays.bodies) > 0, "the first try")
    config.write_text("alerting: {alertmanager: []}\n")
    status, told = one.get("/-/reload", method="POST")

    assert (status, "logwatch.yml:1:12" in told, "did you mean 'alertmanagers'" in told) == (500, True, True)
    assert one.value("logwatch_config_last_reload_successful") == 0
    assert f"{config}:1:12" in one.stderr.read_text()

    config.write_text(
        f"alerting: {{alertmanagers: [{new.url}], webhooks: [{stays.url}], external_labels: {{site: berlin}}}}\n"
        "rules: {watch: false}\nlimits: {settle: 3s}\n"
    )
    one.send(signal.SIGHUP)
    wait_for(lambda: "berlin" in names_of(new), "the new receiver")
    stays.answer = lambda _: 200
    wait_for(lambda: len(stays.taken) > 0, "what waited")

    assert one.value("logwatch_config_last_reload_successful") == 1
    assert [body["alerts"][0]["labels"]["alertname"] for body in stays.taken][:1] == ["Always"]
    assert f"{config}:3: limits.settle changed to 3s: restart required" in one.stderr.read_text()
    assert one.end() == 0


def test_a_changed_configuration_is_seen(loopback, tmp_path, sidecar):
    new = loopback()
    log, rules, config = tmp_path / "messages", tmp_path / "alerts.yml", tmp_path / "logwatch.yml"
    log.write_text("Nov 23 18:12:57 vm systemd[1]: Started Session 1 of user root.\n")
    rules.write_text(ALERTS)
    config.write_text("{}\n")
    sidecar("--log", str(log), "--rules", str(rules), "--config.file", str(config), "--no-shipped-rules")
    config.write_text(f"alerting: {{alertmanagers: [{new.url}]}}\n")

    wait_for(lambda: len(new.taken) > 0, "the reload that rules.watch asks for")


def test_a_muted_alert_is_shown_and_sent_once_it_is_unmuted(loopback, tmp_path, sidecar):
    hook = loopback()
    log, rules, config = tmp_path / "messages", tmp_path / "alerts.yml", tmp_path / "logwatch.yml"
    log.write_text("Nov 23 18:12:57 vm systemd[1]: Started Session 1 of user root.\n")
    rules.write_text(ALERTS + ALERTS.split("rules:")[1].replace("Always", "Other"))
    config.write_text(f"alerting: {{webhooks: [{hook.url}]}}")
    state = tmp_path / "state"
    made = call("mute", "--alert", "Always", "--for", "1h", "--reason", "a test", "--state-dir", str(state))
    running = sidecar("--log", str(log), "--rules", str(rules), "--config.file", str(config), "--no-shipped-rules")

    def sent() -> set[str]:
        return {alert["labels"]["alertname"] for body in hook.taken for alert in body["alerts"]}

    wait_for(lambda: sent() == {"Other"} and running.value("logwatch_alerts_muted") == 1, "the alert that is not muted")
    assert "a test" in running.get("/api/v1/mutes")[1]
    assert "a test" in running.get("/")[1]

    call("unmute", made.out.partition(":")[0], "--state-dir", str(state))
    wait_for(lambda: sent() == {"Always", "Other"} and running.value("logwatch_mutes") == 0, "the alert that was muted")
    assert running.end() == 0
