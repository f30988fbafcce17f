"""Texts in quotes, compared with what Go's strconv.Quote gives for them."""

import pytest

from logwatch.quoting import quoted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '""'),
        ("plain text", '"plain text"'),
        ('say "hello"', r'"say \"hello\""'),
        ("C:\\temp", r'"C:\\temp"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1b\x7f", r'"\x00\x1b\x7f"'),
        ("übermäßig 容器", '"übermäßig 容器"'),
        ("zero\u200bwidth", r'"zero\u200bwidth"'),
        ("no\u00a0break", r'"no\u00a0break"'),
        ("tag\U000e0041", r'"tag\U000e0041"'),
        ("half\udcff", r'"half\ufffd"'),
    ],
)
def test_what_go_writes(text: str, expected: str) -> None:
    assert quoted(text) == expected
