"""Mutes over HTTP, only with --web.enable-lifecycle: what `logwatch mute` and `unmute` write."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers

from logwatch.model import LABEL_NAME, SECOND, Mute
from logwatch.notation import duration, nanoseconds, rfc3339
from logwatch.web.answers import SHOWN, BadQueryError
from logwatch.web.api import LONGEST_TEXT
from logwatch.web.view import View

LONGEST_BODY = 8192
OTHER_FIELDS = frozenset({"for", "reason", "back"})
"""Fields of a form that are no labels."""


def fields(body: bytes) -> dict[str, str]:
    """Read a form; raises BadQueryError."""
    if len(body) > LONGEST_BODY:
        raise BadQueryError(f"the form is longer than {LONGEST_BODY} bytes")
    try:
        found = dict(parse_qsl(body.decode(), max_num_fields=50, strict_parsing=True))
    except ValueError as error:
        raise BadQueryError("give fields as a form does: name=web&for=30m&reason=…") from error
    if any(len(text) > LONGEST_TEXT for text in found.values()):
        raise BadQueryError(f"a field is longer than {LONGEST_TEXT} characters")
    return found


def is_foreign(headers: Headers) -> bool:
    """Whether a page of somebody else made the browser send this request."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:  # browsers then hide the origin, as our pages ask for (Referrer-Policy)
        return site not in ("same-origin", "none")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def mute_from(form: Mapping[str, str], by: str, now_ns: int) -> Mute:
    """Return the mute that a form asks for: `for`, `reason`, and labels, `all=yes` for all alerts; raises BadQueryError."""
    match = {name: value for name, value in form.items() if name not in OTHER_FIELDS and name != "all" and value}
    if not match and form.get("all") != "yes":
        raise BadQueryError("nothing to mute: give a label, such as name=web, or all=yes")
    wrong = next((name for name in match if not LABEL_NAME.fullmatch(name)), None)
    if wrong is not None:
        raise BadQueryError(f"{wrong[:SHOWN]!r} is not a label name: letters, digits and underscores")
    text = form.get("for", "")
    try:
        length_ns = nanoseconds(duration(text)) if text else 0
    except ValueError as error:
        raise BadQueryError(f"for {str(error)[: SHOWN * 3]}") from error
    if not length_ns:
        raise BadQueryError("for is missing: give how long, such as for=30m")
    stamp = rfc3339(now_ns, 0).replace("-", "").replace(":", "")
    since_ns = now_ns // SECOND * SECOND
    return Mute(f"{stamp}-{secrets.token_hex(2)}", match, since_ns, now_ns + length_ns, form.get("reason", ""), by)


def user(headers: Headers) -> str:
    """Return who asks, by the name of basic authentication, which was checked before; else that it was the page."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "page"
    try:
        return base64.b64decode(encoded).decode(errors="replace").partition(":")[0] or "page"
    except (binascii.Error, ValueError):
        return "page"


def end(view: View, mute_id: str) -> bool:
    """End a mute; false if there is none with this id. Raises OSError."""
    if all(mute.id != mute_id for mute in view.muting().mutes):
        return False
    try:
        view.unmute(mute_id)
    except FileNotFoundError:
        return False
    return True
