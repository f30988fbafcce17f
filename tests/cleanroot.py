"""A clean installation of Debian in a folder of its own, which reaches no network: what packages are installed into."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path

import pytest
from ports import wait_for

ROOT = Path(__file__).parents[1]
MADE = ROOT / ".make"
_NUMBERS = itertools.count()


def need_root(release: str) -> None:
    """Skip the test, or let it fail in CI, if `make roots` did not make that root."""
    if not (MADE / f"{release}.tar").exists():
        reason = f".make/{release}.tar is missing here: make roots"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


class CleanRoot:
    """Unpacked from `make roots`; each of `folders` can be read in it, under its name."""

    def __init__(self, release: str, folder: Path, **folders: Path) -> None:
        self.path = folder
        self._booted: subprocess.Popen[bytes] | None = None
        self._binds = [f"--bind-ro={path}:/{name}" for name, path in folders.items()]
        self.path.mkdir()
        subprocess.run(["tar", "-C", self.path, "-xf", MADE / f"{release}.tar"], check=True)

    def run(self, script: str) -> str:
        """What a shell script prints; in the booted system, if it is, else in one without a service manager."""
        enter = self._enter(self._booted) if self._booted is not None else [*self._nspawn(), "--as-pid2"]
        home = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
        done = subprocess.run(
            [*enter, *home, "sh", "-euc", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def boot(self) -> None:
        """Start its own systemd, and wait until it has started everything."""
        self._booted = subprocess.Popen(
            [*self._nspawn(), "--boot"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        wait_for(self._is_running, "the start of the clean root")

    def end(self) -> None:
        """Shut it down, if it was booted."""
        if self._booted is None:
            return
        self._booted.terminate()
        try:
            self._booted.wait(60)
        except subprocess.TimeoutExpired:
            self._booted.kill()  # its systemd dies with it
            self._booted.wait()

    def _nspawn(self) -> list[str]:
        name = f"lw{os.getpid()}-{next(_NUMBERS)}"
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe"]
        return [*command, f"--machine={name}", f"--directory={self.path}", *self._binds]

    def _enter(self, booted: subprocess.Popen[bytes]) -> list[str]:
        children = Path(f"/proc/{booted.pid}/task/{booted.pid}/children").read_text().split()
        return ["nsenter", f"--target={children[0]}", "--all"]

    def _is_running(self) -> bool:
        assert self._booted is not None
        assert self._booted.poll() is None, "the clean root has ended"
        try:
            enter = self._enter(self._booted)
        except IndexError:  # it has no process yet
            return False
        command = [*enter, "systemctl", "is-system-running"]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        return said in ("running", "degraded")
