"""What a drafted event and its rule are called, told by the words of the lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from logwatch.authoring.grouping import Group, pieces

TYPES = {
    "container": ("container", "containers", "exec", "healthcheck"),
    "image": ("image", "images", "manifest", "pull", "pulling", "push"),
    "network": ("network", "networks", "endpoint", "bridge", "iptables", "sandbox", "dns", "resolver", "ipam"),
    "volume": ("volume", "volumes"),
    "storage": ("layer", "layers", "overlay", "overlay2", "aufs", "devmapper", "graphdriver", "btrfs", "zfs"),
    "registry": ("registry", "mirror"),
    "security": ("tls", "certificate", "selinux", "apparmor", "seccomp"),
    "swarm": ("swarm", "raft", "node", "manager", "agent"),
    "plugin": ("plugin", "plugins"),
    "api": ("handler", "request", "http"),
}
"""Type of an event to the words that speak of it, the more telling ones first."""
FAMILY_TYPES = {"engine": "daemon", "containerd": "containerd", "kernel": "kernel"}
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "has",
        "have",
        "in",
        "is",
        "it",
        "its",
        "no",
        "not",
        "of",
        "on",
        "or",
        "that",
        "the",
        "this",
        "to",
        "was",
        "with",
    ]
)
MOST_WORDS = 4
LONGEST_WORD = 40
"""What is longer is no word, but what somebody wrote into the log."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]+")


class Naming(NamedTuple):
    """An event's type, and the words its action and the rule's name are made of."""

    type: str
    words: Sequence[str]


def naming_of(group: Group) -> Naming:
    """The type of a group's event, told by what its lines speak of, and the words that are left."""
    words = [
        word.lower() for piece in pieces(group.template) for word in _WORD.findall(piece) if len(word) <= LONGEST_WORD
    ]
    spoken = (name for name, telling in TYPES.items() if not set(telling).isdisjoint(words))
    first = next(spoken, None) if group.family in {"engine", "containerd"} else None
    kind = first or FAMILY_TYPES.get(group.family) or re.sub(r"[^a-z0-9]+", "_", group.family.lower()).strip("_")
    significant = [word for word in words if word not in STOP_WORDS and word != kind]
    return Naming(kind if kind[:1].isalpha() else "log", significant or ["unnamed"])


def unused_name(naming: Naming, taken: set[str]) -> str:
    """A name that no other draft has: more words, or else a number."""
    more = [
        "-".join(naming.words[:count]) for count in range(min(MOST_WORDS, len(naming.words)), len(naming.words) + 1)
    ]
    short = more[0]
    numbered = (f"{short}-{number}" for number in range(2, len(taken) + 3))
    name = next(name for name in [*more[:3], *numbered] if name not in taken)
    taken.add(name)
    return name
