"""The command line: thin commands over the pipeline.

stdout is data, stderr is messages. Exit status: 0 good, 1 found something wrong, 2 could not
do it.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import click

from logwatch import __version__
from logwatch.errors import LogwatchError
from logwatch.notation import one_line

# A command is imported when it is called: `healthcheck` must not wait for hyperscan and the rules.
SECTIONS = {
    "Follow": {
        "run": "run:command",
        "tail": "tail:command",
        "top": "top:command",
        "demo": "demo:command",
    },
    "Ask": {
        "replay": "replay:command",
        "events": "events:command",
        "containers": "containers:command",
        "report": "report:command",
        "query": "query:command",
        "images": "images:command",
        "storage": "storage:command",
    },
    "Write rules": {
        "check": "check:command",
        "test": "test:command",
        "explain": "explain:command",
        "suggest": "coverage:suggest",
        "rules": "rules:command",
    },
    "Operate": {
        "config": "check:config_command",
        "healthcheck": "healthcheck:command",
        "mute": "mute:command",
        "unmute": "mute:unmute",
        "notify-test": "check:notify_test",
    },
}
"""Heading of the help to its commands: each name with its module and function in this package."""

COMMANDS = {name: place for section in SECTIONS.values() for name, place in section.items()}

FIRST_STEPS = """\
logwatch follows a Docker host's log: events, metrics and alerts, without docker.sock.

  logwatch demo                        a recorded host, to look around
  logwatch replay /var/log/messages*   what happened on this host until now
  logwatch run                         follow this host; the page is at http://localhost:19979
  logwatch check --rules FOLDER        the mistakes in rules of your own

logwatch --help lists every command, logwatch COMMAND --help its flags with an example.
"""


class Commands(click.Group):
    """Imports a command's module on demand, and lists the commands by what one wants."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order of the manual."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return its function."""
        if cmd_name not in COMMANDS:
            nearest = get_close_matches(cmd_name, COMMANDS, 1)
            if nearest:
                ctx.fail(f"No such command '{cmd_name}': did you mean '{nearest[0]}'?")
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(f"logwatch.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section with the first sentences of its commands."""
        widest = max(map(len, COMMANDS))
        for heading, commands in SECTIONS.items():
            with formatter.section(heading):
                found = {name: self.get_command(ctx, name) for name in commands}
                rows = [(name.ljust(widest), each.get_short_help_str(80)) for name, each in found.items() if each]
                formatter.write_dl(rows)


REPORTED = (
    *("hyperscan", "google-re2", "pygtail", "prometheus-client", "promql-parser", "pydantic", "PyYAML", "click"),
    *("starlette", "uvicorn", "urllib3", "zstandard", "apprise", "drain3"),
)
"""The packages whose versions matter to who looks at a reported fault; the last three belong to extras."""


def _print_versions(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if not wanted or ctx.resilient_parsing:
        return
    import sqlite3  # nothing else here needs it

    rows = {
        "python": f"{platform.python_version()} ({platform.python_implementation()}, {sys.executable or 'unknown path'})",
        "platform": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
        **{name: _version_of(name) for name in REPORTED},
    }
    click.echo(f"docker-logwatch, version {__version__}")
    for name, said in rows.items():
        click.echo(f"  {name:<18}{said}")
    ctx.exit()


def _version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Show the versions of docker-logwatch and of what it runs with, and exit.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Follow a Docker host's log: events, metrics and alerts, without docker.sock."""
    if ctx.invoked_subcommand is None:
        click.echo(FIRST_STEPS, nl=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; the only place where a LogwatchError is caught."""
    try:
        status = cli.main(arguments, standalone_mode=False)
    except LogwatchError as error:
        status = _say(str(error))
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except click.Abort:
        status = 130
    except BrokenPipeError:
        # The reader of our output (head, less) closed it; keep the interpreter from
        # reporting the flush at exit.
        sys.stderr.close()
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


def _say(message: str) -> int:
    for line in message.splitlines():
        click.echo(f"logwatch: {one_line(line)}", err=True)
    return 2
