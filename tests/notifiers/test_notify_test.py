import os
import subprocess
import sys

import pytest
from ports import free_port

from logwatch.config import load
from logwatch.errors import ConfigError
from logwatch.receivers import receivers


def notify_test(tmp_path, config):
    path = tmp_path / "logwatch.yml"
    path.write_text(config)
    command = [sys.executable, "-m", "logwatch", "notify-test", "--config.file", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))


def test_every_receiver_is_told_and_judged(loopback, tmp_path):
    alertmanager, hook, down = loopback(), loopback(), f"http://127.0.0.1:{free_port()}"
    both = f"alerting: {{alertmanagers: [{alertmanager.url}], webhooks: [{hook.url}/secret, {hook.url}/other]}}"
    done = notify_test(tmp_path, both)

    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            f"{alertmanager.url}: test alert accepted (Alertmanager 0.25.0, cluster ready)",
            f"{hook.url}: test alert accepted (reachable)",
            f"{hook.url}#2: test alert accepted (reachable)",
        ],
    )
    assert alertmanager.bodies[0][0]["labels"].keys() == {"alertname", "severity", "job", "instance"}
    assert [path for _, path, _ in hook.requests] == ["/secret", "/secret", "/other", "/other"]

    failed = notify_test(tmp_path, f"alerting: {{alertmanagers: [{alertmanager.url}, {down}]}}")

    assert (failed.returncode, failed.stdout.splitlines()[1]) == (1, f"{down}: FAILED: {down}: Connection refused")


def test_without_a_receiver_there_is_nothing_to_test(tmp_path):
    done = notify_test(tmp_path, "{}")

    assert (done.returncode, "no receiver is configured" in done.stderr) == (2, True)


def test_apprise_is_asked_for_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    path = tmp_path / "logwatch.yml"
    path.write_text("alerting: {apprise: [{url_file: /run/secrets/slack}]}")

    with pytest.raises(ConfigError, match="pip install apprise"):
        receivers(load(path, {}, {}).config)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Apprise imports what later Pythons lack
def test_apprise_tells_a_service_whose_url_is_in_a_file(loopback, tmp_path):
    pytest.importorskip("apprise", reason="apprise is not installed")
    from receivers_on_loopback import alert

    server, url = loopback(), tmp_path / "team"
    url.write_text(server.url.replace("http://", "json://") + "/hook\n")
    path = tmp_path / "logwatch.yml"
    path.write_text(f"alerting: {{apprise: [{{url_file: {url}}}]}}")
    (receiver,) = receivers(load(path, {}, {}).config)
    receiver.probe()
    receiver.send([alert(1), alert(2)], 0)

    assert receiver.name == "apprise:team"
    assert [(body["title"], body["type"]) for body in server.bodies] == [("[FIRING:2] DockerContainerOom", "failure")]


def test_the_test_alert_has_the_labels_by_which_alertmanager_routes(loopback, tmp_path):
    alertmanager = loopback()
    labels = "target_labels: {job: docker, instance: 'h:1'}, external_labels: {cluster: eu}"
    done = notify_test(tmp_path, f"alerting: {{alertmanagers: [{alertmanager.url}], {labels}}}")
    expected = {"job": "docker", "instance": "h:1", "cluster": "eu"}

    assert done.returncode == 0
    assert alertmanager.bodies[0][0]["labels"].items() >= expected.items()


def test_where_prometheus_posts_alertmanagers_are_left_to_it(tmp_path):
    path = tmp_path / "logwatch.yml"
    path.write_text("alerting: {post: prometheus, alertmanagers: [http://am:9093], webhooks: [http://hook:1/x]}")

    assert [receiver.name for receiver in receivers(load(path, {}, {}).config)] == ["http://hook:1"]
