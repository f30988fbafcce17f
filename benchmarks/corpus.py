"""The seeded log that everything is measured on: a busy host in rsyslog's traditional format.

One line in five comes from dockerd (20.10, debug level); the rest is what else such a host
writes. Of a hundred dockerd lines

    80  debug noise: API polls, iptables, garbage collection, registered routes, streams
    15  info noise: plugins that load, gRPC channels
     2  warnings and errors
     3  a container's life: shims start and are disconnected, tasks are deleted, networks joined and left

and of a hundred others 50 are output of containers (one in six says `docker`, one in six has
logrus' own form), 10 kernel, 20 systemd, 10 cron, 10 sshd.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED = 20261123
START = datetime(2026, 11, 1, tzinfo=UTC)
BLOCK = 20_000
"""Lines written at once."""
WEEK_SECONDS = 7 * 24 * 3600

Message = Callable[[random.Random, str, str], str]

_CONTAINERD = "/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby"
_DEBUG = (
    "Calling GET /v1.41/containers/json?all=1&limit=0",
    "Calling HEAD /_ping",
    "Calling GET /v1.41/info",
    "Calling GET /v1.41/containers/{id}/json",
    'garbage collected" d="{n}.{n}ms',
    "Registering GET, /containers/json",
    "attach: stderr: begin",
    "DeleteConntrackEntries purged ipv4:{n}, ipv6:0",
    "/usr/sbin/iptables, [--wait -t filter -C FORWARD -o docker0 -j DOCKER]",
    "attach: stdout: end",
)
_INFO = (
    '"[core] Channel Connectivity change to READY" module=grpc',
    '"[core] parsed scheme: \\"unix\\"" module=grpc',
    '"loading plugin \\"io.containerd.internal.v1.shutdown\\"..." runtime=io.containerd.runc.v2 type=io.containerd.internal.v1',
)
_TROUBLE = (
    'warning msg="Your kernel does not support swap memory limit"',
    'error msg="stream copy error: reading from a closed fifo"',
    'warning msg="Health check for container {id} error: context deadline exceeded"',
)
_LIFE = (
    'info msg="starting signal loop" namespace=moby path='
    + _CONTAINERD
    + "/{id} pid={n} runtime=io.containerd.runc.v2",
    'info msg="ignoring event" container={id} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"',
    'info msg="shim disconnected" id={id}',
    'debug msg="EnableService {id} DONE"',
    'debug msg="ReleaseAddress(LocalDefault/172.17.0.0/16, 172.17.0.{n})"',
)
_OUTPUT = (
    '10.0.{n}.7 - - "GET /api/v1/items/{n} HTTP/1.1" 200 {n} "-" "curl/8.5.0"',
    "INFO worker-{n}: job {n} finished in {n} ms",
    'time="{now}Z" level=info msg="request served" status=200 duration={n}ms',
    "connected to postgres at db.docker.internal:5432",
    '{{"level":"info","msg":"cache hit","key":"user:{n}","ms":{n}}}',
    "WARN slow query: {n} ms: SELECT id, name FROM orders WHERE customer = {n}",
)
_KERNEL = (
    "[{n}.{n}] veth{n}: entered promiscuous mode",
    "[{n}.{n}] br-9c1f: port 3(veth{n}) entered forwarding state",
    "[{n}.{n}] audit: type=1400 apparmor=ALLOWED operation=open pid={n}",
    "[{n}.{n}] TCP: request_sock_TCP: Possible SYN flooding on port {n}. Sending cookies.",
)
_SYSTEMD = (
    "Started Session {n} of User backup.",
    "run-user-1000.mount: Deactivated successfully.",
    "Starting Daily apt download activities...",
    "logrotate.service: Consumed {n} ms CPU time.",
)
_SSHD = (
    "Accepted publickey for deploy from 10.0.3.{n} port {n} ssh2: ED25519 SHA256:Zq{n}",
    "Connection closed by 10.0.3.{n} port {n} [preauth]",
)
_CRON = (
    "(root) CMD (test -x /usr/sbin/anacron || run-parts --report /etc/cron.hourly)",
    "(backup) CMD (/usr/local/bin/sync {n})",
)


def write(path: Path, lines: int, *, seed: int = SEED, noise: float = 0.95) -> None:
    """Write the corpus, unless the file is there already; `noise` is its share of the engine's lines."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    with half.open("w", encoding="utf-8") as file:
        for block in blocks(lines, seed, noise):
            file.write("\n".join(block) + "\n")
    half.rename(path)


