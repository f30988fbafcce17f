"""Finds and reads rule files; their top-level keys show what they are. Also the folders that are shipped."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from logwatch.errors import Mistake, mistake
from logwatch.rulefiles.validation import shown
from logwatch.rulefiles.vocabulary import closest
from logwatch.rulefiles.yaml import SECOND_DOCUMENT, Node, parse

PACKAGE = Path(__file__).resolve().parent.parent


def folder(name: str) -> Path:
    """The shipped folder `rules` or `grafana`."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def rules_folder() -> Path:
    """The shipped rules: events, alerts, fleet, tests, schemas."""
    return folder("rules")


def own_folders() -> list[Path]:
    """The shipped rules that logwatch itself runs; those for a fleet are for a Prometheus."""
    folders = [rules_folder() / name for name in ("events", "alerts", "tests")]
    return [folder for folder in folders if folder.is_dir()]


def fleet_files() -> list[Path]:
    """The shipped rules for a Prometheus that has the series of many hosts."""
    return sorted((rules_folder() / "fleet").glob("*.yml"))


def grafana_folder() -> Path:
    """The shipped dashboards and their provisioning."""
    return folder("grafana")


def runbooks_folder() -> Path:
    """The shipped runbooks, a page for each alert."""
    inside = PACKAGE / "runbooks"
    return inside if inside.is_dir() else PACKAGE.parent / "docs" / "runbooks"


def is_shipped(path: Path) -> bool:
    """Whether a rule file is one of ours."""
    return path.resolve().is_relative_to(rules_folder())


SUFFIXES = (".yml", ".yaml")
MAX_SIZE = 16 * 1024 * 1024


class Kind(StrEnum):
    """What a file holds."""

    EVENTS = "events"
    ALERTS = "alerts"
    TESTS = "tests"


# In this order: promtool's test files may also name groups.
TOP_LEVEL = {
    "rule_files": Kind.TESTS,
    "tests": Kind.TESTS,
    "evaluation_interval": Kind.TESTS,
    "groups": Kind.ALERTS,
    "events": Kind.EVENTS,
    "correlations": Kind.EVENTS,
}


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file that was read."""

    path: Path
    digest: str
    """SHA-256 of its bytes: the same digest needs no reload."""
    shipped: bool
    kind: Kind | None
    """None if mistakes hide it."""
    node: Node | None
    mistakes: tuple[Mistake, ...] = ()


def find(paths: Iterable[Path]) -> tuple[list[Path], list[Mistake]]:
    """Every rule file of files and folders, in a fixed order, each once."""
    found: dict[Path, Path] = {}
    mistakes: list[Mistake] = []
    for path in paths:
        if path.is_dir():
            below = sorted(_below(path, mistakes))
            if not below:
                mistakes.append(Mistake(str(path), 0, 0, "no *.yml in this folder: put rule files there", warning=True))
        else:
            below = [path]
        for each in below:
            found.setdefault(each.resolve(), each)
    return list(found.values()), mistakes


def _below(folder: Path, mistakes: list[Mistake]) -> Iterator[Path]:
    """The rule files below a folder, also through links, but not in hidden folders.

    A Kubernetes ConfigMap shows each file as a link into a folder `..data`, which is a link too.
    """

    def refused(error: OSError) -> None:
        mistakes.append(
            Mistake(
                str(error.filename), 0, 0, f"the folder cannot be read ({error.strerror}): check its mode and owner"
            )
        )

    seen: set[Path] = set()
    for root, folders, names in os.walk(folder, onerror=refused, followlinks=True):
        real = Path(root).resolve()
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real in seen:
            continue
        seen.add(real)
        yield from (Path(root) / name for name in names if name.endswith(SUFFIXES) and not name.startswith("."))


def read(path: Path) -> RuleFile:
    """Read one file; whatever is wrong with it is in `mistakes`."""
    shipped = is_shipped(path)
    shown_path = _short(path) if shipped else str(path)
    try:
        if not path.is_file():
            return RuleFile(path, "", shipped, None, None, (_not_there(path, shown_path),))
        content = _content(path)
    except OSError as error:
        what = f"cannot be read ({error.strerror}): check its mode and owner"
        return RuleFile(path, "", shipped, None, None, (Mistake(shown_path, 0, 0, what),))
    if len(content) > MAX_SIZE:
        what = f"larger than {MAX_SIZE // 1024 // 1024} MiB: not a rule file"
        return RuleFile(path, "", shipped, None, None, (Mistake(shown_path, 0, 0, what),))
    kind, node, mistakes = classify(content, shown_path)
    return RuleFile(path, sha256(content).hexdigest(), shipped, kind, node, tuple(mistakes))


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_SIZE + 1)


def _not_there(path: Path, shown_path: str) -> Mistake:
    if path.exists():
        return Mistake(shown_path, 0, 0, "is neither a file nor a folder: name a rule file or a folder of them")
    return Mistake(shown_path, 0, 0, "file or folder not found: create it, or correct --rules or rules.paths")


def _short(path: Path) -> str:
    """A shipped file's path as seen from where the command was called."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def classify(content: bytes, path: str) -> tuple[Kind | None, Node | None, list[Mistake]]:
    """Parse a file and find its kind by its top-level keys."""
    node, mistakes = parse(content, path)
    if node is None:
        if not mistakes:
            mistakes = [Mistake(path, 1, 1, "the file is empty: write events:, or remove the file")]
        return None, None, mistakes
    if not isinstance(node.value, dict):
        what = f"expected a key such as events: at the top, not {shown(node.plain())}: put the rules below events:"
        return None, None, [*mistakes, mistake(node.mark, what)]
    kinds = {kind for key, kind in TOP_LEVEL.items() if key in node.value}
    if not kinds:
        return None, None, [*mistakes, _unknown(node)]
    kind = next(kind for key, kind in TOP_LEVEL.items() if key in node.value)
    if Kind.EVENTS in kinds and len(kinds) > 1:
        other = next(key for key, kind in TOP_LEVEL.items() if key in node.value and kind is not Kind.EVENTS)
        what = f"events and {other} in one file: write one file for each"
        return None, None, [*mistakes, mistake(node.key_mark(other), what)]
    if kind is Kind.ALERTS:  # Prometheus loads it: it reads the first document alone
        mistakes = [replace(each, warning=True) if each.what == SECOND_DOCUMENT else each for each in mistakes]
    return kind, node, mistakes


def _unknown(node: Node) -> Mistake:
    assert isinstance(node.value, dict)
    for key in node.value:
        nearest = closest(key, TOP_LEVEL)
        if nearest is not None:
            return mistake(node.key_mark(key), f"unknown key '{key}' (did you mean '{nearest}'?)")
    keys = ", ".join(node.value) or "no key"
    what = f"not a rule file ({keys}): event rules begin with events: or correlations:, alerts with groups:, tests with tests:"
    return mistake(node.mark, what)
