"""Messages as logrus writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.formats import logfmt

DIE = (
    b'time="2026-11-23T20:17:03.123456789Z" level=info msg="ignoring event" '
    b'container=1f2e3d4c5b6a module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
)


@pytest.mark.parametrize(
    ("message", "key", "value"),
    [
        pytest.param(DIE, b"container", "1f2e3d4c5b6a", id="unquoted"),
        pytest.param(DIE, b"msg", "ignoring event", id="quoted"),
        pytest.param(DIE, b"time", "2026-11-23T20:17:03.123456789Z", id="first key"),
        pytest.param(DIE, b"type", "*events.TaskDelete", id="last key"),
        pytest.param(DIE, b"exitCode", None, id="absent"),
        pytest.param(DIE, b"ontainer", None, id="end of another key"),
        pytest.param(b"", b"msg", None, id="empty message"),
        pytest.param(b'level=error error= msg="x"', b"error", "", id="empty value"),
        pytest.param(b"level=error error=", b"error", "", id="empty last value"),
        pytest.param(b'level=error error="<nil>"', b"error", "<nil>", id="nil"),
        pytest.param(b"msg=up storage-driver=overlay2", b"storage-driver", "overlay2", id="key with a dash"),
        pytest.param(b"msg=up err.code=5", b"err.code", "5", id="key with a dot"),
        pytest.param(b'msg=up graphdriver(s)="overlay2 vfs"', b"graphdriver(s)", "overlay2 vfs", id="key with parens"),
        pytest.param(rb'msg="say \"hi\" to C:\\" id=7', b"msg", r'say "hi" to C:' + "\\", id="Go quoting"),
        pytest.param(rb'msg="say \"hi\" to C:\\" id=7', b"id", "7", id="after an escaped backslash"),
        pytest.param(
            rb'msg="a\nb\tc\x1b\u003cd\U0001f433\033"', b"msg", "a\nb\tc\x1b<d\U0001f433\x1b", id="Go escapes"
        ),
        pytest.param(rb'msg="\xc3\xa4 \xff"', b"msg", "ä �", id="bytes that are no text"),
        pytest.param(rb'msg="\ud800 \U99999999 \q"', b"msg", r"? \U99999999 \q", id="escapes Go never writes"),
        pytest.param(rb'msg="error=inside \" error=too" error=outside', b"error", "outside", id="key in a message"),
        pytest.param(rb'msg="only error=inside"', b"error", None, id="key in a message only"),
        pytest.param(b"msg=first msg=second", b"msg", "first", id="first of two"),
        pytest.param(b'....time="2017-01-02T03:04:05Z" level=info', b"time", "2017-01-02T03:04:05Z", id="dots, first"),
        pytest.param(b'....time="2017-01-02T03:04:05Z" level=info', b"level", "info", id="dots"),
        pytest.param(b'level=info msg="torn in the mid', b"msg", "torn in the mid", id="no closing quote"),
        pytest.param(b'level=info msg="', b"msg", "", id="cut behind the quote"),
        pytest.param(b'level=info msg="cut in an esca\\', b"msg", "cut in an esca\\", id="cut in an escape"),
        pytest.param(
            b'msg="loading plugin "io.containerd.content.v1.content"..." module=containerd',
            b"msg",
            'loading plugin "io.containerd.content.v1.content"...',
            id="bare inner quotes",
        ),
        pytest.param(
            b'msg="skip plugin "io.containerd.snapshotter.v1.btrfs" because" type=io.containerd',
            b"msg",
            'skip plugin "io.containerd.snapshotter.v1.btrfs" because',
            id="bare inner quotes, blank behind",
        ),
        pytest.param(
            b'msg="loading plugin "io.containerd.x"..." module=containerd', b"module", "containerd", id="behind those"
        ),
        pytest.param(b"msg=x state={always 0} id=7", b"state", "{always 0}", id="braces"),
        pytest.param(b"msg=x drivers=[aufs btrfs]", b"drivers", "[aufs btrfs]", id="brackets"),
        pytest.param(b"msg=x drivers=[aufs btrfs", b"drivers", "[aufs", id="bracket that stays open"),
        pytest.param(b"msg=a#011b id=7", b"msg", "a\tb", id="rsyslog escape, unquoted"),
        pytest.param(b'msg="a#012b" id=7', b"msg", "a\nb", id="rsyslog escape, quoted"),
        pytest.param(b"INFO[0012] Container a1b2 failed   id=7 name=web", b"level", "info", id="terminal level"),
        pytest.param(
            b"INFO[0012] Container a1b2 failed   id=7 name=web", b"msg", "Container a1b2 failed", id="terminal"
        ),
        pytest.param(b"WARN[0012] plain", b"msg", "plain", id="terminal without pairs"),
        pytest.param(b"#033[36mINFO#033[0m[0012] up   #033[36mid#033[0m=7", b"id", "7", id="terminal in colour"),
        pytest.param(b"\x1b[31mERRO\x1b[0m[0001] a=b is odd", b"level", "error", id="terminal, ESC as it is"),
        pytest.param(b"\x1b[31mred\x1b[0m id=7", b"id", "7", id="colour alone"),
    ],
)
def test_takes_the_value_of_a_key(message: bytes, key: bytes, value: str | None) -> None:
    assert logfmt.value(message, key) == value
    assert logfmt.parse(message).get(key.decode()) == value


def test_parse_gives_pairs_in_their_order() -> None:
    pairs = logfmt.parse(DIE)

    assert list(pairs) == ["time", "level", "msg", "container", "module", "namespace", "topic", "type"]


def test_two_kinds_of_levels_are_spelled_alike() -> None:
    assert logfmt.parse(b"WARN[0001] x")["level"] == "warning"
    assert logfmt.parse(b"FATA[0001] x")["level"] == "fatal"


def go_quote(text: str) -> bytes:
    """What strconv.Quote makes of printable text, newlines and tabs."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        text = text.replace(plain, escaped)
    return b'"' + text.encode() + b'"'


