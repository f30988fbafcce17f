"""Flags, environment, file and defaults in their order of precedence, and the origin of each value.

    flag --web.listen-address  >  LOGWATCH_WEB_LISTEN_ADDRESS  >  web.listen_address: in the file  >  default

A value from a flag or the environment is laid into the file's tree at its place, so that all
are read by one model and every mistake has its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from logwatch.config import webfile
from logwatch.config.settings import Config
from logwatch.errors import ConfigError, Mistake, mistake
from logwatch.model import Mark
from logwatch.notation import duration_text, size_text
from logwatch.rulefiles.validation import shown, validate
from logwatch.rulefiles.vocabulary import closest
from logwatch.rulefiles.yaml import Entry, Node, parse, scalar

PREFIX = "LOGWATCH_"
DEFAULT = "default"
KUBERNETES = re.compile(
    r"""
    LOGWATCH_ (?: PORT | PORT_ [0-9]+ _ .* | SERVICE_ (?: HOST | PORT | PORT_ .* ) )   # LOGWATCH_PORT_19979_TCP_ADDR
    """,
    re.VERBOSE,
)

# Flags whose name is not the key's.
FLAGS = {
    "sources.paths": "--log",
    "sources.timezone": "--timezone",
    "rules.paths": "--rules",
    "rules.shipped": "--no-shipped-rules",
    "state.dir": "--state-dir",
    "docker_root": "--docker-root",
    "containerd_root": "--containerd-root",
    "web.config_file": "--web.config.file",
}


@dataclass(frozen=True, slots=True)
class Effective:
    """The effective configuration, and the origin of every value."""

    config: Config
    origins: Mapping[str, str]
    """Dotted key to `default`, `logwatch.yml:3`, `LOGWATCH_STATE_DIR` or `--state-dir`."""
    warnings: tuple[Mistake, ...] = ()
    path: Path | None = None
    """The file, if any."""

    def table(self) -> Iterator[tuple[str, str, str]]:
        """Each key with its value, as it is written in the file, and its origin; secrets are masked."""
        for key, origin in self.origins.items():
            value: Any = self.config
            for name in key.split("."):
                value = getattr(value, name)
            yield key, value_text(value, key), origin


def load(path: Path | None, environment: Mapping[str, str], flags: Mapping[str, object]) -> Effective:
    """Read all layers; `flags` maps a dotted key to its value, None or () if it was not given.

    Raises ConfigError with every mistake.
    """
    effective, mistakes = read(path, environment, flags)
    errors = [found for found in mistakes if not found.warning]
    if effective is None or errors:
        raise ConfigError("\n".join(map(str, sorted(errors))))
    return effective


def check(path: Path | None, environment: Mapping[str, str], flags: Mapping[str, object]) -> list[Mistake]:
    """Every mistake and warning of all layers."""
    return sorted(read(path, environment, flags)[1])


def read(
    path: Path | None, environment: Mapping[str, str], flags: Mapping[str, object]
) -> tuple[Effective | None, list[Mistake]]:
    """Read all layers; None if a mistake prevents a configuration."""
    keys = dict(leaves(Config))
    root, mistakes = _file(path)
    mistakes += _misspelt(environment, keys)
    for key, annotation in keys.items():
        name = variable(key)
        if name in environment:
            _lay(root, key, _from_text(environment[name], annotation, Mark(name, 0, 0)))
        value = flags.get(key)
        if value is not None and value != ():
            _lay(root, key, _from_flag(value, Mark(flag(key), 0, 0)))
    config, found = validate(Config, root)
    mistakes += found
    if config is None:
        return None, mistakes
    if config.web.config_file is not None:
        mistakes += webfile.check(config.web.config_file)[1]
    origins = {key: _origin(root, key) for key in keys}
    return Effective(config, origins, tuple(found for found in mistakes if found.warning), path), mistakes


def _file(path: Path | None) -> tuple[Node, list[Mistake]]:
    """The file's tree; empty without a file, or if it cannot be used."""
    nothing = Node(Mark(str(path or ""), 1, 1), {})
    if path is None:
        return nothing, []
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return nothing, [Mistake(str(path), 0, 0, "file not found: create it, or correct --config.file")]
    except OSError as error:
        return nothing, [Mistake(str(path), 0, 0, f"cannot be read ({error.strerror}): check its mode and owner")]
    node, mistakes = parse(content, str(path))
    if node is None:
        return nothing, mistakes
    if not isinstance(node.value, dict):
        what = f"expected sections such as state: at the top, not {shown(node.plain())}: write 'key: value'"
        return nothing, [*mistakes, mistake(node.mark, what)]
    return node, mistakes


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names of all single values of a model, with their annotations."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.annotation


