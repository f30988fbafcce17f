"""Typos in everything that people write: each is named at its line and column, with the word that was meant.

They are generated over all schemas, functions, metrics, labels, flags and variables: whatever is added is held as well.
"""

import json
import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from logwatch.alerting.lint import check as check_alerts
from logwatch.alerting.templates.functions import FUNCTIONS as TEMPLATE_FUNCTIONS
from logwatch.cli import cli
from logwatch.config import load as load_config
from logwatch.config.layers import leaves, variable
from logwatch.config.settings import Config
from logwatch.errors import ConfigError
from logwatch.metrics import catalog
from logwatch.model import Rule
from logwatch.promql.aggregations import NAMES as AGGREGATIONS
from logwatch.promql.functions import FUNCTIONS
from logwatch.rulefiles import load as load_rules
from logwatch.rulefiles.files import rules_folder
from logwatch.rulefiles.loader import gather
from logwatch.ruletests import loader as ruletests

SHORTEST = 3
"""Letters of a word below which a typo may mean anything."""
DEEPEST = 6


def slip(word: str, known: frozenset[str]) -> str:
    """A word as it is mistyped: a letter left out or doubled, or two neighbours exchanged; the same each time."""
    chance = random.Random(word)
    for _ in range(50):
        place = chance.randrange(1, len(word) - 1) if len(word) > 3 else 1
        typo = chance.choice(
            [
                word[:place] + word[place + 1 :],
                word[:place] + word[place] + word[place:],
                word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :],
            ]
        )
        if typo != word and [each for each in sorted({*known, word}) if is_near(typo, each)] == [word]:
            return typo
    raise AssertionError(word)


