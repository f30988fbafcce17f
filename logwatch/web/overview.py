"""The first page: which containers are chosen, in which groups, and the sentence above them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from logwatch.model import HEX, SHORT_ID
from logwatch.notation import counted
from logwatch.web.address import Address
from logwatch.web.containers import ContainerStatus
from logwatch.web.trouble import Trouble

SHOWN = 200
"""So many containers are drawn unless the address says `all`: those in trouble come first."""
NAMED = 3
"""So many containers in trouble are named in the sentence."""
CHIPS = 12
"""So many projects have a filter of their own."""
RANK = {"restarting": 0, "dead": 1, "unknown": 3, "paused": 4, "running": 5, "created": 6, "exited": 7, "removing": 8}
"""What an operator looks at first; exited with a code other than 0 comes second."""
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that one click chooses."""

    title: str
    count: int
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Containers of one compose project; the name is empty for those of none."""

    project: str
    containers: Sequence[ContainerStatus]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.containers)


@dataclass(frozen=True, slots=True)
class Listing:
    """The containers that an address chooses."""

    groups: Sequence[Group]
    total: int
    """How many are chosen, also those that are not drawn."""
    chips: Sequence[Chip]
    removed: Sequence[ContainerStatus]

    @property
    def drawn(self) -> list[ContainerStatus]:
        """All that are drawn, removed ones included."""
        return [*(each for group in self.groups for each in group.containers), *self.removed]


def _rank(status: ContainerStatus) -> int:
    if status.health == "unhealthy":
        return 0
    if status.state == "exited" and status.exit_code:
        return 2
    return RANK.get(status.state, 9)


ORDERS: Mapping[str, Callable[[ContainerStatus], object]] = {
    "name": lambda each: each.name,
    "state": lambda each: (each.state, each.name),
    "image": lambda each: (each.image, each.name),
    "ends": lambda each: -each.events.get("die", 0),
    "oom": lambda each: -each.events.get("oom", 0),
    "since": lambda each: -each.since,
}
"""By which containers can be sorted, other than by trouble and project."""


def listing(known: Sequence[ContainerStatus], troubles: Iterable[Trouble], address: Address) -> Listing:
    """Choose containers by the address, and put them in order: what is in trouble first."""
    worst = {
        (each.host, each.subject): (not each.bad, place) for place, each in enumerate(troubles) if each.is_container
    }
    present = [each for each in known if each.state]
    chosen = [each for each in present if _is_chosen(each, address, worst)]
    best = (True, len(worst))

    def urgency(each: ContainerStatus) -> tuple[object, ...]:
        return worst.get((each.host, each.name), best), _rank(each), each.host, each.name

    order = ORDERS.get(address["sort"])
    drawn = sorted(chosen, key=order or urgency)[: None if address["all"] else SHOWN]  # type: ignore[arg-type] # all keys of one order can be compared
    removed = [each for each in known if not each.state and _is_found(each, address["q"])]
    return Listing(
        [Group("", drawn)] if order else _groups(drawn),
        len(chosen),
        _chips(present, worst, address),
        [] if address["state"] or address["project"] else removed[:SHOWN],
    )


def _is_chosen(status: ContainerStatus, address: Address, worst: Mapping[Key, object]) -> bool:
    state = address["state"]
    return (
        _is_found(status, address["q"])
        and (
            not state
            or (state == "trouble" and (status.host, status.name) in worst)
            or state in (status.state, status.health)
        )
        and address["project"] in ("", status.project)
        and address["image"] in status.image
    )


def _is_found(status: ContainerStatus, text: str) -> bool:
    words = text.lower().split()
    where = f"{status.name} {status.image} {status.project} {status.service} {status.host} {status.id}".lower()
    return all(word in where for word in words)


def _groups(drawn: Sequence[ContainerStatus]) -> list[Group]:
    """By project, in the order of the first container of each; those without a project are the last."""
    by_project: dict[str, list[ContainerStatus]] = {}
    for each in drawn:
        by_project.setdefault(each.project, []).append(each)
    single = by_project.pop("", [])
    return [*(Group(project, own) for project, own in by_project.items()), *([Group("", single)] if single else [])]


def _chips(present: Sequence[ContainerStatus], worst: Mapping[Key, object], address: Address) -> list[Chip]:
    states = Counter(each.state for each in present)
    states.update(each.health for each in present if each.health == "unhealthy")
    projects = Counter(each.project for each in present if each.project)
    chosen = (address["state"], address["project"])
    chips = [Chip("All", len(present), address.but(state=None, project=None), chosen == ("", ""))]
    if worst:
        chips.append(Chip("In trouble", len(worst), address.but(state="trouble", project=None), chosen[0] == "trouble"))
    for state, number in sorted(states.items(), key=lambda item: RANK.get(item[0], 0)):
        chips.append(Chip(state.capitalize(), number, address.but(state=state, project=None), chosen[0] == state))
    for project, number in projects.most_common(CHIPS):
        chips.append(Chip(project, number, address.but(project=project, state=None), chosen[1] == project))
    return chips


@dataclass(frozen=True, slots=True)
class Headline:
    """The sentence at the top: what is emphasised, what follows, and who is named."""

    strong: str
    rest: str
    named: Sequence[Trouble] = ()
    more: int = 0
    bad: bool = False


def headline(known: Iterable[ContainerStatus], troubles: Iterable[Trouble], hosts: Sequence[str]) -> Headline:
    """Say in one sentence how the host is."""
    total = sum(bool(each.state) for each in known)
    heeded = [each for each in troubles if not each.muted]
    own = [each for each in heeded if each.is_container]
    where = f" on {hosts[0]}" if len(hosts) == 1 else f" on {len(hosts)} hosts" if hosts else ""
    if own:
        verb = "is" if len(own) == 1 else "are"
        strong = f"{len(own)} of {counted(total, 'container')} {verb} in trouble"
        return Headline(strong, where, own[:NAMED], len(own) - NAMED, bad=any(each.bad for each in own))
    well = f"All {counted(total, 'container')}" if total > 1 else "The only container" if total else "No container"
    verb = "are well" if total > 1 else "is well" if total else "is known yet"
    if heeded:
        number = sum(len(each.alerts) for each in heeded)
        what = f"{counted(number, 'alert')} {'needs' if number == 1 else 'need'} a look"
        return Headline(what, f"{where}: ", heeded[:NAMED], len(heeded) - NAMED, bad=any(each.bad for each in heeded))
    return Headline(f"{well} {verb}", where)


def label(status: ContainerStatus) -> str:
    """Return how the state of a container is called, with its health."""
    return status.health if status.health == "unhealthy" and status.state == "running" else status.state or "removed"


def short_id(value: str) -> str:
    """Return the beginning of an id, and any other value as it is."""
    bare = value.removeprefix("sha256:")
    return bare[:SHORT_ID] if len(bare) == 64 and HEX.issuperset(bare) else value
