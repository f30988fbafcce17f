"""What the shipped rules and the lifecycle make of several lines about one thing that happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from logwatch.metrics import Registry
from logwatch.model import Chunk, Event
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles.loader import load

ID = "3fa1c0de5b7e4d28860f1c5ab7e92d34c6a8f0e1b2d3948576a0c1e2f3d4b596"
OTHER = "c2a94be07d1f4836a5b8e3d07196f2ce8b4d1a60f7e35c2998d0b1a4e6f7c853"
Replay = Callable[..., list[Event]]


def at(seconds: float, rest: str, tag: str = "dockerd[640]") -> str:
    """A line of 2023-09-18 from 16:02 on; an engine's line if it begins with a level."""
    minute, second = divmod(seconds, 60)
    clock = f"16:{2 + int(minute):02d}:{int(second):02d}"
    fraction = f"{second % 1:.6f}"[1:]
    own = f'time="2023-09-18T{clock}{fraction}123Z" ' if rest.startswith("level=") else ""
    return f"2023-09-18T{clock}{fraction}+00:00 web03 {tag}: {own}{rest}"


def kernel(seconds: float, rest: str) -> str:
    return at(seconds, rest, "kernel")


def systemd(seconds: float, rest: str) -> str:
    return at(seconds, rest, "systemd[1]")


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """Replay lines as a log of their own; the events as they are in the end."""
    shipped, cache = load([]), Path(tmp_path_factory.mktemp("patterns"))

    def run(lines: Iterable[str]) -> list[Event]:
        pipeline = Pipeline(shipped.rules, shipped.correlations, Settings(has_engine=True), Registry(), cache)
        pipeline.process(
            Chunk("".join(f"{line}\n" for line in lines).encode(), "messages", 0, 0), 2_000_000_000 * 10**9
        )
        pipeline.finish()
        final = {outcome.seq: outcome.event for outcome in pipeline.take_outcomes()}
        return [final[seq] for seq in sorted(final)]

    return run


CLEANUP = f'level=error msg="{ID} cleanup: failed to delete container from containerd: no such container"'
UNMOUNT = f'level=warning msg="{ID} cleanup: failed to unmount IPC: umount /var/lib/docker/containers/{ID}/mounts/shm, flags: 0x2: no such file or directory"'  # fmt: skip
REFUSED = f'level=error msg="Handler for POST /v1.40/containers/{ID}/start returned error: OCI runtime create failed: exec: \\"/run.sh\\": permission denied: unknown"'  # fmt: skip
LIMIT = "toomanyrequests: You have reached your pull rate limit."
SHIM = (
    f'level=info msg="shim containerd-shim started" address=/containerd-shim/moby/{ID}/shim.sock debug=false pid=5979'
)
REAPED = f'level=info msg="shim reaped" id={ID}'
PLAIN = 'Get \\"https://reg.example:5000/v2/\\": http: server gave HTTP response to HTTPS client'
CLOSED = 'Get \\"http://reg.example:5000/v2/\\": dial tcp 192.0.2.7:5000: connect: connection refused'
FULL = "write /var/lib/docker/tmp/x: no space left on device"

