"""`logwatch run`: follow a log, count events, evaluate alerts, serve metrics."""

from __future__ import annotations

import functools
import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import click

from logwatch.cli import options
from logwatch.config import Effective
from logwatch.config.settings import Log
from logwatch.daemon import Daemon
from logwatch.model import SECOND
from logwatch.notation import quoted, rfc3339
from logwatch.reloading import THREAD
from logwatch.store.earlier_name import take_over
from logwatch.web.connections import raise_file_limit


@click.command("run")
@click.option(
    "--log",
    "logs",
    multiple=True,
    help="Log to follow: a path, a glob, journal: for the systemd journal, docker: for the engine's API, or containers: for what containers print (with --docker-root). Repeatable. [default: the first readable of /var/log/messages, /var/log/syslog, journal:]",
)
@options.state_dir
@options.timezone
@click.option(
    "--docker-root",
    type=click.Path(path_type=Path),
    help="Docker's data directory, read-only: what happens to containers, and what the disk holds.",
)
@click.option(
    "--containerd-root",
    type=click.Path(path_type=Path),
    help="containerd's data directory, for engines that keep their images there.",
)
@click.option("--web.listen-address", "listen_address", help="Address to listen on. [default: :19979]")
@click.option(
    "--web.max-connections",
    "max_connections",
    type=click.IntRange(min=1),
    help="Open connections at most. [default: 512]",
)
@click.option(
    "--web.config.file",
    "web_config_file",
    type=click.Path(path_type=Path),
    help="TLS and passwords, in the form of Prometheus' exporters (web.config.yml).",
)
@click.option(
    "--web.enable-lifecycle",
    "enable_lifecycle",
    is_flag=True,
    help="Allow POST /-/reload, /-/quit, /-/mute and /-/unmute.",
)
@click.option(
    "--log.level",
    "log_level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="Lowest level of messages on stderr.",
)
@click.option("--log.format", "log_format", type=click.Choice(["logfmt", "json"]), help="Format of messages on stderr.")
@options.rule_options
def command(
    logs: tuple[str, ...],
    state_dir: Path | None,
    timezone: str | None,
    docker_root: Path | None,
    containerd_root: Path | None,
    listen_address: str | None,
    max_connections: int | None,
    web_config_file: Path | None,
    log_level: str | None,
    log_format: str | None,
    config_file: Path | None,
    rule_paths: tuple[Path, ...],
    *,
    enable_lifecycle: bool,
    no_shipped_rules: bool,
) -> None:
    """Follow the log: count events, alert, and serve metrics.

    /metrics for Prometheus and the page for people are at --web.listen-address. SIGHUP reloads rules and receivers;
    SIGTERM commits and exits.

    Example: logwatch run --log /var/log/syslog --rules my-rules
    """
    read = functools.partial(
        options.effective,
        config_file,
        rule_paths=rule_paths,
        no_shipped_rules=no_shipped_rules,
        sources__paths=logs,
        sources__timezone=timezone,
        state__dir=state_dir,
        docker_root=docker_root,
        containerd_root=containerd_root,
        web__listen_address=listen_address,
        web__max_connections=max_connections,
        web__config_file=web_config_file,
        web__enable_lifecycle=True if enable_lifecycle else None,
        log__level=log_level,
        log__format=log_format,
    )
    follow(read(), read_again=read)
    if any(thread.name == THREAD for thread in threading.enumerate()):
        # All is committed and closed. A compiler of patterns cannot be interrupted, and Python cannot end beside it.
        os._exit(0)


def follow(
    effective: Effective,
    *,
    read_again: Callable[[], Effective],
    beside: Callable[[Callable[[], None]], None] | None = None,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Run until a signal ends it; `read_again` reads the configuration at a reload.

    `beside` runs in its own thread and may stop the run.
    """
    configure(effective.config.log)
    raise_file_limit()
    daemon = Daemon(options.with_state_dir(effective, take_over), read_again)
    thread = threading.Thread(target=beside, args=(daemon.requests.shutdown,), daemon=True) if beside else None

    def stop(_number: int, _frame: object) -> None:
        stopping()
        daemon.requests.shutdown()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, lambda _number, _frame: daemon.requests.reload())
    if thread:
        thread.start()
    daemon.run()


# ── messages on stderr ───────────────────────────────────────────────────────────


class Lines(logging.Formatter):
    """A message as one line of logfmt (as Prometheus writes it) or JSON."""

    def __init__(self, form: Literal["logfmt", "json"]) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level and message; a traceback follows in the same line."""
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        time = rfc3339(int(record.created * SECOND), 3)
        fields = {"ts": time, "level": record.levelname.lower(), "msg": message}
        if self._form == "json":
            return json.dumps(fields)
        return " ".join(f"{key}={_logfmt(value)}" for key, value in fields.items())


def configure(settings: Log) -> None:
    """Send the package's messages to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(settings.format))
    logger = logging.getLogger("logwatch")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(settings.level.upper())


def _logfmt(value: str) -> str:
    plain = value and value.isprintable() and not set(value) & set(' "=')
    return value if plain else quoted(value)
