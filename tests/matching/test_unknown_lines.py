"""Engine lines that no rule knows are grouped by the form of their text, within bounds."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.formats.line_parser import LineReader
from logwatch.matching.unknown_lines import BOOT_NS, KEPT_NS, MOST_GROUPS, MOST_LINES, MOST_SAMPLES, UnknownLines, find
from logwatch.model import SECOND, Chunk, Event, Severity

T = 1_795_457_577 * SECOND
ID = "5f0d7c1a9b3e4d28860f1c5ab7e92d34c6a8f0e1b2d3948576a0c1e2f3d4b596"


def line(msg: str, *, tag: str = "dockerd", level: str = "info") -> str:
    return f'Nov 23 18:12:57 vm {tag}[4242]: time="2026-11-23T18:12:57.7Z" level={level} msg="{msg}"\n'


def take(unknown: UnknownLines, text: str, *, known: frozenset[int] = frozenset(), clock_ns: int = T) -> bool:
    data = text.encode()
    reader = LineReader(None)
    reader.begin(Chunk(data, "messages", 0, T), T)
    return unknown.process(data, known, reader.origin_of, clock_ns)


def started(version: str | None, time_ns: int = T) -> Event:
    attributes = {} if version is None else {"version": version}
    return Event(time_ns, "daemon.start", "vm", None, None, attributes, Severity.INFO, "daemon/version", "messages", 0)


def texts(unknown: UnknownLines) -> list[tuple[int, str, str]]:
    return [(group.count, group.level, group.text) for group in unknown.groups()]


@pytest.fixture
def unknown() -> UnknownLines:
    return UnknownLines(lambda text: text.replace("hunter2", "***"))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["gadget 1 spun off", "gadget 2 spun off", f"gadget {ID} spun off"], [(3, "info", "gadget <*> spun off")]),
        (["web lost its gadget", "web lost its gadget"], [(2, "info", "web lost its gadget")]),
        (["gadget of web is lost now", "gadget of db is lost now"], [(2, "info", "gadget of <*> is lost now")]),
        (["gadget found", "gadget lost"], [(1, "info", "gadget found"), (1, "info", "gadget lost")]),
        (["opened /run/a.sock here", "opened /b here"], [(2, "info", "opened <*> here")]),
        ([""], [(1, "info", "")]),
    ],
    ids=["values", "the same", "one word differs", "half of the words differ", "paths", "empty"],
)
def test_lines_of_one_form_are_one_group(unknown, lines, expected) -> None:
    take(unknown, "".join(map(line, lines)))

    assert texts(unknown) == expected


def test_levels_and_the_json_form_are_told_apart_from_text(unknown) -> None:
    written = '{"level":"error","msg":"gadget lost","time":"2026-11-23T18:12:57.7Z"}'
    take(unknown, line("gadget lost") + f"Nov 23 18:12:57 vm dockerd[4242]: {written}\n")

    assert texts(unknown) == [(1, "info", "gadget lost"), (1, "error", "gadget lost")]


def test_lines_that_rules_know_and_those_of_others_are_left_out(unknown) -> None:
    first = line("gadget lost")
    take(unknown, first + line("gadget lost", tag="5f0d7c1a9b3e") + line("widget lost"), known=frozenset({len(first)}))

    assert texts(unknown) == [(1, "info", "widget lost")]


def test_a_few_lines_are_kept_without_secrets(unknown) -> None:
    take(unknown, "".join(line(f"gadget {number} has hunter2") for number in range(9)))
    (group,) = unknown.groups()

    assert len(group.samples) == MOST_SAMPLES
    assert all(sample.endswith('has ***"') for sample in group.samples)


def test_of_a_chunk_with_many_unknown_lines_the_first_are_looked_at() -> None:
    data = line("gadget lost").encode() * (MOST_LINES + 50)

    assert len(list(find(data, frozenset()))) == MOST_LINES


def test_the_group_seen_longest_ago_makes_room(unknown) -> None:
    names = [
        f"{chr(97 + number // 26 % 26)}{chr(97 + number % 26)}{chr(97 + number // 676)}"
        for number in range(MOST_GROUPS + 1)
    ]
    for number, name in enumerate(names):
        take(unknown, line(name), clock_ns=T + number)

    assert {text for _, _, text in texts(unknown)} == set(names[1:])


def test_a_group_without_lines_for_a_week_is_forgotten(unknown) -> None:
    take(unknown, line("gadget lost"))
    changed = take(unknown, line("widget lost twice"), clock_ns=T + KEPT_NS + 1)

    assert changed
    assert texts(unknown) == [(1, "info", "widget lost twice")]


def test_only_what_came_after_another_version_is_of_the_upgrade(unknown) -> None:
    take(unknown, line("gadget lost") + line("gadget broken", level="error"))
    unknown.process_start(started(None))
    unknown.process_start(started("26.1.5"))

    assert unknown.counts() == ({"info": 1, "error": 1}, {"info": 0, "error": 0})
    assert unknown.changed_ns is None

    later = T + 2 * BOOT_NS
    take(unknown, line("widget spun"), clock_ns=later - SECOND)  # an engine logs its version late in its start
    unknown.process_start(started("29.0.0", later))
    take(unknown, line("gadget lost") + line("two widgets spun", level="warning"), clock_ns=later + SECOND)

    assert unknown.counts() == ({"info": 2, "error": 1, "warning": 1}, {"info": 1, "error": 0, "warning": 1})
    assert unknown.changed_ns == later


def test_groups_and_versions_survive_a_restart(unknown) -> None:
    take(unknown, line("gadget 1 lost") + line("gadget 2 lost"))
    unknown.process_start(started("26.1.5"))
    rows = {key: row for table in unknown.tables for key, row in table.changed_rows().items() if row is not None}
    again = UnknownLines(str)
    for table in again.tables:
        table.restore(rows)
    again.restored()
    take(again, line("gadget 3 lost"))
    again.process_start(started("28.5.2", T + 1))

    assert texts(again) == [(3, "info", "gadget <*> lost")]
    assert again.changed_ns == T + 1


@given(st.text(alphabet=st.characters(blacklist_characters="\n")), st.sampled_from(["info", "error", "", '"']))
def test_any_line_is_grouped_once(text: str, level: str) -> None:
    unknown = UnknownLines(str)
    take(unknown, line(text, level=level) * 2)
    rows = [json.loads(row) for table in unknown.tables for row in table.changed_rows().values() if row is not None]

    assert sum(group.count for group in unknown.groups()) == 2
    assert all(not re.search(r"[0-9/]", word) for row in rows for word in row[1] if word != "<*>")
