r"""The engine's other ways to write a message, translated into logfmt, so that a rule need know only that one.

    {"container":"8dd3","level":"info","msg":"ignoring event","time":"2026-…"}    --log-format=json, 25 and later
    INFO[0012] ignoring event          container=8dd3                             on a terminal, mostly coloured
    [error] server.go:1207 Handler for GET /images returned error: out of luck    1.2 and 1.3, before logrus

become, as logrus' TextFormatter would have written them (keys in order behind `msg`),

    time="2026-…" level=info msg="ignoring event" container=8dd3
    level=info msg="ignoring event" container=8dd3
    level=error msg="Handler for GET /images returned error: out of luck"
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from logwatch.formats import escapes, json, logfmt
from logwatch.formats.tags import TAG_FAMILIES
from logwatch.model import Record

FIRST_KEYS = ("time", "level", "msg")
_FORMS = (
    rb'\{"'  # {"level":"info"
    rb"|@cee:"
    rb"|(?:\x1b|#033)\["  # coloured
    rb"|(?:TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)[A-Z]{0,3}\["  # INFO[0012]
    rb"|\[(?:debug|info|error|fatal)\] "
)
_OTHER_FORM = re.compile(_FORMS)
_BRACKETED = re.compile(
    rb"""
    \[ (?P<level> debug | info | error | fatal ) \] [ ]
    (?: \w+[.]go:\d+ [ ] )?                                # server.go:1207
    (?P<msg> .+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9._/@^+-]+")
"""Values that logrus does not quote."""
TAGS = TAG_FAMILIES["engine"] | TAG_FAMILIES["containerd"] | TAG_FAMILIES["registry"]
"""Whose lines logrus writes."""


def as_logfmt(message: bytes) -> bytes | None:
    """Translate a message into logfmt; None where it is in no other form of the engine's. Never raises."""
    if message[:5] == b"time=" or _OTHER_FORM.match(message) is None:
        return None
    fields = _fields(message)
    return _written(fields) if fields.keys() >= {"level", "msg"} else None


def translated(record: Record) -> Record:
    """The record as rules see it: the message of the engine and its like in logfmt, any other as it is."""
    message = as_logfmt(record.message) if record.tag in TAGS else None
    return record if message is None else record._replace(message=message)


def _fields(message: bytes) -> Mapping[str, str]:
    bracketed = _BRACKETED.fullmatch(message)
    if bracketed is not None:
        return {key: escapes.undo(value).decode(errors="replace") for key, value in bracketed.groupdict().items()}
    tree = json.parse(message)
    if tree is None:
        return logfmt.parse(message)
    return {key: text for key, value in tree.items() if (text := json.as_text(value)) is not None}


def _written(fields: Mapping[str, str]) -> bytes:
    keys = [key for key in FIRST_KEYS if key in fields]
    keys += sorted(fields.keys() - set(FIRST_KEYS))
    return b" ".join(key.encode() + b"=" + _value(key, fields[key]) for key in keys)


def _value(key: str, value: str) -> bytes:
    return value.encode() if key != "time" and _BARE.fullmatch(value) else logfmt.quote(value)


# ── in a line whose header nobody has read ───────────────────────────────────────────

_HEADER_ROOM = 512
"""How far into a line its tag is looked for: what stands behind it would cost as much again for every such text in it."""
_BEHIND_TAG = rb"(?:\[[0-9]+\]:|:| [^ \n]+ [^ \n]+ (?:-|\[[^\n]*?\])) {0,2}(?:message repeated [0-9]+ times: \[ ?)?"
_BEFORE = re.compile(
    rb"(?:^|[ /])(?:"
    + b"|".join(re.escape(tag.encode()) for tag in sorted(TAGS, reverse=True))
    + rb")"
    + _BEHIND_TAG
    + b"(?="
    + _FORMS
    + b")"
)


def expression() -> bytes:
    """A pattern, also in hyperscan's syntax, of lines that may hold an engine's message in another form; it errs on the side of yes."""
    return (
        rb"(?:docker|containerd|registry|distribution|balena|forward|moby|[ /](?:ba)?sh|[ /]env)[A-Za-z.-]*"
        + _BEHIND_TAG
        + b"(?:"
        + _FORMS
        + b")"
    )


def bare_expressions() -> tuple[bytes, ...]:
    """Patterns, in hyperscan's syntax, of lines without header that begin as an engine's message in another form."""
    colour = rb"(?:(?:\x1b|#033)\[[0-9;]*m)?"
    levels = rb"(?:TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)[A-Z]{0,3}"
    return rb"(?m)^" + colour + levels + colour + rb"\[[0-9]", rb"(?m)^\{\"[a-z]"


def message_of(line: bytes) -> bytes | None:
    """The engine's message of a whole line in another form than logfmt, translated; None where there is none."""
    before = _BEFORE.search(line, 0, _HEADER_ROOM)
    return as_logfmt(line if before is None else line[before.end() :])
