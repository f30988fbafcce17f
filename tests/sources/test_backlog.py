"""What stands in a log already, read from its end."""

from pathlib import Path

import pytest

from logwatch.sources.archive import Backlog


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 1 << 18])
@pytest.mark.parametrize(
    "content",
    [b"", b"one\n", b"one\ntwo\n", b"\n\n\n", b"a line longer than a block\nb\n\nc\n", b"one\ntorn", b"torn"],
    ids=["empty", "one", "two", "blank", "long", "torn", "only-torn"],
)
def test_blocks_are_the_whole_lines_from_the_last_to_the_first(tmp_path: Path, content: bytes, block: int) -> None:
    with Backlog(write(tmp_path / "log", content), block_bytes=block) as backlog:
        blocks = list(backlog.blocks())

        assert b"".join(each.data for each in reversed(blocks)) == content[: content.rfind(b"\n") + 1]
        assert all(each.data.endswith(b"\n") for each in blocks)
        assert all(content[each.offset : each.offset + len(each.data)] == each.data for each in blocks)
        assert backlog.end == content.rfind(b"\n") + 1


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"[Dd]irectory|plain"):
        Backlog(str(tmp_path))
