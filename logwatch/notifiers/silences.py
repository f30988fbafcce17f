"""Mutes as silences of an Alertmanager: it may have alerts that were sent before they were muted.

A thread per Alertmanager compares the silences that logwatch made there with the mutes that are in force, makes those
that are missing and expires those whose mute was ended. A silence names its mute in its comment, so nothing is
stored here, and a restart goes on with what is there.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from logwatch.errors import NotifyError
from logwatch.model import SECOND, Mute
from logwatch.notation import rfc3339
from logwatch.notifiers.http import Client

CREATOR = "logwatch"
NAMED = re.compile(r"\(logwatch mute (?P<id>[^()]+)\)\Z")
"""The end of the comment of a silence that logwatch made."""
RETRY = 10.0
"""Seconds from a failure to the next try."""
LONGEST = 1 << 22
"""Bytes of the list of silences that are read; expired ones stay in it for five days."""
FOREVER_NS = 365 * 86_400 * SECOND
"""How long the silence of a mute without an end lasts."""

log = logging.getLogger("logwatch.notifiers")


class Silences:
    """The silences of one Alertmanager."""

    def __init__(self, client: Client, path_prefix: str, now: Callable[[], int]) -> None:
        prefix = path_prefix.strip("/")
        self._path = f"{f'/{prefix}' if prefix else ''}/api/v2/silence"
        self.name = client.origin
        self._client = client
        self._now = now
        self._mutes: Sequence[Mute] | None = None
        """None until they are known: what is silenced stays silenced until then."""
        self._changed = threading.Condition()
        self._due = False
        self._closing = self._failing = False
        self._thread = threading.Thread(target=self._run, name=f"logwatch-silences {self.name}", daemon=True)

    def start(self) -> None:
        """Begin to compare."""
        self._thread.start()

    def show(self, mutes: Sequence[Mute]) -> None:
        """Take these mutes as those in force; windows of the configuration, which an Alertmanager has too, are none."""
        wanted = [mute for mute in mutes if mute.since_ns]
        with self._changed:
            if wanted != self._mutes:
                self._mutes, self._due = wanted, True
                self._changed.notify()

    def close(self) -> None:
        """End the thread, and abort its request."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._client.close()
        if self._thread.is_alive():
            self._thread.join(1)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due or self._closing, RETRY if self._failing else None)
                if self._closing:
                    return
                mutes, self._due = self._mutes or (), False
            try:
                self.reconcile(mutes)
            except NotifyError as error:
                if not self._failing:
                    log.warning("silences of %s: %s: trying again every %g s", self.name, error, RETRY)
                self._failing = True
            else:
                self._failing = False

    def reconcile(self, mutes: Sequence[Mute]) -> None:
        """Make the silences that these mutes need, and expire the others that logwatch made; raises NotifyError."""
        there = self._made()
        wanted = {mute.id: mute for mute in mutes}
        rejected: NotifyError | None = None
        for mute_id, silence_id in there.items():
            if mute_id not in wanted:
                self._client.delete(f"{self._path}/{silence_id}")
        for mute_id, mute in wanted.items():
            if mute_id in there:
                continue
            try:
                self._client.post(silence(mute, self._now()), f"{self._path}s")
            except NotifyError as error:
                if error.retry:
                    raise
                rejected = error  # one that Alertmanager does not take keeps none of the others back
        if rejected is not None:
            raise rejected

    def _made(self) -> Mapping[str, str]:
        """The mute of each silence that logwatch made and that is not over, with the silence's id."""
        page = self._client.get(f"{self._path}s", LONGEST)
        try:
            listed: list[Mapping[str, Any]] = json.loads(page)
            own = [each for each in listed if each["createdBy"] == CREATOR and each["status"]["state"] != "expired"]
            found = [(NAMED.search(each["comment"]), each["id"]) for each in own]
        except (ValueError, KeyError, TypeError) as error:
            raise NotifyError("the list of silences is not an Alertmanager's", retry=False) from error
        return {named["id"]: str(silence_id) for named, silence_id in found if named is not None}


def silence(mute: Mute, now_ns: int) -> dict[str, object]:
    """Return a mute as POST /api/v2/silences takes it."""
    until_ns = mute.until_ns if mute.until_ns is not None else now_ns + FOREVER_NS
    matchers = [matcher(label, pattern) for label, pattern in sorted(mute.match.items())]
    if not any(pattern.strip("*") for pattern in mute.match.values()):
        # Alertmanager refuses a silence whose matchers all match a label that is absent.
        matchers.append({"name": "alertname", "value": ".+", "isRegex": True, "isEqual": True})
    comment = ": ".join(text for text in (mute.by, mute.reason) if text)
    return {
        "matchers": matchers,
        "startsAt": rfc3339(max(mute.since_ns, now_ns)),
        "endsAt": rfc3339(until_ns),
        "createdBy": CREATOR,
        "comment": f"{comment} (logwatch mute {mute.id})".strip(),
    }


def matcher(label: str, pattern: str) -> dict[str, object]:
    """Return a pattern with `*`, `?` and `[…]` as a matcher; its regex is one of RE2."""
    if not re.search(r"[*?[]", pattern):
        return {"name": label, "value": pattern, "isRegex": False, "isEqual": True}
    parts = re.split(r"(\*|\?|\[!?[^]]+\])", pattern)
    known = {"*": ".*", "?": "."}
    written = [
        known.get(part) or (part.replace("[!", "[^", 1) if place % 2 else re.escape(part))
        for place, part in enumerate(parts)
    ]
    return {"name": label, "value": "".join(written), "isRegex": True, "isEqual": True}
