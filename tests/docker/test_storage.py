"""What is on the engine's disk, for each storage driver."""

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from anotheruser import holds_for_another_user
from imagefiles import configuration, graph_root, layer, sha, unpack

from logwatch.docker.disk import survey_disk
from logwatch.docker.images import chain_ids
from logwatch.docker.storage import Kind, Report
from logwatch.docker.usage import finish
from logwatch.errors import ImageError
from logwatch.model import SECOND

WEB, DB = "1" * 64, "2" * 64
MOUNT = "3" * 64
LOST = "4" * 64
HOURS = 2 * 3600 * SECOND


def survey(root: Path, containerd: Path | None = None) -> Report:
    return finish(survey_disk(root, containerd, time.time_ns() + HOURS))


def totals(report: Report) -> dict[str, int]:
    """Kind → bytes, of what there is."""
    return {str(kind): size for (_, kind), size in report.totals().items() if size}


def unused(report: Report) -> dict[str, int]:
    return {str(kind): size for (_, kind), size in report.reclaimable().items() if size}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("docker-20.10.5-root", tmp_path_factory.mktemp("engine")) / "lib"


def test_a_real_engines_disk_is_added_up(engine: Path) -> None:
    report = survey(engine)

    # `docker system df -v` of that engine: busybox 1.982MB, a layer of 14 B, six of 2 B; the container
    # `gone` wrote 2 B. Its 35 B of build cache are 45 B on disk: it leaves out what images have too.
    assert (report.images, report.layers, report.problems) == (14, 7, ())
    assert totals(report) == {
        "image_layers": 1982361 + 14 + 5 * 2,
        "writable_layers": 2,
        "build_cache": 45,
        "container_logs": 74,
    }
    assert unused(report) == {"image_layers": 6, "writable_layers": 2, "build_cache": 45, "container_logs": 74}
    assert {each.name: (each.size, each.log_size) for each in report.containers} == {
        "up": (0, 0),
        "gone": (2, 74),
        "new": (0, 0),
        "frozen": (0, 0),
    }
    (volume,) = [item for item in report.items if item.kind is Kind.VOLUMES]
    assert (volume.owner, volume.reclaim) == ("vol1 (up)", None)


def test_containerds_disk_is_added_up(tmp_path: Path) -> None:
    root = unpack("docker-26.1.5-containerd-root", tmp_path)
    report = survey(root / "lib", root / "ctdroot")
    written = {each.name: (each.size, each.log_size) for each in report.containers}

    # Sizes of `docker ps -s`; snapshots take whole blocks. `work` folders are left out of the copy.
    assert written == {"up": (8192, 0), "gone": (8192, 74), "new": (4096, 0), "frozen": (4096, 0)}
    assert totals(report)["image_layers"] == 2007040 + 16384 + 5 * 8192
    assert (report.images, report.layers, report.drivers) == (7, 7, ("overlayfs",))


def test_without_containerds_root_it_says_what_is_missing(tmp_path: Path) -> None:
    report = survey(unpack("docker-26.1.5-containerd-root", tmp_path) / "lib")

    assert "--containerd-root" in report.notes[0]
    assert [each.log_size for each in report.containers if each.name == "gone"] == [74]


def container(root: Path, container_id: str, name: str, driver: str, image: str, **more: Any) -> Path:
    folder = root / "containers" / container_id
    folder.mkdir(parents=True)
    document = {
        "ID": container_id,
        "Name": f"/{name}",
        "Driver": driver,
        "Image": image,
        "State": {"Running": name == "web"},
    }
    (folder / "config.v2.json").write_text(json.dumps(document | more))
    return folder


def write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def store(root: Path, driver: str, caches: Mapping[str, int]) -> str:
    """An image store with one image of these layers: cache-id → size."""
    image = root / "image" / driver
    config = configuration([layer(**{name[:4]: size}) for name, size in caches.items()])
    diff_ids = json.loads(config)["rootfs"]["diff_ids"]
    for chain, (cache, size) in zip(chain_ids(diff_ids), caches.items(), strict=True):
        folder = image / "layerdb/sha256" / chain.removeprefix("sha256:")
        folder.mkdir(parents=True)
        (folder / "cache-id").write_text(cache)
        (folder / "size").write_text(str(size))
    content = image / "imagedb/content/sha256"
    content.mkdir(parents=True)
    (content / sha(config)).write_bytes(config)
    (image / "repositories.json").write_text(json.dumps({"Repositories": {"app": {"app:1": f"sha256:{sha(config)}"}}}))
    for name, mount in ((WEB, MOUNT),):
        folder = image / "layerdb/mounts" / name
        folder.mkdir(parents=True)
        (folder / "mount-id").write_text(mount)
    return f"sha256:{sha(config)}"


CACHE = "5" * 64


