"""Runs commands, in this process or in one of their own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from logwatch.cli import cli
from logwatch.errors import LogwatchError

# -P: not the logwatch of the folder the tests run in, but the one that this interpreter has.
PROGRAM = (os.environ.get("LOGWATCH_PYTHON", sys.executable), "-P", "-m", "logwatch")
"""What starts logwatch as a process; LOGWATCH_PYTHON names the interpreter of another version, to see that a test fails with it."""
HANGS = 120
"""Seconds after which a command is taken to hang."""


@dataclass(frozen=True)
class Done:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Its JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def call(*arguments: str, stdin: str | bytes | None = None) -> Done:
    """Call a command; a mistake of the user's ends with status 2, any other exception is raised."""
    done = CliRunner().invoke(cli, arguments, input=stdin, standalone_mode=False)
    if isinstance(done.exception, LogwatchError):
        return Done(2, done.stdout, str(done.exception))
    if done.exception is not None:
        raise done.exception
    return Done(done.return_value or 0, done.stdout, done.stderr)


def spawn(*arguments: str, prefix: tuple[str, ...] = ()) -> Done:
    """Run a command as a process, by a program before it if one is named."""
    done = subprocess.run([*prefix, *PROGRAM, *arguments], capture_output=True, check=False, timeout=HANGS)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def printed(*arguments: str) -> str:
    """What a command prints as a process that ends well."""
    done = spawn(*arguments)
    assert done.status == 0, done.err
    return done.out
