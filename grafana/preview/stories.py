"""Logs of two invented hosts for the pictures: one in trouble, one where nothing is wrong.

They are written as `docker events` lines and lines of dockerd, in the forms that recorded engines write, and end
shortly before a given moment.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

MINUTE = 60
Attributes = dict[str, str]


@dataclass(slots=True)
class Host:
    """A host's log in the making; moments are minutes before the end of the story."""

    name: str
    end: float
    """Seconds since 1970."""
    _lines: list[tuple[float, str]] = field(default_factory=list)

    def text(self) -> str:
        """The log, its lines in the order of their times."""
        return "".join(line for _, line in sorted(self._lines))

    def event(self, before: float, action: str, container: str, image: str, **attributes: str) -> None:
        """One line of `docker events` about a container."""
        at = self.end - before * MINUTE
        told = {
            "status": action,
            "id": hashlib.sha256(container.encode()).hexdigest(),
            "from": image,
            "Type": "container",
            "Action": action,
            "Actor": {
                "ID": hashlib.sha256(container.encode()).hexdigest(),
                "Attributes": {"image": image, "name": container, **attributes},
            },
            "scope": "local",
            "time": int(at),
            "timeNano": int(at * 1_000_000_000),
        }
        self._write(at, "docker-events", 812, json.dumps(told, separators=(",", ":")))

    def daemon(self, before: float, level: str, message: str, **fields: str) -> None:
        """One line of dockerd."""
        at = self.end - before * MINUTE
        more = "".join(f' {key}="{value}"' for key, value in fields.items())
        self._write(at, "dockerd", 911, f'time="{_stamp(at)}Z" level={level} msg="{message}"{more}')

    def _write(self, at: float, tag: str, pid: int, text: str) -> None:
        self._lines.append((at, f"{_stamp(at)}+00:00 {self.name} {tag}[{pid}]: {text}\n"))

    def runs(self, before: float, container: str, image: str, *, healthy: bool = False) -> None:
        """A container is made and started."""
        self.event(before, "create", container, image)
        self.event(before - 0.01, "start", container, image)
        if healthy:
            self.event(before - 0.5, "health_status: healthy", container, image)

    def checks(self, container: str, image: str, since: float, every: float = 0.5) -> None:
        """The engine runs a container's health check again and again, and tells of each run."""
        for number in range(int(since / every)):
            before = since - number * every
            self.event(before, "exec_create: pg_isready", container, image, execID=f"{number:064x}")
            self.event(before - 0.001, "exec_start: pg_isready", container, image, execID=f"{number:064x}")
            self.event(before - 0.002, "exec_die", container, image, execID=f"{number:064x}", exitCode="0")

    def dies(self, before: float, container: str, image: str, code: int, *, oom: bool = False) -> None:
        """A container's main process ends."""
        if oom:
            self.event(before + 0.002, "oom", container, image)
        self.event(before, "die", container, image, exitCode=str(code))

    def boots(self, before: float) -> None:
        """The engine starts."""
        self.daemon(before, "info", "Starting up")
        self.daemon(before - 0.03, "info", "Daemon has completed initialization")
        self.daemon(before - 0.031, "info", "API listen on /run/docker.sock")


SERVICES = {
    "proxy": "nginx:1.27",
    "web": "shop/web:4.2",
    "api": "shop/api:4.2",
    "db": "postgres:16",
    "cache": "redis:7",
    "worker": "shop/worker:4.2",
    "mailer": "shop/mailer:2.0",
}


def quiet(end: float) -> str:
    """A host that deployed a new version an hour ago; a nightly job ended well."""
    host = Host("docker-1", end)
    host.boots(400)
    host.checks("db", SERVICES["db"], 396)
    for number, (name, image) in enumerate(SERVICES.items()):
        host.runs(399 - number / 20, name, image, healthy=name in ("web", "api", "db"))
    for number, name in enumerate(("web", "api")):
        image, moment = SERVICES[name], 64 - number * 2
        host.event(moment, "kill", name, image, signal="15")
        host.dies(moment - 0.05, name, image, 0)
        host.event(moment - 0.051, "stop", name, image)
        host.event(moment - 0.3, "start", name, image)
        host.event(moment - 0.9, "health_status: healthy", name, image)
    host.runs(150, "backup", "shop/backup:1.3")
    host.dies(141, "backup", "shop/backup:1.3", 0)
    return host.text()


