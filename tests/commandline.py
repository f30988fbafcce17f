"""Runs commands in this process, as the command line would."""

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from logwatch.cli import cli
from logwatch.errors import LogwatchError


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
