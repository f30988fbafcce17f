"""What logwatch says about itself on stderr: logfmt or JSON, one line a message."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from logwatch.config.settings import Log


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
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = {"ts": time, "level": record.levelname.lower(), "msg": message}
        if self._form == "json":
            return json.dumps(fields, ensure_ascii=False)
        return " ".join(f"{key}={_quoted(value)}" for key, value in fields.items())


def configure(settings: Log) -> None:
    """Send what the package says to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(settings.format))
    logger = logging.getLogger("logwatch")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(settings.level.upper())


def _quoted(value: str) -> str:
    plain = value and value.isprintable() and not set(value) & set(' "=')
    return value if plain else json.dumps(value, ensure_ascii=False)
