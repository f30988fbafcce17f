"""Measuring folders that others change meanwhile."""

import os
import subprocess
from pathlib import Path

import pytest

from logwatch.docker import usage
from logwatch.docker.usage import Usage, finish, measure


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "layer"
    (root / "a/b").mkdir(parents=True)
    (root / "a/one").write_bytes(b"x" * 5000)
    (root / "a/b/two").write_bytes(b"x" * 100)
    return root


def du(path: Path) -> int:
    return int(subprocess.run(["du", "-s", "-B1", path], capture_output=True, check=True).stdout.split()[0])


def test_a_folder_is_measured_as_du_does(folder: Path) -> None:
    found = finish(measure(folder))

    assert (found.size, found.files, found.complete) == (5100, 2, True)
    assert found.allocated == du(folder)


def test_a_sparse_file_takes_what_is_written(folder: Path) -> None:
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    found = finish(measure(folder))

    assert found.size == (1 << 40) + 5100
    assert found.allocated == du(folder)


def test_a_file_with_several_links_counts_once(folder: Path) -> None:
    (folder / "a/b/again").hardlink_to(folder / "a/one")

    assert finish(measure(folder)).size == 5100


def test_no_link_is_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/large").write_bytes(b"x" * 100_000)
    (folder / "folder").symlink_to(tmp_path / "outside")
    (folder / "file").symlink_to(tmp_path / "outside/large")

    assert finish(measure(folder)).size == 5100 + len(f"{tmp_path}/outside") + len(f"{tmp_path}/outside/large")
    (tmp_path / "start").symlink_to(folder)
    assert finish(measure(tmp_path / "start")).size == 0


def test_a_folder_that_becomes_a_link_meanwhile_is_not_followed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "STEP", 1)
    (tmp_path / "outside/b").mkdir(parents=True)
    (tmp_path / "outside/b/large").write_bytes(b"x" * 100_000)
    steps = measure(folder)
    next(steps)  # the folder `a` is open
    (folder / "a").rename(tmp_path / "moved")
    (folder / "a").symlink_to(tmp_path / "outside")

    assert finish(steps).size == 5100


def test_what_goes_meanwhile_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "STEP", 1)
    steps = measure(folder)
    next(steps)
    subprocess.run(["rm", "-r", folder], check=True)

    assert finish(steps).complete


def test_it_may_stop_at_every_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "STEP", 1)
    open_before = len(os.listdir("/proc/self/fd"))
    steps = measure(folder)

    assert sum(1 for _ in steps) >= 4
    half = measure(folder)
    next(half)
    half.close()
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_folders_too_deep_are_left_out_and_said(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(usage.DEEPEST + 50):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    found = finish(measure(tmp_path))

    assert not found.complete
    assert found.allocated > 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_another_file_system_below_is_left_out(folder: Path) -> None:
    (folder / "mounted").mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder / "mounted"], check=False)
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        (folder / "mounted/large").write_bytes(b"x" * 100_000)

        assert finish(measure(folder)).size == 5100
    finally:
        subprocess.run(["umount", folder / "mounted"], check=True)


def test_a_folder_that_is_not_there_takes_nothing(tmp_path: Path) -> None:
    assert finish(measure(tmp_path / "gone")) == Usage()