@pytest.mark.parametrize(
    ("driver", "place"),
    [
        ("overlay2", "overlay2/{}/diff"),
        ("fuse-overlayfs", "fuse-overlayfs/{}/diff"),
        ("overlay", "overlay/{}/upper"),
        ("aufs", "aufs/diff/{}"),
        ("vfs", "vfs/dir/{}"),
        ("btrfs", "btrfs/subvolumes/{}"),
    ],
)
def test_drivers_that_keep_folders(tmp_path: Path, driver: str, place: str) -> None:
    image = store(tmp_path, driver, {CACHE: 1000})
    container(tmp_path, WEB, "web", driver, image)
    write(tmp_path / place.format(CACHE) / "file", 1000)
    write(tmp_path / place.format(MOUNT) / "data", 300)
    write(tmp_path / place.format(f"{MOUNT}-init") / "hosts", 7)
    write(tmp_path / place.format(LOST) / "left", 50)
    write(tmp_path / place.format("abcdefghijklmnopqrstuvwxy") / "cache", 20)
    report = survey(tmp_path)

    assert report.drivers == (driver,)
    assert totals(report) == {"image_layers": 1000, "writable_layers": 300, "dangling_layers": 50, "build_cache": 20}
    assert unused(report) == {"dangling_layers": 50, "build_cache": 20}
    assert [(each.name, each.size) for each in report.containers] == [("web", 300)]


def test_an_engine_before_1_10_names_layers_by_their_ids(tmp_path: Path) -> None:
    graph_root(tmp_path, {CACHE: (None, 1000)}, {"app": {"1": CACHE}})
    container(tmp_path, WEB, "web", "aufs", CACHE)
    write(tmp_path / "aufs/diff" / CACHE / "file", 1000)
    write(tmp_path / "aufs/diff" / WEB / "data", 300)
    write(tmp_path / "aufs/diff" / f"{WEB}-init" / "hosts", 7)

    assert totals(survey(tmp_path)) == {"image_layers": 1000, "writable_layers": 300}


def test_devicemapper_is_its_pool(tmp_path: Path) -> None:
    image = store(tmp_path, "devicemapper", {CACHE: 1000})
    container(tmp_path, WEB, "web", "devicemapper", image)
    folder = tmp_path / "devicemapper"
    for path in (folder / "metadata", folder / "devicemapper", folder / "mnt" / MOUNT):
        path.mkdir(parents=True)
    (folder / "metadata/base").write_text(
        json.dumps({"device_id": 1, "size": 10 << 30, "transaction_id": 1, "initialized": True})
    )
    for name, apparent, written in (("data", 100 << 30, 8 << 20), ("metadata", 2 << 30, 1 << 20)):
        with (folder / "devicemapper" / name).open("wb") as file:
            file.truncate(apparent)
            file.seek(5 << 20)
            file.write(b"x" * written)
    report = survey(tmp_path)
    on_disk = {name: (folder / "devicemapper" / name).stat().st_blocks * 512 for name in ("data", "metadata")}

    assert [(pool.kind, pool.allocated, pool.limit) for pool in report.pools] == [
        ("pool_data", on_disk["data"], 100 << 30),
        ("pool_metadata", on_disk["metadata"], 2 << 30),
    ]
    assert 8 << 20 <= on_disk["data"] < 9 << 20
    assert (report.base_size, report.containers[0].limit) == (10 << 30, 10 << 30)
    assert totals(report) == {"image_layers": 1000}


def test_direct_lvm_is_recognised(tmp_path: Path) -> None:
    store(tmp_path, "devicemapper", {CACHE: 1000})
    write(tmp_path / "devicemapper/metadata/base", 0)
    report = survey(tmp_path)

    assert report.pools == ()
    assert any("direct-lvm" in note and "lvs" in note for note in report.notes)


def test_zfs_says_where_to_look(tmp_path: Path) -> None:
    store(tmp_path, "zfs", {CACHE: 1000})
    (tmp_path / "zfs/graph" / CACHE).mkdir(parents=True)
    report = survey(tmp_path)

    assert totals(report) == {"image_layers": 1000}
    assert any("zfs list" in note for note in report.notes)


def test_logs_of_both_drivers_and_rotated_ones_count(tmp_path: Path) -> None:
    image = store(tmp_path, "overlay2", {CACHE: 1})
    web = container(tmp_path, WEB, "web", "overlay2", image)
    for name, size in (
        (f"{WEB}-json.log", 10),
        (f"{WEB}-json.log.1", 20),
        (f"{WEB}-json.log.2.gz", 40),
        ("hosts", 1000),
    ):
        write(web / name, size)
    for name, size in (("container.log", 100), ("container.log.1.gz", 200)):
        write(web / "local-logs" / name, size)

    assert survey(tmp_path).containers[0].log_size == 370


@pytest.mark.parametrize(
    ("given", "expected"),
    [("10G", 10 << 30), ("512m", 512 << 20), ("1.5gb", 3 << 29), ("7", 7), ("much", None), ("", None)],
)
def test_a_containers_own_limit_is_read(tmp_path: Path, given: str, expected: int | None) -> None:
    image = store(tmp_path, "overlay2", {CACHE: 1})
    folder = container(tmp_path, WEB, "web", "overlay2", image)
    (folder / "hostconfig.json").write_text(json.dumps({"StorageOpt": {"size": given}}))

    assert survey(tmp_path).containers[0].limit == expected


