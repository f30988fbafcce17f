"""The tree of images: who was made from whom, what each adds, and what they share.

A parent is the one that was recorded, if it is there; else the image with the longest chain of
layers that an image's own chain begins with. Where images share layers that no image ends
with, a node without image represents these layers.

    shared layers (77 MB)
    ├── web:1      its own 3 MB
    └── api:1      its own 5 MB
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from logwatch.docker.images import Image, Layer

SHARED = "shared:"
"""Before the ChainID in the id of a node that is not an image."""


@dataclass(frozen=True, slots=True)
class Node:
    """An image, or layers that several images share."""

    id: str
    image: Image | None
    children: tuple[Node, ...]
    own: int
    """Bytes that it adds to its parent."""
    size: int
    """Bytes of all its layers, with what the engine counts beside them."""
    shared: int
    """Bytes of its layers that other images use as well."""
    complete: bool
    """Whether all sizes are known."""
    problem: str | None

    @property
    def intermediate(self) -> bool:
        """Whether it has no name and serves only as a parent."""
        return self.image is not None and not self.image.tags and bool(self.children)


@dataclass(frozen=True, slots=True)
class Forest:
    """All trees of a source."""

    roots: tuple[Node, ...]
    problems: tuple[str, ...]

    def nodes(self) -> list[tuple[int, Node]]:
        """Every node after its parent, with its depth."""
        found, work = [], [(0, root) for root in reversed(self.roots)]
        while work:
            depth, node = work.pop()
            found.append((depth, node))
            work += [(depth + 1, child) for child in reversed(node.children)]
        return found


def grow(images: Sequence[Image], *, intermediate: bool = True) -> Forest:
    """Build the trees; without `intermediate` images, their children are their parents' children."""
    by_id = {image.id: image for image in images}
    parents, problems = _parents(images, by_id)
    if not intermediate:
        parents = _without_intermediate(images, parents)
        by_id = {name: by_id[name] for name in parents}
    below: dict[str | None, list[str]] = {}
    for name, parent in parents.items():
        below.setdefault(parent, []).append(name)
    shared_layers = _shared_layers(by_id, below)
    builder = _Builder(by_id, below, shared_layers, _uses(by_id.values(), below))
    return Forest(builder.build(), tuple(problems))


def _uses(images: Iterable[Image], below: Mapping[str | None, Sequence[str]]) -> Mapping[str, int]:
    """How many images use each layer, counted over those that `docker images` lists: with a name or without children."""
    return Counter(
        layer.id
        for image in images
        if image.tags or image.id not in below
        for layer in {each.id: each for each in image.layers}.values()
    )


def _parents(images: Sequence[Image], by_id: Mapping[str, Image]) -> tuple[dict[str, str | None], list[str]]:
    by_chain: dict[str, list[Image]] = {}
    for image in images:
        if image.layers:
            by_chain.setdefault(image.layers[-1].id, []).append(image)
    parents = {image.id: _parent(image, by_id, by_chain) for image in images}
    return parents, _cut_circles(parents)


def _parent(image: Image, by_id: Mapping[str, Image], by_chain: Mapping[str, Sequence[Image]]) -> str | None:
    if image.parent in by_id and image.parent != image.id:
        return image.parent
    for layer in reversed(image.layers):
        below = [other for other in by_chain.get(layer.id, ()) if other is not image and _precedes(other, image)]
        if below:
            return max(below, key=lambda other: (*_closeness(other, image), other.id)).id
    return None


def _closeness(other: Image, image: Image) -> tuple[bool, int]:
    """How near an image with the same lower layers is: best with the longest history that ours begins with."""
    steps = len(other.description.history)
    begins = image.description.history[:steps] == other.description.history
    return begins, steps if begins else -steps


def _precedes(other: Image, image: Image) -> bool:
    """Whether an image whose layers another begins with may be its parent; of equal layers the history decides."""
    if len(other.layers) != len(image.layers):
        return len(other.layers) < len(image.layers)
    begins, steps = _closeness(other, image)
    return begins and steps < len(image.description.history)


def _cut_circles(parents: dict[str, str | None]) -> list[str]:
    problems, done = [], set()
    for start in parents:
        path: list[str] = []
        on_path = set()
        here: str | None = start
        while here is not None and here not in done:
            if here in on_path:
                problems.append(f"{here}: its parents form a circle: cut here")
                parents[here] = None
                break
            path.append(here)
            on_path.add(here)
            here = parents[here]
        done.update(path)
    return problems


