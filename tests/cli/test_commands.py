"""The commands that were there before: what they print, and how they end."""

import platform
import re
import shlex
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path

import click
import pytest
from commandline import call
from parity import RECORDINGS

from logwatch import __version__
from logwatch.cli import COMMANDS, cli
from scripts import man_page

LOG = str(RECORDINGS / "info-traditional" / "messages.xz")
GOOD = """
events:
  - event: daemon.start
    name: thing
    description: A thing.
    match: 'msg="known thing"'
    examples:
      - line: 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57.7Z" level=info msg="known thing"'
        event: {}
      - line: 'Nov 23 18:12:57 vm web[42]: time="2026-11-23T18:12:57.7Z" level=info msg="known thing"'
        event: null
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "things.yml"
    path.write_text(GOOD)
    return path


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A state directory that a replay has filled."""
    path = str(tmp_path_factory.mktemp("state"))
    call("replay", "--state-dir", path, LOG)
    return path


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    command = cli.get_command(cli.make_context("logwatch", [name], resilient_parsing=True), name)

    assert command is not None
    assert command.help


EVERY = {" ".join(path[1:]): command for path, command in man_page.commands(click.Context(cli, info_name="logwatch"))}


@pytest.mark.parametrize("path", EVERY)
def test_every_help_ends_with_an_example_that_can_be_called(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command, words = EVERY[path], path.split()
    monkeypatch.setattr(click.Path, "convert", lambda _self, value, _param, _ctx: Path(value))
    example = shlex.split((command.help or "").rpartition("Example: ")[2])
    begin = next(place for place in range(len(example)) if example[place : place + len(words)] == words)
    arguments = list(takewhile(lambda word: word not in {"|", ">"}, example[begin + len(words) :]))

    unused = command.parse_args(click.Context(command), arguments)

    assert example[begin - 1] in {"logwatch", "docker-logwatch"}
    assert unused == [] or isinstance(command, click.Group)


@pytest.mark.parametrize("path", ["", *(path for path, command in EVERY.items() if isinstance(command, click.Group))])
def test_lists_of_commands_cut_no_sentence(path: str) -> None:
    listed = call(*path.split(), "--help").out

    assert [line for line in listed.splitlines()[1:] if "..." in line or len(line) > 80] == []


def test_the_help_lists_every_command_once() -> None:
    listed = [line.split()[0] for line in call("--help").out.splitlines() if re.match(r"  [a-z]", line)]

    assert listed == list(COMMANDS)


def test_without_a_command_it_names_the_first_steps() -> None:
    steps = re.findall(r"^  logwatch (\S+)", call().out, re.MULTILINE)

    assert steps == ["demo", "replay", "run", "check"]
    assert set(steps) <= set(COMMANDS)


# ── rules ────────────────────────────────────────────────────────────────────────────


def test_rules_list_tells_hits_of_a_state_directory(state: str) -> None:
    rows = {row["rule"]: row for row in call("rules", "list", "--state-dir", state, "--format", "jsonl").rows}
    without = {row["rule"]: row for row in call("rules", "list", "--state-dir", "/nowhere", "--format", "jsonl").rows}

    assert rows["container-lifecycle/task-delete"]["hits"] > 0
    assert rows["container-lifecycle/task-delete"]["last_hit"].startswith("2026-11-23T")
    assert without["container-lifecycle/task-delete"]["hits"] == 0
    assert without["container-lifecycle/task-delete"]["last_hit"] is None


def test_rules_show_prints_the_text_and_its_place(rules: Path) -> None:
    shown = call("rules", "show", "things/thing", "--rules", str(rules)).out

    assert shown.startswith(f"# {rules}:3\n")
    assert GOOD.partition("events:\n")[2].strip() in shown


def test_rules_show_of_an_unknown_rule_is_an_error() -> None:
    done = call("rules", "show", "no/such")

    assert done.status == 2
    assert "rule 'no/such' not found" in done.err


def test_rules_schema_is_the_committed_one() -> None:
    committed = Path(__file__).parents[2] / "rules" / "schemas" / "events.schema.json"

    assert call("rules", "schema").out == committed.read_text()


# ── config and check ─────────────────────────────────────────────────────────────────


def test_config_tells_where_each_value_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "logwatch.yml"
    file.write_text("limits: {settle: 2s}\n")
    monkeypatch.setenv("LOGWATCH_LOG_LEVEL", "debug")
    printed = call("config", "--config.file", str(file), "--state-dir", "/here").out
    rows = {row[0]: row[1:] for row in (line.split() for line in printed.splitlines())}

    assert rows["state.dir"][-1] == "--state-dir"
    assert str(file) in " ".join(rows["limits.settle"])
    assert "LOGWATCH_LOG_LEVEL" in " ".join(rows["log.level"])
    assert rows["web.listen_address"][-1] == "default"


@pytest.mark.parametrize(
    ("replaced", "by", "status"),
    [
        ("known", "known", 0),
        ("daemon.start", "daemon.strat", 0),
        ("match:", "macth:", 1),
        ("event: {}", "event: null", 1),
    ],
    ids=["good", "warning", "unknown key", "failing example"],
)
def test_check_ends_with_1_where_there_are_mistakes(rules: Path, replaced: str, by: str, status: int) -> None:
    rules.write_text(GOOD.replace(replaced, by))

    assert call("check", "--no-shipped-rules", "--rules", str(rules)).status == status


def test_check_names_the_place_of_a_mistake(rules: Path) -> None:
    rules.write_text(GOOD.replace("    match:", "    macth:"))

    assert f"{rules}:6:5: " in call("check", "--no-shipped-rules", "--rules", str(rules)).out


# ── history ──────────────────────────────────────────────────────────────────────────


def test_events_are_those_that_the_replay_printed(state: str) -> None:
    replayed = call("replay", "--format", "jsonl", LOG).rows
    kept = call("events", "--state-dir", state, "--format", "jsonl").rows

    assert len(kept) == len(replayed) > 100


def test_events_can_be_chosen(state: str) -> None:
    died = call("events", "--state-dir", state, "--format", "jsonl", "--event", "container.die").rows
    newest = call("events", "--state-dir", state, "--format", "jsonl", "--event", "container.die", "--limit", "2").rows

    assert {row["event"] for row in died} == {"container.die"}
    assert newest == died[-2:]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--since", "yesterday"), "neither a time"), (("--state-dir", "/nowhere"), "/nowhere")],
    ids=["time", "no state"],
)
def test_events_that_cannot_be_asked_for(state: str, arguments: tuple[str, ...], message: str) -> None:
    done = call("events", "--state-dir", state, *arguments)

    assert done.status == 2
    assert message in done.err


