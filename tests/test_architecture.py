"""The page about the architecture names functions that exist, and keeps the way of a line short."""

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`([a-z_.]+):([A-Za-z_.]+)`")  # `store.database:Store.commit`
HOP = re.compile(r"^\| (\d+) \| `[a-z_.]+:[A-Za-z_.]+` \|", re.MULTILINE)
MODULE = re.compile(r"`((?:[a-z_]+\.)+[a-z_]+)`")
MOST_HOPS = 20


@pytest.mark.parametrize(
    ("module", "name"),
    sorted(set(NAMED.findall(PAGE))),
    ids=[":".join(pair) for pair in sorted(set(NAMED.findall(PAGE)))],
)
def test_every_named_function_exists(module: str, name: str) -> None:
    thing: object = import_module(f"logwatch.{module}")
    for part in name.split("."):
        thing = getattr(thing, part)

    assert callable(thing)


def test_the_hops_are_few_and_in_order() -> None:
    hops = [int(number) for number in HOP.findall(PAGE)]

    assert hops == list(range(1, len(hops) + 1))
    assert 10 <= len(hops) <= MOST_HOPS


def test_contributing_names_files_that_exist() -> None:
    root = Path(__file__).parent.parent
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:logwatch|rules|docs|tests|grafana|scripts|benchmarks|deploy)/[\w./-]*)`", text))

    assert named
    assert [name for name in sorted(named) if not (root / name).exists()] == []
