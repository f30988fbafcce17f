"""What `docker events` prints, in any of its forms, as the tree of its newest JSON.

    {"Type": "container", "Action": "die", "Actor": {"ID": "8dd3…", "Attributes": {"name": "web", …}}, "timeNano": …}

- JSON, `--format '{{json .}}'`; before 1.10 without Type and Actor: {"status":"die","id":"8dd3…","from":"nginx","time":…};
- text since 1.10: `2024-06-10T07:30:32.598201377Z container die 8dd3… (exitCode=137, image=nginx, name=web)`;
- text before 1.10: `2015-10-28T05:14:51.000000000-04:00 8dd3…: (from nginx) die`.

See cli/command/system/events.go in docker/cli, and api/client/events.go in moby up to 1.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import cast

from logwatch.formats import escapes, json
from logwatch.formats.rfc3339 import Rfc3339
from logwatch.model import SECOND
from logwatch.notation import LARGEST

STAMP_ROOM = 48
IMAGE_ACTIONS = frozenset({"pull", "push", "tag", "untag", "delete", "import", "load", "save"})

# An action that names a command may hold anything: its object is the last id before a parenthesis.
COMMAND = re.compile(
    r"""
    (?P<type> [a-z]+ ) [ ]
    (?P<action> [a-z_]+ : [ ] )                           # container exec_create: /bin/sh -c "…" 8dd3… (…)
    """,
    re.VERBOSE,
)
OBJECT = re.compile(
    r"""
    [ ] (?P<id> [0-9a-f]{64} )
    (?: [ ] \( | \Z )
    """,
    re.VERBOSE,
)
PLAIN = re.compile(
    r"""
    (?P<type> [a-z]+ ) [ ]
    (?P<action> [a-z_]+ (?: :[ ]\S+ )? ) [ ]              # die, health_status: unhealthy
    (?P<id> \S* )                                         # 8dd3…, sha256:…, busybox:latest, a volume's name; none to prune
    (?: [ ] \( (?P<attributes> .* ) \) )?
    """,
    re.VERBOSE | re.DOTALL,
)
BEFORE_1_10 = re.compile(
    r"""
    (?P<id> \S+ ) : [ ]
    (?: \( from [ ] (?P<image> [^)]* ) \) [ ] )?          # (from centos:7)
    (?P<action> \S.* )
    """,
    re.VERBOSE | re.DOTALL,
)
NEXT_ATTRIBUTE = re.compile(
    r"""
    ,[ ] (?= [^\s,=]+ = )                                 # a value may itself hold ", "
    """,
    re.VERBOSE,
)
CONTAINER_ID = re.compile(r"[0-9a-f]{64}")


def parse(message: bytes) -> json.Tree | None:
    """The tree of one event, or None where the message is none of its forms."""
    if message.lstrip()[:1] == b"{":
        tree = json.parse(message)
        return None if tree is None else _completed(tree)
    stamp, _, rest = message[:STAMP_ROOM].partition(b" ")
    moment = Rfc3339().read(stamp)
    if moment is None or not rest:
        return None
    text = escapes.undo(message[len(stamp) + 1 :]).decode(errors="replace")
    return _from_text(text.rstrip(), moment)


def _from_text(text: str, time_ns: int) -> json.Tree | None:
    command = _command(text, time_ns)
    if command is not None:
        return command
    match = PLAIN.fullmatch(text)
    if match is not None:
        return _tree(match["type"], match["action"], match["id"], _attributes(match["attributes"]), time_ns)
    old = BEFORE_1_10.fullmatch(text)
    if old is None:
        return None
    image = {"image": old["image"]} if old["image"] else {}
    return _tree(_old_type(old["action"], old["id"]), old["action"], old["id"], image, time_ns)


def _command(text: str, time_ns: int) -> json.Tree | None:
    match = COMMAND.match(text)
    found = list(OBJECT.finditer(text, match.end() - 1)) if match is not None else []
    if match is None or not found:
        return None
    action = text[match.start("action") : found[-1].start()]
    return _tree(match["type"], action, found[-1]["id"], _attributes(text[found[-1].end() : -1]), time_ns)


def _attributes(text: str | None) -> dict[str, str]:
    pairs = (part.partition("=") for part in NEXT_ATTRIBUTE.split(text or ""))
    return {key: value for key, equals, value in pairs if equals}


def _completed(tree: json.Tree) -> json.Tree | None:
    """Bring a JSON event of any engine into the newest form."""
    action = tree.get("Action") or tree.get("status")
    if not isinstance(action, str):
        return None
    actor = tree.get("Actor")
    parts = cast("Mapping[str, object]", actor) if isinstance(actor, Mapping) else {}
    object_id = _first_text((parts.get("ID"), tree.get("id")))
    kind = tree.get("Type")
    given = parts.get("Attributes")
    attributes = {key: json.as_text(value) or "" for key, value in given.items()} if isinstance(given, Mapping) else {}
    image = tree.get("from")
    if isinstance(image, str) and image and not parts:
        attributes["image"] = image
    completed = _tree(
        kind if isinstance(kind, str) and kind else _old_type(action, object_id),
        action,
        object_id,
        attributes,
        _time_ns(tree),
    )
    return {**tree, **completed}


def _tree(kind: str, action: str, object_id: str, attributes: Mapping[str, str], time_ns: int | None) -> json.Tree:
    tree: dict[str, object] = {
        "Type": kind,
        "Action": action,
        "Actor": {"ID": object_id, "Attributes": attributes},
    }
    return tree if time_ns is None else {**tree, "time": time_ns // SECOND, "timeNano": time_ns}


def _time_ns(tree: json.Tree) -> int | None:
    nano, seconds = tree.get("timeNano"), tree.get("time")
    if type(nano) is int and nano:
        return nano
    return seconds * SECOND if type(seconds) is int and abs(seconds) <= LARGEST // SECOND else None


def _first_text(candidates: Iterable[object]) -> str:
    return next((text for text in candidates if isinstance(text, str) and text), "")


def _old_type(action: str, object_id: str) -> str:
    """Engines before 1.10 tell containers and images only; a `delete` or `import` is an image's."""
    if CONTAINER_ID.fullmatch(object_id):
        return "container"
    return "image" if action in IMAGE_ACTIONS else "container"
