"""Undoing the escapes that rsyslog writes in place of control characters.

A control character becomes `#` and three octal digits (`#012` is a newline, `#033` ESC);
so do bytes over 127 where the old `$Escape8BitCharactersOnReceive` is on. A `#` of the
message itself is not escaped, so only what can have been a control character, or forms
valid UTF-8, is undone: `issue #123` stays. See "parser.escapeControlCharactersOnReceive"
in rsyslog's documentation.
"""

from __future__ import annotations

import re

ESCAPES = re.compile(
    rb"""
    [#](?P<control> 0[0-3][0-7] | 177 )      # \x23012: a newline
    | (?P<high> (?: [#][23][0-7]{2} )+ )     # \x23303\x23274: one letter in UTF-8
    """,
    re.VERBOSE,
)


def undo(escaped: bytes) -> bytes:
    """Give the bytes as they were before rsyslog escaped them."""
    if b"#" not in escaped:
        return escaped
    return ESCAPES.sub(_plain, escaped)


def _plain(match: re.Match[bytes]) -> bytes:
    control = match["control"]
    if control is not None:
        return bytes((int(control, 8),))
    plain = bytes(int(digits, 8) for digits in match["high"].split(b"#")[1:])
    try:
        plain.decode()
    except UnicodeDecodeError:
        return match[0]
    return plain
