"""Goes through DOCKER_ROOT and adds up what is there, in small steps.

What is cheap is read: sizes of image layers as the engine notes them. What nobody notes is
measured: what containers wrote, volumes, logs, the build cache, layers that nobody refers to.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field

from logwatch.docker import devicemapper, graph, imagedb, layerdb
from logwatch.docker.containers import FOLDER, StoredContainer, stored
from logwatch.docker.descriptions import Outside, parse
from logwatch.docker.drivers import BUILDKIT, DRIVERS, INIT, Driver, present
from logwatch.docker.folder import GRANT, Folder
from logwatch.docker.images import Image
from logwatch.docker.storage import LOOK_FIRST, FileSystem, Item, Kind, Report, Writable
from logwatch.docker.usage import Steps, Usage, measure
from logwatch.model import SECOND

PRUNE_IMAGES = "docker image prune --all"
PRUNE_CACHE = "docker builder prune"
SETTLED_NS = 3600 * SECOND
"""After this a folder that nothing refers to is left over."""
LOG = re.compile(r"[0-9a-f]{64}-json\.log(\.\d+(\.gz)?)?|container\.log(\.\d+(\.gz)?)?")
LOCAL_LOGS = "local-logs"
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
AMOUNT = re.compile(
    r"(?P<number>\d{1,15}(?:\.\d{1,9})?)\s*(?P<unit>[kmgt]?)i?b?"
)  # 10G, 512m, 1.5gb, as Docker reads it


class _HostConfig(Outside):
    options: dict[str, str] | None = Field(default=None, alias="StorageOpt")


@dataclass(frozen=True, slots=True)
class _Engine:
    """What one data directory has, before anything is measured."""

    root: Folder
    containers: Sequence[StoredContainer]
    images: Mapping[str, Sequence[Image]]
    """By driver."""
    now_ns: int


def survey(root: Folder, now_ns: int) -> Steps[Report]:
    """Add up one data directory; images and containers of containerd's store are for `snapshots.survey`."""
    engine = _read(root, now_ns)
    yield
    drivers = present(root, engine.images)
    items: list[Item] = []
    notes: list[str] = []
    for name in drivers:
        driver = DRIVERS.get(name)
        if driver is None:
            notes.append(f"{name}: an unknown storage driver: only what its image store notes is counted")
            continue
        notes += [driver.note] if driver.note else []
        records = layerdb.read(root, name)
        items += _image_layers(engine, name)
        items += _other_layers(engine, name, records)
        yield
        items += yield from _measured(engine, name, driver, {record.cache for record in records.values()})
    logs = yield from _logs(engine)
    items += logs
    items += yield from _volumes(engine)
    pool = devicemapper.read(root)
    return Report(
        drivers=tuple(drivers),
        items=tuple(items),
        containers=tuple(_containers(engine, items)),
        pools=pool.pools if pool else (),
        base_size=pool.base_size if pool else None,
        file_systems=tuple(file_systems([root.path])),
        images=sum(map(len, engine.images.values())),
        layers=len({layer.id for images in engine.images.values() for image in images for layer in image.layers}),
        problems=tuple(root.problems),
        notes=tuple(notes + ([pool.note] if pool and pool.note else [])),
    )


def _read(root: Folder, now_ns: int) -> _Engine:
    containers = list(stored(root))
    users: dict[str, tuple[str, ...]] = {}
    for container in containers:
        users[container.image_id] = (*users.get(container.image_id, ()), container.called)
    images = {driver: imagedb.read(root, driver, users) for driver in imagedb.drivers(root)}
    for driver in graph.drivers(root):
        images[driver] = graph.read(root, driver, users, [])
    return _Engine(root, containers, images, now_ns)


# ── image layers ─────────────────────────────────────────────────────────────────────


