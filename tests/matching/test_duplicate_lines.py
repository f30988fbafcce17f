"""Lines that were written twice."""

import pytest

from logwatch.matching.duplicate_lines import DAY_S, LINES, DuplicateLines
from logwatch.model import SECOND, Record
from logwatch.store import state_table


def line(message: str, at_s: int = 0, host: str = "vm", tag: str = "dockerd") -> Record:
    return Record(at_s * SECOND, at_s * SECOND, host, tag, None, message.encode())


EXACT = 'time="2026-11-23T18:12:57.728700494Z" level=info msg=x'


def test_a_line_is_known_again_after_a_restart() -> None:
    before, after = DuplicateLines(), DuplicateLines()
    first = before.add(line(EXACT))
    rows = state_table.changed_rows(before.tables)
    state_table.restore(after.tables, {key: row for key, row in rows.items() if row is not None})
    after.restored()

    assert (first, before.add(line(EXACT)), after.add(line(EXACT))) == (False, True, True)


def test_a_hash_of_an_earlier_version_is_known() -> None:
    before, after = DuplicateLines(), DuplicateLines()
    before.add(line(EXACT))
    (key, row), *_ = ((key, row) for key, row in state_table.changed_rows(before.tables).items() if row is not None)
    name, _, number = key.partition(" ")
    state_table.restore(after.tables, {f'{name} "{int(number):016x}"': row})
    after.restored()

    assert after.add(line(EXACT))


@pytest.mark.parametrize(
    "other",
    [line(EXACT, host="db"), line(EXACT, tag="containerd"), line(EXACT + "y"), line(EXACT.replace("494Z", "495Z"))],
)
def test_lines_that_differ_are_two(other: Record) -> None:
    seen = DuplicateLines()

    assert [seen.add(line(EXACT)), seen.add(other)] == [False, False]


def test_a_time_in_whole_seconds_proves_nothing() -> None:
    seen = DuplicateLines()
    whole = line('time="2026-11-23T18:12:57Z" level=info msg=x')

    assert [seen.add(whole), seen.add(whole)] == [False, False]


def test_a_line_is_forgotten_after_a_day() -> None:
    seen = DuplicateLines()
    seen.add(line(EXACT))
    seen.add(line(EXACT + "y", DAY_S + 1))

    assert not seen.add(line(EXACT, DAY_S + 1))
    assert [row for row in state_table.changed_rows(seen.tables).values() if row is None] == []


def test_the_oldest_lines_go_first() -> None:
    seen = DuplicateLines()
    for number in range(LINES + 1):
        seen.add(line(f"{EXACT}{number}"))

    assert seen.add(line(f"{EXACT}1"))
    assert not seen.add(line(f"{EXACT}0"))
