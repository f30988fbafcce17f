"""Masking the values of keys that look like secrets.

Red Hat's engines 1.9 to 1.13 log whole container configurations with their environment,
and any error text may quote a URL or a command line. What is found:

    Env=[DB_PASSWORD=hunter2 A=b]      "DB_PASSWORD=hunter2"      --password=hunter2   --token x
    {"password":"hunter2"}             password="two words"       map[Password:hunter2]
    https://user:hunter2@registry/     Authorization: Bearer abc  -----BEGIN RSA PRIVATE KEY-----

Most values hold no secret, and are told so by a glance: it costs a tenth of a microsecond.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

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
_CACHE_SIZE = 2048
_CACHED_LENGTH = 200


class Masker:
    """Masks secrets in texts; `words` are the parts of a key that tell one."""

    def __init__(self, words: Iterable[str] = WORDS) -> None:
        either = "|".join(re.escape(word) for word in words) or r"(?!)"
        key = rf"[\w.\-]*(?:{either})[\w.\-]*"
        self._word = re.compile(either, re.IGNORECASE)
        self._environment = re.compile(
            rf"(?P<before>{key}=)(?P<value>.*?)(?=,?\s+[A-Za-z_]\w*=|\Z)", re.IGNORECASE | re.DOTALL
        )
        self._pair = re.compile(
            rf"""
            (?P<before>
                {key} (?: \\?["'] )? \s? = \s?                        # DB_PASSWORD=
              | {key} \\?["'] \s? : \s?                               # "password":
              | {key} : (?=\S)                                        # map[Password:x
              | (?: password | passwd | passphrase | authorization | registry-auth ) : \s+   # Authorization: Bearer x
              | --{key} [ ]                                           # --token x
            )
            (?P<value>
                (?:Bearer|Basic) [ ]+ [^\s"',\]}})]+
              | \\" (?: (?!\\") . )* (?: \\" )?
              | " (?: \\. | [^"\\] )* "?
              | ' [^']* '?
              | \[ [^\]]* \]?
              | [^\s"',;&\]}})\\]+
            )
            """,
            re.VERBOSE | re.IGNORECASE | re.DOTALL,
        )
        self._cache: dict[str, str] = {}

    def is_secret(self, key: str) -> bool:
        """Whether a key's value must not be shown."""
        return self._word.search(key) is not None

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
        if self._word.search(text) is None:
            return text
        text = _ENVIRONMENT.sub(self._mask_environment, text)
        return self._pair.sub(_mask_value, text)

    def _mask_environment(self, match: re.Match[str]) -> str:
        start, end = match.start("list") - match.start(), match.end("list") - match.start()
        whole = match.group()
        return whole[:start] + self._environment.sub(rf"\g<before>{MASK}", whole[start:end]) + whole[end:]


def _mask_value(match: re.Match[str]) -> str:
    """Keep the quotes around a value, so that what holds it can still be read."""
    value = match["value"]
    quote = next((quote for quote in ('\\"', '"', "'") if value.startswith(quote)), "")
    closing = quote if quote and len(value) > len(quote) and value.endswith(quote) else ""
    return f"{match['before']}{quote}{MASK}{closing}"