def _image_layers(engine: _Engine, driver: str) -> Iterator[Item]:
    """Each layer once, with the images that have it; in use if a container was made from one of these."""
    owners, used, sizes = owners_of(engine.images.get(driver, ()))
    for layer_id, names in owners.items():
        size = sizes[layer_id]
        reclaim = None if layer_id in used else PRUNE_IMAGES
        yield Item(Kind.IMAGE_LAYERS, driver, layer_id, joined(names), size or 0, reclaim, complete=size is not None)


def _other_layers(engine: _Engine, driver: str, records: Mapping[str, layerdb.Record]) -> Iterator[Item]:
    """Layers that the engine notes but no image has: a container's whose image was removed by force, or BuildKit's."""
    owned = {layer.id for image in engine.images.get(driver, ()) for layer in image.layers}
    needed: dict[str, list[str]] = {}
    for container in engine.containers:
        for layer_id in layerdb.below(engine.root, driver, container.id, records):
            needed.setdefault(layer_id, []).append(container.called)
    cached = "buildkit" in engine.root.names()
    for layer_id, record in records.items():
        if layer_id in owned:
            continue
        item = Item(Kind.DANGLING_LAYERS, driver, layer_id, "<none>", record.size, LOOK_FIRST)
        if layer_id in needed:
            item = replace(
                item, kind=Kind.IMAGE_LAYERS, owner=f"removed image of {joined(needed[layer_id])}", reclaim=None
            )
        elif cached:
            item = replace(item, kind=Kind.BUILD_CACHE, reclaim=PRUNE_CACHE)
        yield item


def owners_of(images: Iterable[Image]) -> tuple[dict[str, list[str]], set[str], dict[str, int | None]]:
    """Layers with the names of their images, those that containers need, and their sizes."""
    owners: dict[str, list[str]] = {}
    used: set[str] = set()
    sizes: dict[str, int | None] = {}
    for image in images:
        for layer in image.layers:
            owners.setdefault(layer.id, []).extend(image.tags)
            sizes[layer.id] = layer.size
            if image.used_by:
                used.add(layer.id)
    return owners, used, sizes


def joined(names: Iterable[str]) -> str:
    """Some names in one text."""
    unique = list(dict.fromkeys(names))
    return ", ".join(unique[:3]) + (f" and {len(unique) - 3} more" if len(unique) > 3 else "") or "<none>"


# ── what is measured ─────────────────────────────────────────────────────────────────


def _measured(engine: _Engine, name: str, driver: Driver, noted: set[str]) -> Steps[list[Item]]:
    """Layers of containers, of the build cache and of nobody; `noted` are names on disk of layers in layerdb."""
    root, items = engine.root, []
    mounts = _mounts(engine, name)
    known = noted | {layer.id for image in engine.images.get(name, ()) for layer in image.layers}
    known |= {f"{mount}{INIT}" for mount in mounts}
    for layer in driver.layers(root) if driver.measured else ():
        if layer in known:
            continue
        path = root.path.joinpath(*driver.path(layer))
        if layer not in mounts and not BUILDKIT.fullmatch(layer) and _is_new(path.parent, engine.now_ns):
            continue
        usage = yield from measured(root, path)
        item = Item(Kind.DANGLING_LAYERS, name, layer, layer[:12], usage.size, LOOK_FIRST, complete=usage.complete)
        if layer in mounts:
            container = mounts[layer]
            item = replace(item, kind=Kind.WRITABLE_LAYERS, owner=container.called, reclaim=removal(container))
        elif BUILDKIT.fullmatch(layer):
            item = replace(item, kind=Kind.BUILD_CACHE, reclaim=PRUNE_CACHE)
        items.append(item)
    for mount, container in mounts.items() if name == devicemapper.NAME else ():
        size = devicemapper.mounted_use(root, mount)
        if size is not None:
            items.append(Item(Kind.WRITABLE_LAYERS, name, mount, container.called, size, removal(container)))
    return items


def _is_new(path: Path, now_ns: int) -> bool:
    """Whether a folder changed lately: a pull, a build or a container may be about to be noted."""
    try:
        return now_ns - path.stat(follow_symlinks=False).st_mtime_ns < SETTLED_NS
    except OSError:
        return True


