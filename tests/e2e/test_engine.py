"""A real engine writes through a real rsyslogd; logwatch follows; the engine's own account decides."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from host import IMAGE, OUT_OF_MEMORY, TEMPLATES, Host
from parity import Score, compare, engine_account, our_account, without_probes

pytestmark = pytest.mark.e2e


def trouble(host: Host) -> None:
    """What containers do to an operator."""
    host.docker("run", "-d", "--name", "web", IMAGE, "sleep", "1000")
    host.docker("pause", "web")
    host.docker("unpause", "web")
    host.docker("exec", "web", "sh", "-c", "exit 5")
    host.docker("run", "-d", "--name", "crash", "--restart=on-failure:3", IMAGE, "sh", "-c", "sleep 0.2; exit 7")
    host.docker("run", "--name", "oomer", "-m", "20m", "--memory-swap", "20m", IMAGE, *OUT_OF_MEMORY)
    host.docker("run", "-d", "--name", "stubborn", IMAGE, "sh", "-c", 'trap "" TERM; while true; do sleep 1; done')
    host.docker("stop", "-t", "1", "stubborn")
    host.docker("run", "--name", "nocmd", IMAGE, "/nonexistent")
    host.docker("volume", "create", "v1")
    host.docker("volume", "rm", "v1")
    host.docker("network", "create", "n1")
    host.docker("network", "rm", "n1")
    host.docker("restart", "-t", "0", "web")
    forged = 'time="2026-01-01T00:00:00Z" level=info msg="ignoring event" container=' + "ab" * 32
    host.docker(
        *("run", "--name", "forger", "--log-driver", "syslog"),
        *("--log-opt", f"syslog-address=unixgram://{host.syslog}", "--log-opt", "tag=docker/{{.Name}}"),
        *(IMAGE, "echo", forged),
    )
    host.wait_told("die", "crash", 4)
    host.docker("rm", "-f", "web", "crash", "oomer", "stubborn", "nocmd", "forger")
    host.wait_quiet()


def life(host: Host) -> None:
    """What else the engine has a word for."""
    host.docker("network", "create", "n2")
    host.docker("run", "-d", "--name", "side", IMAGE, "sleep", "500")
    host.docker("network", "connect", "n2", "side")
    host.docker("network", "disconnect", "n2", "side")
    host.docker("rename", "side", "aside")
    host.docker("rm", "-f", "aside")
    host.docker("network", "rm", "n2")
    probe = ("--health-cmd", "false", "--health-interval", "1s", "--health-retries", "1")
    host.docker("run", "-d", "--name", "sick", *probe, IMAGE, "sleep", "500")
    host.docker("volume", "create", "v2")
    host.docker("run", "--rm", "-v", "v2:/data", IMAGE, "true")
    host.docker("volume", "rm", "v2")
    host.docker("tag", IMAGE, "busybox:two")
    host.docker("rmi", "busybox:two")
    host.wait_told("health_status: unhealthy", "sick")
    host.docker("rm", "-f", "sick")


@pytest.fixture(scope="module", params=["info", "debug", "docker-events"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """Logs in three forms and the engine's account of the same troubles, at one log level; or debug beside docker-events."""
    missing = [name for name in ("rsyslogd", "dockerd", "docker", "busybox") if shutil.which(name) is None]
    if missing:
        message = f"missing here: {', '.join(missing)}"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    kept = tmp_path_factory.mktemp(request.param)
    beside = request.param == "docker-events"
    host = Host("debug" if beside else request.param, events_to_syslog=beside)
    try:
        host.start()
        if beside:
            life(host)
        trouble(host)
        for name in TEMPLATES:
            shutil.copy(host.log(name), kept / name)
        shutil.copy(host.account, kept / "events.jsonl")
    finally:
        host.close()
    return request.param, kept, kept / "events.jsonl"


def replayed(log: Path, logwatch: Callable[..., str]) -> dict[str, Score]:
    account = engine_account((log.parent / "events.jsonl").read_text().splitlines())
    return compare(account, our_account(without_probes(logwatch("replay", "--format", "jsonl", str(log)).splitlines())))


@pytest.mark.parametrize("template", TEMPLATES)
def test_starts_deaths_and_oom_kills_are_those_of_the_engine(
    told: tuple[str, Path, Path], template: str, logwatch: Callable[..., str]
) -> None:
    scores = replayed(told[1] / template, logwatch)

    for kind in ("container.start", "container.die"):
        assert (kind, scores[kind]) == (kind, Score(*[scores[kind].engine] * 3))
    # The engine now and then misses the kernel's notice of an OOM kill; the log never does.
    if "container.oom" in scores:
        assert scores["container.oom"].recall == 1.0
    # The kernel's messages are the machine's: a kill in an engine that ran before may still be among them.
    account = engine_account(told[2].read_text().splitlines())
    own = {each for reports in account.values() for report in reports for each in report.objects}
    ooms = our_account(logwatch("replay", "--format", "jsonl", str(told[1] / template)).splitlines())["container.oom"]
    assert len([oom for oom in ooms if oom.objects & own]) == 1


def test_the_debug_level_tells_the_rest(told: tuple[str, Path, Path], logwatch: Callable[..., str]) -> None:
    if told[0] != "debug":
        pytest.skip("this is about the debug level")
    scores = replayed(told[1] / "iso", logwatch)
    kinds = ("create", "destroy", "kill", "pause", "unpause", "exec_create", "exec_start")

    for kind in kinds:
        score = scores[f"container.{kind}"]

        assert (score.recall, score.precision) >= (0.97, 0.97), (kind, score)


@pytest.mark.parametrize("template", TEMPLATES)
def test_docker_events_beside_the_debug_level_tells_everything_once(
    told: tuple[str, Path, Path], template: str, logwatch: Callable[..., str]
) -> None:
    if told[0] != "docker-events":
        pytest.skip("this is about docker events lines in the log")
    scores = replayed(told[1] / template, logwatch)

    for kind in ("network.connect", "network.disconnect", "container.rename", "container.health_status"):
        assert scores[kind].engine > 0
    for kind in ("volume.mount", "image.untag", "container.pause", "container.exec_die", "container.destroy"):
        assert scores[kind].engine > 0
    assert {kind: score for kind, score in scores.items() if score != Score(*[score.engine] * 3)} == {}
