"""`logwatch run` pushes what it serves, in both formats, and goes on after a kill."""

import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dockerlines import docker_event
from ports import wait_for
from sample_receivers import SampleReceiver, remote_samples
from sidecar import Sidecar

DIES = "docker_container_events_total"


def remote_dies(receiver: SampleReceiver) -> list[float]:
    """How often `web` had died by each round."""
    return [
        value
        for message in receiver.taken()
        for name, labels, value, _ in remote_samples(message)
        if name == DIES and (labels["name"], labels["action"]) == ("web", "die")
    ]


def otlp_dies(receiver: SampleReceiver) -> list[float]:
    return [
        point.as_double
        for message in receiver.taken()
        for metric in message.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.sum.data_points
        if metric.name == DIES
        and {(each.key, each.value.string_value) for each in point.attributes} == {("name", "web"), ("action", "die")}
    ]


def test_run_pushes_in_both_formats_over_a_kill(
    receiver: Callable[..., SampleReceiver], sidecar: Callable[..., Sidecar], tmp_path: Path
) -> None:
    remote, otlp = receiver(), receiver()
    log, config = tmp_path / "messages", tmp_path / "logwatch.yml"

    def write(*actions: str) -> None:
        with log.open("a") as file:
            file.writelines(docker_event(datetime.now(UTC), action, "web") + "\n" for action in actions)

    write("create", "start", "die", "start")
    config.write_text(json.dumps({"push": {"interval": "1s"}, "remote_write": remote.url, "otlp": otlp.url}))
    arguments = ("--log", str(log), "--config.file", str(config))
    killed = sidecar(*arguments)
    wait_for(lambda: 1.0 in remote_dies(remote) and 1.0 in otlp_dies(otlp), "the first samples")
    remote.answer = lambda: 503
    write("die")
    name = {"receiver": remote.url}
    wait_for(lambda: (killed.value("logwatch_push_samples_retried_total", **name) or 0) > 0, "a failed try")
    killed.end(signal.SIGKILL)
    remote.answer = lambda: 200
    again = sidecar(*arguments)
    wait_for(lambda: 2.0 in remote_dies(remote) and 2.0 in otlp_dies(otlp), "what happened meanwhile")

    pushed = remote_dies(remote)
    assert pushed == sorted(pushed)  # a counter never falls, whatever was killed
    assert again.value("logwatch_push_samples_failed_total", **name) == 0
    assert again.end() == 0