def measured(root: Folder, path: Path) -> Steps[Usage]:
    """Measure a folder; what may not be read is noted with the cure."""
    usage = yield from measure(path)
    if not usage.complete:
        root.note(f"{path}: not all of it could be read: {GRANT}")
    return usage


def _mounts(engine: _Engine, driver: str) -> dict[str, StoredContainer]:
    """The writable layers by their names on disk, with their containers."""
    mounts = {}
    for container in engine.containers:
        mount = engine.root.text(imagedb.STORE, driver, *layerdb.MOUNTS, container.id, "mount-id")
        if mount or container.driver in {driver, ""}:
            mounts[mount or container.id] = container
    return mounts


def removal(container: StoredContainer) -> str | None:
    """The command that removes a container, unless it runs."""
    return None if container.running else f"docker rm {container.called}"


def _logs(engine: _Engine) -> Steps[list[Item]]:
    """Log files of the drivers json-file and local, with their rotated ones."""
    items = []
    for container in engine.containers:
        folder = (FOLDER, container.id)
        size = 0
        for place in (folder, (*folder, LOCAL_LOGS)):
            names = filter(LOG.fullmatch, engine.root.names(*place))
            size += sum(engine.root.size(*place, name) or 0 for name in names)
        items.append(
            Item(
                Kind.CONTAINER_LOGS,
                container.driver or "unknown",
                container.id,
                container.called,
                size,
                removal(container),
            )
        )
        yield
    return items


def _volumes(engine: _Engine) -> Steps[list[Item]]:
    items = []
    users: dict[str, list[str]] = {}
    for container in engine.containers:
        for mount in (container.mounts or {}).values():
            users.setdefault(mount.name, []).append(container.called)
    for name in engine.root.names("volumes"):
        path = engine.root.path / "volumes" / name / "_data"
        if path.is_dir():
            usage = yield from measured(engine.root, path)
            owner = f"{name} ({joined(users[name])})" if name in users else name
            reclaim = None if name in users else f"docker volume rm {name}"
            items.append(Item(Kind.VOLUMES, "local", name, owner, usage.size, reclaim, complete=usage.complete))
    return items


# ── containers and file systems ──────────────────────────────────────────────────────


def _containers(engine: _Engine, items: Sequence[Item]) -> Iterator[Writable]:
    written: dict[str, int] = {}
    logs: dict[str, int] = {}
    for item in items:
        if item.kind is Kind.WRITABLE_LAYERS:
            written[item.owner] = item.size
        elif item.kind is Kind.CONTAINER_LOGS:
            logs[item.owner] = item.size
    for container in engine.containers:
        name = container.called
        yield Writable(name, written.get(name, 0), limit(engine.root, container), logs.get(name, 0))


def limit(root: Folder, container: StoredContainer) -> int | None:
    """What a container may write: devicemapper's size of its device, or `--storage-opt size=`."""
    if container.driver == devicemapper.NAME:
        mount = root.text(imagedb.STORE, devicemapper.NAME, *layerdb.MOUNTS, container.id, "mount-id") or container.id
        return devicemapper.device_size(root, mount) or devicemapper.device_size(root, "base")
    text = root.read(FOLDER, container.id, "hostconfig.json")
    found = None if text is None else parse(_HostConfig, text)
    given = (found.options or {}).get("size", "") if isinstance(found, _HostConfig) else ""
    amount = AMOUNT.fullmatch(given.lower())
    return int(float(amount["number"]) * UNITS[amount["unit"]]) if amount else None


def file_systems(paths: Iterable[Path]) -> Iterator[FileSystem]:
    """The file systems that these paths lie on, each once."""
    seen = set()
    for path in paths:
        try:
            mountpoint = _mountpoint(path.resolve())
            found = os.statvfs(mountpoint)
        except OSError:
            continue
        if mountpoint not in seen:
            seen.add(mountpoint)
            yield FileSystem(str(mountpoint), found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


def _mountpoint(path: Path) -> Path:
    while path != path.parent and not path.is_mount():
        path = path.parent
    return path
