"""containerd's image store, which engines use with `containerd-snapshotter`, and by default since 29.

    io.containerd.metadata.v1.bolt/meta.db                namespaces: images, snapshots, blobs (bbolt)
    io.containerd.content.v1.content/blobs/sha256/        indexes, manifests, configurations, layers
    io.containerd.snapshotter.v1.<name>/metadata.db       snapshots: parent, usage (bbolt)
    io.containerd.snapshotter.v1.<name>/snapshots/<n>/fs  their files

The engine counts as an image's size what its blobs take and what its snapshots take on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from logwatch.docker.bolt import BoltError, Bucket
from logwatch.docker.bolt import read as read_bolt
from logwatch.docker.contents import LARGEST_DOCUMENT, LayerFile
from logwatch.docker.folder import GRANT, Folder
from logwatch.docker.images import Image, familiar
from logwatch.docker.oci import Descriptor, Layout

CONTENT = "io.containerd.content.v1.content"
METADATA = ("io.containerd.metadata.v1.bolt", "meta.db")
SNAPSHOTTER = "io.containerd.snapshotter.v1."
NAMESPACE = "moby"
"""Of engines; with user namespaces `moby-<uid>.<gid>`."""

NOT_NAMED = (
    "this engine keeps its images in containerd: name containerd's data directory as well "
    "(--containerd-root /var/lib/containerd)"
)

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of one snapshotter."""

    key: str
    """As clients name it: the ChainID of an image's layer, a container's id, an id of BuildKit's."""
    namespace: str
    number: int
    """Its folder below `snapshots/`."""
    parent: str
    kind: int
    """1 view, 2 active, 3 committed."""
    size: int | None
    """Bytes on disk, known once it is committed."""


VIEW = 1


class _Blobs:
    """The content store, as the reader of layouts asks for it; layers are not unpacked."""

    def __init__(self, root: Folder) -> None:
        self._root = root

    def document(self, name: str) -> bytes | None:
        return self._root.read(CONTENT, *name.split("/"), most=LARGEST_DOCUMENT)

    def absence(self, _name: str, /) -> str:
        return "it is not in the content store"

    def layer(self, name: str) -> LayerFile | None:
        size = self._root.size(CONTENT, *name.split("/"))
        return None if size is None else LayerFile(size, None)


def is_present(root: Folder) -> bool:
    """Whether a folder is containerd's root."""
    return root.size(*METADATA) is not None


def managed(root: Folder) -> Path | None:
    """The data directory of a containerd that the engine starts itself, where the engine keeps its images there."""
    inside = root.path / "containerd" / "daemon"
    return inside if not root.names("image") and is_present(Folder(inside)) else None


def snapshotters(root: Folder) -> list[str]:
    """The snapshotters that have metadata."""
    names = [name.removeprefix(SNAPSHOTTER) for name in root.names() if name.startswith(SNAPSHOTTER)]
    return [name for name in names if root.size(SNAPSHOTTER + name, "metadata.db") is not None]


def snapshots(root: Folder, snapshotter: str) -> list[Snapshot]:
    """The snapshots of all namespaces; none where the database cannot be read, which is noted."""
    return _use(root, (SNAPSHOTTER + snapshotter, "metadata.db"), _snapshots)


def images(root: Folder, users: Mapping[str, tuple[str, ...]], notes: list[str]) -> Iterator[Image]:
    """Yield the images that engines have in containerd, under each of their names."""
    layers = {(each.namespace, each.key): each.size for name in snapshotters(root) for each in snapshots(root, name)}
    layout = Layout(_Blobs(root))
    for namespace, name, target in _use(root, METADATA, _targets):
        below = list(layout.below(target))
        for digest, image in below:
            image_id = target.digest if len(below) == 1 else digest
            tags = () if name.startswith("moby-dangling@") else (familiar(name),)
            sized = tuple(
                replace(layer, size=layers.get((namespace, layer.id)), problem=None) for layer in image.layers
            )
            used_by = tuple(dict.fromkeys((*users.get(image_id, ()), *users.get(target.digest, ()))))
            yield replace(image, id=image_id, tags=tags, layers=sized, content=image.stored, used_by=used_by)
    for problem in layout.problems:
        root.note(problem)
    notes += layout.notes


def _use(root: Folder, path: tuple[str, ...], use: Callable[[Bucket], list[Found]]) -> list[Found]:
    """What is found in a database; nothing where it cannot be read, which is noted."""
    whole = root.path.joinpath(*path)
    if root.size(*path) is None:
        return []
    try:
        return read_bolt(whole, use)
    except BoltError as error:
        root.note(f"{whole}: {error}")
    except PermissionError:
        root.note(f"{whole}: permission denied: {GRANT}")
    except OSError as error:
        root.note(f"{whole}: {error.strerror}")
    return []


def _targets(base: Bucket) -> list[tuple[str, str, Descriptor]]:
    """Namespace, name and target of each image of an engine's namespaces; `metadata/buckets.go` of containerd."""
    found = []
    for space, bucket in (base.bucket(b"v1") or base).buckets().items():
        named = bucket.bucket(b"images") if space.startswith(NAMESPACE.encode()) else None
        for name, image in (named.buckets() if named else {}).items():
            target = image.bucket(b"target")
            fields = target.values() if target else {}
            try:
                descriptor = Descriptor(
                    digest=_text(fields.get(b"digest", b"")),
                    mediaType=_text(fields.get(b"mediatype", b"")),
                    size=_signed(fields.get(b"size", b"")),
                )
            except ValidationError as error:
                raise BoltError(f"image {_text(name)[:80]} has no valid target") from error
            found.append((_text(space), _text(name), descriptor))
    return found


def _snapshots(base: Bucket) -> list[Snapshot]:
    """`snapshots/storage/bolt.go` of containerd; keys are `<namespace>/<sequence>/<key>`."""
    named = base.bucket(b"v1", b"snapshots")
    found = []
    for name, bucket in (named.buckets() if named else {}).items():
        fields = bucket.values()
        namespace, _, rest = _text(name).partition("/")
        size = _signed(fields[b"size"]) if b"size" in fields else None
        kind = fields.get(b"kind", b"\0")[0]
        parent = _text(fields.get(b"parent", b"")).split("/", 2)[-1]
        number = _unsigned(fields.get(b"id", b""))
        found.append(Snapshot(rest.partition("/")[2], namespace, number, parent, kind, size))
    return found


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _unsigned(value: bytes) -> int:
    """Go's `binary.Uvarint`: seven bits a byte, the lowest first."""
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(value[:10]))


def _signed(value: bytes) -> int:
    """Go's `binary.Varint`: the sign is in the lowest bit."""
    found = _unsigned(value)
    return -(found + 1) // 2 if found & 1 else found // 2