FAILURES = {
    "clean-up after a failed start": (
        [at(0, 'level=error msg="stream copy error: reading from a closed fifo"'), at(0.1, UNMOUNT), at(0.2, CLEANUP), at(0.3, REFUSED)],
        {"container.start_failed": 1},
    ),
    "a failed start that only its clean-up reports": ([at(0, UNMOUNT), at(0.1, CLEANUP)], {"container.start_failed": 1}),
    "clean-up after an exit": (
        [at(0, SHIM), at(9, REAPED), at(9.3, UNMOUNT)],
        {"container.start": 1, "container.die": 1},
    ),
    "clean-up of a removal that failed": (
        [at(0, UNMOUNT), at(0.1, f'level=error msg="Handler for DELETE /v1.40/containers/{ID} returned error: driver \\"overlay2\\" failed to remove root filesystem"')],
        {"container.destroy_failed": 1},
    ),
    "a start told three times, once without an id": (
        [at(0, f'level=error msg="containerd: start container" error="oci runtime error: no memory" id={ID}'),
         at(0.1, 'level=error msg="Create container failed with error: oci runtime error: no memory"'),
         at(0.2, f'level=error msg="Handler for POST /v1.24/containers/{ID}/start returned error: oci runtime error: no memory"')],
        {"container.start_failed": 1},
    ),
    "an HTTP error repeats the failure": (
        [at(0, REFUSED), at(0.1, f'level=error msg="HTTP Error" err="Cannot start container {ID}: permission denied" statusCode=500')],
        {"container.start_failed": 1},
    ),
    "a start that failed after its interface had joined the bridge": (
        [kernel(0, "veth51ee3bd: entered promiscuous mode"), kernel(0.4, "veth51ee3bd (unregistering): left promiscuous mode"),
         at(0.5, REFUSED)],
        {"network.connect": 1, "network.disconnect": 1, "container.start_failed": 1},
    ),
    "a start whose port was in use joined no network": (
        [kernel(0, "device veth51ee3bd entered promiscuous mode"),
         at(0.4, 'level=warning msg="Failed to allocate and map port 8080-8080: Bind for 0.0.0.0:8080 failed: port is already allocated"'),
         at(0.5, f'level=error msg="Handler for POST /v1.40/containers/{ID}/start returned error: driver failed programming external connectivity on endpoint shop (9e41d2c0): Bind for 0.0.0.0:8080 failed: port is already allocated"')],
        {"network.port_conflict": 1, "container.start_failed": 1},
    ),
    "an interface that joined the bridge and was renamed": (
        [kernel(0, "veth51ee3bd: entered promiscuous mode"), kernel(0.3, "eth0: renamed from vetha4b702e"),
         kernel(60, "vetha4b702e: renamed from eth0"), kernel(60.1, "veth51ee3bd (unregistering): left promiscuous mode")],
        {"network.connect": 1, "network.disconnect": 1},
    ),
    "an import that failed": (
        [at(0, 'level=debug msg="Calling POST /v1.45/images/create?fromSrc=-&message=&repo=shop%3A1&tag="'),
         at(0.1, 'level=error msg="Handler for POST /v1.45/images/create returned error: unexpected EOF" spanID=390d71068f930f53')],
        {"image.pull_failed": 1},
    ),
    "a full disk fails what needed it": (
        [at(0, f'level=error msg="Failed to log message for logger json-file" container={ID} driver=json-file error="{FULL}"'),
         at(1, f'level=error msg="Handler for POST /v1.44/containers/{OTHER}/start returned error: failed to start shim: {FULL}: unknown"'),
         at(2, f'level=error msg="Not continuing with pull after error: failed to register layer: {FULL}"')],
        {"storage.pressure": 3, "log_driver.error": 1, "container.start_failed": 1, "image.pull_failed": 1},
    ),
    "one pull met the limit": (
        [at(0, f'level=info msg="Attempting next endpoint for pull after error: {LIMIT}"'),
         at(0.01, f'level=error msg="Not continuing with pull after error: {LIMIT}"'),
         at(0.02, f'level=info msg="Ignoring extra error returned from registry" error="{LIMIT}"')],
        {"registry.rate_limited": 1, "image.pull_failed": 1},
    ),
    "two pulls met it": (
        [at(0, f'level=error msg="Not continuing with pull after error" error="{LIMIT}"'),
         at(60, f'level=error msg="Handler for POST /v1.51/images/create returned error: 429 Too Many Requests: {LIMIT}"')],
        {"registry.rate_limited": 2, "image.pull_failed": 2},
    ),
    "a pull that worked without TLS": (
        [at(0, f'level=warning msg="Error getting v2 registry: {PLAIN}"'),
         at(0.01, f'level=info msg="Attempting next endpoint for pull after error: {PLAIN}"'), at(9, 'level=info msg="API listen on x"')],
        {"daemon.ready": 1},
    ),
    "a pull that failed by https and by http": (
        [at(0, f'level=warning msg="Error getting v2 registry: {PLAIN}"'),
         at(0.01, f'level=info msg="Attempting next endpoint for pull after error: {PLAIN}"'),
         at(0.02, f'level=warning msg="Error getting v2 registry: {CLOSED}"'),
         at(0.03, f'level=info msg="Attempting next endpoint for pull after error: {CLOSED}"'),
         at(0.04, f'level=error msg="Handler for POST /v1.43/images/create returned error: {CLOSED}"')],
        {"image.pull_failed": 1, "registry.error": 1, "registry.first_failure": 1},
    ),
    "a layer that came at the third try": (
        [at(n, f'level=error msg="Download failed, retrying ({n}/5): unexpected EOF"') for n in (1, 2)],
        {},
    ),
    "a pull that the registry refused, known from one line": (
        [at(0, 'level=info msg="Attempting next endpoint for pull after error: manifest unknown: manifest unknown"')],
        {"image.pull_failed": 1},
    ),
    "old kernels name the process in a line of its own": (
        [kernel(0, f"Task in /docker/{ID} killed as a result of limit of /docker/{ID}"),
         kernel(0, "Memory cgroup out of memory: Kill process 411 (gunicorn) score 1002 or sacrifice child"),
         kernel(0, "Killed process 411 (gunicorn) total-vm:108336kB, anon-rss:50956kB, file-rss:576kB, shmem-rss:0kB")],
        {"container.oom": 1},
    ),
    "a process killed outside any container": (
        [kernel(0, "Killed process 411 (gunicorn) total-vm:108336kB, anon-rss:50956kB, file-rss:576kB, shmem-rss:0kB")], {},
    ),
}  # fmt: skip

