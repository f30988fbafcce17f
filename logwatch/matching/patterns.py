r"""What a rule's `match` means, to the scanner and to RE2.

A rule's author writes literal text or a regex in RE2 syntax. It has two lives:

    confirm   RE2 on the bytes of one message, as written: anchors mean the message
    scan      one expression of the scanner's database, on a whole chunk: a superset

To make a scan expression of a pattern its anchors are dropped, its repeats at both ends
are cut to their minimum, and what could run into the next line (`.` under `(?s)`, `[^…]`,
`\s`, `\D`, `\W`) is kept from the newline. Then comes a tail to the end of the line: so every
match of a rule in a line ends at its newline, and the scanner tells each (rule, line) once.

RE2 runs in Latin-1 mode, where a byte is a character: `.` also takes 0xff, and a letter
beyond ASCII is the bytes of its UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol, cast

import re2

from logwatch.model import Pattern

TO_LINE_END = rb"[^\n]*\n"

# https://github.com/google/re2/wiki/Syntax; RE2 has accepted the text before it is cut up.
_TOKEN = re.compile(
    rb"""
      (?P<quoted> \\Q .*? (?: \\E | \Z ) )                          # \Qa.b\E
    | (?P<anchor> \^ | \$ | \\[Az] )                                # ^
    | (?P<escape> \\ (?: x\{[0-9A-Fa-f]+\} | x[0-9A-Fa-f]{2} | [0-7]{1,3} | [pP]\{[^}]*\} | [pP]. | . ) )   # \x20
    | (?P<negated> \[\^ \]? (?: \[:\^?\w+:\] | \\. | [^\]\\] )* \] )  # [^a-z]
    | (?P<class> \[ \]? (?: \[:\^?\w+:\] | \\. | [^\]\\] )* \] )    # [a-z]
    | (?P<flags> \(\?[imsU-]+\) )                                   # (?i)
    | (?P<open> \( (?: \?P?<\w+> | \?[imsU-]*: )? )                 # (?P<id>
    | (?P<close> \) )
    | (?P<or> \| )
    | (?P<repeat> (?: [*+?] | \{[0-9]+ (?: ,[0-9]* )? \} ) \?? )    # {2,}
    | (?P<atom> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_NEWLINE = re.compile(rb"\n | \\n | \\x0[aA] | \\x\{0*[aA]\} | \\0?12", re.VERBOSE)
_INSIDE_LINE = {
    b".": rb"[^\n]",
    rb"\C": rb"[^\n]",
    rb"\s": rb"[\t\f\r ]",
    rb"\D": rb"[^0-9\n]",
    rb"\W": rb"[^0-9A-Za-z_\n]",
}
_ASSERTIONS = frozenset({rb"\b", rb"\B"})
_ONLY_EMPTY_SOMEWHERE = (b"", b"a", b" ", b"a b")


class Regex(Protocol):
    """What logwatch uses of a compiled RE2 pattern, whose module carries no types."""

    groupindex: dict[bytes, int]

    def search(self, text: bytes) -> re.Match[bytes] | None:
        """Return the leftmost match in the text."""


class Token(NamedTuple):
    """One piece of a regex."""

    kind: str
    text: bytes


_NO_ASSERTION = Token("anchor", b"")
Found = Callable[[bytes], bool]
"""Whether a text contains a pattern."""
Spans = Callable[[bytes], Sequence[tuple[int, int]]]
"""Where the leftmost match and its groups are; (-1, -1) for what took no part, and for the match if there is none."""

_STATES_BYTES, _STATES_BYTES_OF_BYTE = 128 << 10, 256
"""Memory of one regex, and that for each byte of its text: RE2 keeps each state of its automaton that a line led to, up to 8 MB."""
# google-re2 makes a generator and a match object of every search, which costs more than the search itself. What it asks
# the C++ object is asked here directly. Both names are private: tests/matching/test_patterns.py holds each use.
_UNANCHORED = re2._Anchor.UNANCHORED  # noqa: SLF001 - see above
_FROM_START = re2._Anchor.ANCHOR_START  # noqa: SLF001 - see above


def spans_of(regex: Regex) -> Spans:
    """Return what finds a regex and its groups in a text."""
    match = regex._regexp.Match  # type: ignore[attr-defined]  # noqa: SLF001 - see above; absent: AttributeError at load

    def spans(text: bytes) -> Sequence[tuple[int, int]]:
        found: Sequence[tuple[int, int]] = match(_UNANCHORED, text, 0, len(text))
        return found

    return spans


def any_found(patterns: Sequence[Pattern]) -> Found:
    """Return what tells whether a text contains one of some patterns."""
    literals = [pattern.text.encode() for pattern in patterns if not pattern.regex]
    searches = [_found(text) for text in dict.fromkeys(pattern.text for pattern in patterns if pattern.regex)]
    if len(literals) == 1 and not searches:
        return partial(_contains, literals[0])
    if len(searches) == 1 and not literals:
        return searches[0]

    def found(text: bytes) -> bool:
        for literal in literals:  # any() would make a generator for each text
            if literal in text:
                return True
        for search in searches:  # noqa: SIM110 - as above
            if search(text):
                return True
        return False

    return found


def _contains(literal: bytes, text: bytes) -> bool:
    return literal in text


def _found(pattern: str) -> Found:
    """Return what tells whether a regex is in a text, without its place.

    Groups take RE2 three times as long, and the place a second machine that runs back from the match's end. Where a text is
    matched from its start on, there is nothing to look for: so what may come before the match is a part of the regex.
    """
    regex = compile_regex(f"(?s:.*?)(?:{pattern})", captures=False)
    match = regex._regexp.Match  # type: ignore[attr-defined]  # noqa: SLF001 - as in spans_of

    def found(text: bytes) -> bool:
        return bool(match(_FROM_START, text, 0, len(text))[0][0] >= 0)

    return found


def compile_regex(text: str, *, captures: bool = True) -> Regex:
    """Compile RE2 syntax for bytes; raises ValueError with RE2's reason."""
    pattern = text.encode()
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.never_capture = not captures
    unbounded = options.max_mem
    options.max_mem = min(unbounded, _STATES_BYTES + _STATES_BYTES_OF_BYTE * len(pattern))
    try:
        try:
            return cast("Regex", re2.compile(pattern, options))
        except re2.error:  # a counted repetition can be larger than its text
            options.max_mem = unbounded
            return cast("Regex", re2.compile(pattern, options))
    except re2.error as error:
        reason = error.args[0]
        raise ValueError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from error


def find_fault(pattern: Pattern) -> str | None:
    """Return what is wrong with a pattern and how to correct it; None if it can be used."""
    if not pattern.regex:
        return _literal_fault(pattern.text)
    try:
        regex = compile_regex(pattern.text)
    except ValueError as error:
        return f"the regex is not RE2 syntax: {error}: see https://github.com/google/re2/wiki/Syntax"
    if _matches_empty(regex):
        return "the regex matches empty text, so it would hit every line: add text that the line must contain"
    if any(
        _NEWLINE.fullmatch(token.text) for token in tokens(pattern.text.encode()) if token.kind in {"escape", "atom"}
    ):
        return "the regex wants a newline, which no line contains: leave it out (syslog writes it as #012)"
    return None


def _literal_fault(text: str) -> str | None:
    if not text:
        return "an empty text is in every line: write what the message must contain"
    if "\n" in text:
        return "the text holds a newline, which no line contains: leave it out (syslog writes it as #012)"
    return None


def _matches_empty(regex: Regex) -> bool:
    matches = (regex.search(text) for text in _ONLY_EMPTY_SOMEWHERE)
    return any(match is not None and match.start() == match.end() for match in matches)


def is_anchored(pattern: Pattern) -> bool:
    """Whether a pattern means an end of the message, which the scanner does not know."""
    return pattern.regex and any(token.kind == "anchor" for token in tokens(pattern.text.encode()))


def scan_expression(pattern: Pattern) -> bytes:
    """The hyperscan expression that matches from a pattern to the end of its line."""
    if not pattern.regex:
        return escape(pattern.text.encode()) + TO_LINE_END
    kept = _trim(list(_without_anchors(tokens(pattern.text.encode()))))
    return b"(?:" + b"".join(_inside_line(token) for token in kept) + b")" + TO_LINE_END


def escape(text: bytes) -> bytes:
    """Literal bytes as a regex."""
    return b"".join(bytes((byte,)) if chr(byte).isalnum() and byte < 0x80 else b"\\x%02x" % byte for byte in text)


def tokens(regex: bytes) -> Iterator[Token]:
    """Cut a regex that RE2 accepts into its pieces."""
    for match in _TOKEN.finditer(regex):
        yield Token(str(match.lastgroup), match.group())


def _without_anchors(pieces: Iterable[Token]) -> Iterator[Token]:
    r"""Drop anchors with what repeats them; hyperscan takes no repeat of `\b` either."""
    held: Token | None = None
    for token in pieces:
        if held is not None and token.kind == "repeat":
            held = held if held.kind != "anchor" and _minimum(token.text) else _NO_ASSERTION
            continue
        if held is not None and held.kind != "anchor":
            yield held
        held = token if token.kind == "anchor" or token.text in _ASSERTIONS else None
        if held is None:
            yield token
    if held is not None and held.kind != "anchor":
        yield held


def _inside_line(token: Token) -> bytes:
    """The piece of regex, kept from matching a newline."""
    if token.kind == "quoted":
        return escape(token.text.removeprefix(rb"\Q").removesuffix(rb"\E"))
    if token.kind == "negated":
        rest = token.text[2:]
        return rb"[^\n" + (b"\\" + rest if rest[:1] == b"]" else rest)
    return _INSIDE_LINE.get(token.text, token.text) if token.kind in {"atom", "escape"} else token.text


# ── repeats at the ends ──────────────────────────────────────────────────────────────


def _trim(pieces: list[Token]) -> list[Token]:
    """Cut the repeats at both ends to their minimum, unless there are alternations outside of groups."""
    if _has_outer_alternation(pieces):
        return pieces
    start = 0
    while start < len(pieces) and pieces[start].kind == "flags":
        start += 1
    head, body = pieces[:start], pieces[start:]
    while len(body) > 1 and body[1].kind == "repeat" and body[0].kind not in {"open", "quoted"}:
        minimum = _minimum(body[1].text)
        body = body[2:] if minimum == 0 else [*_times(body[0], minimum), *body[2:]]
        if minimum:
            break
    while body and body[-1].kind == "repeat" and body[-2].kind not in {"close", "quoted"}:
        minimum = _minimum(body[-1].text)
        body = body[:-2] if minimum == 0 else [*body[:-2], *_times(body[-2], minimum)]
        if minimum:
            break
    return head + body


def _has_outer_alternation(pieces: list[Token]) -> bool:
    depth = 0
    for token in pieces:
        depth += (token.kind == "open") - (token.kind == "close")
        if token.kind == "or" and depth == 0:
            return True
    return False


def _minimum(repeat: bytes) -> int:
    if repeat[:1] == b"{":
        return int(repeat[1:].split(b"}")[0].split(b",")[0])
    return 1 if repeat[:1] == b"+" else 0


def _times(token: Token, count: int) -> list[Token]:
    return [token] if count == 1 else [token, Token("repeat", b"{%d}" % count)]
