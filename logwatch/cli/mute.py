"""`logwatch mute` and `unmute`: alerts that are not sent for a while."""

from __future__ import annotations

import getpass
import secrets
import time
from datetime import datetime
from pathlib import Path

import click

from logwatch.cli import options
from logwatch.errors import ConfigError
from logwatch.model import LABEL_NAME, SECOND, Mute
from logwatch.notation import duration, nanoseconds, one_line, rfc3339
from logwatch.store import mutes


@click.command("mute")
@click.option("--name", help="Name of the container; * for any text.")
@click.option("--alert", help="Name of the alert; * for any text.")
@click.option("--match", "matches", multiple=True, metavar="LABEL=VALUE", help="A label of the alerts. Repeatable.")
@click.option("--all", "everything", is_flag=True, help="Mute all alerts.")
@click.option("--for", "length", help="How long, such as 30m or 2h.")
@click.option("--reason", default="", help="Why: it is shown on the page and in the log.")
@options.state_dir
@options.config_file
def command(
    name: str | None,
    alert: str | None,
    matches: tuple[str, ...],
    everything: bool,  # noqa: FBT001 - click passes it by name
    length: str | None,
    reason: str,
    state_dir: Path | None,
    config_file: Path | None,
) -> None:
    """Keep alerts from being sent for a while.

    Without a filter it lists what is muted.

    Example: logwatch mute --name web --for 30m --reason 'moving the volume'
    """
    folder = options.effective(config_file, state__dir=state_dir).config.state.dir
    match = _match(name, alert, matches)
    if not match and not everything:
        if length is not None or reason:
            raise ConfigError("nothing to mute: give --name, --alert, --match or --all")
        _list(folder)
        return
    if length is None:
        raise ConfigError("--for is missing: give how long, such as --for 30m")
    now_ns = time.time_ns()
    mute = Mute(_id(now_ns), match, now_ns // SECOND * SECOND, now_ns + _length_ns(length), reason, _user())
    try:
        mutes.write(folder, mute)
    except OSError as error:
        raise ConfigError(f"{folder / mutes.FOLDER}: {error.strerror}: run as the user of logwatch run") from error
    click.echo(f"{mute.id}: {_described(mute)}")


@click.command("unmute")
@click.argument("mute_ids", nargs=-1, metavar="ID…")
@click.option("--all", "everything", is_flag=True, help="End all mutes.")
@options.state_dir
@options.config_file
def unmute(
    mute_ids: tuple[str, ...],
    everything: bool,  # noqa: FBT001 - click passes it by name
    state_dir: Path | None,
    config_file: Path | None,
) -> int:
    """End mutes: their alerts that still fire are sent.

    Example: logwatch unmute --all
    """
    folder = options.effective(config_file, state__dir=state_dir).config.state.dir
    known = [path.stem for path, _ in mutes.read(folder)]
    if not mute_ids and not everything:
        raise ConfigError("no mute is named: give its ID (logwatch mute lists them) or --all")
    status = 0
    for mute_id in known if everything else mute_ids:
        if mute_id not in known:
            click.echo(f"logwatch: mute {one_line(mute_id)} not found: logwatch mute lists them", err=True)
            status = 1
            continue
        try:
            mutes.remove(folder, mute_id)
        except OSError as error:
            raise ConfigError(f"{folder / mutes.FOLDER}: {error.strerror}: run as the user of logwatch run") from error
        click.echo(f"{mute_id}: ended")
    return status


def _match(name: str | None, alert: str | None, matches: tuple[str, ...]) -> dict[str, str]:
    match = {label: value for label, value in (("name", name), ("alertname", alert)) if value is not None}
    for text in matches:
        label, equals, value = text.partition("=")
        if not label or not equals:
            raise ConfigError(f"--match {text}: write LABEL=VALUE, such as severity=warning")
        if not LABEL_NAME.fullmatch(label):
            raise ConfigError(f"--match {text}: {label!r} is not a label name: letters, digits and underscores")
        match[label] = value
    return match


def _list(folder: Path) -> None:
    now_ns = time.time_ns()
    for path, mute in mutes.read(folder):
        if mute is None:
            click.echo(f"{one_line(path.name)}: not understood: remove it")
        elif mute.until_ns is None or mute.until_ns > now_ns:
            click.echo(f"{one_line(mute.id)}: {_described(mute)}")


def _described(mute: Mute) -> str:
    if mute.until_ns is None:
        return one_line(mute.described())
    until = datetime.fromtimestamp(mute.until_ns // SECOND).astimezone()
    return f"{one_line(mute.described())}, until {until:%b %d %H:%M:%S}"


def _length_ns(text: str) -> int:
    try:
        length_ns = nanoseconds(duration(text))
    except ValueError as error:
        raise ConfigError(f"--for {error}") from error
    if not length_ns:
        raise ConfigError(f"--for {text}: give more than 0")
    return length_ns


def _id(now_ns: int) -> str:
    stamp = rfc3339(now_ns, 0).replace("-", "").replace(":", "")
    return f"{stamp}-{secrets.token_hex(2)}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
