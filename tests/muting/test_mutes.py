"""Alerts that are muted: not sent, and everything else as always."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from commandline import call

from logwatch import config
from logwatch.alerting.muting import MuteWindow, at
from logwatch.build import mute_windows
from logwatch.errors import ConfigError
from logwatch.model import SECOND, Mute
from logwatch.notation import nanoseconds
from logwatch.store import mutes
from logwatch.store.mutes import MuteFolder
from logwatch.time_intervals import TimeInterval

NOW = 1_796_004_000 * SECOND  # 2026-11-30T02:00:00Z, a Monday
HOUR = nanoseconds(timedelta(hours=1))


def mute(**match):
    return Mute("m", match, NOW - HOUR, NOW + HOUR, "backup", "ops")


@pytest.mark.parametrize(
    ("match", "labels", "covered"),
    [
        ({"name": "web"}, {"name": "web", "alertname": "A"}, True),
        ({"name": "web"}, {"name": "web2"}, False),
        ({"name": "web*"}, {"name": "web2"}, True),
        ({"name": "web", "severity": "warning"}, {"name": "web", "severity": "critical"}, False),
        ({"team": ""}, {"name": "web"}, True),
        ({}, {"name": "web"}, True),
    ],
)
def test_covers_alerts_by_their_labels(match, labels, covered):
    assert mute(**match).covers(labels) is covered


def test_is_in_force_from_its_begin_to_its_end():
    found = [
        at(now_ns, [mute(name="web")], []).mutes for now_ns in (NOW - HOUR - 1, NOW - HOUR, NOW + HOUR - 1, NOW + HOUR)
    ]

    assert [len(each) for each in found] == [0, 1, 1, 0]


def test_a_window_is_in_force_at_its_times():
    window = MuteWindow({"name": "db"}, [TimeInterval([(120, 180)])], "nightly")
    (opened,) = at(NOW, [], [window]).mutes

    assert (opened.id, opened.described()) == ("mute_windows[0]", "name=db: configuration: nightly")
    assert at(NOW + HOUR, [], [window]).mutes == ()


def test_a_written_mute_is_read_back(tmp_path):
    folder = MuteFolder(tmp_path)
    assert folder.mutes(NOW) == ()

    mutes.write(tmp_path, mute(name="web"))
    assert folder.mutes(NOW + SECOND) == ()  # not looked again yet
    assert folder.mutes(NOW + 2 * SECOND) == (mute(name="web"),)

    mutes.remove(tmp_path, "m")
    assert folder.mutes(NOW + 4 * SECOND) == ()


def test_no_more_mutes_are_written_than_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(mutes, "MOST", 3)
    for number in range(3):
        mutes.write(tmp_path, replace(mute(name="web"), id=f"m{number}"))
    with pytest.raises(mutes.TooManyMutesError, match="there are 3 mutes already"):
        mutes.write(tmp_path, replace(mute(name="web"), id="m3"))
    later = replace(mute(name="web"), id="m4", since_ns=NOW + 9 * HOUR, until_ns=NOW + 10 * HOUR)
    mutes.write(tmp_path, later)

    assert [found for _, found in mutes.read(tmp_path)] == [later]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"match": []}', '{"match": {}, "until": "soon"}', '{"match": {}, "until": 5}']
)
def test_a_file_that_is_not_understood_mutes_nothing(tmp_path, text):
    (tmp_path / "mutes").mkdir()
    (tmp_path / "mutes" / "x.json").write_text(text)
    folder = MuteFolder(tmp_path)

    assert folder.mutes(NOW) == ()
    assert [path.name for path in folder.unreadable] == ["x.json"]


def test_the_command_writes_lists_and_ends_mutes(tmp_path):
    state = ["--state-dir", str(tmp_path)]
    made = call("mute", "--name", "web", "--match", "severity=warning", "--for", "30m", "--reason", "moving", *state)
    (path,) = (tmp_path / "mutes").glob("*.json")
    written = json.loads(path.read_text())
    listed = call("mute", *state)
    ended = call("unmute", path.stem, *state)

    assert written["match"] == {"name": "web", "severity": "warning"}
    assert made.out == listed.out
    assert "name=web, severity=warning" in listed.out
    assert "moving, until " in listed.out
    assert (ended.status, ended.out) == (0, f"{path.stem}: ended\n")
    assert call("mute", *state).out == ""


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["mute", "--name", "web"], "--for is missing"),
        (["mute", "--for", "30m"], "nothing to mute"),
        (["mute", "--name", "web", "--for", "soon"], "--for 'soon' is not a duration"),
        (["mute", "--name", "web", "--for", "0"], "give more than 0"),
        (["mute", "--match", "severity", "--for", "1h"], "write LABEL=VALUE"),
        (["unmute"], "no mute is named"),
    ],
)
def test_mistakes_of_the_command_are_explained(tmp_path, arguments, what):
    done = call(*arguments, "--state-dir", str(tmp_path))

    assert (done.status, what in done.err) == (2, True), done.err


def test_unknown_mutes_are_named(tmp_path):
    done = call("unmute", "m1", "--state-dir", str(tmp_path))

    assert (done.status, "mute m1 not found" in done.err) == (1, True)


def test_windows_of_the_configuration(tmp_path):
    path = tmp_path / "logwatch.yml"
    path.write_text(
        """\
alerting:
  mute_windows:
    - match: {name: 'backup-*'}
      reason: nightly backup
      time_intervals:
        - times: [{start_time: '02:00', end_time: '03:30'}]
          weekdays: ['monday:friday']
          location: Europe/Berlin
"""
    )
    windows = mute_windows(config.load(path, {}, {}).config)

    assert at(NOW - HOUR, [], windows).is_muted({"name": "backup-db"})
    assert not at(NOW - HOUR, [], windows).is_muted({"name": "web"})
    assert not at(NOW + HOUR, [], windows).is_muted({"name": "backup-db"})


@pytest.mark.parametrize(
    ("interval", "what"),
    [
        ("{times: [{start_time: '22:00', end_time: '02:00'}]}", "02:00 is not after 22:00"),
        ("{times: [{start_time: '2', end_time: '3'}]}", "'2' is not a time of day"),
        ("{weekdays: [someday]}", "'someday' is not a weekday"),
        ("{location: Nowhere}", "no time zone 'Nowhere'"),
    ],
)
def test_mistakes_in_windows_have_their_place(tmp_path, interval, what):
    path = tmp_path / "logwatch.yml"
    path.write_text(f"alerting:\n  mute_windows:\n    - time_intervals: [{interval}]\n")
    with pytest.raises(ConfigError) as refused:
        config.load(path, {}, {})

    assert f"{path}:3:" in str(refused.value)
    assert what in str(refused.value)