UNIT = "docker.service"
VERSION = 'level=info msg="Docker daemon" commit=bac3bae graphdriver=overlay version=1.11.2'
LIVES = {
    "a version line after the initialization": (
        [at(0, 'level=info msg="Loading containers: done."'), at(0.1, 'level=info msg="Daemon has completed initialization"'),
         at(0.2, VERSION), at(0.3, 'level=info msg="API listen on /var/run/docker.sock"')],
        ["daemon.restore", "daemon.start", "daemon.ready"],
    ),
    "a version line after the initialization of an engine whose start is known": (
        [at(0, 'level=info msg="libcontainerd: new containerd process, pid: 4"'), at(3, 'level=info msg="Daemon has completed initialization"'),
         at(3.1, VERSION), at(3.2, 'level=info msg="API listen on /var/run/docker.sock"'), systemd(3.3, "Started Docker Application Container Engine.")],
        ["daemon.start", "daemon.ready"],
    ),
    "a crash and what systemd says later": (
        [at(0, 'level=info msg="Starting up"'), at(1, 'level=info msg="Daemon has completed initialization"'),
         systemd(50, f"{UNIT}: main process exited, code=exited, status=2/INVALIDARGUMENT"), systemd(90, f"{UNIT} stop-sigterm timed out. Killing."),
         systemd(90, f"Unit {UNIT} entered failed state."), systemd(90, f"{UNIT} holdoff time over, scheduling restart."),
         systemd(90, "Starting Docker Application Container Engine..."), at(90.2, 'level=info msg="Starting up"')],
        ["daemon.start", "daemon.ready", "daemon.crash", "daemon.restart", "daemon.start"],
    ),
    "a panic during the start": (
        [at(0, 'level=info msg="Starting up"'), at(1, "panic: runtime error: invalid memory address"),
         systemd(1.1, f"{UNIT}: Main process exited, code=exited, status=2/INVALIDARGUMENT"), systemd(1.2, "Failed to start Docker Application Container Engine.")],
        ["daemon.start", "daemon.crash", "daemon.start_failed"],
    ),
    "a configuration that cannot be read": (
        [systemd(0, "Starting docker.service - Docker Application Container Engine..."),
         at(0.1, "unable to configure the Docker daemon with file /etc/docker/daemon.json: EOF"),
         systemd(0.2, f"{UNIT}: Main process exited, code=exited, status=1/FAILURE"), systemd(0.3, f"{UNIT}: Failed with result 'exit-code'."),
         systemd(2, f"{UNIT}: Scheduled restart job, restart counter is at 1."), systemd(2, "Stopped docker.service - Docker Application Container Engine."),
         systemd(2, f"{UNIT}: Start request repeated too quickly."), systemd(2, "Failed to start docker.service - Docker Application Container Engine.")],
        ["daemon.start", "daemon.start_failed", "daemon.restart", "daemon.start_limit"],
    ),
    "a reload that failed": (
        [at(0, 'level=info msg="Got signal to reload configuration, reloading from: /etc/docker/daemon.json"'),
         at(0.1, 'level=error msg="Error reloading configuration" error="unable to configure the Docker daemon with file /etc/docker/daemon.json: EOF"')],
        ["daemon.config_error"],
    ),
    "a reload": (
        [at(0, 'level=info msg="Got signal to reload configuration, reloading from: /etc/docker/daemon.json"'),
         at(0.1, 'level=info msg="Reloaded configuration: {}"')],
        ["daemon.reload"],
    ),
    "a clean stop": (
        [at(0, "level=info msg=\"Processing signal 'terminated'\""), at(0.1, 'level=error msg="Error shutting down http server" error="context canceled"'),
         at(0.2, 'level=info msg="Daemon shutdown complete"'), systemd(0.3, f"{UNIT}: Deactivated successfully."),
         systemd(0.3, "Stopped docker.service - Docker Application Container Engine.")],
        ["daemon.stop"],
    ),
    "a rootless engine without namespaces": (
        [at(0, "[rootlesskit:parent] error: failed to start the child: operation not permitted", "dockerd-rootless.sh[9]"),
         at(0.1, "[rootlesskit:child ] error: EOF", "dockerd-rootless.sh[9]"), at(0.2, f"{UNIT}: Main process exited, code=exited, status=1/FAILURE", "systemd[811]")],
        ["daemon.start_failed"],
    ),
}  # fmt: skip

