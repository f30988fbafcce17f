"""How images are printed: a tree for people, JSON for programs, a graph for Graphviz."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from rich.table import Table
from rich.text import Text

from logwatch.docker.images import Image, Images, Layer, short
from logwatch.docker.tree import Forest, Node
from logwatch.model import SECOND
from logwatch.notation import one_line, rfc3339

UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
AGES = (
    (timedelta(days=365), "years"), (timedelta(days=30), "months"), (timedelta(days=7), "weeks"),
    (timedelta(days=1), "days"), (timedelta(hours=1), "hours"), (timedelta(minutes=1), "minutes"),
    (timedelta(seconds=1), "seconds"),
)  # fmt: skip


def human(size: float) -> str:
    """A size in units of 1000, as `docker images` prints it.

    >>> human(1982361)
    '1.98MB'
    """
    for unit in UNITS:
        if size < 1000 or unit == UNITS[-1]:
            return f"{size:.3g}{unit}" if size < 1000 else f"{size:.0f}{unit}"
        size /= 1000
    raise AssertionError


def age(created_ns: int, now_ns: int) -> str:
    """How long ago something was made; nothing where that is unknown."""
    if not created_ns:
        return ""
    passed = timedelta(microseconds=(now_ns - created_ns) // 1000)
    for length, unit in AGES:
        if passed >= 2 * length:
            return f"{passed // length} {unit} ago"
    return "just now" if passed > -timedelta(minutes=1) else "in the future"


def table(forest: Forest, now_ns: int) -> Table:
    """The trees, a line for each image."""
    grid = Table("image", "id", "created", "own", "size", "shared", "used by", box=None)
    for column in grid.columns[3:6]:
        column.justify = "right"
    for guide, node in _guided(forest):
        image = node.image
        flag = "" if node.complete else "?"
        grid.add_row(
            Text(guide + one_line(name_of(node)), overflow="fold"),
            Text(one_line(short(node.id)) if image else ""),
            age(image.description.created_ns, now_ns) if image else "",
            human(node.own) + flag,
            human(node.size) + flag,
            human(node.shared),
            Text(one_line(", ".join(_remarks(node))), overflow="fold"),
        )
    return grid


def name_of(node: Node) -> str:
    """What a node is called in the tree."""
    if node.image is None:
        return "(shared layers)"
    platform = node.image.description
    name = ", ".join(node.image.tags) or "<none>"
    return name if platform.architecture in {"", "amd64"} else f"{name} ({platform.os}/{platform.architecture})"


def _remarks(node: Node) -> Iterator[str]:
    """Who uses an image, and what is wrong with it."""
    yield from node.image.used_by if node.image else ()
    if node.problem:
        yield f"incomplete: {node.problem}"


def _guided(forest: Forest) -> Iterator[tuple[str, Node]]:
    """Yield each node with the lines that lead to it."""
    work = [("", "", node) for node in reversed(forest.roots)]
    while work:
        here, below, node = work.pop()
        yield here, node
        last = len(node.children) - 1
        for place in range(last, -1, -1):
            turn, rest = ("└── ", "    ") if place == last else ("├── ", "│   ")
            work.append((below + turn, below + rest, node.children[place]))


def as_json(images: Images, forest: Forest) -> str:
    """One document: every node after its parent; the keys are stable."""
    parents = {child.id: node.id for _, node in forest.nodes() for child in node.children}
    nodes = [_node(node, parents.get(node.id)) for _, node in forest.nodes()]
    document = {
        "source": images.source,
        "images": nodes,
        "problems": [*images.problems, *forest.problems],
        "notes": list(images.notes),
    }
    return json.dumps(document)


def _node(node: Node, parent: str | None) -> dict[str, object]:
    image = node.image
    found: dict[str, object] = {
        "id": node.id,
        "parent": parent,
        "own_bytes": node.own,
        "size_bytes": node.size,
        "shared_bytes": node.shared,
        "complete": node.complete,
        "problem": node.problem,
        "intermediate": node.intermediate,
    }
    return found | image_fields(image) if image else found | {"shared_layers": True}


def image_fields(image: Image) -> dict[str, object]:
    """What is known of an image itself."""
    description = image.description
    return {
        "tags": list(image.tags),
        "digest": image.digest,
        "recorded_parent": image.parent,
        "created": rfc3339(description.created_ns) if description.created_ns else None,
        "architecture": description.architecture or None,
        "os": description.os or None,
        "stored_bytes": image.stored or None,
        "used_by": list(image.used_by),
        "layers": [layer_fields(layer) for layer in image.layers],
    }


def layer_fields(layer: Layer) -> dict[str, object]:
    """What is known of a layer."""
    return {
        "id": layer.id,
        "size_bytes": layer.size,
        "stored_bytes": layer.stored,
        "disk_estimate_bytes": layer.disk,
        "problem": layer.problem,
    }


def as_dot(forest: Forest) -> Iterator[str]:
    """Yield the lines of a graph for Graphviz (`dot -Tsvg`)."""
    yield "digraph images {"
    yield '  node [shape=box, fontname="sans-serif"];'
    for _, node in forest.nodes():
        label = _quoted(name_of(node), short(node.id) if node.image else "", f"{human(node.own)} of {human(node.size)}")
        style = "" if node.image else ", style=dashed"
        yield f"  {_quoted(node.id)} [label={label}{style}];"
        for child in node.children:
            yield f"  {_quoted(node.id)} -> {_quoted(child.id)};"
    yield "}"


def _quoted(*lines: str) -> str:
    escaped = (one_line(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines if line)
    return '"' + "\\n".join(escaped) + '"'


def when(created_ns: int) -> str:
    """A moment for people, in UTC."""
    return f"{datetime.fromtimestamp(created_ns // SECOND, UTC):%Y-%m-%d %H:%M:%S}" if created_ns else ""


def bullet(lines: Iterable[str]) -> str:
    """Lines below a heading."""
    return "".join(f"  {one_line(line)}\n" for line in lines)