def test_containers_stand_as_the_log_tells(state: str) -> None:
    rows = call("containers", "--state-dir", state, "--format", "jsonl").rows
    table = call("containers", "--state-dir", state).out.splitlines()

    assert len(table) == len(rows) + 1
    assert all(len(row["id"]) >= 12 and row["state"] for row in rows)


# ── healthcheck ──────────────────────────────────────────────────────────────────────


class Health(BaseHTTPRequestHandler):
    """Is healthy, and not ready."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/-/healthy" else 503)
        self.end_headers()
        self.wfile.write(b"said\n")

    def log_message(self, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def server() -> Iterator[str]:
    httpd = HTTPServer(("127.0.0.1", 0), Health)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.mark.parametrize(("flags", "status"), [((), 0), (("--ready",), 1)], ids=["healthy", "not ready"])
def test_healthcheck_ends_as_the_server_answers(server: str, flags: tuple[str, ...], status: int) -> None:
    done = call("healthcheck", "--url", server, *flags)

    assert done.status == status
    assert done.out == "said\n"


def test_healthcheck_without_server_ends_with_1() -> None:
    assert call("healthcheck", "--url", "http://127.0.0.1:9", "--timeout", "0.5").status == 1


# ── the manual ───────────────────────────────────────────────────────────────────────


def flags(command: click.Command) -> set[str]:
    """The long flags of a command and of those below it."""
    own = {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")}
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return own.union(*(flags(each) for each in below))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_manual_names_every_command_and_flag(name: str) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    command = cli.get_command(cli.make_context("logwatch", [name], resilient_parsing=True), name)
    assert command is not None
    missing = {flag for flag in flags(command) if flag not in manual}

    assert f"`logwatch {name}" in manual
    assert not missing


def test_the_man_page_is_the_one_of_the_commands() -> None:
    assert man_page.PAGE.read_text() == man_page.page(), "make manual writes it"


def test_the_man_page_names_every_command_and_flag() -> None:
    page = man_page.PAGE.read_text().replace("\\-", "-")
    every = list(man_page.commands(click.Context(cli, info_name="docker-logwatch")))

    assert {path[1] for path, _ in every} == set(COMMANDS)
    assert [path for path, _ in every if f'.SS "{" ".join(path)}"' not in page] == []
    assert [flag for _, command in every for flag in flags(command) if flag not in page] == []


def test_version_names_what_runs_here() -> None:
    first, *rows = call("--version").out.splitlines()

    said = dict(row.split(maxsplit=1) for row in rows)
    assert first == f"docker-logwatch, version {__version__}"
    assert said["python"].startswith(platform.python_version())
    assert said["platform"] == platform.platform()
    for name in ("hyperscan", "google-re2", "pygtail", "prometheus-client"):
        assert said[name] == version(name)


def test_version_says_which_extras_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logwatch.cli.REPORTED", ("no-such-distribution",))

    assert "not installed" in call("--version").out


def test_a_mistyped_command_is_answered_with_the_nearest():
    with pytest.raises(click.UsageError, match="No such command 'rnu': did you mean 'run'"):
        call("rnu")
    with pytest.raises(click.UsageError, match="No such command 'qwertz'"):
        call("qwertz")
