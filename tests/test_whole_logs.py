"""What small logs of many hosts and engines come to, header to event: nothing is missing, nothing is said twice or made up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from wholelogs import Replayed, Replayer

from logwatch.model import Event

ID = "3fa1c0de5b7e4d28860f1c5ab7e92d34c6a8f0e1b2d3948576a0c1e2f3d4b596"
OTHER = "c2a94be07d1f4836a5b8e3d07196f2ce8b4d1a60f7e35c2998d0b1a4e6f7c853"
POD = "0d3b1b6a1c2d4e5f8a9b0c1d2e3f4a5b"
WRITTEN = datetime(2023, 9, 18, 17, tzinfo=UTC)
Replay = Callable[..., Replayed]
UNIT = "docker.service"
ENGINE = "Docker Application Container Engine"


def at(second: float, tag: str, message: str, *, own: bool = True) -> str:
    """A line of 2023-09-18 16:02; what begins with a level is an engine's line with its own time."""
    stamp = f'time="2023-09-18T16:02:{second:012.9f}Z" ' if own and message.startswith("level=") else ""
    return f"Sep 18 16:02:{int(second):02d} cart2 {tag}: {stamp}{message}"


def dockerd(second: float, message: str) -> str:
    return at(second, "dockerd[640]", message)


def old(second: float, message: str) -> str:
    """Of an engine up to 1.10, whose tag is that of its client."""
    return at(second, "docker[640]", message)


def containerd(second: float, message: str) -> str:
    return at(second, "containerd[411]", message)


def kernel(second: float, message: str) -> str:
    return at(second, "kernel", message)


def systemd(second: float, message: str) -> str:
    return at(second, "systemd[1]", message)


def refused(request: str, error: str) -> str:
    return f'level=error msg="Handler for {request} returned error: {error}"'


def start_refused(container: str, error: str) -> str:
    return refused(f"POST /v1.40/containers/{container}/start", error)


def death(container: str = ID) -> str:
    return f'level=info msg="ignoring event" container={container} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'


def shim(container: str = ID, namespace: str = "moby") -> str:
    return f'level=info msg="shim containerd-shim started" address=/containerd-shim/{namespace}/{container}/shim.sock debug=false pid=907'