def _without_intermediate(images: Sequence[Image], parents: Mapping[str, str | None]) -> dict[str, str | None]:
    having = set(parents.values())
    hidden = {image.id for image in images if not image.tags and not image.used_by and image.id in having}
    kept: dict[str, str | None] = {}
    for name, parent in parents.items():
        if name in hidden:
            continue
        above = parent
        while above in hidden:
            above = parents[above]
        kept[name] = above
    return kept


def _shared_layers(by_id: Mapping[str, Image], below: dict[str | None, list[str]]) -> dict[str, tuple[Layer, ...]]:
    """Put a node over each group of siblings that share more layers than their parent has."""
    found: dict[str, tuple[Layer, ...]] = {}
    work: list[tuple[str | None, int]] = [(name, len(by_id[name].layers) if name else 0) for name in below]
    while work:
        parent, depth = work.pop()
        groups: dict[str, list[str]] = {}
        for name in below[parent]:
            layers = by_id[name].layers
            groups.setdefault(layers[depth].id if depth < len(layers) else name, []).append(name)
        if len(groups) == 1 and parent is not None and parent.startswith(SHARED):
            continue
        for names in groups.values():
            if len(names) < 2:
                continue
            common = _common([by_id[name].layers for name in names])
            node = SHARED + common[-1].id
            if node in found:
                continue
            found[node] = common
            below[parent] = [name for name in below[parent] if name not in set(names)] + [node]
            below[node] = names
            work.append((node, len(common)))
    return found


def _common(chains: Sequence[Sequence[Layer]]) -> tuple[Layer, ...]:
    """The layers that all chains begin with."""
    common = []
    for layers in zip(*chains, strict=False):
        if len({layer.id for layer in layers}) > 1:
            break
        common.append(layers[0])
    return tuple(common)


class _Builder:
    """Makes the nodes from the leaves up, without recursion: chains may be long."""

    def __init__(
        self,
        by_id: Mapping[str, Image],
        below: Mapping[str | None, Sequence[str]],
        shared_layers: Mapping[str, tuple[Layer, ...]],
        uses: Mapping[str, int],
    ) -> None:
        self._by_id = by_id
        self._below = below
        self._shared_layers = shared_layers
        self._uses = uses

    def build(self) -> tuple[Node, ...]:
        """Return the roots."""
        order: list[tuple[str, tuple[Layer, ...]]] = []
        work: list[tuple[str, tuple[Layer, ...]]] = [(name, ()) for name in self._below.get(None, ())]
        while work:
            name, above = work.pop()
            order.append((name, above))
            work += [(child, self._layers(name)) for child in self._below.get(name, ())]
        nodes: dict[str, Node] = {}
        for name, above in reversed(order):
            nodes[name] = self._node(name, above, [nodes[child] for child in self._below.get(name, ())])
        return _sorted(nodes[name] for name in self._below.get(None, ()))

    def _layers(self, name: str) -> tuple[Layer, ...]:
        return self._by_id[name].layers if name in self._by_id else self._shared_layers[name]

    def _node(self, name: str, above: Sequence[Layer], children: Iterable[Node]) -> Node:
        image, layers = self._by_id.get(name), self._layers(name)
        known = {layer.id for layer in above}
        content = image.content if image else 0
        own_use = 1 if image and (image.tags or name not in self._below) else 0
        return Node(
            id=name,
            image=image,
            children=_sorted(children),
            own=content + sum(layer.size or 0 for layer in layers if layer.id not in known),
            size=content + sum(layer.size or 0 for layer in layers),
            shared=sum(layer.size or 0 for layer in layers if self._uses.get(layer.id, 0) > own_use),
            complete=image.complete if image else all(layer.size is not None for layer in layers),
            problem=(image.problem if image else None)
            or next((_hole(layer) for layer in layers if layer.problem), None),
        )


def _hole(layer: Layer) -> str:
    return f"layer {layer.id.removeprefix('sha256:')[:12]}: {layer.problem}"


def _sorted(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """By name, nameless ones last; the same tree looks the same from any source."""
    return tuple(
        sorted(
            nodes,
            key=lambda node: (not (node.image and node.image.tags), node.image.tags if node.image else (), node.id),
        )
    )
