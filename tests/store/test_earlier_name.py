"""The default state directory once had another name."""

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from logwatch import config
from logwatch.cli import options
from logwatch.store import Store, Sync
from logwatch.store.earlier_name import in_use, take_over


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A directory that a version of before has left."""
    directory = tmp_path / "logwatch"
    Store(directory, datetime.now(UTC), sync=Sync.OFF).close()
    return directory


def test_the_earlier_directory_is_renamed(earlier: Path, tmp_path: Path) -> None:
    default = tmp_path / "docker-logwatch"

    assert in_use(default, earlier) == earlier
    assert take_over(default, earlier) == default
    assert (default / "logwatch.db").exists()
    assert not earlier.exists()
    assert in_use(default, earlier) == default


def test_it_takes_the_place_of_an_empty_directory(earlier: Path, tmp_path: Path) -> None:
    default = tmp_path / "docker-logwatch"
    default.mkdir()

    assert take_over(default, earlier) == default
    assert (default / "logwatch.db").exists()


def test_nothing_is_renamed_over_a_state(earlier: Path, tmp_path: Path) -> None:
    default = tmp_path / "docker-logwatch"
    Store(default, datetime.now(UTC), sync=Sync.OFF).close()

    assert (in_use(default, earlier), take_over(default, earlier)) == (default, default)
    assert (earlier / "logwatch.db").exists()


def test_nothing_is_renamed_over_other_files(earlier: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    default = tmp_path / "docker-logwatch"
    default.mkdir()
    (default / "notes").write_text("mine")
    with caplog.at_level(logging.WARNING):
        assert take_over(default, earlier) == earlier

    assert "going on there" in caplog.text
    assert (earlier / "logwatch.db").exists()


def test_a_state_in_use_stays(earlier: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    running = Store(earlier, datetime.now(UTC), sync=Sync.OFF)
    with caplog.at_level(logging.WARNING):
        assert take_over(tmp_path / "docker-logwatch", earlier) == earlier
    running.close()

    assert "is in use by another logwatch" in caplog.text


def test_a_folder_of_somebody_else_stays(tmp_path: Path) -> None:
    others = tmp_path / "logwatch"
    others.mkdir()
    (others / "cache").write_text("")

    assert take_over(tmp_path / "docker-logwatch", others) == tmp_path / "docker-logwatch"
    assert others.exists()


def test_only_the_default_is_chosen_for(tmp_path: Path) -> None:
    given = config.load(None, {"LOGWATCH_STATE_DIR": str(tmp_path)}, {})

    assert options.with_state_dir(given, lambda: tmp_path / "other").config.state.dir == tmp_path
    default = options.with_state_dir(config.load(None, {}, {}), lambda: tmp_path / "other")
    assert default.config.state.dir == tmp_path / "other"
    assert default.origins["state.dir"] == "default"


def test_only_its_owner_may_read_a_new_directory(tmp_path: Path) -> None:
    Store(tmp_path / "state", datetime.now(UTC), sync=Sync.OFF).close()

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
