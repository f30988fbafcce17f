"""Numbers out of a log: whole ones of 64 bits, which is what SQLite and every reader of JSON can hold.

What is larger is text. So no digit of a line is ever multiplied, stored or shown as a number that does not fit.
"""

from __future__ import annotations

import math

LARGEST = 2**63 - 1
LONGEST = 20
"""Characters of the longest whole number of 64 bits, its sign included."""
LONGEST_FRACTION = 40


def whole(text: str) -> int | None:
    """The whole number that a text is; None where it is none, or none of 64 bits."""
    digits = text.removeprefix("-")
    if not digits.isdecimal() or len(text) > LONGEST:
        return None
    number = int(text)
    return number if -LARGEST <= number <= LARGEST else None


def whole_or_text(text: str) -> int | str:
    """For `json.loads`: a number, or the text where it is too large."""
    number = whole(text)
    return text if number is None else number


def fraction_or_text(text: str) -> float | str:
    """For `json.loads`: a finite number, or the text."""
    if len(text) > LONGEST_FRACTION:
        return text
    number = float(text)
    return number if math.isfinite(number) else text
