"""`logwatch images`: what is printed, and how it ends."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import call
from imagefiles import configuration, first_format, layer, recorded, saved, tar, unpack

from logwatch.docker.contents import LARGEST_DOCUMENT
from logwatch.docker.descriptions import MOST_VALUES

ONE, TWO, THREE = layer(a=2000), layer(b=300), layer(c=40)
SECRET = {
    "config": {
        "Env": ["PATH=/bin", "DB_PASSWORD=hunter2"],
        "Cmd": ["run", "--token", "hunter2"],
        "Labels": {"api_key": "hunter2", "a": "b"},
    }
}


@pytest.fixture
def archive(tmp_path: Path) -> str:
    base = configuration([ONE], ["ADD a"])
    web = configuration([ONE, TWO], ["ADD a", "RUN curl --token hunter2"], **SECRET)
    api = configuration([ONE, THREE], ["ADD a", "ADD c"])
    path = tmp_path / "images.tar"
    path.write_bytes(
        tar(saved((base, [ONE], ["os:1"]), (web, [ONE, TWO], ["web:1"]), (api, [ONE, THREE], ["api:latest"])))
    )
    return str(path)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(unpack("docker-20.10.5-root", tmp_path_factory.mktemp("engine")) / "lib")


def test_the_tree_is_drawn(archive: str) -> None:
    done = call("images", "tree", archive)
    lines = [line.rstrip().split("  ") for line in done.out.splitlines()]

    assert (done.status, done.err) == (0, "")
    assert [line[0].strip() for line in lines] == ["image", "os:1", "├── api:latest", "└── web:1"]
    assert [part.strip() for part in lines[3] if part.strip()][-3:] == ["300B", "2.3kB", "2kB"]


def test_the_tree_as_json_has_every_node(archive: str) -> None:
    document = json.loads(call("images", "tree", "--format", "json", archive).out)
    (web,) = [image for image in document["images"] if image.get("tags") == ["web:1"]]

    assert document["source"] == "docker save archive"
    assert (web["own_bytes"], web["size_bytes"], web["shared_bytes"], web["complete"]) == (300, 2300, 2000, True)
    assert [each["size_bytes"] for each in web["layers"]] == [2000, 300]
    assert web["parent"] == document["images"][0]["id"]


def test_the_tree_as_a_graph_for_graphviz(archive: str) -> None:
    lines = call("images", "tree", "--format", "dot", archive).out.splitlines()

    assert (lines[0], lines[-1]) == ("digraph images {", "}")
    assert sum("->" in line for line in lines) == 2


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_an_archive_may_come_from_standard_input(archive: str, pack: object) -> None:
    assert callable(pack)
    content = pack(Path(archive).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "logwatch", "images", "tree", "-"], input=content, capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"web:1" in done.stdout


def test_holes_are_marked_and_end_with_status_1(tmp_path: Path) -> None:
    path = tmp_path / "old.tar"
    path.write_bytes(tar(first_format({"b" * 64: ("a" * 64, layer(x=90_000))}, {"web": {"1": "b" * 64}}))[:9000])
    done = call("images", "tree", str(path))

    assert done.status == 1
    assert "cut short" in done.err
    assert "incomplete" in done.out


def test_names_from_elsewhere_do_not_reach_the_terminal_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "evil.tar"
    path.write_bytes(tar(saved((configuration([ONE]), [ONE], ["evil\x1b]0;owned\x07:[red]1", 'quote"\\:1']))))
    outs = [
        call("images", "tree", *options, str(path)).out for options in ((), ("--format", "json"), ("--format", "dot"))
    ]

    assert all("\x1b" not in out and "\x07" not in out for out in outs)
    assert "[red]1" in outs[0]
    assert r"quote\"\\:1" in outs[2]


def test_show_masks_what_may_be_secret(archive: str) -> None:
    texts = [
        call("images", "show", "web:1", "--source", archive, *options).out for options in ((), ("--format", "jsonl"))
    ]
    open_texts = [
        call("images", "show", "web:1", "--source", archive, "--show-env", *options).out
        for options in ((), ("--format", "jsonl"))
    ]

    assert all("hunter2" not in text and "DB_PASSWORD=***" in text and "PATH=***" in text for text in texts)
    assert all(text.count("hunter2") == 4 for text in open_texts)


def test_show_tells_configuration_history_and_sizes(engine: str) -> None:
    done = call("images", "show", "tiny/leaf1:k1", "--source", engine, "--format", "jsonl")
    (image,) = done.rows

    # As `docker history` and `docker inspect` of that engine.
    assert [step["layer"]["size_bytes"] if step["layer"] else 0 for step in image["history"]] == [14, 0, 2, 2, 0]
    assert (image["settings"]["command"], image["settings"]["labels"]) == (["/x"], {"step": "mid"})
    assert (image["used_by"], image["size_bytes"]) == (["new"], 18)


def test_an_archive_of_one_image_needs_no_name(tmp_path: Path, archive: str) -> None:
    path = tmp_path / "one.tar"
    path.write_bytes(tar(saved((configuration([ONE]), [ONE], []))))

    assert "2kB" in call("images", "show", str(path)).out
    assert "name one of them" in call("images", "show", archive).err


def test_a_folder_called_like_an_image_is_no_archive(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGWATCH_DOCKER_ROOT", engine)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny/mid:k0").mkdir(parents=True)

    assert call("images", "show", "tiny/mid:k0").status == 0


def test_diff_names_what_is_shared_and_what_is_not(archive: str) -> None:
    done = call("images", "diff", "web:1", "api", "--source", archive, "--format", "jsonl")
    (difference,) = done.rows

    assert difference["shared_bytes"] == 2000
    assert [[each["size_bytes"] for each in difference[key]] for key in ("only_first", "only_second")] == [[300], [40]]
    assert set(difference["settings"]) == {"environment", "command", "labels"}
    assert "hunter2" not in done.out


def test_diff_compares_images_of_two_archives(tmp_path: Path) -> None:
    paths = [tmp_path / "one.tar", tmp_path / "two.tar"]
    for path, top in zip(paths, (TWO, THREE), strict=True):
        path.write_bytes(tar(saved((configuration([ONE, top]), [ONE, top], [path.stem]))))
    out = call("images", "diff", *map(str, paths)).out

    assert "shared layers: 1, 2kB" in out
    assert "only in one: 1, 300B" in out


def test_a_change_that_only_masked_values_have_is_said(tmp_path: Path) -> None:
    path = tmp_path / "images.tar"
    first, second = (configuration([ONE], config={"Env": [f"A={value}"]}) for value in "12")
    path.write_bytes(tar(saved((first, [ONE], ["x:1"]), (second, [ONE], ["x:2"]))))

    assert "--show-env" in call("images", "diff", "x:1", "x:2", "--source", str(path)).out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tree", "/nonexistent.tar"), "cannot be opened: No such file or directory"),
        (("show", "nothing", "--source", "{archive}"), "no image 'nothing' here"),
        (("tree", "/etc/passwd"), "not an image archive"),
    ],
)
def test_mistakes_end_with_status_2_and_the_cure(archive: str, arguments: tuple[str, ...], message: str) -> None:
    done = call("images", *(each.format(archive=archive) for each in arguments))

    assert done.status == 2
    assert message in done.err


def test_the_configured_data_directory_is_the_default(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGWATCH_DOCKER_ROOT", engine)

    assert "tiny/mid:k0" in call("images", "tree").out


def test_nothing_is_written(archive: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir(tmp_path))
    call("images", "tree", archive)
    path = tmp_path / "real.tar"
    path.write_bytes(recorded("docker-28.5.2-k1-all"))
    call("images", "tree", str(path))

    assert sorted(os.listdir(tmp_path)) == sorted([*before, "real.tar"])


TELL_PEAK = """
import atexit, pathlib, sys
from logwatch.cli import main
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: print(status.read_text().partition("VmHWM:")[2].split()[0]))
main(["images", "tree", sys.argv[1]])
"""


@pytest.mark.parametrize(
    "item", ["{},", "[],", '{"Config":1},', '{"Config":"a","Layers":["b"]},'], ids=["empty", "lists", "wrong", "images"]
)
def test_a_document_of_countless_values_stays_within_the_memory_of_an_ordinary_archive(
    tmp_path: Path, item: str
) -> None:
    path = tmp_path / "hostile.tar"
    for most in (MOST_VALUES, 10 * MOST_VALUES):
        number = min(most // sum(map(item.count, ",{[")), LARGEST_DOCUMENT // len(item)) - 1
        path.write_bytes(tar({"manifest.json": f"[{(item * number).rstrip(',')}]".encode()}))
        # The kernel's own figure of a child counts what its parent had before it began.
        done = subprocess.run([sys.executable, "-c", TELL_PEAK, str(path)], capture_output=True, text=True, check=False)

        assert done.returncode in {1, 2}
        assert int(done.stdout.split()[-1]) < 150_000  # KiB