def is_near(word: str, other: str) -> bool:
    """Whether at most one letter is missing, added, another, or exchanged with its neighbour."""
    if abs(len(word) - len(other)) > 1:
        return False
    begin = next((n for n, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    rest, others = word[begin:], other[begin:]
    return (
        rest[1:] == others[1:]
        or rest == others[1:]
        or rest[1:] == others
        or (rest[:2] == others[1::-1] and rest[2:] == others[2:])
    )


def mappings(schema: dict, part: dict, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    """Yield each mapping with keys of its own in a schema: the way to it (`-` is an item of a list), and its keys."""
    if len(path) > DEEPEST:
        return
    if "$ref" in part:
        yield from mappings(schema, schema["$defs"][part["$ref"].rpartition("/")[2]], path)
    for other in part.get("anyOf", []) + part.get("oneOf", []):
        yield from mappings(schema, other, path)
    if properties := part.get("properties"):
        yield path, frozenset(properties)
        for name, inner in properties.items():
            yield from mappings(schema, inner, (*path, name))
    if isinstance(part.get("items"), dict):
        yield from mappings(schema, part["items"], (*path, "-"))


def places(kind: str) -> list[tuple[tuple[str, ...], str, str]]:
    """Each key of a schema, mistyped: the way to its mapping, the typo and the key."""
    schema = json.loads((rules_folder() / "schemas" / f"{kind}.schema.json").read_text())
    found = {}
    for path, keys in mappings(schema, schema):
        for key in sorted(keys):
            if len(key) >= SHORTEST:
                found.setdefault((path, key), (path, slip(key, keys), key))
    return sorted(found.values())


def written(path: tuple[str, ...], typo: str) -> tuple[str, int, int]:
    """A file with a mistyped key at the end of a way, and the key's line and column."""
    lines, indent, item = ["# one typo"], 0, ""
    for step in path:
        if step == "-":
            item += "- "
            continue
        lines.append(" " * indent + item + f"{step}:")
        indent, item = indent + len(item) + 2, ""
    lines.append(" " * indent + item + f"{typo}: x")
    return "\n".join(lines) + "\n", len(lines), indent + len(item) + 1


def config_mistakes(path: Path) -> str:
    try:
        load_config(path, {}, {})
    except ConfigError as error:
        return str(error)
    return ""


def rule_mistakes(path: Path) -> str:
    return "\n".join(map(str, gather([path], shipped=False).mistakes))


def alert_mistakes(path: Path) -> str:
    return "\n".join(map(str, check_alerts([path], shipped_rules())))


@cache
def shipped_rules() -> tuple[Rule, ...]:
    return load_rules([], shipped=True).rules


def mistakes_of_tests(path: Path) -> str:
    return "\n".join(map(str, ruletests.load([path])[1]))


READERS: dict[str, Callable[[Path], str]] = {
    "logwatch": config_mistakes,
    "events": rule_mistakes,
    "alerts": alert_mistakes,
    "tests": mistakes_of_tests,
}


@pytest.mark.parametrize(
    ("kind", "path", "typo", "key"),
    [
        pytest.param(kind, *place, id=f"{kind}:{'.'.join((*place[0], place[1]))}")
        for kind in READERS
        for place in places(kind)
        if place[0] or kind == "logwatch"
    ],
)
def test_a_key_is_named_at_its_place(kind: str, path: tuple[str, ...], typo: str, key: str, tmp_path: Path) -> None:
    text, line, column = written(path, typo)
    file = tmp_path / f"{kind}.yml"
    file.write_text(text)
    (found,) = [each for each in READERS[kind](file).splitlines() if f"'{typo}'" in each]

    assert found.startswith(f"{file}:{line}:{column}: unknown key '{typo}' (did you mean '{key}")


ALERT = """\
groups:
  - name: mine
    rules:
      - alert: Own
        expr: |
          {expr}
        labels: {{severity: critical}}
        annotations:
          summary: It happens.
          description: >-
            On the host
            {text}
"""
FAMILIES = [*catalog.CONTAINER, *catalog.ENGINE, *catalog.AGENT]
METRICS = {family.name: family.labels for family in FAMILIES if family.kind != "histogram"}


def in_expressions() -> Iterator[tuple[str, str, str]]:
    """Yield expressions with a mistyped function, metric, label or value, the typo and the word."""
    for name in sorted(FUNCTIONS | AGGREGATIONS):
        if len(name) > SHORTEST:
            typo = slip(name, FUNCTIONS | AGGREGATIONS)
            yield f"vector(1) > 0 or {typo}(up)", typo, name
    for name, labels in sorted(METRICS.items()):
        typo = slip(name, frozenset(METRICS))
        yield f"vector(1) > 0\n          or {typo} > 0", typo, name
        for label in (each for each in labels if len(each) >= SHORTEST):
            typo = slip(label, frozenset(labels))
            yield f'sum({name}{{{typo}="x"}}) > 0', typo, label
    for action in catalog.COMMON_ACTIONS:
        typo = slip(action, frozenset(catalog.VOCABULARY["container"]))
        yield f'docker_container_events_total{{action="{typo}"}} > 0', typo, action


def checked(expr: str, text: str, typo: str, folder: Path) -> tuple[str, str]:
    """What is reported about a typo in an alert, and the place where it is."""
    file = folder / "alerts.yml"
    file.write_text(ALERT.format(expr=expr, text=text))
    lines = file.read_text().splitlines()
    line = next(number for number, each in enumerate(lines, 1) if typo in each)
    found = [each for each in alert_mistakes(file).splitlines() if typo in each]
    assert len(found) == 1, found
    return found[0], f"{file}:{line}:{lines[line - 1].index(typo) + 1}: "


@pytest.mark.parametrize(("expr", "typo", "word"), [*in_expressions()])
def test_a_word_of_an_expression_is_named_at_its_place(expr: str, typo: str, word: str, tmp_path: Path) -> None:
    found, place = checked(expr, "", typo, tmp_path)

    assert found.startswith(place)
    assert re.search(rf"did you mean '?{re.escape(word)}\b", found)


def in_templates() -> Iterator[tuple[str, str, str]]:
    """Yield templates with a mistyped function, variable or label, the typo and the word."""
    for name in sorted(TEMPLATE_FUNCTIONS):
        if len(name) > SHORTEST:
            typo = slip(name, frozenset(TEMPLATE_FUNCTIONS))
            yield f"{{{{ $value | {typo} }}}}", typo, name
    for label in ("instance", "action"):
        typo = slip(label, frozenset())
        yield f"{{{{ $labels.{typo} }}}} is it", typo, label
    for name in ("labels", "value", "externalLabels"):
        typo = slip(name, frozenset())
        yield f"{{{{ ${typo} }}}}", f"${typo}", name


@pytest.mark.parametrize(("text", "typo", "word"), [*in_templates()])
def test_a_word_of_a_template_is_named_at_its_place(text: str, typo: str, word: str, tmp_path: Path) -> None:
    found, place = checked('docker_container_events_total{action="die"} > 0', text, typo, tmp_path)

    assert found.startswith(place)
    assert re.search(rf"did you mean '?\$?{re.escape(word)}\b", found)


def flags() -> Iterator[tuple[str, str, str]]:
    """Yield each command with each of its flags mistyped, and the flag."""
    for name, command in sorted(commands(cli, ())):
        known = frozenset(option for each in command.params for option in each.opts if option.startswith("--"))
        for option in sorted(known):
            yield name, "--" + slip(option[2:], frozenset(each[2:] for each in known)), option


def commands(group: click.Group, before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name), command


def test_a_flag_is_named_with_the_one_that_was_meant() -> None:
    missed = []
    for name, typo, option in flags():
        done = CliRunner().invoke(cli, [*name, typo, "x"])
        if done.exit_code != 2 or typo not in done.output or option not in done.output:
            missed.append((name, typo, option, done.output[-200:]))

    assert missed == []


def test_a_variable_is_named_with_the_one_that_was_meant() -> None:
    known = frozenset(variable(key) for key, _ in leaves(Config))
    missed = []
    for name in sorted(known):
        typo = "LOGWATCH_" + slip(name.removeprefix("LOGWATCH_"), frozenset(each[9:] for each in known))
        said = [str(each) for each in load_config(None, {typo: "x"}, {}).warnings]
        if said != [f"{typo}: warning: no key has this variable (did you mean {name}?)"]:
            missed.append((typo, name, said))

    assert missed == []