def blocks(lines: int, seed: int, noise: float = 0.95) -> Iterator[list[str]]:
    """The corpus' lines, some thousand at a time."""
    rng = random.Random(seed)
    ids = [f"{rng.getrandbits(256):064x}" for _ in range(200)]
    for first in range(0, lines, BLOCK):
        count = min(BLOCK, lines - first)
        yield [
            _line(rng, ids, START + timedelta(seconds=WEEK_SECONDS * (first + index) / lines), noise)
            for index in range(count)
        ]


def _line(rng: random.Random, ids: list[str], now: datetime, noise: float) -> str:
    header = f"{now:%b} {now.day:2} {now:%H:%M:%S} node7 "
    number = str(rng.randrange(1, 60_000))
    container = rng.choice(ids)
    if rng.random() < 0.2:
        return f'{header}dockerd[1042]: time="{now:%Y-%m-%dT%H:%M:%S.%f}123Z" level={_dockerd(rng, number, container, noise)}'
    tag, text = _other(rng, container)
    return header + tag + ": " + text.format(n=number, now=f"{now:%Y-%m-%dT%H:%M:%S}")


def _dockerd(rng: random.Random, number: str, container: str, noise: float) -> str:
    share = rng.random()
    if share < 0.80:
        text = f'debug msg="{rng.choice(_DEBUG)}"'
    elif share < noise:
        text = f"info msg={rng.choice(_INFO)}"
    else:
        text = rng.choice(_TROUBLE if share < 0.97 else _LIFE)
    return text.format(id=container, n=number)


def _other(rng: random.Random, container: str) -> tuple[str, str]:
    share = rng.random()
    if share < 0.50:
        return f"{container[:12]}[843]", rng.choice(_OUTPUT)
    if share < 0.60:
        return "kernel", rng.choice(_KERNEL)
    if share < 0.80:
        return "systemd[1]", rng.choice(_SYSTEMD)
    if share < 0.90:
        return "CRON[2217]", rng.choice(_CRON)
    return "sshd[9120]", rng.choice(_SSHD)


def write_matched(path: Path, lines: int, *, seed: int = SEED) -> None:
    """Write a log in which every line tells that a container's task was deleted."""
    if path.exists():
        return
    rng = random.Random(seed)
    ids = [f"{rng.getrandbits(256):064x}" for _ in range(200)]
    with path.open("w", encoding="utf-8") as file:
        for index in range(lines):
            now = START + timedelta(seconds=index * WEEK_SECONDS / lines)
            file.write(
                f'{now:%b} {now.day:2} {now:%H:%M:%S} node7 dockerd[1042]: time="{now:%Y-%m-%dT%H:%M:%S.%f}123Z" '
                f'level=info msg="ignoring event" container={rng.choice(ids)} module=libcontainerd namespace=moby '
                'topic=/tasks/delete type="*events.TaskDelete"\n'
            )


def write_lives(path: Path, lines: int, containers: int, *, seed: int = SEED) -> None:
    """Write the starts and ends of so many containers, one event a line."""
    if path.exists():
        return
    rng = random.Random(seed)
    ids = [f"{rng.getrandbits(256):064x}" for _ in range(containers)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            container = rng.choice(ids)
            text = (
                f'"ignoring event" container={container} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
                if number % 2
                else f'"starting signal loop" namespace=moby path={_CONTAINERD}/{container} pid=1 runtime=io.containerd.runc.v2'
            )
            file.write(dockerd_line(timedelta(seconds=number * 0.02), text))


def dockerd_line(at: timedelta, text: str) -> str:
    """A line of dockerd, so long after the start of the log."""
    now = START + at
    return f'{now:%b} {now.day:2} {now:%H:%M:%S} node7 dockerd[1042]: time="{now:%Y-%m-%dT%H:%M:%S.%f}123Z" level=info msg={text}\n'
