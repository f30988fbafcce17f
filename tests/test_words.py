"""Plain technical English: words that readers of many mother tongues stumble over are not used.

Log lines are left alone: they are the engine's words, not ours.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
REFUSED = re.compile(
    r"""
    (?<![A-Za-z]) (?:
        told            # reported, sent, logged, printed
      | tellers?        # a rule, a report
      | anew            # again, from the beginning
      | lest            # so that … not
      | mend (?:s|ed|ing)?   # fix, correct
      | stands [ ] for  # means, replaces
      | is [ ] no (?! [ ] (?:longer|more) )   # is not a
    ) (?![A-Za-z])
    """,
    re.VERBOSE | re.IGNORECASE,
)
LOG_LINES = frozenset({"line", "lines", "match", "regex", "input_lines", "input_series", "examples", "expr"})
"""Keys of rule files whose values are log lines, patterns or expressions."""

# Still to be rewritten; entries are removed, never added.
EXEMPT: tuple[str, ...] = (
    "logwatch/lifecycle/",
    "logwatch/replay.py",  # `replay.told` is a key in the state directories of all versions
)
NAMES_OF_OLD_ROWS = {
    "logwatch/alerting/alerting_rule.py": ('row.pop("told"',),
    "logwatch/notifiers/queue.py": ("`told …`", '"told": "sent"'),
}
"""Texts that must stay: what an older version wrote."""


def prose_of_rules(node: Any, key: str = "") -> Iterator[str]:
    """Every text of a rule file that a person reads."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name not in LOG_LINES:
                yield from prose_of_rules(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from prose_of_rules(value, key)
    elif isinstance(node, str):
        yield node


def prose(path: Path) -> str:
    """What a person reads in a file."""
    text = path.read_text(encoding="utf-8")
    for name in NAMES_OF_OLD_ROWS.get(str(path.relative_to(ROOT)), ()):
        text = text.replace(name, "")
    if path.suffix != ".yml":
        return text
    remarks = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    return "\n".join([*remarks, *prose_of_rules(yaml.safe_load(text))])


def files() -> list[Path]:
    """All files with prose for engineers or operators."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("rules/**/*.yml")]
    found += [path for kind in ("py", "html") for path in ROOT.glob(f"logwatch/**/*.{kind}")]
    return sorted(found)


def refused(path: Path) -> list[str]:
    """The refused words of a file, with the text around them."""
    text = prose(path)
    return [text[max(0, found.start() - 30) : found.end() + 30] for found in REFUSED.finditer(text)]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_words_are_plain(path: Path) -> None:
    if str(path.relative_to(ROOT)).startswith(EXEMPT):
        return

    assert refused(path) == []


@pytest.mark.parametrize("exempt", EXEMPT)
def test_an_exemption_that_is_not_needed_is_removed(exempt: str) -> None:
    assert any(refused(path) for path in files() if str(path.relative_to(ROOT)).startswith(exempt))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what it was told", True),
        ("_told = 1", True),
        ("told_ns", True),
        ("Tellers", True),
        ("it is no rule", True),
        ("it is no longer there", False),
        ("it is not a rule", False),
        ("recommended, the lesson", False),
    ],
)
def test_whole_words_are_refused(text: str, expected: bool) -> None:
    assert (REFUSED.search(text) is not None) == expected
