#!/usr/bin/env python3
"""Writes deploy/docker-logwatch.1, the man page, from the help of the commands: make manual.

The page is committed, so that the wheel and the .deb need only files; a test compares it with the commands.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from logwatch import __version__
from logwatch.cli import cli

PAGE = Path(__file__).parents[1] / "deploy" / "docker-logwatch.1"
NAME = "docker-logwatch"
DESCRIPTION = """\
Follows /var/log/messages, /var/log/syslog or the journal of a Docker host, counts what happened to its containers for
Prometheus, evaluates alert rules, and sends alerts to Alertmanager and other receivers. It needs read access to the log, and no
docker.sock. It is not the Perl Logwatch.

The same command is also installed as logwatch by pip and pipx."""
SECTIONS = {
    "EXIT STATUS": (
        ("0", "Good."),
        ("1", "Found something wrong."),
        ("2", "Could not do it; the reason is on stderr."),
    ),
    "SIGNALS": (
        ("SIGTERM, SIGINT", "Commit and exit."),
        ("SIGHUP", "Reload rules and receivers."),
    ),
    "ENVIRONMENT": (
        ("LOGWATCH_…", "A setting of the configuration in capitals, with _ for dots: LOGWATCH_STATE_DIR."),
        ("NO_COLOR", "Print without colours."),
    ),
    "FILES": (
        ("/etc/docker-logwatch/logwatch.yml", "The configuration of the service."),
        ("/etc/docker-logwatch/rules/", "Rules of the host, in addition to the shipped ones."),
        ("/var/lib/docker-logwatch/", "The state directory."),
    ),
}


def page() -> str:
    """The man page."""
    context = click.Context(cli, info_name=NAME)
    lines = [
        f'.TH DOCKER\\-LOGWATCH 1 "" "docker\\-logwatch {__version__}" "User Commands"',
        ".SH NAME",
        f"{_plain(NAME)} \\- {_plain(_summary(cli.help or ''))}",
        ".SH SYNOPSIS",
        *(f".B {_plain(' '.join(path))}\n{_plain(_usage(command, path))}\n.br" for path, command in commands(context)),
        ".SH DESCRIPTION",
        *_text(DESCRIPTION),
        *_options(cli, context),
        ".SH COMMANDS",
    ]
    for path, command in commands(context):
        lines += [f'.SS "{_plain(" ".join(path))}"', *_text(command.help or ""), *_options(command, context)]
    for title, rows in SECTIONS.items():
        lines += [
            f".SH {title}",
            *(line for term, said in rows for line in (".TP", f".B {_plain(term)}", _plain(said))),
        ]
    lines += [".SH SEE ALSO", ".BR dockerd (8),", ".BR journalctl (1),", ".BR rsyslogd (8),", ".BR promtool (1)"]
    return "\n".join(lines) + "\n"


def commands(context: click.Context) -> Iterator[tuple[list[str], click.Command]]:
    """Every command below one, each with the words that call it."""
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        path = [*context.command_path.split(), name]
        yield path, command
        if isinstance(command, click.Group):
            yield from commands(click.Context(command, parent=context, info_name=name))


def _usage(command: click.Command, path: list[str]) -> str:
    return " ".join(command.collect_usage_pieces(click.Context(command, info_name=" ".join(path))))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """The flags of a command, without --help, which every one has."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None and "--help" not in parameter.opts:
            yield from (".TP", f".B {_plain(record[0])}", _plain(record[1]))


def _text(text: str) -> Iterator[str]:
    """Paragraphs; those that click leaves as they are stay so."""
    for paragraph in text.strip().split("\n\n"):
        lines = [line.strip() for line in paragraph.splitlines()]
        if lines[0] == "\b":
            yield from (".PP", ".nf", *map(_plain, lines[1:]), ".fi")
        else:
            yield from (".PP", _plain(" ".join(lines)))


def _summary(text: str) -> str:
    first = text.strip().splitlines()[0].rstrip(".")
    return first[0].lower() + first[1:]


def _plain(text: str) -> str:
    """Text that is not read as a request of roff."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("…", "...")
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    PAGE.write_text(page())
