"""`logwatch top`: containers, alerts and the last events on one screen that stays up to date."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from logwatch.alerting.alert_store import committed as committed_alerts
from logwatch.cli import options
from logwatch.cli.containers import ORDERS, as_table, chosen
from logwatch.cli.output import as_row, cell
from logwatch.errors import ConfigError
from logwatch.lifecycle.containers import committed
from logwatch.model import Alert, Container, Event, State
from logwatch.notation import counted, one_line
from logwatch.store import History, Query

PAUSE = 1.0
"""Seconds between two looks."""
EVENTS = 200
"""The newest are held ready; as many are shown as the screen has room for."""
SORTS = ("trouble", *ORDERS)
KEYS = "↑↓ choose   enter one container   / filter   s sort   q quit"
ESCAPES = {"\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down", "\x1b": "escape"}
NAMED = {"\r": "enter", "\n": "enter", "\x7f": "back", "\b": "back", "\x03": "q", "\x04": "q"}


class Snapshot(NamedTuple):
    """What the state directory says at one moment."""

    containers: Sequence[Container]
    alerts: Sequence[Alert]
    """That fire."""
    events: Sequence[Event]
    """The newest first."""
    own: Sequence[Event] = ()
    """Of the container that is shown, the newest first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the keys have chosen."""

    sort: str = SORTS[0]
    name: str = ""
    """Containers whose name has this in it."""
    row: int = 0
    opened: bool = False
    """One container is shown."""
    is_typing: bool = False
    """Keys are the filter's text."""
    ends: bool = False

    def pressed(self, key: str) -> Choice:
        """Return what is chosen after a key."""
        if self.is_typing:
            if key in ("enter", "escape"):
                return replace(self, is_typing=False, name="" if key == "escape" else self.name)
            if key == "back":
                return replace(self, name=self.name[:-1], row=0)
            return replace(self, name=self.name + key, row=0) if len(key) == 1 and key.isprintable() else self
        match key:
            case "up" | "k":
                return replace(self, row=max(0, self.row - 1))
            case "down" | "j":
                return replace(self, row=self.row + 1)
            case "enter":
                return replace(self, opened=not self.opened)
            case "escape":
                return replace(self, opened=False, name="")
            case "s":
                return replace(self, sort=SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)], row=0)
            case "/":
                return replace(self, is_typing=True, opened=False)
            case "q":
                return replace(self, ends=True)
        return self


@click.command("top")
@options.state_dir
@options.config_file
def command(state_dir: Path | None, config_file: Path | None) -> None:
    """Show containers, alerts and events, kept up to date.

    Keys: arrows choose a container, enter shows one, / filters by name, s changes the order, q ends.

    Example: logwatch top --state-dir /var/lib/docker-logwatch
    """
    directory = options.effective(config_file, state__dir=state_dir).config.state.dir
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError("top needs a terminal: for programs, use logwatch containers --format jsonl")
    console, choice = Console(), Choice()
    with _keys() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        read_at, snapshot = time.monotonic(), read(directory, choice)
        while not choice.ends:
            choice = replace(choice, row=min(choice.row, max(0, len(shown(snapshot, choice)) - 1)))
            live.update(draw(snapshot, choice, console.height), refresh=True)
            pressed = keys(max(0.0, read_at + PAUSE - time.monotonic()))
            for key in pressed:
                choice = choice.pressed(key)
            if (choice.opened and pressed) or time.monotonic() - read_at >= PAUSE:
                read_at, snapshot = time.monotonic(), read(directory, choice)


def read(directory: Path, choice: Choice) -> Snapshot:
    """Read what is committed."""
    with closing(History(directory)) as history:
        history.freeze()
        alerts = [alert for alert in committed_alerts(history) if alert.ends_ns is None]
        snapshot = Snapshot(
            committed(history),
            [each for each in alerts if each.labels.get("severity") != "none"],
            _newest(history, Query()),
        )
        found = shown(snapshot, choice)
        if not choice.opened or not found:
            return snapshot
        return snapshot._replace(own=_newest(history, Query(id=found[min(choice.row, len(found) - 1)].id)))


def _newest(history: History, query: Query) -> list[Event]:
    return [outcome.event for outcome in history.events(replace(query, limit=EVENTS, newest_first=True))]


# ── what is shown ────────────────────────────────────────────────────────────────────


def shown(snapshot: Snapshot, choice: Choice) -> list[Container]:
    """The containers that are chosen, in the chosen order."""
    order = "name" if choice.sort == SORTS[0] else choice.sort
    found = [each for each in chosen(snapshot.containers, sort=order) if choice.name in (each.name or each.id)]
    return sorted(found, key=lambda each: not in_trouble(each)) if choice.sort == SORTS[0] else found