def variable(key: str) -> str:
    """The environment variable of a dotted key."""
    return PREFIX + key.replace(".", "_").upper()


def flag(key: str) -> str:
    """The command-line flag of a dotted key."""
    return FLAGS.get(key, f"--{key.replace('_', '-')}")


def _misspelt(environment: Mapping[str, str], keys: Mapping[str, Any]) -> list[Mistake]:
    """Variables of our prefix that no key has. Kubernetes sets some for a service called logwatch: these are its own."""
    known = {variable(key) for key in keys}
    found = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known and not KUBERNETES.fullmatch(name):
            meant = closest(name, known)
            cure = f" (did you mean {meant}?)" if meant is not None else ": `logwatch config` prints every key"
            found.append(Mistake(name, 0, 0, f"no key has this variable{cure}", warning=True))
    return found


def _lay(root: Node, key: str, node: Node) -> None:
    """Put a value at its dotted place, replacing that of the file."""
    *sections, last = key.split(".")
    for section in sections:
        assert isinstance(root.value, dict)
        if section not in root.value or not isinstance(root.value[section].node.value, dict):
            root.value[section] = Entry(node.mark, Node(node.mark, {}))
        root = root.value[section].node
    assert isinstance(root.value, dict)
    root.value[last] = Entry(node.mark, node)


def _from_text(text: str, annotation: object, mark: Mark) -> Node:
    """A value of the environment: lists as a,b and mappings as a=b,c=d."""
    kind = str(annotation)
    items = [item.strip() for item in text.split(",") if item.strip()]
    if kind.startswith("dict"):
        pairs = (item.partition("=") for item in items)
        return Node(mark, {name: Entry(mark, Node(mark, value, quoted=True)) for name, _, value in pairs})
    if kind.startswith("tuple"):
        return Node(mark, [Node(mark, item, quoted=True) for item in items])
    return Node(mark, scalar(text))


def _from_flag(value: object, mark: Mark) -> Node:
    if isinstance(value, bool):
        return Node(mark, value)
    if isinstance(value, Mapping):
        return Node(mark, {str(name): Entry(mark, _from_flag(item, mark)) for name, item in value.items()})
    if isinstance(value, Sequence) and not isinstance(value, str):
        return Node(mark, [_from_flag(item, mark) for item in value])
    return Node(mark, str(value), quoted=True)


def _origin(root: Node, key: str) -> str:
    node: Node = root
    for name in key.split("."):
        if not isinstance(node.value, dict) or name not in node.value:
            return DEFAULT
        mark, node = node.value[name]
    return f"{mark.path}:{mark.line}" if mark.line else mark.path


def value_text(value: object, key: str = "") -> str:
    """A value as it is written in the file."""
    if isinstance(value, timedelta):
        return duration_text(value)
    if key.endswith("_bytes") and isinstance(value, int):
        return size_text(value)
    return json.dumps(_json(value), ensure_ascii=False)


def _json(value: object) -> object:
    if isinstance(value, BaseModel):
        return {
            name: _json(getattr(value, name)) for name in type(value).model_fields if getattr(value, name) is not None
        }
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items()}
    if isinstance(value, timedelta):
        return duration_text(value)
    return value if isinstance(value, str | bool | int | None) else str(value)
