"""The image store of engines before 1.10: `graph/`, `repositories-<driver>` and `linkgraph.db` in DOCKER_ROOT.

`graph/<id>/` has `json` (as in archives of the first format) and `layersize`. `linkgraph.db` is a
SQLite database (`pkg/graphdb` of moby) of entities and named edges from parent to child: the names
of containers below the entity 0. Edges between layers are read as well: a layer that only one of
the two knows is taken from it, and that is said. aufs keeps the chain of parents once more in `aufs/layers`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from logwatch.docker.containers import is_id
from logwatch.docker.descriptions import describe
from logwatch.docker.firstformat import MOST_LAYERS, Node, link
from logwatch.docker.folder import Folder
from logwatch.docker.imagedb import repository_tags
from logwatch.docker.images import Description, Image

GRAPH = "graph"
LINKS = "linkgraph.db"
REPOSITORIES = "repositories-"
LARGEST_LINKS = 256 << 20
ROOT_ENTITY = "0"


@dataclass(frozen=True, slots=True)
class Links:
    """What linkgraph.db says."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Container id to its name."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """Of other entities, which are layers."""


def drivers(root: Folder) -> list[str]:
    """The storage drivers whose names of images are here; without any `graph`, if that is there."""
    found = [name.removeprefix(REPOSITORIES) for name in root.names() if name.startswith(REPOSITORIES)]
    return found or ([GRAPH] if GRAPH in root.names() else [])


def read(root: Folder, driver: str, users: Mapping[str, tuple[str, ...]], notes: list[str]) -> list[Image]:
    """Read the images below graph/; what only linkgraph.db or aufs/layers knows is noted."""
    nodes = {name: _node(root, name) for name in root.names(GRAPH)[:MOST_LAYERS] if is_id(name)}
    tags = repository_tags(root, f"{REPOSITORIES}{driver}")
    links = read_links(root)
    for name, parent in links.parents.items():
        known = nodes.get(name)
        if known is None:
            notes.append(f"layer {name[:12]} is not in graph/: its parent is taken from {LINKS}")
            nodes[name] = Node(Description(parent=parent), None, problem="it is not in graph/")
        elif known.problem and known.description.parent is None:
            notes.append(f"layer {name[:12]} cannot be read in graph/: its parent is taken from {LINKS}")
            nodes[name] = replace(known, description=Description(parent=parent))
    if links.parents:
        only = sum(name not in links.parents and node.description.parent is not None for name, node in nodes.items())
        if only:
            notes.append(f"{only} layers of graph/ are not in {LINKS}: their parents are taken from graph/")
    _complete(root, nodes, notes)
    images, problems = link(nodes, tags)
    for problem in problems:
        root.note(problem)
    return [replace(image, used_by=users.get(image.id, ())) for image in images]


def _node(root: Folder, name: str) -> Node:
    text = root.read(GRAPH, name, "json")
    size = root.text(GRAPH, name, "layersize")
    known = int(size) if size.isdecimal() and len(size) < 20 else None
    if text is None:
        return Node(Description(), known, problem="its json is missing")
    description = describe(text)
    if isinstance(description, str):
        return Node(Description(), known, problem=f"its json cannot be read: {description}")
    found = known if known is not None else description.size
    return Node(description, found, problem=None if found is not None else "its size is not noted")


def _complete(root: Folder, nodes: dict[str, Node], notes: list[str]) -> None:
    """Take missing parents from aufs, which keeps each layer's chain, the nearest first."""
    lacking = [name for name, node in nodes.items() if node.problem and node.description.parent is None]
    lacking += sorted({node.description.parent for node in nodes.values() if node.description.parent} - nodes.keys())
    for name in lacking:
        chain = root.text("aufs", "layers", name).split()
        if not chain or not is_id(chain[0]):
            continue
        notes.append(f"layer {name[:12]} cannot be read in graph/: its parent is taken from aufs/layers")
        size = nodes[name].size if name in nodes else None
        nodes[name] = Node(Description(parent=chain[0]), size, problem="its json is missing in graph/")


def read_links(root: Folder) -> Links:
    """Read linkgraph.db without writing to it or locking it; nothing where there is none."""
    size = root.size(LINKS)
    if size is None:
        return Links()
    if size > LARGEST_LINKS:
        root.note(f"{root.path / LINKS}: larger than {LARGEST_LINKS} bytes: not read")
        return Links()
    try:
        with closing(sqlite3.connect(f"file:{quote(str(root.path / LINKS))}?mode=ro&immutable=1", uri=True)) as base:
            rows = base.execute("SELECT entity_id, parent_id, name FROM edge LIMIT ?", (10 * MOST_LAYERS,)).fetchall()
    except sqlite3.Error as error:
        root.note(f"{root.path / LINKS}: {error}")
        return Links()
    edges = [row for row in rows if all(isinstance(value, str) for value in row)]
    names = {child: name.strip("/") for child, parent, name in edges if parent == ROOT_ENTITY}
    parents = {
        child: parent for child, parent, _ in edges if child not in names and parent not in names and is_id(child)
    }
    return Links(names, {child: parent for child, parent in parents.items() if is_id(parent)})
