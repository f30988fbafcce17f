"""Writes image archives and data directories as engines of different ages lay them out."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import sqlite3
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "images"
CREATED = "2014-03-01T12:00:00.5Z"


def recorded(name: str) -> bytes:
    """An archive that a real engine or skopeo wrote."""
    return lzma.decompress((DATA / f"{name}.tar.xz").read_bytes())


def unpack(name: str, folder: Path) -> Path:
    """A real engine's data directory, unpacked."""
    with tarfile.open(fileobj=io.BytesIO(recorded(name))) as archive:
        archive.extractall(folder, filter="fully_trusted")
    return folder


def tar(files: Mapping[str, bytes | tarfile.TarInfo], form: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar archive of these files; a TarInfo is written as it is, without content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def layer(**files: int) -> bytes:
    """A layer of files of these sizes."""
    return tar({name: b"x" * size for name, size in files.items()})


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def configuration(layers: Sequence[bytes], history: Sequence[str] = (), **more: Any) -> bytes:
    """An image's configuration; each step of the history makes a layer unless it begins with `ENV`."""
    steps = [
        {"created": CREATED, "created_by": step} | ({"empty_layer": True} if step.startswith("ENV") else {})
        for step in history
    ]
    return json.dumps(
        {
            "created": CREATED,
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PASSWORD=hunter2"], "Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha(each)}" for each in layers]},
            "history": steps,
        }
        | more
    ).encode()


# ── the first format ─────────────────────────────────────────────────────────────────


def node(name: str, parent: str | None, **more: Any) -> dict[str, Any]:
    """The `json` of a layer, as engine 0.7 wrote it."""
    return (
        {
            "id": name,
            "created": CREATED,
            "container": "f" * 64,
            "container_config": {
                "Hostname": "f" * 12,
                "Env": ["HOME=/", "TOKEN=hunter2"],
                "Cmd": ["/bin/sh", "-c", "apt-get install x"],
                "NetworkDisabled": False,
            },
            "docker_version": "0.7.6",
            "config": {
                "Hostname": "f" * 12,
                "Env": ["HOME=/", "TOKEN=hunter2"],
                "Cmd": ["/bin/bash"],
                "NetworkDisabled": True,
            },
            "architecture": "x86_64",
        }
        | ({"parent": parent} if parent else {})
        | more
    )


def first_format(
    layers: Mapping[str, tuple[str | None, bytes]], tags: Mapping[str, Mapping[str, str]], **more: Any
) -> dict[str, bytes]:
    """Files of an archive of an engine before 1.10: id → (parent, layer), repository → tag → id."""
    files: dict[str, bytes] = {}
    for name, (parent, content) in layers.items():
        files[f"{name}/VERSION"] = b"1.0"
        files[f"{name}/json"] = json.dumps(node(name, parent, **more)).encode()
        files[f"{name}/layer.tar"] = content
    return files | {"repositories": json.dumps(tags).encode()}


def graph_root(root: Path, layers: Mapping[str, tuple[str | None, int]], tags: Mapping[str, Mapping[str, str]]) -> Path:
    """A data directory of an engine before 1.10: id → (parent, size)."""
    for name, (parent, size) in layers.items():
        folder = root / "graph" / name
        folder.mkdir(parents=True)
        (folder / "json").write_text(json.dumps(node(name, parent)))
        (folder / "layersize").write_text(str(size))
    (root / "repositories-aufs").write_text(json.dumps({"Repositories": tags}))
    return root


def linkgraph(root: Path, edges: Sequence[tuple[str, str, str]]) -> None:
    """`linkgraph.db` with edges parent → child by name, as `pkg/graphdb` lays it out."""
    base = sqlite3.connect(root / "linkgraph.db")
    base.executescript(
        "CREATE TABLE entity (id text NOT NULL PRIMARY KEY);"
        'CREATE TABLE edge ("entity_id" text NOT NULL, "parent_id" text NULL, "name" text NOT NULL,'
        ' CONSTRAINT "parent_fk" FOREIGN KEY ("parent_id") REFERENCES "entity" ("id"),'
        ' CONSTRAINT "entity_fk" FOREIGN KEY ("entity_id") REFERENCES "entity" ("id"));'
    )
    names = {name for parent, child, _ in edges for name in (parent, child)}
    base.executemany("INSERT INTO entity VALUES (?)", [(name,) for name in sorted(names)])
    base.executemany(
        "INSERT INTO edge (parent_id, entity_id, name) VALUES (?, ?, ?)",
        [(parent, child, name) for parent, child, name in edges],
    )
    base.commit()
    base.close()


# ── manifest.json ────────────────────────────────────────────────────────────────────


def saved(*images: tuple[bytes, Sequence[bytes], Sequence[str]]) -> dict[str, bytes]:
    """Files of a `docker save` archive since 1.10: (configuration, layers, tags)."""
    files: dict[str, bytes] = {}
    entries = []
    for config, layers, tags in images:
        files[f"{sha(config)}.json"] = config
        names = [f"{sha(each)}/layer.tar" for each in layers]
        files |= dict(zip(names, layers, strict=True))
        entries.append({"Config": f"{sha(config)}.json", "RepoTags": list(tags) or None, "Layers": names})
    return files | {"manifest.json": json.dumps(entries).encode()}


# ── OCI layout ───────────────────────────────────────────────────────────────────────


class Layout:
    """An OCI layout as it grows."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
        self.top: list[dict[str, Any]] = []

    def blob(self, content: bytes, media_type: str = "", **more: Any) -> dict[str, Any]:
        digest = sha(content)
        self.files[f"blobs/sha256/{digest}"] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)} | more

    def manifest(
        self, config: bytes, layers: Sequence[bytes], compress: Any = gzip.compress, **more: Any
    ) -> dict[str, Any]:
        document = {
            "schemaVersion": 2,
            "config": self.blob(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [self.blob(compress(each), "application/vnd.oci.image.layer.v1.tar+gzip") for each in layers],
        }
        return self.blob(json.dumps(document).encode(), "application/vnd.oci.image.manifest.v1+json", **more)

    def index(self, *manifests: dict[str, Any], **more: Any) -> dict[str, Any]:
        document = {"schemaVersion": 2, "manifests": list(manifests)}
        return self.blob(json.dumps(document).encode(), "application/vnd.oci.image.index.v1+json", **more)

    def name(self, descriptor: dict[str, Any], name: str, key: str = "org.opencontainers.image.ref.name") -> None:
        self.top.append(descriptor | {"annotations": {key: name}})

    def all(self) -> dict[str, bytes]:
        return self.files | {"index.json": json.dumps({"schemaVersion": 2, "manifests": self.top}).encode()}
