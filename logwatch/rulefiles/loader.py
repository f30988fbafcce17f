"""Rule files to rules, with every mistake of every file at once.

    paths ─▶ files.find, files.read ─▶ schema (one rule) ─▶ compiling (two keys) ─▶ references (two rules)

`load` is what a running logwatch calls: it raises what must not run. `check` is what an
author calls: it also lints, and runs the examples through the real path of a line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from logwatch.errors import Mistake, RuleError, mistake
from logwatch.model import Correlation, Mark, Rule
from logwatch.rulefiles import files, references
from logwatch.rulefiles.compiling import Compiler
from logwatch.rulefiles.files import Kind, RuleFile, fleet_files, own_folders
from logwatch.rulefiles.schema import CorrelationRule, EventRule
from logwatch.rulefiles.validation import shown, validate
from logwatch.rulefiles.vocabulary import did_you_mean
from logwatch.rulefiles.yaml import Node

Spec = TypeVar("Spec", bound=BaseModel)
Made = TypeVar("Made", Rule, Correlation)
SECTIONS = ("events", "correlations")
IGNORED = ("$schema",)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules that run together, and the files they came from."""

    rules: tuple[Rule, ...]
    correlations: tuple[Correlation, ...]
    alert_files: tuple[Path, ...]
    test_files: tuple[Path, ...]
    files: Mapping[str, str]
    """Path of every file read to the SHA-256 of its content."""
    warnings: tuple[Mistake, ...] = ()


@dataclass(slots=True)
class Gathered:
    """The content of the files, with its mistakes."""

    files: list[RuleFile] = field(default_factory=list)
    shipped: list[Rule | Correlation] = field(default_factory=list)
    users: list[Rule | Correlation] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    disabled: frozenset[str] = frozenset()
    places: dict[tuple[str, str], Mark] = field(default_factory=dict)

    @property
    def all(self) -> list[Rule | Correlation]:
        """A user's rule replaces the shipped rule of the same id."""
        replaced = {rule.id for rule in self.users}
        return [rule for rule in self.shipped if rule.id not in replaced] + self.users

    @property
    def rules(self) -> list[Rule]:
        """The event rules that run."""
        return [rule for rule in self.all if isinstance(rule, Rule) and rule.id not in self.disabled]

    @property
    def correlations(self) -> list[Correlation]:
        """The correlations that run."""
        return [rule for rule in self.all if isinstance(rule, Correlation) and rule.id not in self.disabled]


def load(paths: Sequence[Path], *, shipped: bool = True, disabled: Collection[str] = ()) -> RuleSet:
    """Load the shipped rules and those of files and folders; raises RuleError with every mistake."""
    gathered = gather(paths, shipped=shipped, disabled=disabled)
    errors = [found for found in gathered.mistakes if not found.warning]
    if errors:
        raise RuleError(errors)
    return RuleSet(
        rules=tuple(gathered.rules),
        correlations=tuple(gathered.correlations),
        alert_files=tuple(file.path for file in gathered.files if file.kind is Kind.ALERTS),
        test_files=tuple(file.path for file in gathered.files if file.kind is Kind.TESTS),
        files={str(file.path): file.digest for file in gathered.files},
        warnings=tuple(gathered.mistakes),
    )


def gather(paths: Sequence[Path], *, shipped: bool, disabled: Collection[str] = ()) -> Gathered:
    """Read all files and note every mistake in them."""
    gathered = Gathered(disabled=frozenset(disabled))
    own = own_folders() if shipped else []
    found, gathered.mistakes = files.find([*own, *paths])
    for path in found:
        _add(gathered, files.read(path))
    _check_together(gathered)
    return gathered


def _add(gathered: Gathered, file: RuleFile) -> None:
    # Of alerts only the names are asked for later; trees of all files at once would be 20 MB.
    gathered.files.append(file if file.kind is Kind.ALERTS else replace(file, node=None))
    gathered.mistakes.extend(file.mistakes)
    if file.kind is Kind.EVENTS and file.node is not None:
        rules, compiler = compile_file(file.node, file.path.stem, shipped=file.shipped)
        (gathered.shipped if file.shipped else gathered.users).extend(rules)
        gathered.mistakes.extend(compiler.mistakes)
        gathered.places |= compiler.places


def compile_file(node: Node, stem: str, *, shipped: bool) -> tuple[list[Rule | Correlation], Compiler]:
    """The rules of one file that have the right shape; the compiler holds all mistakes."""
    compiler = Compiler(stem, shipped)
    assert isinstance(node.value, dict)
    for key, entry in node.value.items():
        if key not in (*SECTIONS, *IGNORED):
            known = did_you_mean(key, SECTIONS) or ": the keys here are events and correlations"
            compiler.mistakes.append(mistake(entry.mark, f"unknown key '{key}'{known}"))
    rules: list[Rule | Correlation] = []
    rules += _section(node, "events", EventRule, compiler.rule, compiler.mistakes)
    rules += _section(node, "correlations", CorrelationRule, compiler.correlation, compiler.mistakes)
    return rules, compiler


def _section(
    node: Node, key: str, model: type[Spec], compile_one: Callable[[Spec, Node], Made], mistakes: list[Mistake]
) -> list[Made]:
    """The rules of one list, each looked at on its own, so that one mistake hides no other."""
    assert isinstance(node.value, dict)
    if key not in node.value:
        return []
    section = node.value[key].node
    if not isinstance(section.value, list) or not section.value:
        mistakes.append(
            mistake(section.mark, f"{key}: expected a list of rules, not {shown(section.plain())}: write '- event: …'")
        )
        return []
    made = []
    for item in section.value:
        spec, found = validate(model, item)
        mistakes.extend(found)
        if spec is not None:
            made.append(compile_one(spec, item))
    return made


def _check_together(gathered: Gathered) -> None:
    gathered.mistakes += references.duplicates(gathered.shipped)
    gathered.mistakes += references.duplicates(gathered.users)
    gathered.mistakes += references.disagreements(gathered.all, gathered.places)
    gathered.mistakes += _unknown_ids(gathered)
    if any(not found.warning for found in gathered.mistakes):
        return  # a rule that is missing because of a mistake would be reported as one more
    # Also with the disabled rules: disabling a rule must not make a mistake in another.
    everything = gathered.all
    gathered.mistakes += references.unmade(
        [rule for rule in everything if isinstance(rule, Rule)],
        [rule for rule in everything if isinstance(rule, Correlation)],
        gathered.places,
    )


def _unknown_ids(gathered: Gathered) -> list[Mistake]:
    known = {rule.id for rule in gathered.shipped + gathered.users}
    known.update(*(_alert_names(file) for file in gathered.files if file.kind is Kind.ALERTS))
    if gathered.disabled - known:  # `rules export` leaves them out, too
        known.update(*(_alert_names(files.read(path)) for path in fleet_files()))
    return [
        Mistake(
            "rules.disable",
            0,
            0,
            f"no rule has the id '{id_}', and no alert the name{did_you_mean(id_, known)}: `logwatch rules list` shows ids",
        )
        for id_ in sorted(gathered.disabled - known)
    ]


def _alert_names(file: RuleFile) -> set[str]:
    """The alerts of a file, as far as it has the right shape."""
    groups = file.node.at(("groups",)).value if file.node is not None else None
    listed = [group.at(("rules",)).value for group in groups] if isinstance(groups, list) else []
    rules = [rule for each in listed if isinstance(each, list) for rule in each]
    alerting = [rule.value for rule in rules if isinstance(rule.value, dict) and "alert" in rule.value]
    return {str(rule["alert"].node.value) for rule in alerting}
