"""The engine's other forms of a message, in logfmt."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.formats import logfmt, logrus
from logwatch.model import Record

DIE = b'time="2026-11-23T20:17:03.123456789Z" level=info msg="ignoring event" container=1f2e3d4c5b6a namespace=moby'


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(
            b'{"container":"1f2e3d4c5b6a","level":"info","msg":"ignoring event","namespace":"moby","time":"2026-11-23T20:17:03.123456789Z"}',
            DIE,
            id="json",
        ),
        pytest.param(
            b'@cee: {"level":"error","msg":"say \\"hi\\"","pid":7,"path":"/run/a","what":"a b"}',
            rb'level=error msg="say \"hi\"" path=/run/a pid=7 what="a b"',
            id="json with a cookie, numbers and quotes",
        ),
        pytest.param(
            b'{"level":"info","msg":"a\\nb\\u001b\\\\"}', rb'level=info msg="a\nb\x1b\\"', id="control characters"
        ),
        pytest.param(
            b"INFO[0012] ignoring event                               container=1f2e3d4c5b6a",
            b'level=info msg="ignoring event" container=1f2e3d4c5b6a',
            id="terminal",
        ),
        pytest.param(
            b"#033[33mWARN#033[0m[0004] POST /v1.41/containers/create?name=web refused ",
            b'level=warning msg="POST /v1.41/containers/create?name=web refused"',
            id="terminal in colour, with what looks like a pair",
        ),
        pytest.param(b"INFO[0012] up", b"level=info msg=up", id="a word needs no quotes"),
        pytest.param(
            b"[error] server.go:1207 Handler for GET /images returned error: no",
            b'level=error msg="Handler for GET /images returned error: no"',
            id="before logrus",
        ),
        pytest.param(
            b"[info] POST /v1.15/containers/create",
            b'level=info msg="POST /v1.15/containers/create"',
            id="before logrus, a request",
        ),
        pytest.param(DIE, None, id="logfmt"),
        pytest.param(b'{"status":"start","id":"1f2e","level":"x"}', None, id="json of something else"),
        pytest.param(b'{"level":"info","msg":"cut in the mid', None, id="json cut short"),
        pytest.param(b"[0c91a7e2] +job create()", None, id="job"),
        pytest.param(b"failed to start daemon: no", None, id="bare text"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_writes_a_message_as_logfmt(message: bytes, expected: bytes | None) -> None:
    assert logrus.as_logfmt(message) == expected


@pytest.mark.parametrize(("tag", "changed"), [("dockerd", True), ("registry", True), ("web", False), ("kernel", False)])
def test_only_what_the_engine_and_its_like_say_is_translated(tag: str, *, changed: bool) -> None:
    record = Record(0, 0, "vm", tag, None, b"INFO[0012] up")

    assert (logrus.translated(record) is not record) is changed


@pytest.mark.parametrize(
    "header",
    [
        "Nov 23 18:12:57 vm dockerd[42]: ",
        "Nov 23 18:12:57 vm docker: ",
        "Nov 23 18:12:57 vm sh: ",
        "2026-11-23T18:12:57.1Z vm containerd[7]: ",
        '<30>1 2026-11-23T18:12:57.1Z vm dockerd 42 - [meta sequenceId="7"] ',
        "Nov 23 18:12:57 vm dockerd[42]: message repeated 3 times: [ ",
    ],
)
def test_finds_the_message_in_a_line(header: str) -> None:
    line = (header + '{"level":"info","msg":"up and away"}').encode()

    assert logrus.message_of(line) == b'level=info msg="up and away"'


def test_a_containers_line_has_no_message_of_the_engine() -> None:
    assert logrus.message_of(b'Nov 23 18:12:57 vm docker/web[42]: {"level":"info","msg":"up"}') is None


TEXT = st.text(st.sampled_from('ab= "\\\n\tü[{\x1b'), min_size=1, max_size=20)


@given(TEXT, TEXT)
def test_what_is_written_is_read_back(first: str, second: str) -> None:
    written = logrus.as_logfmt(json.dumps({"level": "info", "msg": first, "error": second}).encode())

    assert written is not None
    bare_pair_inside = b'" error=' in written[: written.rindex(b" error=")]
    if not bare_pair_inside:
        assert logfmt.value(written, b"error") == second
        assert logfmt.value(written, b"msg") == first


PIECES = st.sampled_from(
    [b'{"', b'"level":', b'"msg":"', b'"}', b"\\", b" ", b"INFO[", b"]", b"[error] ", b"#033[", b"a=", b"\xff"]
)


@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=30).map(b"".join)))
def test_never_raises(message: bytes) -> None:
    for told in (logrus.as_logfmt(message), logrus.message_of(b"vm dockerd: " + message)):
        assert told is None or b"\n" not in told
