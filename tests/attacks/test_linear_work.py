"""Whatever a line holds, reading it costs time in proportion to its length.

Each reader gets texts made of one piece over and over, as a regex that backtracks finds them hard; eight times the
text may cost about eight times the work. What is quadratic takes sixty-four times, what is cubic does not end.
"""

import time
from collections.abc import Callable
from functools import partial

import pytest

from logwatch.formats import docker_events, escapes, json, logfmt, logrus
from logwatch.formats.line_parser import LineReader
from logwatch.formats.repeated_message import folded
from logwatch.matching.docker_lines import DaemonLineCounter, header_of
from logwatch.matching.extractor import looks_like_engine
from logwatch.matching.redaction import Masker
from logwatch.model import Chunk
from logwatch.promql.vector_functions import GO_FLOAT
from logwatch.sources.engine import EngineSource

SMALL, LARGE = 8_000, 64_000
TIMES_MORE = 24
"""What LARGE may cost of SMALL: a linear reader takes 8, a quadratic one 64."""
MEASURABLE = 0.002
"""Seconds below which a ratio says nothing."""

PIECES = [
    *("token", "token ", "tokentoken--", "passwordtoken", "--token ", "authorization: ", "_pwd='", 'api-key\\"'),
    *(
        "Env=[",
        "Env=[token=",
        "Env=[token= ",
        "a=",
        'a="',
        "a=[ ",
        'k="a"b ',
        '\\"',
        "\\",
        '"',
        "[",
        "] ",
        "{",
        '{"a":',
    ),
    *(
        "://",
        "://a:",
        "://a",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "=",
        ":",
        " ",
        "  x",
        ".",
        "1",
        "1.1",
        ", ",
    ),
    *(
        "#303",
        "#033[",
        "\x1b[",
        "INFO[",
        " sh a b [",
        " docker a b [",
        " docker - - [a] ",
        "balenad",
        " sh: ",
        "level=a ",
    ),
    *("message repeated 9 times: [ ", " (", "a: ", "0" * 64 + " "),
]
HEADS = ["", 'time="2026-11-23T18:12:57Z" level=info msg=', "Nov 23 18:12:57 vm dockerd[1]: ", "INFO[0012] "]


def read(text: str) -> None:
    line = text.encode()
    reader = LineReader(None)
    reader.begin(Chunk(line + b"\n", "log", 0, 0), 0)
    reader.read(line)


def count(text: str) -> None:
    data = text.encode() + b"\n"
    # As the scanner reports them: a place for each text that may be an engine's tag.
    places = list(range(8, len(data), 8))
    DaemonLineCounter().count(data, places)


def header(text: str) -> None:
    header_of(["dockerd", "sh"]).match(text.encode())


READERS: dict[str, Callable[[str], object]] = {
    "redaction": lambda text: Masker()._search(text),
    "headers": read,
    "counting": count,
    "header of noise": header,
    "logfmt": lambda text: (logfmt.parse(text.encode()), logfmt.value(text.encode(), b"container")),
    "logrus": lambda text: (logrus.as_logfmt(text.encode()), logrus.message_of(text.encode())),
    "json": lambda text: json.parse(text.encode()),
    "docker events": lambda text: docker_events.parse(b"2026-11-23T18:12:57Z " + text.encode()),
    "escapes": lambda text: escapes.undo(text.encode()),
    "repeats": lambda text: folded(text.encode()),
    "engine's form": lambda text: looks_like_engine(text.encode()),
    "histogram bound": lambda text: GO_FLOAT.fullmatch(text + "x"),
}


def seconds(work: Callable[[], object], times: int) -> float:
    """The least processor time of several runs: what else the machine does only adds to it."""
    taken = []
    for _ in range(times):
        began = time.thread_time()
        work()
        taken.append(time.thread_time() - began)
    return min(taken)


def filled(head: str, piece: str, size: int) -> str:
    return head + piece * (size // len(piece)) + "x"


@pytest.mark.parametrize("name", READERS)
def test_work_grows_no_faster_than_the_line(name: str) -> None:
    reader = READERS[name]
    worse = []
    for head in HEADS:
        for piece in PIECES:
            large = seconds(partial(reader, filled(head, piece, LARGE)), 1)
            if large < MEASURABLE:
                continue
            small = seconds(partial(reader, filled(head, piece, SMALL)), 3)
            if large > TIMES_MORE * small:
                large = seconds(partial(reader, filled(head, piece, LARGE)), 3)
            if large > TIMES_MORE * small:
                worse.append((head, piece, round(large / small)))

    assert not worse


class Dripping:
    """An engine's answer of one event that comes byte by byte."""

    def __init__(self, size: int) -> None:
        self._pieces = iter([b"x"] * size + [b"\n"])

    def read1(self, _size: int) -> bytes:
        return next(self._pieces, b"")


def test_an_event_that_comes_byte_by_byte_costs_in_proportion_to_its_length() -> None:
    source = EngineSource("docker:unix:///run/docker.sock")

    def work(size: int) -> None:
        assert list(map(len, source._lines(Dripping(size)))) == [size]  # type: ignore[arg-type]  # read1 is all it needs

    small, large = (seconds(partial(work, 4 * size), 3) for size in (SMALL, LARGE))
    source.close()

    assert large / small < TIMES_MORE
