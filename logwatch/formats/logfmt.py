r"""Messages as logrus writes them: `time="…" level=info msg="…" container=8dd3…`.

A value that is more than letters, digits and `-._/@^+` is quoted as Go's `%q` does
(strconv.Quote). What is met beside the rule:

- dots before `time=`, one per loaded container (engines up to 1.12);
- containerd 1.0 leaves inner quotes bare: `msg="loading plugin "io.containerd.x"..." type=y`;
- engine 17.09 escapes only quotes, so a newline tears the line: the closing quote is missing;
- values that were printed without quotes: `error={always 0}`, `drivers=[aufs btrfs]`;
- the form for terminals, mostly coloured: `INFO[0012] message padded with blanks   key=value`.

See TextFormatter in sirupsen/logrus. rsyslog's `#012` escapes are undone first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from logwatch.formats import escapes

PAIR = re.compile(
    rb"""
    (?: ^ [.]*+ | [ ] )
    (?P<key> [^\s="]+ ) =        # msg=, err.code=, graphdriver(s)=
    """,
    re.VERBOSE,
)

# A closing quote ends the line or stands before the next pair; another quote is an inner one. The room that blanks
# and key may take is bounded, because several values may be held against the same place.
CLOSED = re.compile(
    rb"""
    [ ]{0,64}+ (?: \Z | (?<= [ ] ) [^\s="]{1,256}+ = )
    """,
    re.VERBOSE,
)

TERMINAL = re.compile(
    rb"""
    (?P<level> TRAC | DEBU | INFO | WARN | ERRO | FATA | PANI ) [A-Z]{0,3}
    \[ [^\]]* \] [ ]?                                  # INFO[0012], WARN[2024-11-03T12:00:01Z]
    (?P<msg> .*? )
    (?<! [ ] ) (?= [ ]* \Z | [ ]+ [A-Za-z_] [\w.()-]*+ = )
    """,
    re.VERBOSE | re.DOTALL,
)
LEVELS = {
    b"TRAC": "trace",
    b"DEBU": "debug",
    b"INFO": "info",
    b"WARN": "warning",
    b"ERRO": "error",
    b"FATA": "fatal",
    b"PANI": "panic",
}
COLOUR = re.compile(
    rb"""
    (?: \x1b | [#]033 ) \[ [0-9;]* m      # ESC[36m, also as rsyslog writes ESC
    """,
    re.VERBOSE,
)

GO_ESCAPE = re.compile(
    rb"""
    \\ (?:
        (?P<letter> [abfnrtv\\'"] )       # \n
      | x (?P<byte> [0-9a-fA-F]{2} )      # \x1b
      | (?P<octal> [0-3][0-7]{2} )        # \033
      | u (?P<short> [0-9a-fA-F]{4} )     # \u003c
      | U (?P<long> [0-9a-fA-F]{8} )      # \U0001f433
    )
    """,
    re.VERBOSE,
)
LETTERS = {
    b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v",
    b"\\": b"\\", b"'": b"'", b'"': b'"',
}  # fmt: skip
ESCAPED = {char.decode(): f"\\{letter.decode()}" for letter, char in LETTERS.items() if letter != b"'"}
_UNQUOTABLE = re.compile(r'[\x00-\x1f\x7f"\\]')
LAST_CODE_POINT = 0x10FFFF
BACKSLASH = 0x5C
INNER_QUOTES = 16  # how many bare quotes a value is searched for its closing one
BRACKET_ROOM = 4096
CLOSERS = {b"[": b"]", b"{": b"}", b"(": b")"}
BRACKETED = frozenset({b'"', *CLOSERS})


def value(message: bytes, key: bytes) -> str | None:
    """The value of one key, or None where the message has no such key outside quotes.

    A value without its closing quote is given as far as it goes.
    """
    return value_after(message, b" " + key + b"=")


def value_after(message: bytes, needle: bytes) -> str | None:
    """As `value`, of a key that is given as ` key=`."""
    if message[:5] == b"time=" and needle != b" time=":
        found = message.find(needle)
        if found < 0:  # half of what rules ask for
            return None
        is_plain = message.find(b"\\", 0, found) < 0 and message.count(b'"', 0, found) % 2 == 0
        start = found + len(needle) if is_plain else _find(message, needle)
    elif _for_terminal(message):
        return parse(message).get(needle[1:-1].decode(errors="replace"))
    else:
        start = _find(message, needle)
    if start < 0:
        return None
    first = message[start : start + 1]
    if first == b'"':  # nearly always without escapes
        close = message.find(b'"', start + 1)
        raw = message[start + 1 : close]
        if close > 0 and b"\\" not in raw and b"#" not in raw and _closes(message, close):
            return raw.decode(errors="replace")
    if first in BRACKETED:
        return _text(message[start : _end(message, start)])
    end = message.find(b" ", start)
    raw = message[start:end] if end >= 0 else message[start:]
    return _text(raw) if b"#" in raw else raw.decode(errors="replace")


def parse(message: bytes) -> dict[str, str]:
    """Every pair in the order of the message; of two equal keys the first counts."""
    if _for_terminal(message):
        return _parse_terminal(message)
    return _first(_pairs(message), {})


def _first(pairs: Iterable[tuple[str, str]], fields: dict[str, str]) -> dict[str, str]:
    for key, text in pairs:
        fields.setdefault(key, text)
    return fields


def _pairs(message: bytes) -> Iterator[tuple[str, str]]:
    end = 0
    while (match := PAIR.search(message, end)) is not None:
        start = match.end()
        end = _end(message, start)
        yield match["key"].decode(errors="replace"), _text(message[start:end])


# ── where a value begins and ends ────────────────────────────────────────────────────


def _find(message: bytes, needle: bytes) -> int:
    """Where the value behind ` key=` begins, or -1. A key inside another value's quotes is none."""
    if message.startswith(needle[1:]):
        return len(needle) - 1
    quotes = behind = 0
    while (found := message.find(needle, behind)) >= 0:
        quotes += _quotes(message, behind, found)
        if quotes % 2 == 0:
            return found + len(needle)
        behind = found + 1
    dots = len(message) - len(message.lstrip(b".")) if message[:1] == b"." else 0
    return dots + len(needle) - 1 if dots and message.startswith(needle[1:], dots) else -1


def _quotes(message: bytes, start: int, end: int) -> int:
    """How many bare quotes stand in a part of the message; an odd number before a position means: quoted."""
    if message.find(b"\\", start, end) < 0:
        return message.count(b'"', start, end)
    plain = message[start:end].replace(b"\\\\", b"")
    return plain.count(b'"') - plain.count(b'\\"')


def _end(message: bytes, start: int) -> int:
    """Where the value that begins at `start` ends, its closing quote included."""
    first = message[start : start + 1]
    if first == b'"':
        return _closing_quote(message, start) + 1
    end = message.find(b" ", start)
    if end < 0:
        return len(message)
    if first in CLOSERS and message[end - 1 : end] != CLOSERS[first]:
        closed = message.find(CLOSERS[first], end, end + BRACKET_ROOM) + 1
        if closed and CLOSED.match(message, closed):
            return closed
    return end


def _closing_quote(message: bytes, start: int) -> int:
    """The quote that ends a quoted value; without one, the end of the message."""
    quote, first = start, -1
    for _ in range(INNER_QUOTES):
        quote = message.find(b'"', quote + 1)
        while quote > 0 and message[quote - 1] == BACKSLASH and _escaped(message, quote):
            quote = message.find(b'"', quote + 1)
        if quote < 0:
            break
        if _closes(message, quote):
            return quote
        if first < 0:
            first = quote
    return first if first >= 0 else len(message)


def _closes(message: bytes, quote: int) -> bool:
    """Whether a quote ends its value."""
    return quote + 1 == len(message) or CLOSED.match(message, quote + 1) is not None


def _escaped(message: bytes, quote: int) -> bool:
    """Whether an odd number of backslashes stands before a quote."""
    backslash = quote
    while backslash and message[backslash - 1] == BACKSLASH:
        backslash -= 1
    return (quote - backslash) % 2 == 1


# ── what a value says ────────────────────────────────────────────────────────────────


def _text(raw: bytes) -> str:
    plain = escapes.undo(raw)
    if plain[:1] == b'"':
        plain = unquote(plain)
    return plain.decode(errors="replace")


def unquote(quoted: bytes) -> bytes:
    """Undo Go's `%q`; an escape that Go does not write stays as it is."""
    inner = quoted[1:]
    if inner[-1:] == b'"' and not _escaped(inner, len(inner) - 1):
        inner = inner[:-1]
    return GO_ESCAPE.sub(_plain, inner) if b"\\" in inner else inner


def quote(text: str) -> bytes:
    """Write a text as Go's `%q` does."""
    return b'"' + _UNQUOTABLE.sub(_escape, text).encode(errors="replace") + b'"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    return ESCAPED.get(char) or f"\\x{ord(char):02x}"


def _plain(match: re.Match[bytes]) -> bytes:
    kind = match.lastgroup
    spelled = match[kind or 0]
    if kind == "letter":
        return LETTERS[spelled]
    if kind == "byte":
        return bytes((int(spelled, 16),))
    if kind == "octal":
        return bytes((int(spelled, 8),))
    code = int(spelled, 16)
    return chr(code).encode(errors="replace") if code <= LAST_CODE_POINT else match[0]


# ── the form for terminals ───────────────────────────────────────────────────────────


def _for_terminal(message: bytes) -> bool:
    """Whether the message is logrus' terminal form: a level's four letters and a bracket, or colour."""
    return message[4:5] == b"[" or message[:1] == b"\x1b" or message[:4] == b"#033" or message[7:8] == b"["


def _parse_terminal(message: bytes) -> dict[str, str]:
    bare = COLOUR.sub(b"", message)
    match = TERMINAL.match(bare)
    if match is None:
        return _first(_pairs(bare), {})
    return _first(_pairs(bare[match.end() :]), {"level": LEVELS[match["level"]], "msg": _text(match["msg"])})
