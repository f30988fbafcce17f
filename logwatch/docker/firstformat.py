"""The first format of images: a folder per layer with `VERSION`, `json` and `layer.tar`, and `repositories`.

Every layer is an image with a parent. Archives of engines before 1.10 hold nothing else; the old
`graph/` folder of DOCKER_ROOT keeps the same documents. Format: `image/spec/spec.md` of moby 1.12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from pydantic import RootModel

from logwatch.docker.contents import Contents, LayerFile
from logwatch.docker.descriptions import Outside, describe, parse
from logwatch.docker.images import Description, Image, Layer, familiar

REPOSITORIES = "repositories"
MOST_LAYERS = 10_000
DEEPEST = 130
"""Engines refuse more than 127 layers."""


class _Repositories(RootModel[dict[str, dict[str, str]]]):
    """Name to tag to id, as in archives."""


class _Wrapped(Outside):
    """The same as graph/ and `image/<driver>/repositories.json` have it."""

    Repositories: dict[str, dict[str, str]]


def tags_by_id(text: bytes) -> Mapping[str, tuple[str, ...]] | str:
    """Read a `repositories` document of either form into id to tags, or say why it cannot be read."""
    try:
        repositories = _Repositories.model_validate_json(text).root
    except ValueError:
        found = parse(_Wrapped, text)
        if isinstance(found, str):
            return found
        repositories = found.Repositories
    tags: dict[str, tuple[str, ...]] = {}
    for repository, versions in repositories.items():
        for tag, image_id in versions.items():
            name = tag if tag.startswith(f"{repository}:") or "@" in tag else f"{repository}:{tag}"
            tags[image_id] = (*tags.get(image_id, ()), familiar(name))
    return tags


@dataclass(frozen=True, slots=True)
class Node:
    """A layer of the first format."""

    description: Description
    size: int | None
    stored: int | None = None
    problem: str | None = None


def read(contents: Contents) -> tuple[list[Image], list[str]]:
    """Build the images of an archive that has no manifest, and say what is wrong with it."""
    problems: list[str] = []
    nodes = dict(islice(_nodes(contents), MOST_LAYERS))
    if len(nodes) == MOST_LAYERS:
        problems.append(f"{MOST_LAYERS} layers or more: the rest is ignored")
    text = contents.document(REPOSITORIES)
    tags = {} if text is None else tags_by_id(text)
    if isinstance(tags, str):
        problems.append(f"{REPOSITORIES}: {tags}")
        tags = {}
    images, more = link(nodes, tags)
    return images, problems + more


def is_present(contents: Contents) -> bool:
    """Whether there are layers of the first format."""
    return any(name.count("/") == 1 and name.endswith("/json") for name in contents.documents)


def _nodes(contents: Contents) -> Iterator[tuple[str, Node]]:
    for name, text in contents.documents.items():
        folder, _, file = name.partition("/")
        if file != "json":
            continue
        found = contents.layer(f"{folder}/layer.tar")
        description = describe(text)
        if isinstance(description, str):
            size, stored = (found.size, found.stored) if found else (None, None)
            yield folder, Node(Description(), size, stored, f"json: {description}")
        elif found is None:
            yield folder, Node(description, description.size, problem="its layer.tar is not in the archive")
        else:
            yield folder, _measured(description, found)


def _measured(description: Description, found: LayerFile) -> Node:
    size = found.size if found.size is not None else description.size
    return Node(description, size, found.stored, found.problem)


def link(nodes: Mapping[str, Node], tags: Mapping[str, tuple[str, ...]]) -> tuple[list[Image], list[str]]:
    """Build an image for each layer from its chain of parents; missing and circular parents are holes."""
    problems = [
        f"{', '.join(names)}: image {image_id[:12]} is not there"
        for image_id, names in tags.items()
        if image_id not in nodes
    ]
    layers = {name: Layer(name, node.size, node.stored, problem=node.problem) for name, node in nodes.items()}
    images = []
    for name, node in nodes.items():
        chain, hole = _chain(name, nodes)
        image = Image(
            name,
            tuple(layers[each] for each in chain),
            tags.get(name, ()),
            parent=node.description.parent,
            description=node.description,
        )
        images.append(replace(image, problem=node.problem or hole))
    return images, problems


def _chain(name: str, nodes: Mapping[str, Node]) -> tuple[tuple[str, ...], str | None]:
    """The layers of an image from the lowest on, and what is wrong with its ancestors."""
    path, hole, here = [name], None, nodes[name].description.parent
    seen = {name}
    while here is not None:
        if here in seen:
            hole = f"its parents form a circle at {here[:12]}"
            break
        if here not in nodes:
            hole = f"its parent {here[:12]} is missing"
            break
        if len(path) == DEEPEST:
            hole = f"more than {DEEPEST} layers: the lowest are left out"
            break
        seen.add(here)
        path.append(here)
        here = nodes[here].description.parent
    return tuple(reversed(path)), hole
