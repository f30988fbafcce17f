"""The end of what a container printed, from the engine's own log of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localdriver import entry

from logwatch.docker.folder import Folder
from logwatch.docker.last_words import TAIL, last_words

WEB = "3f" * 32


def json_log(root: Path, *texts: str, name: str = f"{WEB}-json.log") -> Path:
    """Write a log of the driver `json-file`."""
    path = root / "containers" / WEB / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"log": text, "stream": "stdout", "time": "2026-11-23T20:16:40Z"}) for text in texts]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def local_log(root: Path, *entries: bytes) -> None:
    """Write a log of the driver `local`."""
    path = root / "containers" / WEB / "local-logs" / "container.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(entries))


def test_the_last_lines_of_a_json_log(tmp_path: Path) -> None:
    json_log(tmp_path, *(f"line {number}\n" for number in range(5000)), "FATAL: no da", "tabase\n")

    assert last_words(Folder(tmp_path), WEB, 3) == "line 4998\nline 4999\nFATAL: no database"


def test_a_log_that_was_just_rotated_goes_on_in_the_one_before(tmp_path: Path) -> None:
    json_log(tmp_path, "one\n", "two\n", name=f"{WEB}-json.log.1")
    json_log(tmp_path, "three\n")

    assert last_words(Folder(tmp_path), WEB, 2) == "two\nthree"


def test_the_last_lines_of_the_local_driver(tmp_path: Path) -> None:
    local_log(
        tmp_path,
        *(entry(b"line %d" % number) for number in range(5000)),
        entry(b"FATAL ", partial=True),
        entry(b"!", last=True),
        entry(b"end"),
    )

    assert last_words(Folder(tmp_path), WEB, 3) == "line 4999\nFATAL !\nend"


@pytest.mark.parametrize("driver", ["json-file", "local"])
def test_a_line_longer_than_what_is_read_is_left_out(tmp_path: Path, driver: str) -> None:
    if driver == "local":
        local_log(tmp_path, entry(b"x" * 10 * TAIL))
    else:
        json_log(tmp_path, "x" * 10 * TAIL)

    assert last_words(Folder(tmp_path), WEB) == ""


def test_what_is_printed_is_bounded_and_printable(tmp_path: Path) -> None:
    json_log(tmp_path, "a\x1b[31m\u202eb\n", "y" * 10_000 + "\n")
    first, second = last_words(Folder(tmp_path), WEB).split("\n")

    assert first == "a\\x1b[31m\\u202eb"
    assert second == "y" * 400


def test_no_link_is_followed(tmp_path: Path) -> None:
    outside = json_log(tmp_path / "outside", "secret\n")
    (tmp_path / "containers" / WEB).mkdir(parents=True)
    (tmp_path / "containers" / WEB / outside.name).symlink_to(outside)

    assert last_words(Folder(tmp_path), WEB) == ""


@given(st.binary(max_size=400), st.booleans())
def test_it_never_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes, as_json: bool) -> None:
    root = tmp_path_factory.mktemp("root")
    if as_json:
        json_log(root).write_bytes(b'{"log":' + content)
    else:
        local_log(root, content)

    assert isinstance(last_words(Folder(root), WEB), str)
