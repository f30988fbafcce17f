"""The kinds of values that the configuration has."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from logwatch.model import LABEL_NAME, label_name
from logwatch.rulefiles.checks import ONE_OR_MANY, Duration, refuse
from logwatch.rulefiles.vocabulary import did_you_mean

# Free in Prometheus' list of default ports.
DEFAULT_PORT = 19979

LABEL_KEY = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]{0,254}")
"""What `docker.labels` takes; Docker itself takes any text, and recommends less."""
MOST_LABELS = 20
OF_EVENTS = frozenset(
    {"name", "image", "exitCode", "execDuration", "execID", "signal", "oldName", "comment", "container", "destination"}
)
"""What the engine writes into its events beside the labels, under the same names."""

HEADER = re.compile(r"[A-Za-z0-9-]+")
OWN_HEADERS = frozenset(
    {"authorization", "content-encoding", "content-length", "content-type", "host", "user-agent", "x-prometheus-remote-write-version"}
)  # fmt: skip

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


def _header(text: str) -> str:
    if HEADER.fullmatch(text) is None:
        raise refuse(f"'{text}' is not the name of a header: use letters, digits and -")
    if text.lower() in OWN_HEADERS:
        raise refuse(f"'{text}' is set by logwatch itself: use basic_auth or bearer_token_file, or leave it out")
    return text


def _some_time(length: timedelta) -> timedelta:
    if not length:
        raise refuse("0 is too short: write a duration such as 15s")
    return length


def _label(text: str) -> str:
    if LABEL_NAME.fullmatch(text) is None or text.startswith("__"):
        raise refuse(f"'{text}' is not a label name: use letters, digits and _")
    return text


def _label_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    names: dict[str, str] = {}
    for key in keys:
        if LABEL_KEY.fullmatch(key) is None:
            raise refuse(f"'{key}' is not the key of a label: use letters, digits, '.', '_', '/' and '-'")
        if key in OF_EVENTS:
            raise refuse(f"'{key}' is not a label in the engine's events but a value of its own: leave it out")
        other = names.setdefault(label_name(key), key)
        if other != key:
            raise refuse(f"'{other}' and '{key}' would both be the label {label_name(key)}: leave one of them out")
    if len(names) > MOST_LABELS:
        raise refuse(f"{len(names)} labels: use at most {MOST_LABELS}")
    return tuple(names.values())


def _as_url(value: object) -> object:
    """A receiver given by its URL alone."""
    return {"url": value} if isinstance(value, str) else value


class UrlSchema:
    """Adds to the JSON Schema that a receiver may be given by its URL alone."""

    @staticmethod
    def __get_pydantic_json_schema__(schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow the URL or the object."""
        return {"anyOf": [{"type": "string", "format": "uri"}, handler(schema)]}


OR_URL = (BeforeValidator(_as_url), UrlSchema)
Address = Annotated[str, AfterValidator(_address)]
Zone = Annotated[str, AfterValidator(_zone)]
Url = Annotated[str, AfterValidator(_web_url)]
Header = Annotated[str, AfterValidator(_header)]
PositiveDuration = Annotated[Duration, AfterValidator(_some_time)]
Label = Annotated[str, AfterValidator(_label)]
Texts = Annotated[tuple[str, ...], *ONE_OR_MANY]
LabelKeys = Annotated[tuple[str, ...], *ONE_OR_MANY, AfterValidator(_label_keys)]
Paths = Annotated[tuple[Path, ...], *ONE_OR_MANY]
Positive = Annotated[int, Field(ge=1)]
PromqlVersion = Annotated[Literal[2, 3], BeforeValidator(lambda given: {"2": 2, "3": 3}.get(given, given))]
"""In a file every number is text at first."""
