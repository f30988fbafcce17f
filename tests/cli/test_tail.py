"""`logwatch tail`: what a person sees of a log."""

import lzma
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import call

RECORDING = Path(__file__).parent.parent / "data/recordings/info-rfc5424-docker-events/messages.xz"
ID = "4f1c22e9a0b35d7788c6d1e2f3a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6"
OTHER_ID = "9" * 64
OTHER = "Nov 23 20:00:00 vm cron[7]: (root) CMD (true)\n"


def died(second: int, container: str = ID) -> str:
    return (
        f'Nov 23 20:01:{second:02} vm dockerd[411]: time="2026-11-23T20:01:{second:02}.5Z" level=info '
        f'msg="ignoring event" container={container} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"\n'
    )


def named(second: int) -> str:
    return (
        f"Nov 23 20:00:{second:02} vm docker-events: 2026-11-23T20:00:{second:02}.000000000Z container create "
        f"{ID} (image=shop:1, name=web)\n"
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "messages"
    path.write_text(named(1) + OTHER + "".join(died(second) for second in range(20)))
    return path


def test_shows_the_last_docker_lines_with_names_for_ids(log: Path) -> None:
    done = call("tail", "--no-follow", "-n", "2", "--timezone", "UTC", str(log))
    rows = done.out.splitlines()

    assert len(rows) == 2
    assert all("ignoring event container=web" in row for row in rows)
    assert all("→ container.die web" in row for row in rows)
    assert ID not in done.out


def test_ten_lines_are_shown_where_nobody_says_how_many(log: Path) -> None:
    assert len(call("tail", "--no-follow", str(log)).out.splitlines()) == 10


def test_raw_lines_are_as_they_stand_in_the_log(log: Path) -> None:
    done = call("tail", "--no-follow", "--raw", "-n", "100", str(log))

    assert done.out == log.read_text().replace(OTHER, "")


def test_since_shows_everything_from_then_on(log: Path) -> None:
    done = call("tail", "--no-follow", "--since", "2026-11-23T20:01:15Z", "--timezone", "UTC", "--raw", str(log))

    assert done.out == "".join(died(second) for second in range(15, 20))


def test_logs_are_told_in_the_order_of_their_times(log: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.write_text(died(40) + died(50))
    first = tmp_path / "first"
    first.write_text(died(45))
    done = call("tail", "--no-follow", "-n", "3", "--raw", str(second), str(first))

    assert done.out == died(40) + died(45) + died(50)


def test_colours_only_where_they_are_wanted(log: Path) -> None:
    plain = call("tail", "--no-follow", str(log)).out
    coloured = call("tail", "--no-follow", "--color", "always", str(log)).out

    assert "\x1b[" not in plain
    assert "\x1b[" in coloured


def test_what_a_container_prints_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text("Nov 23 20:00:02 vm docker/web[9]: \x1b[2Jdocker is gone\n")
    done = call("tail", "--no-follow", str(log))

    assert "\x1b" not in done.out
    assert "docker/web (container)" in done.out


def test_secrets_are_masked(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text(
        'Nov 23 20:00:02 vm dockerd[9]: time="2026-11-23T20:00:02Z" level=warning msg="x" DB_PASSWORD=hunter2\n'
    )
    done = call("tail", "--no-follow", str(log))

    assert "hunter2" not in done.out
    assert "DB_PASSWORD=***" in done.out


def test_standard_input_is_shown_to_its_end() -> None:
    command = [sys.executable, "-m", "logwatch", "tail", "-"]
    done = subprocess.run(command, input=named(1) + OTHER + died(2), capture_output=True, text=True, check=True)
    rows = done.stdout.splitlines()

    assert len(rows) == 2
    assert rows[1].endswith("→ container.die web")


@pytest.mark.parametrize(
    ("name", "cure"), [("missing", "no such file"), ("old.gz", "logwatch replay")], ids=["missing", "compressed"]
)
def test_what_cannot_be_shown_is_told(tmp_path: Path, name: str, cure: str) -> None:
    done = call("tail", "--no-follow", str(tmp_path / name))

    assert done.status == 2
    assert cure in done.err.lower()


def test_every_recorded_line_can_be_shown(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_bytes(lzma.decompress(RECORDING.read_bytes()))
    done = call("tail", "--no-follow", "-n", "100000", str(log))

    assert len(done.out.splitlines()) > 500
    assert done.out.count("→ container.oom oomer") > 0


# ── following ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def follower(log: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "logwatch", "tail", "--raw", "-n", "1", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.terminate()


def test_goes_on_over_a_rotation_without_losing_or_doubling_a_line(log: Path, follower: subprocess.Popen[str]) -> None:
    assert follower.stdout is not None
    shown = [follower.stdout.readline()]
    with log.open("a") as stream:
        stream.write(died(30))
    shown.append(follower.stdout.readline())
    os.rename(log, f"{log}.1")
    with open(f"{log}.1", "a") as stream:
        stream.write(died(31))
    log.write_text(died(32) + OTHER + died(33))
    shown += [follower.stdout.readline() for _ in range(3)]

    assert shown == [died(second) for second in (19, 30, 31, 32, 33)]


WARNING = (
    'Nov 23 20:02:00 vm dockerd[411]: time="2026-11-23T20:02:00.5Z" level=warning '
    f'msg="cleaning up after shim disconnected" id={OTHER_ID} namespace=moby\n'
)


def shown(log: Path, *flags: str) -> list[str]:
    done = call("tail", "--no-follow", "--timezone", "UTC", *flags, str(log))
    assert done.status == 0, done.err
    return done.out.splitlines()


@pytest.mark.parametrize(
    ("flags", "count"),
    [
        (("--name", "web"), 21),
        (("--name", "w*"), 21),
        (("--name", "db"), 2),
        (("--name", "eb"), 0),
        (("--event", "container.die"), 21),
        (("--event", "container"), 23),
        (("--event", "*.create"), 2),
        (("--level", "warning"), 1),
        (("--level", "info"), 23),
        (("--grep", "topic=/tasks/.elete.*TaskDelete"), 20),
        (("--name", "web", "--level", "warning"), 0),
        (("--event", "container", "-n", "3"), 3),
    ],
)
def test_only_what_is_wanted_is_shown(log: Path, flags: tuple[str, ...], count: int) -> None:
    about_db = named(2).replace(ID, OTHER_ID).replace("name=web", "name=db")
    log.write_text(about_db + log.read_text() + WARNING)

    assert len(shown(log, *(() if "-n" in flags else ("-n", "100")), *flags)) == count


def test_a_line_that_comes_again_is_shown_once(log: Path) -> None:
    rows = shown(log, "-n", "100", "--fold")

    assert len(rows) == 3
    assert rows[2] == "    the same 19 times more"
    assert len(shown(log, "-n", "100", "--no-fold")) == 21


def test_a_regex_that_is_none_is_explained(log: Path) -> None:
    done = call("tail", "--no-follow", "--grep", "(", str(log))

    assert (done.status, done.err) == (2, "--grep (: missing ): (: write a regex in RE2 syntax")


def test_of_what_a_configuration_follows_the_files_are_shown(log: Path, tmp_path: Path) -> None:
    (tmp_path / "logwatch.yml").write_text(f"sources: {{paths: ['docker:', 'journal:', {log}, 'containers:']}}\n")
    shown = call("tail", "--no-follow", "--config.file", str(tmp_path / "logwatch.yml"))

    assert (shown.status, shown.out) == (0, call("tail", "--no-follow", str(log)).out)
    assert shown.out