def in_trouble(container: Container) -> bool:
    """Whether somebody should look at it."""
    failed = container.state is State.EXITED and container.exit_code not in (None, "0")
    return failed or container.state in (State.RESTARTING, State.DEAD) or container.health == "unhealthy"


def draw(snapshot: Snapshot, choice: Choice, height: int) -> RenderableType:
    """The screen, which has so many lines."""
    found = shown(snapshot, choice)
    room = max(6, height - 6)
    header = Text(_headline(snapshot), style="bold")
    footer = Text(f"filter: {choice.name}▏" if choice.is_typing else _footer(choice), style="dim")
    if choice.opened and found:
        return Group(header, Text(), *_one(found[choice.row], snapshot, room), footer)
    rows = max(3, min(len(found), room // 2))
    first = min(max(0, choice.row - rows + 1), max(0, len(found) - rows))
    table = as_table(found[first : first + rows])
    if found:
        table.rows[choice.row - first].style = "reverse"
    parts: list[RenderableType] = [header, Text(), table, Text()]
    room -= rows + 1
    if snapshot.alerts:
        kept = snapshot.alerts[-max(1, room // 3) :]
        parts += [_alerts(kept), Text()]
        room -= len(kept) + 2
    parts += [_event(event) for event in reversed(snapshot.events[: max(1, room - 1)])]
    return Group(*parts, footer)


def _headline(snapshot: Snapshot) -> str:
    there = [each for each in snapshot.containers if each.state is not State.GONE]
    troubled = [one_line(each.name or each.id[:12]) for each in there if in_trouble(each)]
    alerts = (
        f"{counted(len(snapshot.alerts), 'alert')} fire{'s' if len(snapshot.alerts) == 1 else ''}"
        if snapshot.alerts
        else "no alert fires"
    )
    if not troubled:
        return f"{counted(len(there), 'container')}, none in trouble; {alerts}"
    names = ", ".join(troubled[:5]) + (", …" if len(troubled) > 5 else "")
    return f"{len(troubled)} of {counted(len(there), 'container')} in trouble: {names}; {alerts}"


def _footer(choice: Choice) -> str:
    chosen_name = f"   filter: {choice.name} (esc ends it)" if choice.name else ""
    return f"{KEYS}   by {choice.sort}{chosen_name}"


def _alerts(alerts: Sequence[Alert]) -> Table:
    table = Table("alert", "about", "what", box=None)
    for alert in alerts:
        about = alert.labels.get("name") or alert.labels.get("host") or "-"
        table.add_row(*map(cell, (alert.labels["alertname"], about, alert.annotations.get("summary", ""))))
    return table


def _event(event: Event) -> Text:
    colours = {"warning": "yellow", "error": "red", "critical": "bold red", "debug": "dim"}
    return Text(as_row(event), style=colours.get(event.severity, ""), no_wrap=True, overflow="ellipsis")


def _one(container: Container, snapshot: Snapshot, room: int) -> Iterator[RenderableType]:
    """One container: its row, what it is, its alerts, its events with the last words."""
    yield as_table([container])
    labels = " ".join(f"{one_line(key)}={one_line(value)}" for key, value in container.labels.items())
    yield Text(f"id {container.id} {labels}".rstrip(), style="dim")
    yield Text()
    own = [alert for alert in snapshot.alerts if alert.labels.get("name") == container.name and container.name]
    if own:
        yield _alerts(own)
        yield Text()
    lines = [line for event in reversed(snapshot.own) for line in as_row(event, last_words=True).split("\n")]
    for line in lines[-max(1, room - 6 - len(own)) :]:
        yield Text(line, no_wrap=True, overflow="ellipsis")


# ── the keyboard ─────────────────────────────────────────────────────────────────────


class _Keyboard:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, timeout: float) -> list[str]:
        """The keys that were pressed within so many seconds; those of one look together."""
        if not select.select([self._descriptor], [], [], timeout)[0]:
            return []
        return list(keys_of(os.read(self._descriptor, 1024).decode(errors="replace")))


def keys_of(text: str) -> Iterator[str]:
    """The keys that a terminal wrote as this text: a character, or a name such as `up`."""
    while text:
        length = next((len(each) for each in ESCAPES if text.startswith(each)), 1)
        key, text = text[:length], text[length:]
        yield ESCAPES.get(key) or NAMED.get(key, key)


@contextmanager
def _keys() -> Iterator[_Keyboard]:
    """Read keys as they are pressed; the terminal is as before afterwards."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor, termios.TCSANOW)
        attributes = termios.tcgetattr(descriptor)
        attributes[1] |= termios.OPOST  # what we print goes on as before
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
        yield _Keyboard(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
