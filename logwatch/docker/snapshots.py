"""Goes through containerd's data directory as `survey` does through Docker's.

Snapshots that are named by a ChainID are layers of images, those named by a container's id are
its own, others are BuildKit's. Blobs that no image refers to are its cache too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from logwatch.docker import containerd
from logwatch.docker.containers import StoredContainer, stored
from logwatch.docker.drivers import INIT
from logwatch.docker.folder import Folder
from logwatch.docker.images import SHA256, Image
from logwatch.docker.saved import merge
from logwatch.docker.storage import LOOK_FIRST, Item, Kind, Report, Writable
from logwatch.docker.survey import PRUNE_CACHE, PRUNE_IMAGES, file_systems, joined, limit, measured, owners_of, removal
from logwatch.docker.usage import Steps, Usage


def survey(store: Folder, roots: Sequence[Folder]) -> Steps[Report]:
    """Add up containerd's data directory for the engines with these data directories."""
    containers = {container.id: container for root in roots for container in stored(root)}
    limits = {container.id: limit(root, container) for root in roots for container in stored(root)}
    users: dict[str, tuple[str, ...]] = {}
    for container in containers.values():
        users[container.image_id] = (*users.get(container.image_id, ()), container.called)
    images = merge(containerd.images(store, users, []))
    yield
    items: list[Item] = []
    names = containerd.snapshotters(store)
    for name in names:
        items += yield from _snapshots(store, name, images, containers)
    content = yield from _content(store, names[0] if names else "overlayfs", images)
    return Report(
        drivers=tuple(names),
        items=(*items, *content),
        containers=tuple(_written(containers.values(), limits, items)),
        file_systems=tuple(file_systems([store.path])),
        images=len(images),
        layers=len({layer.id for image in images for layer in image.layers}),
        problems=tuple(store.problems),
    )


def _snapshots(
    store: Folder, name: str, images: Sequence[Image], containers: Mapping[str, StoredContainer]
) -> Steps[list[Item]]:
    owners, used, _ = owners_of(images)
    found = containerd.snapshots(store, name)
    needed = _below_containers(found, containers)
    items = []
    for snapshot in found:
        key = snapshot.key
        if not snapshot.namespace.startswith(containerd.NAMESPACE):
            continue
        usage = Usage(allocated=snapshot.size or 0)
        if snapshot.size is None:
            folder = store.path / f"{containerd.SNAPSHOTTER}{name}" / "snapshots" / str(snapshot.number) / "fs"
            usage = yield from measured(store, folder)
        item = Item(Kind.DANGLING_LAYERS, name, key, key[:12], usage.allocated, LOOK_FIRST, complete=usage.complete)
        if key in owners:
            item = replace(
                item, kind=Kind.IMAGE_LAYERS, owner=joined(owners[key]), reclaim=None if key in used else PRUNE_IMAGES
            )
        elif key.removesuffix(INIT) in containers:
            container = containers[key.removesuffix(INIT)]
            item = replace(item, kind=Kind.WRITABLE_LAYERS, owner=container.called, reclaim=removal(container))
        elif key in needed:
            item = replace(item, kind=Kind.IMAGE_LAYERS, owner=f"removed image of {needed[key]}", reclaim=None)
        elif snapshot.kind == containerd.VIEW or not key.startswith(SHA256):
            item = replace(item, kind=Kind.BUILD_CACHE, reclaim=PRUNE_CACHE)
        items.append(item)
        yield
    return items


def _below_containers(
    found: Sequence[containerd.Snapshot], containers: Mapping[str, StoredContainer]
) -> Mapping[str, str]:
    """Snapshots that a container's own lies on, with the name of one: its image may have been removed by force."""
    parents = {snapshot.key: snapshot.parent for snapshot in found}
    needed: dict[str, str] = {}
    for container in containers.values():
        here = parents.get(container.id, "")
        while here and here not in needed:
            needed[here] = container.called
            here = parents.get(here, "")
    return {key: name for key, name in needed.items() if key.startswith(SHA256)}


def _content(store: Folder, driver: str, images: Sequence[Image]) -> Steps[list[Item]]:
    """Blobs, each for the first image that has it, and what else lies in the content store."""
    items, seen = [], set[str]()
    for image in images:
        again = sum(layer.stored or 0 for layer in image.layers if layer.id in seen)
        seen.update(layer.id for layer in image.layers)
        reclaim = None if image.used_by else PRUNE_IMAGES
        size = max(image.content - again, 0)
        items.append(Item(Kind.IMAGE_CONTENT, driver, image.id, joined(image.tags), size, reclaim))
    usage = yield from measured(store, store.path / containerd.CONTENT / "blobs")
    others = max(usage.size - sum(item.size for item in items), 0)
    rest = Item(Kind.BUILD_CACHE, driver, "content", "blobs of no image", others, PRUNE_CACHE, complete=usage.complete)
    return [*items, rest]


def _written(
    containers: Iterable[StoredContainer], limits: Mapping[str, int | None], items: Iterable[Item]
) -> Iterator[Writable]:
    """What containers wrote; their logs lie in Docker's data directory."""
    sizes: Counter[str] = Counter()
    for item in items:
        if item.kind is Kind.WRITABLE_LAYERS and not item.id.endswith(INIT):
            sizes[item.owner] += item.size
    for container in containers:
        yield Writable(container.called, sizes[container.called], limits[container.id], 0)
