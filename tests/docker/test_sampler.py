"""Samples of the engine's disk: within a budget, resumable, beside the loop."""

import logging
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from imagefiles import unpack
from ports import wait_for
from sidecar import Sidecar

from logwatch.docker import usage
from logwatch.docker.sampler import PAUSE, StorageSampler
from logwatch.metrics.catalog import STORAGE
from logwatch.model import SECOND

NOW = 1_800_000_000 * SECOND
MINUTES = 60 * SECOND


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("docker-20.10.5-root", tmp_path_factory.mktemp("engine")) / "lib"


def sampler(root: Path, *, working: Callable[[], int], budget_ns: int = 5 * SECOND, most: int = 1000) -> StorageSampler:
    return StorageSampler(
        root, None, interval_ns=5 * MINUTES, budget_ns=budget_ns, max_containers=most, now=lambda: NOW, working=working
    )


def values(found: StorageSampler) -> dict[tuple[str, ...], float | None]:
    return {(sample.family, *sample.labels): sample.value for sample in found.samples()}


def ticking(step_ns: int) -> Callable[[], int]:
    ticks: Iterator[int] = count(0, step_ns)
    return lambda: next(ticks)


def test_a_pass_samples_the_disk(engine: Path) -> None:
    found = sampler(engine, working=ticking(1000))
    found.do_pass(lambda _: None)
    seen = values(found)

    assert seen["docker_storage_bytes", "overlay2", "image_layers"] == 1982385
    assert seen["docker_storage_bytes", "overlay2", "dangling_layers"] == 0
    assert seen["docker_storage_reclaimable_bytes", "overlay2", "image_layers"] == 6
    assert (seen["docker_container_writable_bytes", "gone"], seen["docker_container_log_bytes", "gone"]) == (2, 74)
    assert (seen["docker_images",], seen["docker_image_layers",]) == (14, 7)
    assert seen["docker_storage_last_sample_timestamp_seconds",] == NOW / SECOND


def test_every_sample_is_in_the_catalog_and_once(engine: Path) -> None:
    found = sampler(engine, working=ticking(1000))
    found.do_pass(lambda _: None)
    labels = {family.name: len(family.labels) for family in STORAGE}
    samples = list(found.samples())

    assert {sample.family: len(sample.labels) for sample in samples}.items() <= labels.items()
    assert len({(sample.family, sample.labels) for sample in samples}) == len(samples)


def test_a_pass_ends_with_its_budget_and_the_next_goes_on(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "STEP", 1)
    whole, parts = (
        sampler(engine, working=ticking(1000)),
        sampler(engine, working=ticking(SECOND), budget_ns=2 * SECOND),
    )
    whole.do_pass(lambda _: None)
    passes = 0
    while ("docker_images",) not in values(parts):
        parts.do_pass(lambda _: None)
        passes += 1
        assert passes < 500
    sizes = [
        {key: value for key, value in values(each).items() if key[0] == "docker_storage_bytes"}
        for each in (whole, parts)
    ]

    assert passes > 5
    assert sizes[0] == sizes[1]
    assert values(parts)["docker_storage_sample_duration_seconds",] >= passes  # type: ignore[operator] # it is there


def test_work_pauses_and_pauses_are_not_work(engine: Path) -> None:
    now = [0]

    def working() -> int:
        now[0] += 1_000_000
        return now[0]

    def pause(seconds: float) -> None:
        assert seconds == PAUSE
        now[0] += 100 * SECOND

    found = sampler(engine, working=working)
    found.do_pass(pause)

    assert now[0] > 100 * SECOND
    assert values(found)["docker_storage_sample_duration_seconds",] < 5  # type: ignore[operator] # it is there


def test_file_systems_are_known_before_the_rest(engine: Path) -> None:
    found = sampler(engine, working=ticking(10 * SECOND))
    found.do_pass(lambda _: None)

    assert {key[0] for key in values(found)} == {
        "docker_storage_filesystem_size_bytes",
        "docker_storage_filesystem_avail_bytes",
    }


def test_what_is_wrong_is_logged_once_and_ends_nothing(
    tmp_path: Path, engine: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "lib"
    found = sampler(root, working=ticking(1000))
    with caplog.at_level(logging.WARNING):
        found.do_pass(lambda _: None)
        found.do_pass(lambda _: None)
    root.symlink_to(engine)
    found.do_pass(lambda _: None)

    assert len(caplog.records) == 1
    assert values(found)["docker_images",] == 14


def test_only_the_largest_containers_have_series(engine: Path) -> None:
    found = sampler(engine, working=ticking(1000), most=1)
    found.do_pass(lambda _: None)

    assert [key[1] for key in values(found) if key[0] == "docker_container_log_bytes"] == ["gone"]


def test_a_stop_ends_it(engine: Path) -> None:
    found = sampler(engine, working=ticking(1000))
    found.start()
    wait_for(lambda: ("docker_images",) in values(found), "the first sample")
    found.close()

    assert not found._thread.is_alive()


def test_run_serves_what_the_data_directory_holds_and_reads_nothing_without_one(engine: Path, tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text("Nov 23 18:12:57 vm kernel: nothing of docker's\n")
    without = Sidecar(tmp_path / "a" / "state", "--log", str(log))
    with_root = Sidecar(tmp_path / "b" / "state", "--log", str(log), "--docker-root", str(engine))
    try:
        wait_for(lambda: with_root.value("docker_images") == 14, "the first sample")
        others = {name for name, _ in without.samples()}

        assert with_root.value("docker_container_log_bytes", name="gone") == 74
        assert (with_root.value("docker_storage_filesystem_avail_bytes", mountpoint=_mountpoint(engine)) or 0) > 0
        assert not {family.name for family in STORAGE} & others
    finally:
        statuses = [each.end() for each in (without, with_root)]
    assert statuses == [0, 0]


def _mountpoint(path: Path) -> str:
    return str(next(parent for parent in (path, *path.parents) if parent.is_mount()))
