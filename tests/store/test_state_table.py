"""A dict of state: what changes is committed, what was committed comes back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.store import state_table
from logwatch.store.state_table import StateTable, StateValue


def test_only_changed_keys_are_encoded_and_each_once() -> None:
    encoded: list[list[int]] = []

    def encode(value: list[int]) -> list[int]:
        encoded.append(list(value))
        return value

    table: StateTable[str, list[int]] = StateTable("counts", encode)
    table["a"], table["b"] = [1], [2]
    table.changed_rows()
    encoded.clear()
    for number in range(3):
        table["a"].append(number)
        table.touch("a")

    assert table.changed_rows() == {'counts "a"': "[1,0,1,2]"}
    assert encoded == [[1, 0, 1, 2]]
    assert not table.has_changes


def test_a_value_is_decoded_with_its_key() -> None:
    table: StateTable[tuple[str, int], str] = StateTable(
        "names", lambda value: value[0], lambda key, text: f"{text}{key[1]}"
    )
    table.restore({'names ["web",7]': '"w"', 'other ["web",7]': '"x"'})

    assert table == {("web", 7): "w7"}
    assert not table.has_changes


def test_a_row_whose_key_is_written_otherwise_is_replaced() -> None:
    table: StateTable[tuple[str, int], str] = StateTable("names")
    table.restore({'names ["web", 7]': '"w"'})

    assert table == {("web", 7): "w"}
    assert table.has_changes
    assert table.changed_rows() == {'names ["web", 7]': None, 'names ["web",7]': '"w"'}
    assert table.changed_rows() == {}


def test_a_table_of_one_value_has_a_row_of_its_own_name() -> None:
    table: StateTable[str, int] = StateTable("clock")
    table[""] = 5
    rows = table.changed_rows()
    again: StateTable[str, int] = StateTable("clock")
    again.restore({"clock": "5"})

    assert rows == {"clock": "5"}
    assert again == table
    assert not again.has_changes


def test_a_missing_key_raises_as_in_a_dict() -> None:
    with pytest.raises(KeyError):
        StateTable("names").pop("absent")


OPERATIONS = st.one_of(
    st.tuples(st.just("set"), st.integers(0, 5), st.integers()),
    st.tuples(st.sampled_from(["del", "pop", "popitem", "clear", "commit", "restart"]), st.integers(0, 5), st.just(0)),
    st.tuples(st.sampled_from(["setdefault", "update", "ior"]), st.integers(0, 5), st.integers()),
)


@given(st.lists(OPERATIONS, max_size=40))
def test_the_committed_rows_always_give_the_table_again(operations: list[tuple[str, int, int]]) -> None:
    table: StateTable[tuple[str, int], int] = StateTable("t")
    rows: dict[str, str] = {}
    plain: dict[tuple[str, int], int] = {}

    for what, number, value in [*operations, ("commit", 0, 0), ("restart", 0, 0)]:
        _apply(table, what, ("k", number), value)
        if what not in {"commit", "restart"}:
            _apply(plain, what, ("k", number), value)
        if what == "commit":
            for key, row in table.changed_rows().items():
                rows.pop(key, None) if row is None else rows.update({key: row})
        elif what == "restart" and not table.has_changes:
            table = StateTable("t")
            state_table.restore([table], rows)

        assert dict(table) == plain


def _apply(table: Any, what: str, key: tuple[str, int], value: int) -> None:
    if what == "set":
        table[key] = value
    elif what == "del" and key in table:
        del table[key]
    elif what == "pop":
        table.pop(key, None)
    elif what == "popitem" and table:
        table.popitem()
    elif what == "clear":
        table.clear()
    elif what == "setdefault":
        table.setdefault(key, value)
    elif what == "update":
        table.update({key: value})
    elif what == "ior":
        table |= {key: value}


def test_a_value_changed_in_place_is_committed_from_a_new_state_on() -> None:
    counts: StateValue[list[int]] = StateValue("counts", lambda: [0])
    counts.restore({})
    assert not counts.has_changes
    counts.value[0] += 1
    counts.touch_value()
    rows = counts.changed_rows()

    assert rows == {"counts": "[1]"}
    again: StateValue[list[int]] = StateValue("counts", lambda: [0])
    again.restore({key: row for key, row in rows.items() if row is not None})
    assert again.value == [1]


def test_a_key_without_a_value_cannot_be_changed_in_place() -> None:
    table: StateTable[str, int] = StateTable("t")

    with pytest.raises(AssertionError, match="t: no value"):
        table.touch("absent")


keys = st.one_of(
    st.integers(), st.booleans(), st.text(), st.tuples(st.text(), st.text()), st.tuples(st.text(), st.integers())
)


@given(keys, keys)
def test_rows_are_json_whatever_keys_and_values_are(key: object, value: object) -> None:
    table: StateTable[Any, Any] = StateTable("table")
    table[key] = value
    expected = {
        f"table {json.dumps(key, separators=(',', ':'))}".removesuffix(' ""'): json.dumps(value, separators=(",", ":"))
    }

    assert expected == table.changed_rows()
