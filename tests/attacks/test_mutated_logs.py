"""Logs whose bytes were changed at random, read by the command itself: it ends well, and what stands behind them is read."""

import lzma
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from commandline import spawn

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"
LINES = 20_000
LAST = (
    b"\n2026-11-29T23:59:58.000000+00:00 vm docker-events[7]: "
    b'{"Type":"container","Action":"die","Actor":{"ID":"'
    + b"5e"
    * 32
    + b'","Attributes":{"name":"last","exitCode":"3"}},'
    b'"timeNano":1795996798000000000}\n'
)


def cut(chance: random.Random, line: bytes, other: bytes) -> bytes:
    """The head of one line and the tail of another."""
    return line[: chance.randint(0, len(line))] + other[chance.randint(0, len(other)) :]


def flip(chance: random.Random, line: bytes, _: bytes) -> bytes:
    """Some bytes are others."""
    changed = bytearray(line)
    for _number in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def lose(chance: random.Random, line: bytes, _: bytes) -> bytes:
    """A part is gone."""
    start = chance.randrange(len(line))
    return line[:start] + line[start + chance.randint(1, 40) :]


def repeat(chance: random.Random, line: bytes, _: bytes) -> bytes:
    """A part is there many times."""
    start = chance.randrange(len(line))
    part = line[start : start + chance.randint(1, 20)]
    return line[:start] + part * chance.randint(2, 30) + line[start:]


CHANGES: Sequence[Callable[[random.Random, bytes, bytes], bytes]] = (cut, flip, lose, repeat)


@pytest.mark.parametrize("seed", range(2))
def test_a_log_of_mutated_lines_is_read_to_its_end(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    recorded = [
        line
        for path in sorted(RECORDINGS.glob("*/messages.xz"))
        for line in lzma.decompress(path.read_bytes()).splitlines()
        if line
    ]
    log = tmp_path / "messages"
    with log.open("wb") as file:
        for _ in range(LINES):
            file.write(chance.choice(CHANGES)(chance, chance.choice(recorded), chance.choice(recorded)) + b"\n")
        file.write(LAST)

    done = spawn("replay", "--format", "jsonl", str(log))

    assert done.status == 0, done.err
    assert "Traceback" not in done.err
    assert len(done.rows) > 100
    assert any(row.get("name") == "last" and row["event"] == "container.die" for row in done.rows), done.out[-2000:]
