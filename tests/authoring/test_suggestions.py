"""suggest groups the docker lines that no rule knows and drafts rules that check accepts."""

import gzip
import sys
from pathlib import Path

import pytest
import yaml
from commandline import call
from parity import unpack

from logwatch.rulefiles.lint import check

ID = "5f0d7c1a9b3e4d28860f1c5ab7e92d34c6a8f0e1b2d3948576a0c1e2f3d4b596"


def line(message: str, *, tag: str = "dockerd", second: int = 1) -> str:
    return f"Nov 23 18:12:{second:02} vm {tag}[4242]: {message}\n"


def logrus(msg: str, more: str = "", *, level: str = "info", **where: object) -> str:
    written = f'time="2026-11-23T18:12:57.7Z" level={level} msg="{msg}"{more}'
    return line(written, **where)  # type: ignore[arg-type]


SPUN = "".join(logrus(f"gadget {number} spun off its shelf", f" container={ID} speed={number}") for number in range(3))
LOST = logrus("widget lost for good")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "messages"


def drafts(log: Path, *arguments: str):
    done = call("suggest", *arguments, str(log))
    return yaml.safe_load(done.out)["events"]


def test_the_most_frequent_group_comes_first(log: Path) -> None:
    log.write_text(LOST + SPUN)
    done = call("suggest", str(log))

    assert [rule["name"] for rule in yaml.safe_load(done.out)["events"]] == [
        "gadget-spun-off-shelf",
        "widget-lost-good",
    ]
    assert "# 3 × engine level=info: gadget <*> spun off its shelf" in done.out
    assert "4 unknown docker lines in 2 groups, 2 shown" in done.err


def test_a_draft_has_what_the_lines_tell(log: Path) -> None:
    log.write_text(LOST + SPUN)
    rule = drafts(log)[0]

    assert rule["match"] == {"regex": 'msg="gadget .* spun off its shelf'}
    assert rule["id"] == "{container}"
    assert rule["attributes"] == {"speed": "{speed}"}
    assert rule["severity"] == "info"
    hit, *near = rule["examples"]
    assert hit == {"line": SPUN.splitlines()[0], "event": {"id": ID, "attributes": {"speed": "0"}}}
    assert [miss["event"] for miss in near] == [None]
    assert near[0]["line"] == hit["line"].replace("dockerd", "5f0d7c1a9b3e")


def test_no_name_is_made_of_what_is_no_word(log: Path) -> None:
    log.write_text(logrus(f"widget {'x' * 8000} lost"))
    draft = drafts(log)[0]

    assert draft["event"] == "daemon.widget_lost"
    assert "x" * 41 not in draft["name"]


def test_the_likest_other_line_is_a_near_miss(log: Path) -> None:
    other = logrus("gadget 7 fell down our stairs")
    log.write_text(SPUN + other)
    near = [example["line"] for example in drafts(log)[0]["examples"] if example["event"] is None]

    assert near[0] == other.rstrip("\n")


def test_text_that_never_differs_is_matched_as_it_stands(log: Path) -> None:
    log.write_text(LOST)

    assert drafts(log)[0]["match"] == 'msg="widget lost for good"'


@pytest.mark.parametrize(
    ("message", "key", "value"),
    [
        (
            '{"level":"info","msg":"widget lost for good","time":"2026-11-23T18:12:57.7Z","size":3}',
            "match",
            'msg="widget lost for good"',
        ),
        ("widget lost for good, docker says", "match", {"regex": "^widget lost for good, docker says"}),
    ],
    ids=["json", "bare text"],
)
def test_other_forms_of_a_message(log: Path, message: str, key: str, value: object) -> None:
    log.write_text(line(message))

    assert drafts(log)[0][key] == value
    assert_checked(log)


def test_lines_of_other_programs_name_them(log: Path) -> None:
    log.write_text(line("docker widget lost for good", tag="widgetd"))

    assert drafts(log)[0]["program"] == ["widgetd"]
    assert_checked(log)


def test_lines_that_rules_know_are_left_alone(log: Path) -> None:
    log.write_text(
        logrus("ignoring event", f' container={ID} topic=/tasks/delete type="*events.TaskDelete"', level="info")
    )
    done = call("suggest", str(log))

    assert done.out == ""
    assert "0 unknown docker lines" in done.err


def test_lines_that_only_general_rules_know_are_drafted_on_request(log: Path) -> None:
    log.write_text(logrus("widget lost for good", level="error"))

    assert call("suggest", str(log)).out == ""
    assert drafts(log, "--general")[0]["severity"] == "error"


def test_the_output_of_containers_is_left_out(log: Path) -> None:
    log.write_text(line("docker is fine", tag="d642c9fb1c22") + line("docker is fine", tag="docker/web"))
    done = call("suggest", str(log))

    assert done.out == ""
    assert "left out: 2 lines, container output" in done.err


def test_the_limit_counts_groups(log: Path) -> None:
    log.write_text(LOST + SPUN)

    assert len(drafts(log, "--limit", "1")) == 1


def test_compressed_logs_too(log: Path) -> None:
    archive = log.with_name("messages.1.gz")
    archive.write_bytes(gzip.compress(SPUN.encode()))

    assert len(drafts(archive)) == 1


def test_secrets_are_masked(log: Path) -> None:
    log.write_text(logrus("widget lost for good", " registry_token=hunter2 size=3"))
    done = call("suggest", str(log))

    assert "hunter2" not in done.out
    assert yaml.safe_load(done.out)["events"][0]["attributes"] == {"size": "{size}"}


def test_words_of_the_operator_tell_secrets_too(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGWATCH_SOURCES_SECRETS", "licence")
    log.write_text(logrus("widget lost for good", " site_licence=hunter2 size=3"))

    assert "hunter2" not in call("suggest", str(log)).out


def test_names_the_extra_where_drain3_is_missing(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write_text(LOST)
    monkeypatch.setitem(sys.modules, "drain3.drain", None)
    done = call("suggest", str(log))

    assert done.status == 2
    assert "pip install drain3" in done.err


def assert_checked(log: Path, *arguments: str) -> str:
    """Whether check finds no mistake in the drafts of a log."""
    drafted = log.with_name("drafts.yml")
    drafted.write_text(call("suggest", *arguments, str(log)).out)
    mistakes = [str(found) for found in check([drafted], shipped=False) if not found.warning]

    assert not mistakes
    return str(drafted)


def test_check_accepts_the_drafts_of_a_log_that_no_rule_knows(log: Path) -> None:
    log.write_bytes(unpack("info-traditional", "messages"))
    drafted = assert_checked(log, "--no-shipped-rules", "--limit", "60")
    found = call("rules", "coverage", "--no-shipped-rules", "--rules", drafted, "--format", "jsonl", str(log)).rows

    assert found[-1]["known"] > 0.9 * found[-1]["lines"]


def test_check_accepts_the_drafts_of_what_the_shipped_rules_leave(log: Path) -> None:
    log.write_bytes(unpack("debug-iso", "messages"))

    assert_checked(log, "--limit", "30")
