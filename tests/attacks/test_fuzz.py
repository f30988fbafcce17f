"""A hundred thousand mutated lines, and files and requests: nothing raises, nothing is answered with 500."""

import pytest

from benchmarks.fuzz import fuzz

LINES = 10_000


@pytest.mark.parametrize("seed", range(10))
def test_mutations_of_all_that_is_read_are_lived_through(seed: int) -> None:
    found = fuzz([seed], LINES)

    assert found.faults == []
    assert found.lines == LINES
