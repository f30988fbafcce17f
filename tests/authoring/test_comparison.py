"""replay --diff: what other rules would change."""

from pathlib import Path

import pytest
from commandline import call

ID = 64 * "a"
LOG = f"""\
2026-11-23T18:12:57.000000Z vm dockerd[42]: time="2026-11-23T18:12:57.000000000Z" level=info msg="gadget broke" gadget={ID} speed=3
2026-11-23T18:13:07.000000Z vm dockerd[42]: time="2026-11-23T18:13:07.000000000Z" level=info msg="widget lost" widget=w1
2026-11-23T18:20:00.000000Z vm dockerd[42]: time="2026-11-23T18:20:00.000000000Z" level=info msg="widget lost" widget=w2
"""
GADGET = """
- event: gadget.broke
  name: broke
  match: msg="gadget broke"
  id: '{gadget}'
  attributes: {speed: '{speed}'}
"""
WIDGET = """
- event: widget.lost
  name: lost
  match: msg="widget lost"
  id: '{widget}'
"""
ALERTS = """
groups:
- name: gadgets
  interval: 5s
  rules:
  - {alert: GadgetBroke, expr: 'increase(docker_events_total{type="gadget"}[1m]) > 0'}
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "messages"
    path.write_text(LOG)
    return path


def rules(folder: Path, events: str, alerts: str = ALERTS) -> str:
    folder.mkdir()
    (folder / "own.yml").write_text("events:" + events)
    (folder / "alerts.yml").write_text(alerts)
    return str(folder)


def diff(log: Path, before: str, after: str, *further: str):
    return call("replay", "--no-shipped-rules", "--rules", before, "--diff", after, str(log), *further)


def test_the_same_rules_change_nothing(log: Path, tmp_path: Path) -> None:
    folder = rules(tmp_path / "a", GADGET + WIDGET)

    done = diff(log, folder, folder)

    assert (done.status, done.out) == (0, "")
    assert done.err == "events: 0 removed, 0 added, 0 changed; alerts: 0 removed, 0 added, 0 changed\n"


@pytest.mark.parametrize(("before", "after", "word"), [("a", "b", "go"), ("b", "a", "come")])
def test_events_and_alerts_come_and_go(before: str, after: str, word: str, log: Path, tmp_path: Path) -> None:
    folders = {"a": rules(tmp_path / "a", GADGET + WIDGET), "b": rules(tmp_path / "b", WIDGET)}

    rows = diff(log, folders[before], folders[after], "--format", "jsonl").rows

    assert [(row["difference"], row["what"]) for row in rows] == [(word, "event"), (word, "alert")]
    told = [row["before"] or row["after"] for row in rows]
    assert (told[0]["event"], told[1]["alert"]) == ("gadget.broke", "GadgetBroke")
    assert None in (rows[0]["before"], rows[0]["after"])


def test_what_changes_is_told_by_its_values(log: Path, tmp_path: Path) -> None:
    before = rules(tmp_path / "a", GADGET)
    after = rules(tmp_path / "b", GADGET.replace("{speed: '{speed}'}", "{pace: '{speed}'}"))

    done = diff(log, before, after)

    assert done.status == 1
    mark, *changes = done.out.splitlines()
    assert mark.startswith("~ ")
    assert [change.strip() for change in changes] == ["attributes.speed: 3 → (none)", "attributes.pace: (none) → 3"]


def test_an_alert_that_holds_longer_has_moved(log: Path, tmp_path: Path) -> None:
    before = rules(tmp_path / "a", GADGET + WIDGET)
    after = rules(tmp_path / "b", GADGET + WIDGET, ALERTS.replace("[1m]", "[2m]"))

    (row,) = diff(log, before, after, "--format", "jsonl").rows

    assert (row["difference"], row["what"]) == ("change", "alert")
    assert (row["before"]["starts"], row["after"]["starts"]) == ("2026-11-23T18:13:00.000000000Z",) * 2
    assert row["before"]["ends"] == "2026-11-23T18:14:00.000000000Z"
    assert row["after"]["ends"] == "2026-11-23T18:15:00.000000000Z"


def test_another_line_of_the_same_event_is_a_change(log: Path, tmp_path: Path) -> None:
    later = WIDGET.replace("widget.lost", "gadget.broke").replace("'{widget}'", f"'{ID}'")
    before, after = rules(tmp_path / "a", GADGET, "groups: []"), rules(tmp_path / "b", later, "groups: []")

    rows = diff(log, before, after, "--format", "jsonl").rows

    assert [(row["difference"]) for row in rows] == ["change", "come"]
    assert rows[0]["before"]["rule"] == "own/broke"
    assert rows[0]["after"]["rule"] == "own/lost"


@pytest.mark.parametrize("flag", [["--raw"], ["--metrics"], ["--alerts"], ["--state-dir", "x"]])
def test_other_flags_do_not_go_with_it(log: Path, tmp_path: Path, flag: list[str]) -> None:
    folder = rules(tmp_path / "a", GADGET)

    done = diff(log, folder, folder, *flag)

    assert done.status == 2
    assert "--diff replays files twice" in done.err