def trouble(end: float) -> str:
    """A host where web runs out of memory, worker crashes in a loop, and a registry refuses pulls."""
    host = Host("docker-1", end)
    host.boots(400)
    host.checks("db", SERVICES["db"], 396)
    for number, (name, image) in enumerate(SERVICES.items()):
        host.runs(399 - number / 20, name, image, healthy=name in ("web", "api", "db"))
    for moment in (97.0, 61.0, 34.0, 18.0, 7.0):  # web: a leak that fills its limit faster each time
        host.dies(moment, "web", SERVICES["web"], 137, oom=True)
        host.event(moment - 0.1, "start", "web", SERVICES["web"])
        host.event(moment - 0.7, "health_status: healthy", "web", SERVICES["web"])
    moment, pause = 26.0, 0.4
    while moment > 0.8:  # worker: exits at once, and the engine waits longer each time
        host.dies(moment, "worker", SERVICES["worker"], 1)
        host.event(moment - pause, "start", "worker", SERVICES["worker"])
        moment, pause = moment - pause - 0.35, min(pause * 1.5, 2.0)
    host.dies(0.6, "worker", SERVICES["worker"], 1)
    host.event(48, "health_status: unhealthy", "api", SERVICES["api"])
    host.event(44, "health_status: healthy", "api", SERVICES["api"])
    host.event(5.5, "health_status: unhealthy", "api", SERVICES["api"])
    host.dies(75, "mailer", SERVICES["mailer"], 139)
    _restart_of_the_daemon(host, 122)
    for moment in (30.0, 29.0, 27.0, 24.0):
        host.daemon(
            moment,
            "error",
            "Handler for POST /v1.43/images/create returned error: toomanyrequests: You have reached your pull rate limit.",
        )
    for moment in (52.0, 51.2, 50.7):
        host.daemon(
            moment,
            "error",
            "Handler for POST /v1.43/images/create returned error: write /layer.tar: no space left on device",
        )
    return host.text()


PROJECT = "com.docker.compose.project"
STACKS = {
    "shop": {
        "web": "shop/web:4.2",
        "api": "shop/api:4.2",
        "worker": "shop/worker:4.2",
        "db": "postgres:16",
        "cache": "redis:7",
    },
    "mail": {"postfix": "mail/postfix:3.9", "rspamd": "mail/rspamd:3.8", "dovecot": "mail/dovecot:2.3"},
    "monitoring": {
        "prometheus": "prom/prometheus:3.1",
        "grafana": "grafana/grafana:11.4",
        "alertmanager": "prom/alertmanager:0.28",
    },
}


def incident(end: float) -> str:
    """A host with three compose projects: web runs out of memory, worker crashes in a loop, api is unhealthy."""
    host = Host("docker-1", end)
    host.boots(900)
    for place, (project, services) in enumerate(STACKS.items()):
        for number, (name, image) in enumerate(services.items()):
            before = 880 - place * 20 - number
            host.event(before, "create", name, image, **{PROJECT: project})
            host.event(before - 0.01, "start", name, image, **{PROJECT: project})
    web, worker = STACKS["shop"]["web"], STACKS["shop"]["worker"]
    for moment in (46.0, 13.0, 6.0, 1.4):  # web: a leak that fills its limit faster each time
        host.dies(moment, "web", web, 137, oom=True)
        host.event(moment - 0.1, "start", "web", web)
    moment, pause = 14.0, 0.2
    while moment > 0.6:  # worker: exits at once, and the engine waits longer each time
        host.dies(moment, "worker", worker, 1)
        host.event(moment - pause, "start", "worker", worker)
        moment, pause = moment - pause - 0.3, min(pause * 1.5, 1.0)
    host.event(4.2, "health_status: unhealthy", "api", STACKS["shop"]["api"])
    host.event(27, "kill", "rspamd", STACKS["mail"]["rspamd"], signal="15")
    host.dies(26.9, "rspamd", STACKS["mail"]["rspamd"], 0)
    host.event(26.8, "stop", "rspamd", STACKS["mail"]["rspamd"])
    for moment in (3.1, 2.8, 2.5):
        limited = "toomanyrequests: You have reached your pull rate limit."
        host.daemon(moment, "error", f"Handler for POST /v1.43/images/create returned error: {limited}")
    return host.text()


def many(end: float, count: int = 1000) -> str:
    """A host with so many containers of 40 projects, each fifth of which was started again within the last hour."""
    host = Host("docker-1", end)
    host.boots(400)
    for number in range(count):
        project = f"team{number % 40:02d}"
        name, image = f"{project}-svc{number // 40:02d}", f"acme/{project}:1.{number % 7}"
        host.event(300 - number / 20, "create", name, image, **{PROJECT: project})
        host.event(299.9 - number / 20, "start", name, image, **{PROJECT: project})
        if number % 5 == 0:
            again = 2 + number * 56 / count
            host.dies(again, name, image, 0)
            host.event(again - 0.1, "start", name, image)
    return host.text()


def _restart_of_the_daemon(host: Host, before: float) -> None:
    """The engine is restarted and takes its containers down with it."""
    host.daemon(before, "info", "Processing signal 'terminated'")
    for name, image in SERVICES.items():
        host.event(before - 0.02, "kill", name, image, signal="15")
        host.dies(before - 0.05, name, image, 0)
    host.boots(before - 0.6)
    for number, (name, image) in enumerate(SERVICES.items()):
        host.event(before - 0.7 - number / 50, "start", name, image)
        if name in ("web", "api", "db"):
            host.event(before - 1.2, "health_status: healthy", name, image)


def _stamp(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}"


STORIES = {"trouble": trouble, "quiet": quiet, "incident": incident, "many": many}