def kill(cgroup: str, task: str = "ruby", pid: int = 907) -> list[str]:
    """The kernel's two lines from 4.19 on."""
    return [
        kernel(2, f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg={cgroup},task_memcg={cgroup},task={task},pid={pid},uid=0"),
        kernel(2, f"Memory cgroup out of memory: Killed process {pid} ({task}) total-vm:90kB, anon-rss:80kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:12kB oom_score_adj:0"),
    ]  # fmt: skip


def old_kill(cgroup: str, limit: str | None = None) -> list[str]:
    """The kernel's lines before 4.19: the process is in a line of its own."""
    return [
        kernel(2, "ruby invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0"),
        kernel(2, f"Task in {cgroup} killed as a result of limit of {limit or cgroup}"),
        kernel(2, "Memory cgroup out of memory: Kill process 911 (ruby) score 1002 or sacrifice child"),
        kernel(2, "Killed process 907 (ruby) total-vm:90kB, anon-rss:80kB, file-rss:5kB, shmem-rss:0kB"),
    ]


HOST_KILL = "Out of memory: Killed process 907 (ruby) total-vm:90kB, anon-rss:80kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:12kB oom_score_adj:0"
GLOBAL = f"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=cart2,mems_allowed=0,global_oom,task_memcg=/system.slice/docker-{ID}.scope,task=ruby,pid=907,uid=0"
CLEANUP = f'level=error msg="{ID} cleanup: failed to delete container from containerd: no such container"'
UNMOUNT = f'level=warning msg="{ID} cleanup: failed to unmount IPC: umount /var/lib/docker/containers/{ID}/mounts/shm, flags: 0x2: no such file or directory"'
CLOSED = 'level=error msg="stream copy error: reading from a closed fifo"'
FULL = "write /var/lib/docker/x: no space left on device"
MAIN_EXIT = f"{UNIT}: Main process exited, code=exited, status=1/FAILURE"
SCOPE = f"docker-{ID}.scope"
BOOT_LATE = [
    'level=info msg="Loading containers: start."',
    'level=info msg="Loading containers: done."',
    'level=info msg="Daemon has completed initialization"',
    'level=info msg="Docker daemon" commit=39fa2fa graphdriver=devicemapper version={}',
    'level=info msg="API listen on /var/run/docker.sock"',
]
"""Engines 1.9 to 1.13 log their version after the initialization."""

# The lines, what they come to, and of some events their id and a part of an attribute.
Case = tuple[Iterable[str], dict[str, int], tuple[tuple[str, str | None, str, str], ...]]

OOM_KILLS: dict[str, Case] = {
    "a whole life on an old kernel": (
        [dockerd(1, shim()), *old_kill(f"/docker/{ID}"), dockerd(2.1, f'level=info msg="shim reaped" id={ID}'),
         dockerd(2.2, 'level=info msg="ignoring event" module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"')],
        {"container.start": 1, "container.oom": 1, "container.die": 1, "container.oom_killed": 1},
        (("container.oom", ID, "process", "ruby"), ("container.oom", ID, "pid", "907")),
    ),
    "dmesg without a header": (
        [f"[81.2] {GLOBAL}", f"[81.3] {HOST_KILL}"], {"container.oom": 1, "host.oom": 1}, (("container.oom", ID, "pid", "907"),),
    ),
    "the uptime after a header": (
        [kernel(2, f"[81.2] {GLOBAL}"), kernel(2, f"[81.3] {HOST_KILL}")],
        {"container.oom": 1, "host.oom": 1}, (("container.oom", ID, "process", "ruby"),),
    ),
    "old, and a container that is already gone": (
        [*old_kill(f"/docker/{ID}"),
         dockerd(2.5, rf'level=error msg="containerd: deleting container" error="exit status 1: \"container {ID} does not exist\\none or more of the container deletions failed\\n\""')],
        {"container.oom": 1}, (("container.oom", ID, "pid", "907"),),
    ),
    "all processes of a group": (
        [*kill(f"/system.slice/{SCOPE}"),
         kernel(2, f"Tasks in /system.slice/{SCOPE} are going to be killed due to memory.oom.group set"),
         *kill(f"/system.slice/{SCOPE}", "sh", 908)[1:], *kill(f"/system.slice/{SCOPE}")[1:],
         systemd(2, f"{SCOPE}: A process of this unit has been killed by the OOM killer."), systemd(2, f"{SCOPE}: Failed with result 'oom-kill'."),
         dockerd(2.6, death())],
        {"container.oom": 1, "container.die": 1, "container.oom_killed": 1}, (("container.oom", ID, "pid", "907"),),
    ),
    "of a unit in a container": (kill(f"/docker/{ID}/system.slice/app.service"), {"container.oom": 1}, (("container.oom", ID, "pid", "907"),)),
    "of the first scope in a container": (kill(f"/system.slice/{SCOPE}/init.scope"), {"container.oom": 1}, (("container.oom", ID, "pid", "907"),)),
    "of a container in a container": (kill(f"/docker/{ID}/docker/{OTHER}"), {"container.oom": 1}, (("container.oom", ID, "pid", "907"),)),
    "of an ECS task": (kill(f"/ecs/{POD}/{ID}"), {"container.oom": 1}, (("container.oom", ID, "pid", "907"),)),
    "of an ECS task, old": (old_kill(f"/ecs/{POD}/{ID}", f"/ecs/{POD}"), {"container.oom": 1}, (("container.oom", ID, "pid", "907"),)),
    "of an ECS task under systemd": (
        kill(f"/ecstasks.slice/ecstasks-{POD}.slice/{SCOPE}"), {"container.oom": 1}, (("container.oom", ID, "pid", "907"),),
    ),
    "of a pod with Docker under systemd": (
        kill(f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7d3b94f3_afa7.slice/{SCOPE}"),
        {"container.oom": 1}, (("container.oom", ID, "pid", "907"),),
    ),
    "of podman": (kill(f"/machine.slice/libpod-{ID}.scope/container"), {}, ()),
    "of a pod with containerd": (kill(f"/kubepods.slice/kubepods-burstable.slice/x.slice/cri-containerd-{ID}.scope"), {}, ()),
    "written twice": ([line for line in kill(f"/docker/{ID}") for _ in range(2)], {"container.oom": 1}, (("container.oom", ID, "pid", "907"),)),
}  # fmt: skip

FAILED_STARTS: dict[str, Case] = {
    "lines without a host, cut at the end": (
        ["Sep 18 16:02:01 dockerd[640]: time=\"2023-09-18T16:02:01.5Z\" level=error msg=\"Handler for POST /v1.24/containers/" + OTHER + "/start returned error: no status provided",
         "Sep 18 16:02:02 dockerd[640]: time=\"2023-09-18T16:02:02.3Z\" " + CLEANUP,
         "Sep 18 16:02:02 dockerd[640]: time=\"2023-09-18T16:02:02.4Z\" level=error msg=\"Handler for POST /v1.24/containers/" + ID + "/start returned error: no status provided"],
        {"container.start_failed": 2}, (("container.start_failed", ID, "path", "/start"), ("container.start_failed", OTHER, "path", "/start")),
    ),
    "with its clean-up": (
        [dockerd(1, 'level=info msg="API listen on /var/run/docker.sock"'), systemd(1, f"Started {ENGINE}."), dockerd(30, CLOSED),
         dockerd(30.2, UNMOUNT), dockerd(30.3, CLEANUP), dockerd(30.4, start_refused(ID, "no status provided on response: unknown"))],
        {"daemon.ready": 1, "container.start_failed": 1}, (("container.start_failed", ID, "error", "no status provided"),),
    ),
    "at the engine's start, cut": (
        [dockerd(1, CLOSED), dockerd(1.1, f'level=error msg="Container not cleaned up from containerd from previous run" container={OTHER} error="id already in use"'),
         dockerd(1.2, f'level=error msg="{ID} cleanup: failed to delete container'),
         dockerd(1.3, f'level=error msg="Failed to start container {ID}: mkdir /run/containerd/moby/{ID}: file exists: unkn')],
        {"container.start_failed": 1, "daemon.error": 1}, (("container.start_failed", ID, "error", "file exists"), ("daemon.error", None, "container", OTHER)),
    ),
    "twice after a boot of 1.11": (
        [dockerd(1 + n / 10, line.format("1.11.2")) for n, line in enumerate(BOOT_LATE)]
        + [dockerd(n, start_refused(ID[:12], rf'rpc error: code = 6 desc = \"mkdir /run/containerd/{ID}: file exists\"')) for n in (9, 40)],
        {"daemon.start": 1, "daemon.ready": 1, "daemon.restore": 1, "container.start_failed": 2}, (("container.start_failed", ID[:12], "error", "file exists"),),
    ),
    "reported by its clean-up at debug": (
        [dockerd(1, 'level=debug msg="ReleaseAddress(LocalDefault/172.17.0.0/16, 172.17.0.2)"'), dockerd(1.1, CLEANUP),
         dockerd(1.2, 'level=debug msg="Failed to unmount c393 overlay: /var/lib/docker/overlay2/c393/merged: device or resource busy"')],
        {"container.start_failed": 1, "network.disconnect": 1}, (("container.start_failed", ID, "", ""),),
    ),
    "for want of memory, three times": (
        [kernel(1, "runc:[1:CHILD]: page allocation failure: order:6, mode:0x10c0d0"),
         dockerd(1.1, f'level=error msg="containerd: start container" error="oci runtime error: exit status 6" id={ID}'),
         dockerd(1.2, 'level=error msg="Create container failed with error: oci runtime error: exit status 6"'),
         dockerd(1.3, start_refused(ID, "oci runtime error: exit status 6"))],
        {"kernel.resource_exhausted": 1, "container.start_failed": 1}, (("container.start_failed", ID, "error", "exit status 6"),),
    ),
    "for iptables, twice": (
        [old(1, start_refused(ID, f"Cannot start container {ID}: iptables failed: iptables --wait -t nat")),
         old(1.1, f'level=error msg="HTTP Error" err="Cannot start container {ID}: iptables failed: iptables --wait -t nat" statusCode=500')],
        {"container.start_failed": 1}, (("container.start_failed", ID, "error", "iptables failed"),),
    ),
    "for a hook of a GPU": (
        [dockerd(1.1, start_refused(ID, "failed to create task for container: OCI runtime create failed: runc create failed: error running hook #0: exit status 1")), dockerd(1, CLOSED)],
        {"container.start_failed": 1}, (("container.start_failed", ID, "error", "error running hook"),),
    ),
    "for a sysctl, with 29": (
        [dockerd(1, "level=info msg=\"sbJoin: gwep4 ''->'3b1b6a1c2d4e', gwep6 ''->''\" eid=3b1b6a1c2d4e ep=vpn net=bridge nid=0d3b1b6a1c2d"),
         containerd(1.1, f'level=info msg="connecting to shim {ID}" address="unix:///run/containerd/s/c7" namespace=moby protocol=ttrpc version=3'),
         containerd(1.2, f'level=info msg="shim disconnected" id={ID} namespace=moby'), containerd(1.3, f'level=warning msg="cleaning up after shim disconnected" id={ID} namespace=moby'),
         dockerd(1.4, f'level=error msg="failed to start container" container={ID} error="failed to create task for container: OCI runtime create failed: open sysctl net.ipv4.ip_unprivileged_port_start: permission denied"')],
        {"network.connect": 1, "container.start_failed": 1}, (("container.start_failed", ID, "error", "sysctl"),),
    ),
    "as snap's engine writes it": (
        [f'2023-09-18T16:02:01Z docker.dockerd[640]: time="2023-09-18T16:02:01.5Z" {start_refused(ID, "failed to initialize logging driver: journald is not enabled on this host")}',
         at(3, "docker.dockerd[640]", refused(f"GET /v1.40/containers/{OTHER}/logs", "configured logging driver does not support reading"))],
        {"container.start_failed": 1, "api.error": 1}, (("container.start_failed", ID, "cause", "log_driver"), ("api.error", OTHER, "path", "/logs")),
    ),
    "removals that failed for a busy mount": (
        [dockerd(1, refused(f"DELETE /containers/{each}", f"Unable to remove filesystem for {each}: remove /var/lib/docker/containers/{each}/shm: device or resource busy")) for each in (ID, OTHER)],
        {"container.destroy_failed": 2}, (("container.destroy_failed", ID, "error", "busy"), ("container.destroy_failed", OTHER, "error", "busy")),
    ),
    "inspections of what is not there": (
        [dockerd(1, refused(f"GET /containers/{each}/json", f"No such container: {each}")) for each in (ID, OTHER)],
        {"api.error": 2}, (("api.error", ID, "path", "/json"), ("api.error", OTHER, "path", "/json")),
    ),
    "an end and its warning": (
        [containerd(1, shim()), containerd(9, f'level=info msg="shim reaped" id={ID}'),
         dockerd(9.1, 'level=info msg="ignoring event" module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'), dockerd(9.3, UNMOUNT)],
        {"container.start": 1, "container.die": 1}, (("container.die", ID, "", ""),),
    ),
}  # fmt: skip

PANIC = "panic: runtime error: invalid memory address or nil pointer dereference"
STARTING = 'level=info msg="Starting up"'
LIVES: dict[str, Case] = {
    "a start that lasted too long": (
        [dockerd(1, 'level=info msg="Loading containers: start."'), dockerd(9, 'level=info msg="Loading containers: done."'),
         systemd(20, f"{UNIT}: Start operation timed out. Terminating."), dockerd(20.4, "level=info msg=\"Processing signal 'terminated'\""),
         systemd(21, f"Failed to start {ENGINE}."), systemd(21, f"{UNIT}: Unit entered failed state."), systemd(21, f"{UNIT}: Failed with result 'timeout'.")],
        {"daemon.restore": 1, "daemon.start_failed": 1, "daemon.stop": 1}, (),
    ),
    "a clock that is set while it boots, and a watchdog": (
        [at(1, "balenad[640]", STARTING), at(2, "balenad[640]", 'level=info msg="libcontainerd: started new balena-engine-containerd process" pid=700'),
         "Sep 18 16:42:20 cart2 chronyd[90]: System clock was stepped by 2411.206649 seconds",
         'Sep 18 16:42:21 cart2 balenad[640]: time="2023-09-18T16:42:21.3Z" level=info msg="Daemon has completed initialization"',
         'Sep 18 16:42:29 cart2 balenad[640]: time="2023-09-18T16:42:29.8Z" level=info msg="shim balena-engine-containerd-shim started" address=/containerd-shim/moby/' + ID + "/shim.sock debug=false pid=5979",
         'Sep 18 16:42:36 cart2 balenad[640]: time="2023-09-18T16:42:36.2Z" level=info msg="shim reaped" id=' + ID,
         "Sep 18 16:46:52 cart2 systemd[1]: balena.service: Watchdog timeout (limit 6min)!", "Sep 18 16:46:53 cart2 systemd[1]: balena.service: Main process exited, code=killed, status=6/ABRT",
         "Sep 18 16:46:53 cart2 systemd[1]: balena.service: Failed with result 'watchdog'."],
        {"daemon.start": 1, "daemon.ready": 1, "container.start": 1, "container.die": 1, "daemon.crash": 1}, (("daemon.crash", None, "status", "6/ABRT"),),
    ),
    "no network, as firewalld has it": (
        [dockerd(1, STARTING), dockerd(1.4, 'level=debug msg="Firewalld passthrough: ipv4, [-t nat -D OUTPUT -j DOCKER]"'),
         at(2, "firewalld[128]", "WARNING: COMMAND_FAILED: '/usr/sbin/iptables -w10 -t nat -D OUTPUT -j DOCKER' failed: iptables: No chain/target/match by that name."),
         dockerd(2, 'failed to start daemon: Error initializing network controller: Error creating default "bridge" network: permission denied'),
         systemd(2, MAIN_EXIT), systemd(2, f"{UNIT}: Failed with result 'exit-code'."), systemd(2, f"Failed to start {ENGINE}.")],
        {"daemon.start": 1, "daemon.start_failed": 1}, (("daemon.start_failed", None, "error", "permission denied"),),
    ),
    "on a terminal": (
        ["INFO[2023-09-18T18:02:01.240467385+02:00] Starting up                                  ", "INFO[2023-09-18T18:02:01.312359000+02:00] Loading containers: start.                   ",
         "failed to start daemon: Error initializing network controller: failed to create NAT chain DOCKER: iptables failed: iptables -t nat -N DOCKER: Permission denied", " (exit status 4)"],
        {"daemon.start": 1, "daemon.restore": 1, "daemon.start_failed": 1}, (("daemon.start_failed", None, "error", "iptables"),),
    ),
    "a terminal's form after a header": (
        [at(1, "dockerd[77]", "#033[36mINFO#033[0m[2023-09-18T18:02:01.240467385+02:00] Starting up      "),
         at(2, "dockerd[77]", f"#033[31mERRO#033[0m[2023-09-18T18:02:02.240467385+02:00] Handler for POST /v1.41/containers/{ID}/start returned error: driver failed programming external connectivity on endpoint x"),
         at(3, "dockerd[77]", "INFO[2023-09-18T18:02:03.240467385+02:00] API listen on /var/run/docker.sock          ")],
        {"daemon.start": 1, "container.start_failed": 1, "daemon.ready": 1}, (("container.start_failed", ID, "error", "connectivity"),),
    ),
    "the engine's bare lines": (
        [f'time="2023-09-18T16:02:01.5Z" {line}' for line in (
            f'level=warning msg="cleaning up after shim disconnected" id={OTHER} namespace=moby', 'level=info msg="cleaning up dead shim"', CLEANUP,
            f'level=error msg="failed to start container" container={ID} error="OCI runtime create failed: runc create failed: no such file or directory"',
            f'level=info msg="shim disconnected" id={OTHER[::-1]}')],
        {"container.die": 2, "container.start_failed": 1}, (("container.start_failed", ID, "error", "OCI runtime create failed"), ("container.die", OTHER, "", "")),
    ),
    "bare lines between those of date": (
        ["Mon Sep 18 16:02:01 UTC 2023", 'time="2023-09-18T16:02:01.6Z" level=info msg="API listen on /var/run/docker.sock" ', "Mon Sep 18 16:02:30 UTC 2023",
         r'time="2023-09-18T16:02:31.0Z" level=info msg="New containerd process, pid: 2776\n" ', 'time="2023-09-18T16:02:31.1Z" level=fatal msg="Error starting daemon: error initializing graphdriver: Device is Busy" '],
        {"daemon.ready": 1, "daemon.start": 1, "daemon.start_failed": 1}, (("daemon.start_failed", None, "error", "Device is Busy"),),
    ),
    "28 and the streams of what it finds": (
        [dockerd(1, 'level=info msg="Docker daemon" commit=89c5e8f containerd-snapshotter=false storage-driver=overlay2 version=28.5.2'),
         dockerd(1.1, 'level=info msg="Completed buildkit initialization"'), dockerd(1.2, 'level=info msg="Daemon has completed initialization"'),
         dockerd(1.5, 'level=error msg="copy stream failed" error="reading from a closed fifo" stream=stderr'), dockerd(1.6, 'level=error msg="copy stream failed" error="reading from a closed fifo" stream=stdout')],
        {"daemon.start": 1, "daemon.ready": 1}, (("daemon.start", None, "version", "28.5.2"),),
    ),
    "a panic in the midst of a boot, in another language": (
        [line.replace("Sep 18", "sept. 18") for line in (
            systemd(1, f"Starting {ENGINE}..."), dockerd(1.1, STARTING), dockerd(2, PANIC), dockerd(2, "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x55]"), dockerd(2, "goroutine 1 [running]:"),
            systemd(2, f"{UNIT}: Main process exited, code=exited, status=2/INVALIDARGUMENT"), systemd(2, f"{UNIT}: Failed with result 'exit-code'."), systemd(2, f"Failed to start {ENGINE}."))],
        {"daemon.start": 1, "daemon.crash": 1, "daemon.start_failed": 1}, (("daemon.crash", None, "error", "invalid memory address"),),
    ),
    "a panic of containerd, and a try after it": (
        [containerd(1, 'level=info msg="starting containerd" revision=7ad1843 version=1.2.13'), containerd(1, "panic: invalid page type: 7161: 6974"), containerd(1, "goroutine 1 [running]:"),
         systemd(1, "containerd.service: Main process exited, code=exited, status=2/INVALIDARGUMENT"), systemd(1, "containerd.service: Failed with result 'exit-code'."),
         systemd(2, f"{UNIT}: Failed with result 'exit-code'."), systemd(2, f"Failed to start {ENGINE}."), systemd(4, f"{UNIT}: Scheduled restart job, restart counter is at 1."),
         systemd(4, f"Stopped {ENGINE}."), systemd(4, f"Starting {ENGINE}..."), dockerd(4.5, STARTING)],
        {"containerd.start": 1, "containerd.start_failed": 1, "containerd.crash": 1, "daemon.start_failed": 1, "daemon.restart": 1, "daemon.start": 1}, (("containerd.crash", None, "error", "invalid page type"), ("containerd.start", None, "version", "1.2.13")),
    ),
    "rootless: the login ends": (
        [at(1, "systemd[627]", f"Stopping {ENGINE} (Rootless)..."), at(1, "dockerd-rootless.sh[921]", "level=info msg=\"Processing signal 'terminated'\""), at(1.1, "dockerd-rootless.sh[942]", death()),
         at(1.3, "dockerd-rootless.sh[921]", 'level=info msg="Daemon shutdown complete"'), at(2, "systemd[627]", f"Stopped {ENGINE} (Rootless).")],
        {"daemon.stop": 1, "container.die": 1}, (("container.die", ID, "", ""),),
    ),
    "rootless: no network": (
        [at(1, "dockerd-rootless.sh[27]", "+ exec rootlesskit --state-dir=/run/user/1000/dockerd-rootless --net=slirp4netns /usr/bin/dockerd-rootless.sh"),
         at(2, "dockerd-rootless.sh[27]", "[rootlesskit:parent] error: failed to setup network &{logWriter:0xc0 binary:slirp4netns}: signal: aborted"),
         at(2, "dockerd-rootless.sh[28]", "[rootlesskit:child ] error: EOF"), at(2, "systemd[627]", MAIN_EXIT)],
        {"daemon.start_failed": 1}, (("daemon.start_failed", None, "error", "failed to setup network"),),
    ),
    "1.12 on a thin pool": (
        [systemd(1, f"Starting {ENGINE}..."), dockerd(2, 'level=info msg="libcontainerd: new containerd process, pid: 1034"'),
         *(dockerd(3 + n / 10, line.format("1.12.4")) for n, line in enumerate(BOOT_LATE)), systemd(4, f"Started {ENGINE}.")],
        {"daemon.start": 1, "daemon.restore": 1, "daemon.ready": 1}, (("daemon.start", None, "version", "1.12.4"),),
    ),
    "1.9": (
        [*(old(3 + n / 10, line.format("1.9.1")) for n, line in enumerate(BOOT_LATE[:4])), systemd(4, f"Started {ENGINE}.")],
        {"daemon.restore": 1, "daemon.start": 1, "daemon.ready": 1}, (("daemon.start", None, "version", "1.9.1"),),
    ),
    "containerd killed, the engine bound to it": (
        [kernel(1, HOST_KILL.replace("(ruby)", "(containerd)")), systemd(1, "containerd.service: Main process exited, code=killed, status=9/KILL"), systemd(1, "containerd.service: Failed with result 'signal'."),
         systemd(1, f"Stopping {ENGINE}..."), dockerd(1.5, "level=info msg=\"Processing signal 'terminated'\""), dockerd(2, 'level=info msg="Daemon shutdown complete"'), systemd(2, f"Stopped {ENGINE}.")],
        {"host.oom": 1, "containerd.crash": 1, "daemon.stop": 1}, (("host.oom", None, "process", "containerd"),),
    ),
    "an upgrade": (
        [systemd(1, f"Stopping {ENGINE}..."), dockerd(1.1, "level=info msg=\"Processing signal 'terminated'\""), containerd(1.2, f'level=info msg="shim disconnected" id={ID} namespace=moby'), dockerd(1.3, death()),
         dockerd(1.5, 'level=info msg="Daemon shutdown complete"'), systemd(2, f"{UNIT}: Deactivated successfully."), systemd(2, f"Stopped {ENGINE}."), systemd(3, f"Starting {ENGINE}..."),
         at(3.5, "dockerd[990]", STARTING), at(3.7, "dockerd[990]", 'level=info msg="Loading containers: start."'), at(4.5, "dockerd[990]", 'level=info msg="Loading containers: done."'),
         at(4.6, "dockerd[990]", 'level=info msg="Docker daemon" commit=671149 containerd-snapshotter=false storage-driver=overlay2 version=25.0.3'),
         at(4.7, "dockerd[990]", 'level=info msg="Daemon has completed initialization"'), systemd(5, f"Started {ENGINE}.")],
        {"daemon.stop": 1, "container.die": 1, "daemon.start": 1, "daemon.restore": 1, "daemon.ready": 1}, (("daemon.start", None, "version", "25.0.3"), ("container.die", ID, "", "")),
    ),
    "under env": (
        [at(1, "env[1042]", STARTING), at(3, "env[1042]", 'level=info msg="API listen on /var/run/docker.sock"'), at(9, "env[1042]", death())],
        {"daemon.start": 1, "daemon.ready": 1, "container.die": 1}, (("container.die", ID, "", ""),),
    ),
    "a driver that is not supported, in Korean": (
        [line.replace("Sep 18", " 9월 18") for line in (
            old(1, r'level=info msg="New containerd process, pid: 95314\n"'), old(1.1, 'level=warning msg="devmapper: Usage of loopback devices is strongly discouraged for production use."'),
            old(2, 'level=fatal msg="Error starting daemon: error initializing graphdriver: driver not supported"'), systemd(2, MAIN_EXIT.replace("Main", "main")))],
        {"daemon.start": 1, "storage.info": 1, "daemon.start_failed": 1}, (("daemon.start_failed", None, "error", "driver not supported"),),
    ),
    "no authorization plugin": (
        [dockerd(1, STARTING), dockerd(2, 'level=warning msg="Unable to locate plugin: acme/authz:0.6, retrying in 1s"'),
         dockerd(32, r'level=fatal msg="Error validating authorization plugin: plugin \"acme/authz:0.6\" not found"'), systemd(32, MAIN_EXIT)],
        {"daemon.start": 1, "plugin.error": 1, "daemon.start_failed": 1}, (("daemon.start_failed", None, "error", "authorization plugin"),),
    ),
    "three words for one failed start": (
        [dockerd(1, 'level=error msg="[graphdriver] prior storage driver aufs failed: driver not supported"'), dockerd(1, "Error starting daemon: error initializing graphdriver: driver not supported"), systemd(1, MAIN_EXIT)],
        {"daemon.start_failed": 1}, (("daemon.start_failed", None, "error", "driver not supported"),),
    ),
    "a swarm left and joined, in Red Hat's words": (
        [at(n, "dockerd-current", line) for n, line in ((1, 'level=info msg="{Action=networks, Username=root, LoginUID=0, PID=3581}"'), (9, 'level=info msg="{Action=leave, Username=root, LoginUID=0, PID=3588}"'),
         (30, 'level=info msg="{Action=join, Username=root, LoginUID=0, PID=3592}"'), (31, 'level=warning msg="Could not find ingress network while leaving: network ingress not found"'))],
        {"swarm.info": 1, "swarm.leave": 1, "swarm.join": 1}, (),
    ),
}  # fmt: skip

RESOLVER = "read udp 172.19.0.4:42216->192.0.2.53:53: i/o timeout"
TROUBLES: dict[str, Case] = {
    "queries of 27": (
        [dockerd(n, f'level=error msg="[resolver] failed to query external DNS server" client-addr="udp:127.0.0.1:5461{n}" dns-server="udp:127.0.0.11:53" error="{RESOLVER}"') for n in (1, 2)],
        {"network.dns_error": 2}, (("network.dns_error", None, "error", "i/o timeout"),),
    ),
    "a query of 19.03": (
        [dockerd(1, f'level=warning msg="[resolver] read from DNS server failed, {RESOLVER}"')], {"network.dns_error": 1}, (),
    ),
    "four words for it": (
        [dockerd(1, 'level=warning msg="[resolver] connect failed: dial udp 192.0.2.53:53: connect: network is unreachable"'),
         dockerd(2, f'level=error msg="[resolver] failed to query DNS server: 192.0.2.53:53, query: ;example.org." error="{RESOLVER}"'),
         dockerd(3, f'level=warning msg="[resolver] failed to read from DNS server" error="{RESOLVER}"'),
         dockerd(4, 'level=error msg="[resolver] failed to write DNS response" error="write udp 127.0.0.11:53: operation not permitted"')],
        {"network.dns_error": 4}, (),
    ),
    "a log driver": (
        [dockerd(1, f'level=warning msg="journald: error processing journal" container={ID} error="Bad file descriptor"')], {"log_driver.error": 1}, (("log_driver.error", ID, "error", "Bad file descriptor"),),
    ),
    "networks that could not be made": (
        [dockerd(1, refused("POST /v1.22/networks/create", "Failed to program FILTER chain: iptables failed: iptables --wait -I FORWARD -o br-9f4d -j DOCKER")),
         dockerd(6, refused("POST /v1.41/networks/create", "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"))],
        {"network.error": 2}, (("network.error", None, "error", "FILTER chain"),),
    ),
    "a full thin pool, and what the kernel makes of it": (
        [old(1, refused("POST /v1.19/containers/create", "devmapper: Thin Pool has 4247 free data blocks which is less than minimum required 4454 free data blocks. Create more free space in thin pool")),
         kernel(9, "Buffer I/O error on device dm-4, logical block 2710489"), kernel(9, "EXT4-fs warning (device dm-5): ext4_end_bio:329: I/O error -28 writing to inode 1055008")],
        {"storage.pressure": 1, "container.create_failed": 1, "storage.error": 2}, (("storage.pressure", None, "free_blocks", "4247"), ("storage.pressure", None, "min_blocks", "4454")),
    ),
    "a full disk": (
        [dockerd(1, f'level=error msg="Failed to log message for logger json-file" container={ID} driver=json-file error="error writing log entry: {FULL}"'),
         dockerd(2, start_refused(OTHER, f"failed to create task for container: failed to start shim: {FULL}")), dockerd(3, f'level=error msg="Not continuing with pull after error: failed to register layer: {FULL}"')],
        {"storage.pressure": 3, "log_driver.error": 1, "container.start_failed": 1, "image.pull_failed": 1}, (("container.start_failed", OTHER, "cause", "no_space"), ("log_driver.error", ID, "", "")),
    ),
    "a line repeated forty times": (
        [dockerd(1, line := rf'level=error msg="Failed to log msg \"\" for logger json-file: {FULL}"'), dockerd(30, f'message repeated 40 times: [ time="2023-09-18T16:02:01Z" {line}]')],
        {"log.repeated": 1, "log_driver.error": 41, "storage.pressure": 41}, (),
    ),
    "what the kernel has no more of": (
        [dockerd(0, STARTING), kernel(1, "[12.5] nf_conntrack: nf_conntrack: table full, dropping packet"), kernel(2, f"[13.5] cgroup: fork rejected by pids controller in /system.slice/{SCOPE}"),
         kernel(3, "[14.5] unregister_netdevice: waiting for veth1a2b3c4 to become free. Usage count = 1"), kernel(4, "[15.5] INFO: task dockerd:1033 blocked for more than 120 seconds.")],
        {"daemon.start": 1, "kernel.resource_exhausted": 2, "kernel.netns_leak": 1, "kernel.hung_task": 1}, (("kernel.resource_exhausted", ID, "resource", "pids"), ("kernel.hung_task", None, "process", "dockerd")),
    ),
    "a pull without DNS and one from an expired registry": (
        [dockerd(1, refused("POST /v1.44/images/create", r'failed to resolve reference \"docker.io/acme/x:1\": failed to do request: Head \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io on 192.0.2.53:53: server misbehaving')),
         *(dockerd(40 + n / 10, line) for n, line in enumerate((
            r'level=warning msg="Error getting v2 registry: Get \"https://reg.example.org/v2/\": x509: certificate has expired or is not yet valid"',
            r'level=info msg="Attempting next endpoint for pull after error: Get \"https://reg.example.org/v2/\": x509: certificate has expired or is not yet valid"',
            refused("POST /v1.43/images/create", r'Get \"https://reg.example.org/v2/\": x509: certificate has expired or is not yet valid'))))],
        {"image.pull_failed": 2, "registry.error": 1, "registry.first_failure": 1}, (("image.pull_failed", None, "cause", "dns"), ("image.pull_failed", None, "cause", "tls"), ("registry.error", None, "error", "expired")),
    ),
}  # fmt: skip

BELIEVED: dict[str, Case] = {
    "create, attach, start and scope of 1.8": (
        [old(1, 'level=info msg="POST /v1.20/containers/create"'), old(1.2, f'level=info msg="POST /v1.20/containers/{ID}/attach?stderr=1&stdout=1&stream=1"'), old(1.3, f'level=info msg="POST /v1.20/containers/{ID}/start"'),
         kernel(1, "EXT4-fs (dm-10): mounted filesystem with ordered data mode. Opts: (null)"), at(1, "systemd", f"Started docker container {ID}."), at(30, "systemd", f"Stopped docker container {ID}.")],
        {"container.create": 1, "container.attach": 1, "container.start": 1, "container.die": 1}, (("container.start", ID, "", ""), ("container.attach", ID, "", "")),
    ),
    "one short life by many witnesses, with 29": (
        [systemd(4, "var-lib-docker-overlay2-8ba3-merged.mount: Deactivated successfully."), containerd(4.5, f'level=info msg="connecting to shim {ID}" address="unix:///run/containerd/s/c7" namespace=moby protocol=ttrpc version=3'),
         systemd(4, f"Started {SCOPE} - libcontainer container {ID}."), at(4, "NetworkManager[59]", "<info>  [1.7131] manager: (vethe6906c1): new Veth device (/org/freedesktop/NetworkManager/Devices/78)"),
         kernel(4, "docker0: port 1(vethe6906c1) entered blocking state"), kernel(4, "vethe6906c1: entered promiscuous mode"), kernel(4, "eth0: renamed from veth0c7c1d1"), systemd(5, f"{SCOPE}: Deactivated successfully."),
         containerd(5.5, f'level=info msg="shim disconnected" id={ID} namespace=moby'), containerd(5.6, f'level=info msg="cleaning up after shim disconnected" id={ID} namespace=moby'),
         dockerd(5.7, f'level=info msg="received task-delete event from containerd" container={ID} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'), kernel(5, "veth0c7c1d1: renamed from eth0"), kernel(5, "vethe6906c1: left promiscuous mode")],
        {"container.start": 1, "container.die": 1, "network.connect": 1, "network.disconnect": 1}, (("container.start", ID, "", ""), ("container.die", ID, "", "")),
    ),
    "RFC 5424 without stamp or host": (
        [f'<30>1 - cart2 dockerd 640 - - time="2023-09-18T18:02:01.314159265+02:00" {death()}', f'<30>1 2023-09-18T18:02:02.271828+02:00 - dockerd - - - time="2023-09-18T18:02:02.271828182+02:00" {death(OTHER)}'],
        {"container.die": 2}, (("container.die", ID, "", ""), ("container.die", OTHER, "", "")),
    ),
    "a managed plugin of 18.09": (
        [containerd(1, shim(namespace="plugins.moby")), at(1, "dockerd[640]", f'time="2023-09-18T16:02:01Z" level=error msg="standard_init_linux.go:207: exec user process caused \\"permission denied\\"" plugin={ID}'),
         containerd(2, f'level=info msg="shim reaped" id={ID}'), dockerd(2.1, 'level=info msg="ignoring event" module=libcontainerd namespace=plugins.moby topic=/tasks/delete type="*events.TaskDelete"')],
        {"plugin.error": 1}, (("plugin.error", None, "plugin", ID),),
    ),
    "a managed plugin of 20.10": (
        [containerd(1, f'level=info msg="starting signal loop" namespace=plugins.moby path=/run/docker/containerd/daemon/io.containerd.runtime.v2.task/plugins.moby/{ID} pid=907'),
         dockerd(2, death().replace("=moby", "=plugins.moby")), containerd(2.1, f'level=info msg="shim disconnected" id={ID} namespace=plugins.moby')],
        {}, (),
    ),
    "runs of snap's client": (
        [at(1, "systemd[3304]", "Started snap.docker.docker-9273ed16-d1df-468c-bc57-7a806fcfb7e3.scope."), at(3, "systemd[3304]", "snap.docker.docker-9273ed16-d1df-468c-bc57-7a806fcfb7e3.scope: Consumed 1.024s CPU time.")], {}, (),
    ),
    "systemd-docker, another program": ([at(1, "systemd-docker[639]", PANIC), at(1, "systemd-docker[639]", "goroutine 16 [running]:")], {}, ()),
    "an init script with the client's tag": ([at(1, "docker[17592]", " * /usr/bin/dockerd not present or not executable")], {}, ()),
    "cri-dockerd": (
        [at(1, "cri-dockerd[5055]", 'level=info msg="Setting cgroupDriver systemd"'), at(2, "cri-dockerd[5055]", f'level=error msg="Error response from daemon: No such container: {ID}"'),
         systemd(3, "cri-docker.service: Main process exited, code=exited, status=1/FAILURE"), systemd(3, "cri-docker.service: Failed with result 'exit-code'."), systemd(4, f"Started CRI Interface for {ENGINE}.")],
        {}, (),
    ),
    "k3s, MicroK8s and a pod's containerd": (
        [at(1, "microk8s.daemon-containerd[543]", 'level=info msg="RunPodSandbox for &PodSandboxMetadata{Name:x,} returns sandbox id"'), at(2, "k3s[5352]", 'level=error msg="Node password rejected, duplicate hostname"'),
         containerd(3, rf'level=info msg="StopContainer for \"{ID}\" with timeout 30 (s)"'), containerd(4, f'level=info msg="shim disconnected" id={ID} namespace=k8s.io')],
        {}, (),
    ),
    "a unit that cleans up, and a list": (
        [at(1, "systemd", "Starting Docker Cleanup..."), at(1, "systemd", "Started Docker Cleanup."), at(2, "dockerd-current", 'level=debug msg="Calling GET /v1.26/containers/json?all=1"'),
         at(2.1, "dockerd-current", 'level=debug msg="{Action=json, LoginUID=12345678, PID=21075}"')],
        {}, (),
    ),
    "mounts of runc's calls": ([systemd(1, rf"run-docker-runtime\x2drunc-moby-{ID}-runc.2nWGMG.mount: Succeeded.")] * 2, {}, ()),
    "what `docker compose logs` prints": ([f'dind-1  | time="2023-09-18T16:02:0{n}.1Z" {line}' for n, line in enumerate((STARTING, 'level=info msg="API listen on /var/run/docker.sock"'))], {}, ()),
    "what `kubectl logs` prints": ([f'[pod/dind-0/dind] time="2023-09-18T16:02:01.1Z" {STARTING}'], {}, ()),
    "the agent of ECS, and the client": (
        [at(1, "ecs-agent", '2023-09-18T16:02:01Z [INFO] Starting container module="TaskEngine" task="x" container="web(acme/web) (CREATED->RUNNING)"'), at(2, "amazon-ecs-init", 'level=info time=2023-09-18T16:02:02Z msg="post-stop"'),
         at(3, "docker", "ERROR: manifest for acme/x:latest not found")],
        {}, (),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    replayer = Replayer(tmp_path_factory.mktemp("log"))
    return lambda log, written=WRITTEN: replayer(log, written)


CASES = {
    f"{group}: {name}": case
    for group, cases in (("oom", OOM_KILLS), ("failed", FAILED_STARTS), ("life", LIVES), ("trouble", TROUBLES), ("believed", BELIEVED))
    for name, case in cases.items()
}  # fmt: skip


@pytest.mark.parametrize(("lines", "expected", "details"), CASES.values(), ids=CASES)
def test_a_log_comes_to_these_events_and_no_others(
    lines: Iterable[str], expected: dict[str, int], details: Iterable[tuple[str, str | None, str, str]], replay: Replay
) -> None:
    found = replay(list(lines)).events

    assert Counter(event.event for event in found) == expected
    for kind, object_id, attribute, part in details:
        about = [event for event in found if event.event == kind and object_id in (None, event.id)]
        assert any(part in _value(event, attribute) for event in about), (kind, object_id, attribute, part)


def _value(event: Event, attribute: str) -> str:
    return str(event.attributes[attribute]) if attribute else ""


# ── times that no header has in full ─────────────────────────────────────────────────────


def oom(stamp: str, container: str) -> str:
    return f"{stamp} cart2 kernel: oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg=/docker/{container},task_memcg=/docker/{container},task=ruby,pid=907,uid=0"


@pytest.mark.parametrize(
    ("lines", "written", "expected"),
    [
        (
            [oom(stamp, ID[n:] + ID[:n]) for n, stamp in enumerate(("Dec 30 10:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01", "Jan  2 05:00:00"))],
            datetime(2023, 1, 2, 6, tzinfo=UTC),
            ["2022-12-30T10:00:00", "2022-12-31T23:59:59", "2023-01-01T00:00:01", "2023-01-02T05:00:00"],
        ),
        ([oom("Feb 29 10:00:00", ID)], datetime(2021, 3, 2, tzinfo=UTC), ["2020-02-29T10:00:00"]),
    ],
    ids=["over New Year", "a leap day"],
)  # fmt: skip
def test_a_year_comes_from_when_the_file_was_written(
    lines: list[str], written: datetime, expected: list[str], replay: Replay
) -> None:
    found = replay(lines, written).events

    assert [datetime.fromtimestamp(event.time_ns / 1e9, UTC).isoformat()[:19] for event in found] == expected


# ── what alerts come of it ───────────────────────────────────────────────────────────────


def test_a_container_that_ended_is_shown_as_exited(replay: Replay) -> None:
    metrics = replay(list(FAILED_STARTS["an end and its warning"][0])).metrics

    assert any(line.startswith("docker_container_state{") and f'name="{ID[:12]}"' in line and 'state="exited"' in line and line.endswith(" 1.0") for line in metrics.splitlines())  # fmt: skip


def report(minute: int, second: int, action: str, container: str = ID, **attributes: str) -> str:
    """A line of `docker events` in its own form, piped into syslog."""
    more = ", ".join(f"{key}={value}" for key, value in {**attributes, "image": "acme/cart:7", "name": "cart"}.items())
    return f"Sep 18 16:{minute:02d}:{second:02d} cart2 docker-events: 2023-09-18T16:{minute:02d}:{second:02d}.314159265Z container {action} {container} ({more})"


ALERTS = {
    "a container that is replaced": (
        [report(2, 0, "kill", signal="15"), report(2, 3, "die", exitCode="0"), report(2, 3, "stop"), report(2, 4, "destroy"),
         report(2, 5, "create", OTHER), report(2, 6, "start", OTHER), report(4, 6, "health_status: healthy", OTHER), report(30, 0, "top", OTHER)],
        set(), set(),
    ),
    "a stop that took too long": (
        [report(2, 0, "kill", signal="15"), report(2, 10, "kill", signal="9"), report(2, 10, "die", exitCode="137"), report(2, 10, "stop"), report(30, 0, "top")],
        {"DockerContainerStopTimeout"}, set(),
    ),
    "an unhealthy container": (
        [report(2, 0, "start"), report(5, 0, "health_status: unhealthy"), report(25, 0, "health_status: healthy"), report(40, 0, "top")],
        {"DockerContainerUnhealthy"}, {"DockerContainerUnhealthy"},
    ),
    "a container that starts every ten seconds": (
        [line for n in range(0, 60, 10) for line in (containerd(n + 0.7, f'level=info msg="starting signal loop" namespace=moby path=/run/containerd/io.containerd.runtime.v2.task/moby/{ID} pid=90{n} runtime=io.containerd.runc.v2'), dockerd(n + 0.9, death()))],
        {"DockerContainerRestartLoop"}, {"DockerContainerRestartLoop"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "may_fire", "must_fire"), ALERTS.values(), ids=ALERTS)
def test_a_log_comes_to_these_alerts_and_no_others(
    lines: list[str], may_fire: set[str], must_fire: set[str], logwatch: Callable[..., str], tmp_path: Path
) -> None:
    log = tmp_path / "messages"
    log.write_text("".join(f"{line}\n" for line in lines))
    fired = {json.loads(line)["alert"] for line in logwatch("replay", "--alerts", "--format", "jsonl", str(log)).splitlines()}  # fmt: skip

    assert must_fire <= fired <= may_fire
