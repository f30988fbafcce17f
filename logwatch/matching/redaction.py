"""Masking the values of keys that look like secrets.

Red Hat's engines 1.9 to 1.13 log whole container configurations with their environment,
and any error text may quote a URL or a command line. What is found:

    Env=[DB_PASSWORD=hunter2 A=b]      "DB_PASSWORD=hunter2"      --password=hunter2   --token x
    {"password":"hunter2"}             password="two words"       map[Password:hunter2]
    https://user:hunter2@registry/     Authorization: Bearer abc  -----BEGIN RSA PRIVATE KEY-----

Most values hold no secret, which a search for three signs shows in a tenth of a microsecond. The
rest costs time in proportion to the length of the text: a key ends where the run of its characters ends, so what
follows is looked at once per run, however many secret words the run has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

MASK = "***"
WORDS = (
    "password", "passwd", "passphrase", "_pwd", "secret", "token", "apikey", "api_key", "api-key",
    "access_key", "access-key", "accesskey", "private_key", "private-key", "privatekey", "credential",
    "authorization", "registry-auth", "registry_auth", "encryption_key",
)  # fmt: skip
"""Parts of a key, in any case, that make its value a secret."""

_URL = re.compile(r"""(?P<before> ://[^/\s:@"']* : ) (?P<value> [^/\s"']+ ) (?=@)""", re.VERBOSE)  # ://user:hunter2@
_PEM = re.compile(
    r"""
    (?P<before> -----BEGIN[ ][A-Z0-9 ]*PRIVATE[ ]KEY----- )
    (?P<value> .*? )
    (?P<after> -----END[ ][A-Z0-9 ]*PRIVATE[ ]KEY----- | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)
_ENVIRONMENT = re.compile(r"""\b Env [=:] \[ (?P<list> [^\]]* )""", re.VERBOSE | re.IGNORECASE)  # Env=[A=b C=d]
_KEY = re.compile(r"[\w.\-]*")
_NEXT_VARIABLE = re.compile(r"\s[A-Za-z_]\w*=")
_SEPARATOR = re.compile(
    r"""
      (?: \\?["'] )? \s? = \s?          # DB_PASSWORD=
    | \\?["'] \s? : \s?                 # "password":
    | : (?=\S)                           # map[Password:x
    | (?P<header> : \s+ )                # Authorization: Bearer x
    """,
    re.VERBOSE,
)
_VALUE = re.compile(
    r"""
      (?:Bearer|Basic) [ ]+ [^\s"',\]})]+
    | \\" (?: (?!\\") . )* (?: \\" )?
    | " (?: \\. | [^"\\] )* "?
    | ' [^']* '?
    | \[ [^\]]* \]?
    | [^\s"',;&\]})\\]+
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_HEADERS = ("password", "passwd", "passphrase", "authorization", "registry-auth")
"""Keys whose value may follow a colon and a blank."""
_LONGEST_HEADER = max(map(len, _HEADERS))
_OTHER_CASES = (("\u017f", "s"), ("i\u0307", "i"), ("\u0131", "i"))
"""What `str.lower` leaves of letters that `re` takes for another case of an ASCII one."""
_CACHE_SIZE = 2048
_CACHED_LENGTH = 200


class Masker:
    """Masks secrets in texts; `words` are the parts of a key that tell one."""

    def __init__(self, words: Iterable[str] = WORDS) -> None:
        words = list(words)
        self._word = re.compile("|".join(re.escape(word) for word in words) or r"(?!)", re.IGNORECASE)
        self._lower = [word.lower() for word in words] if all(map(str.isascii, words)) else None
        self._cache: dict[str, str] = {}

    def is_secret(self, key: str) -> bool:
        """Whether a key's value must not be shown."""
        return self._word.search(key) is not None

    def mask_value(self, key: str, value: str) -> str:
        """Return a key's value with every secret in it replaced: all of it, if the key says that it is one."""
        return MASK if self.is_secret(key) else self.mask(value)

    def mask(self, text: str) -> str:
        """Return the text with every secret in it replaced by `***`."""
        if "=" not in text and ":" not in text and "--" not in text:
            return text
        if len(text) > _CACHED_LENGTH:
            return self._search(text)
        masked = self._cache.get(text)
        if masked is None:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            masked = self._cache[text] = self._search(text)
        return masked

    def _search(self, text: str) -> str:
        if "://" in text:
            text = _URL.sub(rf"\g<before>{MASK}", text)
        if "PRIVATE KEY" in text:
            text = _PEM.sub(rf"\g<before>{MASK}\g<after>", text)
        if not self._has_word(text):
            return text
        text = _ENVIRONMENT.sub(self._mask_environment, text)
        return _replaced(text, self._pairs(text))

    def _has_word(self, text: str) -> bool:
        """Whether there is a part of a secret's key. Substrings are found ten times sooner than alternatives of any case."""
        if self._lower is None:
            return self._word.search(text) is not None
        lower = text.lower()
        if not text.isascii():
            for left, letter in _OTHER_CASES:
                lower = lower.replace(left, letter)
        return any(word in lower for word in self._lower)

    def _pairs(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where each secret value begins and ends, and what to write instead."""
        before = 0
        while (word := self._word.search(text, before)) is not None:
            end = _end_of_key(text, word.end())
            value = _value_after(text, before, end)
            if value is None and text.startswith(" ", end) and self._is_flag(text, before, word.start(), end):
                value = _VALUE.match(text, end + 1)  # --token x
            if value is None:
                before = end
                continue
            yield value.start(), value.end(), _masked(value[0])
            before = value.end()

    def _is_flag(self, text: str, before: int, word: int, end: int) -> bool:
        """Whether the key around a word has a secret word after two dashes."""
        dashes = text.rfind("--", before, word)
        if dashes >= 0 and _KEY.fullmatch(text, dashes, word) is not None:
            return True
        dashes = text.find("--", word, end)
        return dashes >= 0 and self._word.search(text, dashes + 2, end) is not None

    def _mask_environment(self, match: re.Match[str]) -> str:
        start, end = match.start("list") - match.start(), match.end("list") - match.start()
        whole = match.group()
        listed = whole[start:end]
        return whole[:start] + _replaced(listed, self._variables(listed)) + whole[end:]

    def _variables(self, listed: str) -> Iterator[tuple[int, int, str]]:
        """As `_pairs` for the variables of a list, whose values may hold blanks."""
        before = 0
        while (word := self._word.search(listed, before)) is not None:
            before = _end_of_key(listed, word.end())
            if listed[before : before + 1] != "=":
                continue
            start = before + 1
            following = _NEXT_VARIABLE.search(listed, start)
            value = listed[start:] if following is None else listed[start : following.start()].rstrip()
            before = start + len(value if following is None else value.removesuffix(","))
            yield start, before, MASK


def _end_of_key(text: str, start: int) -> int:
    key = _KEY.match(text, start)
    return start if key is None else key.end()


def _value_after(text: str, before: int, end: int) -> re.Match[str] | None:
    """The value of the key that ends at `end`, if one follows; nothing before `before` is the key's."""
    separator = _SEPARATOR.match(text, end)
    if separator is None:
        return None
    if separator["header"] is not None and not text[max(before, end - _LONGEST_HEADER) : end].lower().endswith(
        _HEADERS
    ):
        return None
    return _VALUE.match(text, separator.end())


def _masked(value: str) -> str:
    """Keep the quotes around a value, so that what holds it can still be read."""
    quote = next((quote for quote in ('\\"', '"', "'") if value.startswith(quote)), "")
    closing = quote if quote and len(value) > len(quote) and value.endswith(quote) else ""
    return f"{quote}{MASK}{closing}"


def _replaced(text: str, places: Iterable[tuple[int, int, str]]) -> str:
    """The text with other texts at some places, which come in order."""
    parts, end = [], 0
    for start, stop, instead in places:
        parts += [text[end:start], instead]
        end = stop
    return "".join([*parts, text[end:]])
