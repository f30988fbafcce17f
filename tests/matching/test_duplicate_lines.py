"""Lines that were written twice."""

import pytest

from logwatch.matching.duplicate_lines import DAY_S, LINES, MOST_UNPAIRED, SHORTER, DuplicateLines
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


@pytest.mark.parametrize("form", ["seen {}", 'seen "{:016x}"'], ids=["a number", "hex"])
def test_a_hash_of_an_earlier_version_is_known(form: str) -> None:
    before, after = DuplicateLines(), DuplicateLines()
    before.add(line(EXACT))
    (key, row), *_ = ((key, row) for key, row in state_table.changed_rows(before.tables).items() if row is not None)
    longer = int(key.partition(" ")[2]) << SHORTER | 0x5A
    state_table.restore(after.tables, {form.format(longer): row})
    after.restored()
    rows = state_table.changed_rows(after.tables)

    assert after.add(line(EXACT))
    assert (rows[key], rows[form.format(longer)]) == (row, None)


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
    seen.add(line(EXACT + "y", DAY_S + 60))

    assert not seen.add(line(EXACT, DAY_S + 60))
    assert [row for row in state_table.changed_rows(seen.tables).values() if row is None] == []


def test_the_oldest_lines_go_first() -> None:
    seen = DuplicateLines()
    for number in range(LINES + 1):
        seen.add(line(f"{EXACT}{number}"))

    assert seen.add(line(f"{EXACT}1"))
    assert not seen.add(line(f"{EXACT}0"))


FAILED = "docker.service: Failed with result 'exit-code'."


def added(seen: DuplicateLines, *lines: tuple[str, int]) -> list[bool]:
    """Whether each line, by path and second, was a copy."""
    return [seen.add(line(FAILED, at_s, tag="systemd"), path) for path, at_s in lines]


@pytest.mark.parametrize(
    ("lines", "copies"),
    [
        ([("a", 0), ("b", 1)], [False, True]),
        ([("a", 0), ("a", 0)], [False, False]),
        ([("a", 0), ("a", 1), ("b", 1), ("b", 1), ("b", 1)], [False, False, True, True, False]),
        ([("a", 0), ("b", 0), ("a", 1), ("b", 1)], [False, True, False, True]),
        ([("b", 3), ("a", 0), ("a", 3)], [False, True, False]),
        ([("a", 0), ("b", 60)], [False, False]),
    ],
    ids=[
        "both have it",
        "one has it twice",
        "one has it thrice",
        "twice in turn",
        "the second first",
        "a minute later",
    ],
)
def test_of_two_paths_each_line_has_one_copy(lines: list[tuple[str, int]], copies: list[bool]) -> None:
    assert added(DuplicateLines(pairs=True), *lines) == copies


def test_of_one_path_no_line_is_a_copy() -> None:
    assert added(DuplicateLines(), ("a", 0), ("b", 0)) == [False, False]


def test_a_copy_is_known_after_a_restart() -> None:
    before, after = DuplicateLines(pairs=True), DuplicateLines(pairs=True)
    added(before, ("a", 0))
    rows = state_table.changed_rows(before.tables)
    state_table.restore(after.tables, {key: row for key, row in rows.items() if row is not None})
    after.restored()

    assert added(after, ("b", 0)) == [True]


def test_hosts_with_and_without_their_domain_and_kernels_with_and_without_uptime_are_the_same() -> None:
    seen = DuplicateLines(pairs=True)
    seen.add(line("[  182.000123] oom-kill:constraint=CONSTRAINT_MEMCG", host="vm.example.com", tag="kernel"), "a")

    assert seen.add(line("oom-kill:constraint=CONSTRAINT_MEMCG", host="VM", tag="kernel"), "b")


def test_lines_without_a_copy_are_bounded() -> None:
    seen = DuplicateLines(pairs=True)
    for number in range(MOST_UNPAIRED + 5):
        seen.add(line(f"{FAILED} {number}"), "a")

    assert not seen.add(line(f"{FAILED} 0"), "b")
    assert seen.add(line(f"{FAILED} {MOST_UNPAIRED}"), "b")
