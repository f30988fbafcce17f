"""What works and is probably not meant is a warning."""

from pathlib import Path

import pytest

from logwatch.rulefiles.lint import longest_literal, warnings
from logwatch.rulefiles.loader import gather
from logwatch.rulefiles.vocabulary import unit_warning

RULE = "{event: container.die, description: x, name: a, match: gone with}"


def said(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "my.yml"
    path.write_text(text)
    gathered = gather([path], shipped=False)
    assert [str(mistake) for mistake in gathered.mistakes] == []
    return [str(mistake).replace(f"{path}:", "") for mistake in warnings(gathered.rules, gathered.correlations)]


@pytest.mark.parametrize(
    ("was", "becomes", "expected"),
    [
        pytest.param("die,", "die,", [], id="good"),
        pytest.param("die,", "kaboom,", [], id="an event of one's own"),
        pytest.param(
            "container.die",
            "container.dye",
            ["1:10: warning: event 'container.dye' is new and similar to 'container.die': write that if it is meant"],
            id="near miss",
        ),
        pytest.param(
            "container.die",
            "contaner.die",
            ["1:10: warning: event 'contaner.die' is new and similar to 'container.die': write that if it is meant"],
            id="near type",
        ),
        pytest.param(
            "description: x, ",
            "",
            ["1:10: warning: rule 'my/a' has no description: write what the event means"],
            id="description",
        ),
        pytest.param(
            "gone with",
            "at",
            ["1:65: warning: 'at' matches lines of many kinds: write more of the message"],
            id="short text",
        ),
        pytest.param(
            "gone with",
            "{regex: gone with}",
            ["1:73: warning: this regex is plain text: write it without regex:, which is faster and clearer"],
            id="plain regex",
        ),
        pytest.param(
            "gone with",
            "{regex: 'gone .*'}",
            ["1:73: warning: '.*' at the end matches no further line: remove it"],
            id="trailing repeat",
        ),
        pytest.param(
            "gone with",
            r"{regex: '\d+ \w+: a'}",
            [
                "1:73: warning: no 4 characters in a row of this regex are literal, "
                "so it is tried on lines of every kind: add text"
            ],
            id="no literal",
        ),
        pytest.param(
            "gone with",
            "gone with, metrics: [{counter: my_total, help: x, labels: {id: '{event.id}', container: a}}]",
            [
                "1:10: warning: label 'id' of 'my_total' is fed from 'event.id', new in nearly every event: "
                "set max_series, or use another field",
                "1:10: warning: label 'container' of 'my_total' is renamed by Kubernetes' own: write name",
            ],
            id="labels",
        ),
    ],
)
def test_warns_of_what_is_hardly_meant(tmp_path: Path, was: str, becomes: str, expected: list[str]) -> None:
    assert said(tmp_path, f"events: [{RULE.replace(was, becomes)}]") == expected


def test_warns_of_two_rules_with_one_text(tmp_path: Path) -> None:
    assert said(tmp_path, f"events:\n- {RULE}\n- {RULE.replace('name: a', 'name: b')}") == [
        "3:58: warning: rule 'my/a' has the same text, program and event: keep one"
    ]


@pytest.mark.parametrize(
    ("regex", "length"),
    [
        ("abc", 3),
        ("a.c", 1),
        (r"ab\.cd", 5),
        ("ab*cd", 2),
        ("(?:ab|cde)", 3),
        ("[abcd]", 0),
        (r"\Qa.b\E", 3),
        ("^ab$", 2),
    ],
)
def test_finds_the_longest_literal(regex: str, length: int) -> None:
    assert longest_literal(regex) == length


def test_asks_for_base_units() -> None:
    assert (
        unit_warning("my_wait_ms")
        == "metric 'my_wait_ms' is not in base units: give seconds and write 'my_wait_seconds'"
    )
    assert unit_warning("my_wait_kb_total") == (
        "metric 'my_wait_kb_total' is not in base units: give bytes and write 'my_wait_bytes_total'"
    )
    assert unit_warning("my_wait_seconds") is None
