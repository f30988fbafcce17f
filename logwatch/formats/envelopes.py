r"""Lines that hold a syslog line in another encoding: coloured, in UTF-16, or as fields of a JSON object.

    Nov 23 20:16:44 vm \x1b[01;31mdocker\x1b[md[42]: …                        journalctl, grep --color, less -R
    N\0o\0v\0 \0002\0003\0 …                                                  UTF-16, as Windows' tools save
    {"__REALTIME_TIMESTAMP":"1764…","SYSLOG_IDENTIFIER":"dockerd","MESSAGE":"…"}     journalctl -o json
    2026-11-23T20:16:44+00:00<TAB>syslog.daemon<TAB>{"host":"vm","ident":"dockerd","message":"…"}   fluentd's out_file
    {"timestamp":"2026-11-23T20:16:44Z","host":"vm","program":"dockerd","message":"…"}              JSON templates of rsyslog, Vector, …

become `2026-11-23T20:16:44.000000+00:00 vm dockerd[42]: …`, as rsyslog would have written them. What a container
printed bears its name in fields that only the engine's log drivers set: it gets the tag `docker/<name>`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from logwatch.formats import json
from logwatch.notation import rfc3339

_COLOUR = re.compile(rb"\x1b\[[0-9;]*[mK]")
_WIDE = re.compile(rb"\x00?(?:\xff\xfe|\xfe\xff)?(?:[ -~]\x00|\x00[ -~]){3}")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NAMES = str.maketrans(dict.fromkeys(" \t\n:[]", "_"))

STAMPS = ("@timestamp", "timestamp", "time", "timereported", "timegenerated", "date")
HOSTS = ("_HOSTNAME", "hostname", "host", "HOSTNAME")
TAGS = (
    "SYSLOG_IDENTIFIER",
    "_COMM",
    "ident",
    "programname",
    "program",
    "app-name",
    "appname",
    "app_name",
    "identifier",
)
PIDS = ("SYSLOG_PID", "_PID", "pid", "procid", "proc_id")
MESSAGES = ("MESSAGE", "message", "msg")
CONTAINERS = ("CONTAINER_NAME", "CONTAINER_ID", "container_name", "container_id")


def expressions() -> tuple[bytes, ...]:
    """Patterns, in hyperscan's syntax, of lines that may be in an envelope; they err on the side of yes."""
    keys = b"|".join(key.encode() for key in MESSAGES)
    return rb"\x1b\[[0-9;]*[mK]", rb"[ -~]\x00[ -~]\x00[ -~]\x00", rb"(?m)(?:^|\t)\{.*\"(?:" + keys + rb")\" ?:"


def plain(line: bytes) -> bytes | None:
    """The syslog line in an envelope; None if the line is in none. Never raises."""
    if b"\x1b" in line:
        bare = _COLOUR.sub(b"", line)
        return bare if len(bare) < len(line) else None
    if _WIDE.match(line):
        return line.replace(b"\0", b"").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").rstrip(b"\r")
    if line[:1] == b"{":
        return _from_json(line, None)
    stamp, tab, rest = line.partition(b"\t")
    if tab and b"\t{" in rest and stamp[:4].isdigit():
        return _from_json(rest[rest.find(b"\t{") + 1 :], stamp.decode(errors="replace"))
    return None


def _from_json(text: bytes, stamp: str | None) -> bytes | None:
    tree = json.parse(text)
    if tree is None:
        return None
    fields = {key: value for key, raw in tree.items() if (value := _text(raw)) is not None}
    message, when = _first(fields, MESSAGES), stamp or _stamp(fields)
    tag = _tag(fields)
    if message is None or when is None or tag is None:
        return None
    host = (_first(fields, HOSTS) or "localhost").translate(_NAMES)
    head = f"{when} {host} {tag}: ".encode(errors="replace")
    return head + _CONTROL.sub(lambda found: b"#%03o" % found[0][0], message.encode("utf-8", "surrogateescape"))


def _text(value: object) -> str | None:
    """A field's text; journald writes bytes that are no UTF-8 as a list of numbers, and repeated fields as a list."""
    if isinstance(value, list) and value:
        if all(isinstance(each, int) and 0 <= each < 256 for each in value):
            return bytes(value).decode("utf-8", "surrogateescape")
        return _text(value[0])
    return json.as_text(value)


def _first(fields: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    return next((fields[key] for key in keys if fields.get(key)), None)


def _stamp(fields: Mapping[str, str]) -> str | None:
    micros = fields.get("__REALTIME_TIMESTAMP") or fields.get("_SOURCE_REALTIME_TIMESTAMP")
    if micros is None:
        written = _first(fields, STAMPS)
        return written if written is not None and written[:4].isdigit() and "T" in written else None
    if not (micros.isascii() and micros.isdigit()) or len(micros) > 16:
        return None
    return rfc3339(int(micros) * 1000, 6).replace("Z", "+00:00")


def _tag(fields: Mapping[str, str]) -> str | None:
    container = _first(fields, CONTAINERS)
    if container is not None:
        return "docker/" + container.translate(_NAMES)
    tag, pid = _first(fields, TAGS), _first(fields, PIDS)
    if tag is None:
        return None
    tag = tag.translate(_NAMES)
    return f"{tag}[{pid.translate(_NAMES)}]" if pid and pid != "-" and tag != "kernel" else tag
