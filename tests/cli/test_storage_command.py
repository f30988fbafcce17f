"""`logwatch storage`: what is printed, and how it ends."""

import json
from pathlib import Path

import pytest
from commandline import call
from imagefiles import unpack


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(unpack("docker-20.10.5-root", tmp_path_factory.mktemp("engine")) / "lib")


def test_people_see_kinds_limits_and_the_largest(engine: str) -> None:
    done = call("storage", engine, "--largest", "2")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]

    assert (done.status, done.err) == (0, "")
    assert "14 images, 7 layers, 4 containers" in lines
    assert "overlay2 image layers 1.98MB 6B docker image prune --all" in lines
    assert "overlay2 build cache 45B 45B docker builder prune" in lines
    assert sum(line.endswith("docker builder prune") for line in lines) == 3


def test_programs_get_everything(engine: str) -> None:
    document = json.loads(call("storage", engine, "--format", "json").out)
    layers = next(row for row in document["totals"] if row["kind"] == "image_layers")

    assert layers == {"driver": "overlay2", "kind": "image_layers", "bytes": 1982385, "reclaimable_bytes": 6}
    assert {each["name"] for each in document["containers"]} == {"up", "gone", "new", "frozen"}


def test_what_is_no_data_directory_ends_with_status_2(tmp_path: Path) -> None:
    done = call("storage", str(tmp_path))

    assert done.status == 2
    assert "docker info" in done.err