def test_volumes_are_named_with_their_users(tmp_path: Path) -> None:
    image = store(tmp_path, "overlay2", {CACHE: 1})
    container(tmp_path, WEB, "web", "overlay2", image, MountPoints={"/data": {"Name": "used", "Type": "volume"}})
    for name, size in (("used", 100), ("unused", 30)):
        write(tmp_path / "volumes" / name / "_data/file", size)
    found = {
        item.id: (item.owner, item.size, item.reclaim) for item in survey(tmp_path).items if item.kind is Kind.VOLUMES
    }

    assert found == {"used": ("used (web)", 100, None), "unused": ("unused", 30, "docker volume rm unused")}


def test_a_stopped_container_holds_its_image(tmp_path: Path) -> None:
    image = store(tmp_path, "overlay2", {CACHE: 1000})
    (tmp_path / "containers").mkdir()
    assert unused(survey(tmp_path)) == {"image_layers": 1000}
    container(tmp_path, DB, "db", "overlay2", image)

    assert unused(survey(tmp_path)) == {}


def test_layers_of_an_image_that_was_removed_by_force_are_in_use(engine: Path, tmp_path: Path) -> None:
    root = tmp_path / "lib"
    shutil.copytree(engine, root, symlinks=True)
    for path in (root / "image/overlay2/imagedb/content/sha256").glob("85ca413b*"):
        path.unlink()  # busybox, of which there are containers
    report = survey(root)
    (busybox,) = [item for item in report.items if item.size == 1982361]

    assert (busybox.kind, busybox.reclaim) == (Kind.IMAGE_LAYERS, None)
    assert "up" in busybox.owner
    assert "dangling_layers" not in totals(report)


def test_layers_of_removed_images_that_buildkit_keeps_are_its_cache(engine: Path, tmp_path: Path) -> None:
    root = tmp_path / "lib"
    shutil.copytree(engine, root, symlinks=True)
    shutil.rmtree(root / "image/overlay2/imagedb/content/sha256")
    shutil.rmtree(root / "containers")

    # Left over: what containers wrote (2 B), and what the engine put into each of the four (12 B of a link).
    assert unused(survey(root)) == {"build_cache": 1982385 + 45, "dangling_layers": 2 + 4 * 12}


def test_what_is_about_to_be_noted_is_not_left_over(tmp_path: Path) -> None:
    store(tmp_path, "overlay2", {CACHE: 1000})
    write(tmp_path / "overlay2" / LOST / "diff/left", 50)
    new = finish(survey_disk(tmp_path, None, time.time_ns()))

    assert "dangling_layers" not in totals(new)
    assert totals(survey(tmp_path))["dangling_layers"] == 50


def test_snapshots_of_an_image_that_was_removed_by_force_are_in_use(tmp_path: Path) -> None:
    root = unpack("docker-26.1.5-containerd-root", tmp_path)
    (root / "ctdroot/io.containerd.metadata.v1.bolt/meta.db").write_bytes(b"")
    items = survey(root / "lib", root / "ctdroot").items
    (busybox,) = [item for item in items if item.size == 2007040]

    assert (busybox.kind, busybox.reclaim) == (Kind.IMAGE_LAYERS, None)


@pytest.mark.skipif(os.geteuid() != 0, reason="as another user everything is unreadable at once")
def test_what_may_not_be_read_is_named_with_the_cure(engine: Path, tmp_path: Path) -> None:
    root = tmp_path / "lib"
    shutil.copytree(engine, root, symlinks=True)
    write(root / "volumes/vol1/_data/private/file", 1000)
    (root / "volumes/vol1/_data/private").chmod(0o700)
    for path in root.rglob("*"):
        if path.is_dir() and path.name != "private":
            path.chmod(0o755)

    def names_the_cure() -> bool:
        report = survey(root)
        (volume,) = [item for item in report.items if item.kind is Kind.VOLUMES]
        named = any("vol1/_data" in each and "CAP_DAC_READ_SEARCH" in each for each in report.problems)
        return named and not volume.complete

    assert holds_for_another_user(root, names_the_cure)


@pytest.mark.parametrize("missing", ["root", "containerd"])
def test_what_is_no_data_directory_is_refused(engine: Path, tmp_path: Path, missing: str) -> None:
    with pytest.raises(ImageError, match="not Docker's" if missing == "root" else "not containerd's"):
        survey(tmp_path if missing == "root" else engine, tmp_path)


def test_file_systems_are_those_of_df(engine: Path) -> None:
    (disk,) = survey(engine).file_systems
    found = os.statvfs(engine)

    assert Path(disk.mountpoint).is_mount()
    assert disk.size == found.f_blocks * found.f_frsize
