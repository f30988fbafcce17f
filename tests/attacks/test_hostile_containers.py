"""Data directories that are too much: very many containers, logs and lines of any size, files of any shape."""

import json
from pathlib import Path

import pytest
from stages import changed_rows

from logwatch.build import Builder
from logwatch.config import Config
from logwatch.docker.folder import Folder
from logwatch.docker.inventory import Inventory
from logwatch.docker.last_words import last_words
from logwatch.metrics import Registry
from logwatch.model import SECOND
from logwatch.sources.containers import ContainersSource

WEB = "3f" * 32
NOW = 1_796_022_000 * SECOND
ENTRY = b'{"log":"after\\n","stream":"stdout","time":"2026-11-30T07:00:00Z"}\n'
GIB = 1 << 30


def write(root: Path, container: str, content: dict[str, object]) -> Path:
    folder = root / "containers" / container
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.v2.json").write_text(json.dumps({"ID": container, **content}))
    return folder / f"{container}-json.log"


def test_ten_thousand_containers_are_known_and_few_have_series(tmp_path: Path) -> None:
    for number in range(10_000):
        write(tmp_path, f"{number:064x}", {"Name": f"/c{number}", "State": {"Running": True}})
    inventory = Inventory(tmp_path)
    builder = Builder(Config.model_validate({"rules": {"shipped": False}}), Registry(), None, find=inventory.find)
    pipeline = builder.pipeline(builder.rules())
    changes = inventory.poll(0)
    pipeline.process_inventory(changes, NOW, inventory.present, NOW)
    again = inventory.poll(0)

    assert (len(changes), again, inventory.take_problems()) == (10_000, [], {})
    assert len(pipeline.lifecycle.containers()) == 10_000
    assert len(list(pipeline.series.select("docker_container_info"))) == 1000


def test_a_log_of_ten_gib_is_read_in_parts_and_its_holes_are_passed_over(tmp_path: Path) -> None:
    log = write(tmp_path, WEB, {"Name": "/web"})
    with log.open("wb") as stream:
        stream.truncate(10 * GIB)
        stream.seek(0, 2)
        stream.write(b"\n" + ENTRY)
    source = ContainersSource(tmp_path)
    source.notice(Inventory(tmp_path).poll(0))
    chunk = None
    for _ in range(100):
        chunk = chunk or source.read(NOW)
    source.close()

    assert chunk is not None
    assert chunk.data.endswith(b": after\n")
    assert last_words(Folder(tmp_path), WEB) == "after"


@pytest.mark.parametrize("size", [1 << 20, 16 << 20])
def test_lines_of_any_length_are_one_skipped_entry(tmp_path: Path, size: int) -> None:
    log = write(tmp_path, WEB, {"Name": "/web"})
    log.write_bytes(b'{"log":"' + b"x" * size + b"\n" + ENTRY)
    source = ContainersSource(tmp_path)
    source.notice(Inventory(tmp_path).poll(0))
    chunks = [chunk for _ in range(10) if (chunk := source.read(NOW)) is not None]
    (status,) = source.status()
    source.close()

    assert [chunk.data[-8:] for chunk in chunks] == [b": after\n"]
    assert status.skipped == {"entry": 1}
    assert last_words(Folder(tmp_path), WEB) == "after"


@pytest.mark.parametrize(
    "content",
    [
        {"RestartCount": 10**30},
        {"State": {"ExitCode": "x" * 1000}},
        {"State": {"StartedAt": "9" * 1000, "FinishedAt": "-1", "Health": {"Status": [1], "FailingStreak": -1}}},
        {"Config": {"Labels": {"com.docker.compose.project": {"a": 1}}}},
        {"Config": {"Healthcheck": {"Test": "CMD"}, "Shell": 5}},
        {"Config": {"Healthcheck": {"Test": ["CMD-SHELL", "x" * 100_000]}}, "Name": "/web"},
        {"State": json.loads("[" * 500 + "]" * 500)},
        {"Name": ["/web"], "Created": {}, "LogPath": 1, "MountPoints": "x"},
    ],
    ids=["huge number", "text for number", "times", "labels", "health check", "long command", "deep", "wrong types"],
)
def test_files_of_any_shape_are_read_or_counted(tmp_path: Path, content: dict[str, object]) -> None:
    write(tmp_path, WEB, content)
    inventory = Inventory(tmp_path, ["team"])
    builder = Builder(Config(), Registry(), tmp_path, find=inventory.find)
    pipeline = builder.pipeline(builder.rules())
    changes = inventory.poll(0)
    pipeline.process_inventory(changes, NOW, inventory.present, NOW)

    assert len(changes) + inventory.take_problems().get("format", 0) == 1
    assert len(json.dumps(changed_rows(pipeline.lifecycle))) < 20_000
