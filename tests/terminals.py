"""A command on a terminal of its own."""

import os
import pty
import select
import signal
import subprocess
import time
from types import TracebackType

from commandline import PROGRAM


def take_interrupts() -> None:
    """Let SIGINT end the command: a shell lets what it runs in the background ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class OnTerminal:
    """Runs `logwatch` with these arguments; what it wrote is in `screen`, what it complained of in `complaint`."""

    def __init__(self, *arguments: str) -> None:
        self._terminal, side = pty.openpty()
        command = [*PROGRAM, *arguments]
        environment = os.environ | {"TERM": "xterm"}
        self._process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=subprocess.PIPE, env=environment, preexec_fn=take_interrupts
        )
        os.close(side)
        self.screen = b""
        self.complaint = b""

    def __enter__(self) -> "OnTerminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        os.close(self._terminal)

    def wait_for(self, text: bytes, seconds: float = 90) -> None:
        """Read until it has written that text."""
        end = time.monotonic() + seconds
        while text not in self.screen:
            assert time.monotonic() < end, f"{text!r} is not on the screen: {self.screen[-1000:]!r}"
            assert self._read(0.5), f"it ended without {text!r}: {self.screen[-1000:]!r}"

    def press(self, keys: bytes) -> None:
        """Type something."""
        os.write(self._terminal, keys)

    def interrupt(self) -> None:
        """Send SIGINT, as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def end(self, seconds: float = 90) -> int:
        """Wait until it ends; returns its status."""
        until = time.monotonic() + seconds
        while self._read(0.2):
            assert time.monotonic() < until, "it does not end"
        _, self.complaint = self._process.communicate(timeout=seconds)
        return self._process.returncode

    def _read(self, seconds: float) -> bool:
        """Read what comes within so many seconds; False once the other side is closed."""
        if not select.select([self._terminal], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self._terminal, 4096)
        except OSError:
            return False
        self.screen += piece
        return bool(piece)
