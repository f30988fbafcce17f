"""What rsyslog writes in place of control characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.formats import escapes


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        pytest.param(b"a#012b", b"a\nb", id="newline"),
        pytest.param(b"#011at main.go", b"\tat main.go", id="tab"),
        pytest.param(b"#033[31m", b"\x1b[31m", id="ESC"),
        pytest.param(b"#177", b"\x7f", id="DEL"),
        pytest.param(b"#303#274ber", "über".encode(), id="UTF-8, escaped bytewise"),
        pytest.param(b"issue #123", b"issue #123", id="a number"),
        pytest.param(b"issue #300", b"issue #300", id="a number that would be no UTF-8"),
        pytest.param(b"#01", b"#01", id="cut short"),
        pytest.param(b"#089", b"#089", id="not octal"),
        pytest.param(b"plain", b"plain", id="nothing to undo"),
    ],
)
def test_undoes_what_can_have_been_escaped(escaped: bytes, plain: bytes) -> None:
    assert escapes.undo(escaped) == plain


@given(st.text(st.characters(codec="utf-8", exclude_characters="#")))
def test_what_rsyslog_escapes_is_read_back(text: str) -> None:
    plain = text.encode()
    escaped = b"".join(b"#%03o" % byte if byte < 32 or byte == 127 else bytes((byte,)) for byte in plain)

    assert escapes.undo(escaped) == plain


@given(st.binary())
def test_never_raises(escaped: bytes) -> None:
    assert isinstance(escapes.undo(escaped), bytes)