@given(st.text(st.sampled_from('ab= "\\\n\tü[{'), max_size=30), st.text(st.sampled_from('ab= "\\\nü'), max_size=30))
def test_what_go_quotes_is_read_back(first: str, second: str) -> None:
    message = b"level=info msg=" + go_quote(first) + b" error=" + go_quote(second)
    bare_pair_inside = b'" error=' in go_quote(first)[:-1]

    if not bare_pair_inside:
        assert logfmt.value(message, b"error") == second
        assert logfmt.value(message, b"msg") == first


PIECES = st.sampled_from(
    [b'"', b"\\", b" ", b"=", b"msg=", b"#012", b"INFO[", b"\x1b[0m", b"[", b"]", b"a", b"\xff", b"."]
)


@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=40).map(b"".join)))
def test_never_raises(message: bytes) -> None:
    pairs = logfmt.parse(message)
    text = logfmt.value(message, b"msg")

    assert all("\n".join(pair).encode() is not None for pair in pairs.items())
    assert text is None or text.encode() is not None


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b'msg="' + b'\\" a=' * 60_000, id="escaped quotes"),
        pytest.param(b'msg="' + b' a="' * 60_000, id="bare quotes"),
        pytest.param(b"a=[ " * 60_000, id="open brackets"),
        pytest.param(b"INFO[0] " + b" " * 200_000 + b"x", id="blanks"),
        pytest.param(b"." * 200_000 + b"time=", id="dots"),
        pytest.param(b"." * 200_000 + b"x y", id="dots without a key"),
        pytest.param(b'a="b"c ' * 20_000, id="values glued to text"),
        pytest.param(b'a="b"c ' * 20_000 + b'\\"' * 60_000, id="the same before escaped quotes"),
    ],
)
def test_a_long_line_made_to_hurt_is_read_all_the_same(message: bytes) -> None:
    assert logfmt.value(message, b"zz") is None
    assert isinstance(logfmt.parse(message), dict)
