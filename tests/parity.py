"""Hold what logwatch reads out of a recording against the engine's own account.

The engine's account is `docker events`, recorded beside the log. Events pair when they
are of one kind, about one object and at most `TOLERANCE` seconds apart.
"""

from __future__ import annotations

import json
import lzma
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

RECORDINGS = Path(__file__).parent / "data" / "recordings"
TOLERANCE = 3.0
SECOND = 1e9
PROBES = ("/bin/sh -c test -f /tmp/ok", "/bin/sh -c sleep 10", "/bin/sh -c false")
"""The commands of health checks in recordings and tests; their execs are health, not events."""


@dataclass(frozen=True)
class Told:
    """One event, of the engine or ours: when, and the names its object goes by."""

    time: float
    objects: frozenset[str]


@dataclass(frozen=True)
class Score:
    """How the two accounts of one kind compare."""

    engine: int
    ours: int
    paired: int

    @property
    def recall(self) -> float:
        return self.paired / self.engine if self.engine else 1.0

    @property
    def precision(self) -> float:
        return self.paired / self.ours if self.ours else 1.0


def unpack(recording: str, name: str) -> bytes:
    return lzma.decompress((RECORDINGS / recording / f"{name}.xz").read_bytes())


def engine_account(lines: Iterable[str]) -> dict[str, list[Told]]:
    """`docker events` by kind; an OOM kill told several times within 100 ms is one, a probe's exec none."""
    account: dict[str, list[Told]] = defaultdict(list)
    probes = set()
    for line in lines:
        event = json.loads(line)
        exec_id = (event["Actor"].get("Attributes") or {}).get("execID")
        if event["Action"].partition(": ")[2] in PROBES:
            probes.add(exec_id)
        if exec_id in probes and exec_id:
            continue
        kind = f"{event['Type']}.{event['Action'].split(':')[0]}"
        name = (event["Actor"].get("Attributes") or {}).get("name", "")
        told = Told(event["timeNano"] / SECOND, frozenset({event["Actor"]["ID"], name} - {""}))
        if kind != "container.oom" or not any(_same(told, other, 0.1) for other in account[kind]):
            account[kind].append(told)
    return account


def our_account(lines: Iterable[str]) -> dict[str, list[Told]]:
    """Events as `--format jsonl` prints them, by kind."""
    from datetime import datetime

    account: dict[str, list[Told]] = defaultdict(list)
    for line in lines:
        event = json.loads(line)
        whole, fraction = event["time"].rstrip("Z").split(".")
        time = datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction}")
        account[event["event"]].append(Told(time, frozenset({event["id"] or "", event["name"] or ""} - {""})))
    return account


def without_probes(lines: Iterable[str]) -> list[str]:
    """Leave out the execs of health checks."""
    events = [json.loads(line) for line in lines]
    probes = {each["attributes"].get("exec_id") for each in events if each["attributes"].get("command") in PROBES}
    return [json.dumps(each) for each in events if each["attributes"].get("exec_id", "") not in probes]


def compare(
    engine: dict[str, list[Told]], ours: dict[str, list[Told]], deaf: Iterable[tuple[float, float]] = ()
) -> dict[str, Score]:
    """Score every kind the engine told; what we saw while its account was deaf is left out."""
    spans = tuple(deaf)
    scores = {}
    for kind, wanted in engine.items():
        left = sorted(ours.get(kind, []), key=lambda told: told.time)
        pairs = _pairs(sorted(wanted, key=lambda told: told.time), left)
        left = [told for number, told in enumerate(left) if number not in pairs]
        unheard = sum(any(start <= told.time <= end for start, end in spans) for told in left)
        scores[kind] = Score(len(wanted), len(pairs) + len(left) - unheard, len(pairs))
    return scores


def deaf_spans(recording: str) -> Iterator[tuple[float, float]]:
    """When nobody listened to the engine: its daemon was down, or just back."""
    for line in (RECORDINGS / recording / "marks.jsonl").read_text().splitlines():
        mark = json.loads(line)
        if mark.get("deaf"):
            yield mark["start"] - 1, mark["end"] + 1


def _pairs(wanted: list[Told], ours: list[Told]) -> dict[int, int]:
    """As many pairs as there can be, the nearest first: number of ours to number of the engine's.

    Pairing each with its nearest alone takes, in a crash loop, one that another needs (Kuhn's augmenting paths).
    """
    pairs: dict[int, int] = {}

    def found(number: int, tried: set[int]) -> bool:
        for other in _nearest(wanted[number], ours):
            if other not in tried:
                tried.add(other)
                if other not in pairs or found(pairs[other], tried):
                    pairs[other] = number
                    return True
        return False

    for number in range(len(wanted)):
        found(number, set())
    return pairs


def _nearest(told: Told, candidates: list[Told]) -> list[int]:
    """Numbers of those that may be the same event."""
    fitting = [
        (not other.objects, abs(other.time - told.time), number)
        for number, other in enumerate(candidates)
        if abs(other.time - told.time) <= TOLERANCE and (not other.objects or _same(told, other, TOLERANCE))
    ]
    return [number for *_, number in sorted(fitting)]


def _same(one: Told, other: Told, seconds: float) -> bool:
    return abs(one.time - other.time) <= seconds and any(_alike(a, b) for a in one.objects for b in other.objects)


def _alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return short == long or (len(short) >= 12 and long.startswith(short))
