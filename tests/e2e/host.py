"""A Docker host in a folder: a real rsyslogd, a real dockerd, and its own account of events."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ports import wait_for

TEMPLATES = {
    "traditional": "RSYSLOG_TraditionalFileFormat",
    "iso": "RSYSLOG_FileFormat",
    "rfc5424": "RSYSLOG_SyslogProtocol23Format",
}
IMAGE = "busybox:local"
OUT_OF_MEMORY = ("sh", "-c", "sleep 0.5; exec dd if=/dev/zero of=/dev/null bs=200M count=1")
"""A command that is killed for want of memory, but not before the engine watches the container's."""


class Host:
    """Every process it starts is ended by `close`, by process id."""

    def __init__(self, level: str = "info", *, events_to_syslog: bool = False, has_journald: bool = False) -> None:
        """`has_journald`: with a journald of its own, to which the log driver `journald` writes."""
        # A short path: socket names have at most 107 bytes.
        self.root = Path(tempfile.mkdtemp(prefix="lw"))
        self.level = level
        self.events_to_syslog = events_to_syslog
        self.has_journald = has_journald
        self.journal = self.root / "log-of-systemd" / "journal"
        self.socket = self.root / "docker.sock"
        self.syslog = self.root / "log"
        self.account = self.root / "events.jsonl"
        self.environment = {**os.environ, "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "0"}
        self.children: list[subprocess.Popen[bytes]] = []
        self.daemon: subprocess.Popen[bytes] | None = None

    def log(self, template: str) -> Path:
        """The log in one of the three forms that rsyslog writes at once."""
        return self.root / f"messages.{template}"

    def start(self) -> None:
        self._start_rsyslogd()
        if self.has_journald:
            self._start_journald()
        self.start_dockerd()
        self._subscribe()
        self._import_image()

    def _start_rsyslogd(self) -> None:
        rules = "".join(f"*.* {self.log(name)};{template}\n" for name, template in TEMPLATES.items())
        configuration = self.root / "rsyslog.conf"
        configuration.write_text(
            f'module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="{self.syslog}")\n'
            f'module(load="imklog")\n$EscapeControlCharactersOnReceive on\n{rules}'
        )
        subprocess.run(["dmesg", "-C"], check=False)
        self._spawn(["rsyslogd", "-n", "-f", str(configuration), "-i", str(self.root / "rsyslog.pid")])
        wait_for(self.syslog.exists, "rsyslogd")

    def _start_journald(self) -> None:
        self.journal.mkdir(parents=True)
        (self.root / "systemd" / "journal").mkdir(parents=True)
        self._spawn([*self._with_own_journal(), "/lib/systemd/systemd-journald"])
        wait_for((self.root / "systemd/journal/socket").exists, "journald")

    def _with_own_journal(self) -> list[str]:
        """What runs a command where the folders of the host's systemd are this host's."""
        mounts = 'mount --bind "$0/systemd" /run/systemd && mount --bind "$0/log-of-systemd" /run/log && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", mounts, str(self.root)] if self.has_journald else []

    def start_dockerd(self) -> None:
        configuration = self.root / "daemon.json"
        configuration.write_text("{}")
        read, write = os.pipe()
        self.daemon = subprocess.Popen(
            [
                *self._with_own_journal(),
                "dockerd",
                "--data-root",
                self.root / "lib",
                "--exec-root",
                self.root / "run",
                "--pidfile",
                self.root / "docker.pid",
                "-H",
                f"unix://{self.socket}",
                "--log-level",
                self.level,
                "--config-file",
                configuration,
            ],
            stdout=write,
            stderr=write,
        )
        os.close(write)
        self._spawn(["logger", "-u", str(self.syslog), "-t", "dockerd", f"--id={self.daemon.pid}"], stdin=read)
        os.close(read)
        version = ["docker", "version"]
        wait_for(
            lambda: subprocess.run(version, env=self.environment, capture_output=True, check=False).returncode == 0,
            "dockerd",
        )

    def kill_dockerd(self) -> None:
        """End the engine as a crash does, and wait for its containerd, which ends with it."""
        assert self.daemon is not None
        pid_file = self.root / "run" / "containerd" / "containerd.pid"
        containerd = Path("/proc") / pid_file.read_text().strip() / "stat"
        self.daemon.kill()
        self.daemon.wait()
        wait_for(lambda: _has_ended(containerd), "the end of containerd")
        pid_file.unlink(missing_ok=True)  # a process that nobody waits for would count as running

    def _subscribe(self) -> None:
        # From now on, whenever it is ready: it does not say when.
        command = ["docker", "events", "--since", f"{time.time():.9f}", "--format", "{{json .}}"]
        with self.account.open("wb") as out:
            self.children.append(subprocess.Popen(command, env=self.environment, stdout=out))
        if self.events_to_syslog:
            events = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE)
            self.children.append(events)
            assert events.stdout is not None
            self._spawn(["logger", "-u", str(self.syslog), "-t", "docker-events"], stdin=events.stdout.fileno())
            events.stdout.close()

    def _import_image(self) -> None:
        tree = self.root / "image"
        for folder in ("bin", "tmp", "etc", "proc", "dev"):
            (tree / folder).mkdir(parents=True)
        shutil.copy("/bin/busybox", tree / "bin/busybox")
        for name in ("sh", "sleep", "echo", "dd", "true", "false", "test", "touch", "cat"):
            (tree / "bin" / name).symlink_to("busybox")
        archive = self.root / "image.tar"
        subprocess.run(["tar", "-C", tree, "-cf", archive, "."], check=True)
        self.docker("import", str(archive), IMAGE)

    def docker(self, *arguments: str, timeout: float = 60) -> str:
        done = subprocess.run(
            ["docker", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return done.stdout + done.stderr

    def events(self) -> Iterator[dict[str, object]]:
        """What the engine itself told so far."""
        for line in self.account.read_text().splitlines():
            yield json.loads(line)

    def told(self, action: str, name: str) -> int:
        """How often the engine told this action of a container."""
        return sum(
            event["Action"] == action and event["Actor"]["Attributes"].get("name") == name  # type: ignore[index]  # JSON
            for event in self.events()
            if event["Type"] == "container"
        )

    def wait_told(self, action: str, name: str, times: int = 1) -> None:
        """Wait until the engine told it so often."""
        wait_for(lambda: self.told(action, name) >= times, f"{action} of {name}, {times} times", 60)

    def wait_quiet(self, seconds: float = 1.5) -> None:
        """Wait until neither the logs nor the engine's account have grown for so long."""
        files = [self.account, *map(self.log, TEMPLATES)]
        sizes: list[int] = []
        since = time.monotonic()

        def quiet() -> bool:
            nonlocal sizes, since
            now = [file.stat().st_size for file in files if file.exists()]
            if now != sizes:
                sizes, since = now, time.monotonic()
            return time.monotonic() - since >= seconds

        wait_for(quiet, "the end of what the engine says", 60)

    def close(self) -> None:
        containers = self.docker("ps", "-aq").split()
        if containers:
            self.docker("rm", "-f", *containers)
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            self.daemon.wait(30)
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
        self._end_orphans()
        shutil.rmtree(self.root, ignore_errors=True)

    def _end_orphans(self) -> None:
        """Shims and mounts that outlived their daemon."""
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            try:
                if f"{self.root}/".encode() in (folder / "cmdline").read_bytes():
                    os.kill(int(folder.name), signal.SIGKILL)
            except OSError:
                continue
        for line in Path("/proc/mounts").read_text().splitlines():
            if line.split()[1].startswith(f"{self.root}/"):
                subprocess.run(["umount", "-l", line.split()[1]], check=False, capture_output=True)

    def _spawn(self, command: list[str], **options: object) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(command, **options)  # type: ignore[call-overload]  # options are passed on as they are
        self.children.append(child)
        return child


def _has_ended(status: Path) -> bool:
    """Whether a process is gone, or waits only for its parent to note that."""
    try:
        return " Z " in status.read_text()
    except OSError:
        return True