DEATH = f'level=info msg="ignoring event" container={ID} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
OOM = f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={ID},mems_allowed=0,oom_memcg=/docker/{ID},task_memcg=/docker/{ID},task=java,pid=411,uid=0"
HOST_OOM = "Out of memory: Killed process 811 (mongod) total-vm:9023448kB, anon-rss:5120384kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:11288kB oom_score_adj:0"
TWICE = {
    "by journal and socket": ([at(0, SHIM), at(0, SHIM), at(9, DEATH), at(9, DEATH)], ["container.start", "container.die"]),
    "under another header": ([at(0, SHIM), at(9, DEATH), at(9, DEATH).replace("2023-09-18T16:02:09", "2023-09-18T16:42:09", 1)], ["container.start", "container.die"]),
    "by imklog and the journal": ([kernel(5, OOM), kernel(5, OOM)], ["container.oom"]),
    "by imklog and the journal, a second apart": ([kernel(5, OOM), kernel(6, OOM)], ["container.oom"]),
    "of the host": ([kernel(5, HOST_OOM), kernel(5, HOST_OOM)], ["host.oom"]),
}  # fmt: skip
OFTEN = {
    "a container that dies twice": (
        [at(0, SHIM), at(9, DEATH), at(20, SHIM), at(29, DEATH)],
        ["start", "die", "start", "die"],
    ),
    "two processes killed": ([kernel(5, OOM), kernel(5, OOM.replace("pid=411", "pid=412"))], ["oom", "oom"]),
}


@pytest.mark.parametrize(("lines", "expected"), TWICE.values(), ids=TWICE)
def test_a_line_written_twice_counts_once(lines: list[str], expected: list[str], replay: Replay) -> None:
    assert [event.event for event in replay(lines)] == expected


@pytest.mark.parametrize(("lines", "expected"), OFTEN.values(), ids=OFTEN)
def test_what_happened_twice_counts_twice(lines: list[str], expected: list[str], replay: Replay) -> None:
    assert [event.event.partition(".")[2] for event in replay(lines)] == expected


@pytest.mark.parametrize(("lines", "expected"), LIVES.values(), ids=LIVES)
def test_the_engines_life_is_one_story(lines: list[str], expected: list[str], replay: Replay) -> None:
    assert [event.event for event in replay(lines)] == expected


@pytest.mark.parametrize(("lines", "expected"), FAILURES.values(), ids=FAILURES)
def test_one_failure_is_one_event(lines: list[str], expected: dict[str, int], replay: Replay) -> None:
    assert Counter(event.event for event in replay(lines)) == expected


def test_the_last_word_of_a_pull_decides_its_cause(replay: Replay) -> None:
    lines, _ = FAILURES["a pull that failed by https and by http"]

    assert [event.attributes["cause"] for event in replay(lines) if event.event == "image.pull_failed"] == ["other"]


def test_an_old_kernels_kill_has_process_and_pid(replay: Replay) -> None:
    (kill,) = replay(FAILURES["old kernels name the process in a line of its own"][0])

    assert (kill.id, kill.attributes) == (ID, {"process": "gunicorn", "pid": "411"})
