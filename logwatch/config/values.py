"""The kinds of values that the configuration has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field

from logwatch.model import LABEL_NAME
from logwatch.rulefiles.checks import ONE_OR_MANY, refuse
from logwatch.rulefiles.vocabulary import did_you_mean

# Free in Prometheus' list of default ports.
DEFAULT_PORT = 19979

ADDRESS = re.compile(
    r"""(?P<host> \[[0-9A-Fa-f:.%]+\] | [^\s:\[\]]* )   # [::1], 127.0.0.1, or nothing for all
        : (?P<port>[0-9]{1,5})                          # :19979
    """,
    re.VERBOSE,
)


def _address(text: str) -> str:
    match = ADDRESS.fullmatch(text)
    if match is None:
        hint = f":{text}" if text.isdecimal() else f":{DEFAULT_PORT}"
        raise refuse(
            f"'{text}' is not a listening address: write host:port, such as '{hint}' or '127.0.0.1:{DEFAULT_PORT}'"
        )
    if int(match["port"]) > 65535:
        raise refuse(f"port {match['port']} does not exist: write 0 to 65535")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        nearest = did_you_mean(text, available_timezones())
        raise refuse(f"no time zone '{text}'{nearest}: write a name such as Europe/Berlin or UTC") from None
    return text


def _web_url(text: str) -> str:
    if re.fullmatch(r"https?://[^\s/]+(/\S*)?", text) is None:
        raise refuse(f"'{text}' is not a URL: write http://host:port or https://host")
    return text


def _label(text: str) -> str:
    if LABEL_NAME.fullmatch(text) is None or text.startswith("__"):
        raise refuse(f"'{text}' is not a label name: use letters, digits and _")
    return text


def as_url(value: object) -> object:
    """A receiver given by its URL alone."""
    return {"url": value} if isinstance(value, str) else value


Address = Annotated[str, AfterValidator(_address)]
Zone = Annotated[str, AfterValidator(_zone)]
Url = Annotated[str, AfterValidator(_web_url)]
Label = Annotated[str, AfterValidator(_label)]
Texts = Annotated[tuple[str, ...], *ONE_OR_MANY]
Paths = Annotated[tuple[Path, ...], *ONE_OR_MANY]
Positive = Annotated[int, Field(ge=1)]
