"""Bytes that are nearly what logwatch reads: recorded lines, and files and requests of its own, mutated by a seed.

One mutation is a small step that random bytes would not find: a number at its limit, a token of a format where none
belongs, a part twice or half of it gone, the head of one text and the tail of another.
"""

from __future__ import annotations

import lzma
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from logwatch.rulefiles import load

DATA = Path(__file__).parents[1] / "tests" / "data"
RULES = Path(__file__).parents[1] / "rules"
LONGEST = 64_000
"""Bytes of a mutated text: as much as a line may have."""
TOKENS = (
    *(b"\x00", b"\xff\xfe", b"\r", b"\t", b"\x1b[31m", b"\xc2\x9b", b"\xe2\x80\xae", b"\xed\xa0\x80", b"\\ud800", b"#012", b"#303", b"\\"),
    *(b'"', b"'", b"[", b"]", b"{", b"}", b"(", b")", b"<", b">", b"=", b":", b",", b" ", b"  ", b"/", b"%", b"%s", b"{{", b"}}", b"$"),
    *(b"dockerd[1]: ", b"docker-events: ", b"kernel: ", b"sh[3]: ", b"containerd[2]: ", b"systemd[1]: ", b"<30>1 ", b" - - - "),
    *(b'time="2026-11-23T18:13:01.1Z" ', b"level=fatal ", b'msg="', b"container=", b'error="', b"id=", b"Handler for POST /v1.41/"),
    *(b"message repeated 10000 times: [ ", b"last message repeated 99999 times", b"token=", b"password", b"Bearer ", b"-----BEGIN "),
    *(b'"Type":"container",', b'"Action":"die",', b'"Attributes":{', b'"exitCode":"', b'"timeNano":', b"null", b"true", b"[[[[", b"&a *a"),
    *(b"HTTP/1.1\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 9\r\n", b"\r\n\r\n", b"../", b"%2e%2e/", b"?since="),
)  # fmt: skip
NUMBERS = (
    *(b"0", b"-1", b"1e309", b"NaN", b"0x", b"9223372036854775808", b"-9223372036854775809", b"4294967296", b"9" * 400),
    *(b"0000", b"1e-400", b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00Z", b"2026-02-30", b"24:60:61", b"Feb 29 "),
)


def mutated(chance: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    """Return the text after one to four mutations."""
    for _ in range(chance.randint(1, 4)):
        text = STEPS[chance.randrange(len(STEPS))](chance, text, others)
    return text[:LONGEST]


def _span(chance: random.Random, text: bytes) -> tuple[int, int]:
    start = chance.randint(0, len(text))
    return start, min(len(text), start + chance.choice((1, 2, 8, 30, 200)))


def _insert(chance: random.Random, text: bytes, _others: Sequence[bytes]) -> bytes:
    place = chance.randint(0, len(text))
    return text[:place] + chance.choice(TOKENS) + text[place:]


def _replace(chance: random.Random, text: bytes, _others: Sequence[bytes]) -> bytes:
    start, end = _span(chance, text)
    return text[:start] + chance.randbytes(end - start) + text[end:]


def _delete(chance: random.Random, text: bytes, _others: Sequence[bytes]) -> bytes:
    start, end = _span(chance, text)
    return text[:start] + text[end:]


def _repeat(chance: random.Random, text: bytes, _others: Sequence[bytes]) -> bytes:
    start, end = _span(chance, text)
    return text[:start] + text[start:end] * chance.choice((2, 3, 20, 300)) + text[end:]


def _cross(chance: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    return text[: chance.randint(0, len(text))] + other[chance.randint(0, len(other)) :]


def _number(chance: random.Random, text: bytes, _others: Sequence[bytes]) -> bytes:
    places = [index for index, byte in enumerate(text[:2_000]) if 48 <= byte <= 57]
    if not places:
        return text
    start = end = chance.choice(places)
    while end < len(text) and 48 <= text[end] <= 57:
        end += 1
    return text[:start] + chance.choice(NUMBERS) + text[end:]


def _flip(chance: random.Random, text: bytes, _others: Sequence[bytes]) -> bytes:
    if not text:
        return text
    place = chance.randrange(len(text))
    return text[:place] + bytes([text[place] ^ 1 << chance.randrange(8)]) + text[place + 1 :]


STEPS = (_insert, _insert, _replace, _delete, _repeat, _cross, _number, _flip)


def lines() -> list[bytes]:
    """Return recorded lines of engines, and those of the shipped rules' examples and near misses."""
    recorded = {
        line
        for path in sorted((DATA / "recordings").glob("*/messages.xz"))
        for line in lzma.decompress(path.read_bytes()).split(b"\n")
    }
    examples = {example.line.encode() for rule in load([]).rules for example in rule.examples}
    return sorted(recorded | examples)


def rule_files() -> list[bytes]:
    """Return the shipped rules, group by group, so that one file is read in milliseconds."""
    return [path.read_bytes()[:6_000] for path in sorted(RULES.glob("*/*.yml"))]


REQUESTS = tuple(
    f"{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode()
    for method in ("GET", "HEAD", "POST")
    for path in (
        "/", "/metrics", "/-/healthy", "/-/reload", "/api/v1/events?since=1h&name=web&limit=3", "/api/v1/containers",
        "/api/v1/query?query=sum(docker_events_total)&time=1", "/api/v1/query_range?query=up&start=1&end=9&step=1",
        "/api/v1/series?match[]=up", "/containers/web", "/static/x",
    )
)  # fmt: skip
CONTAINER = (
    b'{"StreamConfig":{},"State":{"Running":false,"Paused":false,"Restarting":false,"OOMKilled":true,"RemovalInProgress":false,'
    b'"Dead":false,"Pid":0,"ExitCode":137,"Error":"","StartedAt":"2026-11-23T18:12:57.728700494Z","FinishedAt":'
    b'"2026-11-23T18:13:57.728700494Z","Health":{"Status":"unhealthy","FailingStreak":3,"Log":[{"Start":'
    b'"2026-11-23T18:12:58Z","End":"2026-11-23T18:12:59Z","ExitCode":1,"Output":"no"}]}},"ID":"%s","Created":'
    b'"2026-11-23T18:12:56Z","Managed":false,"Path":"sh","Args":["-c","true"],"Config":{"Hostname":"web","Image":"busybox",'
    b'"Labels":{"com.docker.compose.project":"shop"},"Healthcheck":{"Test":["CMD","true"]}},"Image":"sha256:0","Name":"/web",'
    b'"Driver":"overlay2","RestartCount":2,"LogPath":"/x","MountPoints":{}}' % (b"8d" * 32)
)


def stream(seed: int, originals: Sequence[bytes]) -> Iterator[bytes]:
    """Yield mutations without an end; the same seed and originals give the same."""
    chance = random.Random(seed)
    while True:
        yield mutated(chance, chance.choice(originals), originals)
