"""Flags before environment before file before default, and every mistake where it was made."""

from datetime import timedelta
from pathlib import Path

import pytest

from logwatch.config import DEFAULT_PORT, check, load
from logwatch.errors import ConfigError


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "logwatch.yml"
    path.write_text(text)
    return path


def test_no_file_is_needed() -> None:
    config = load(None, {}, {}).config

    assert config.web.listen_address == f":{DEFAULT_PORT}"
    assert config.state.history.max_age == timedelta(days=7)
    assert config.sources.start == "beginning"


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert load(write(tmp_path, "# nothing yet\n"), {}, {}).config == load(None, {}, {}).config


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "state: {dir: /file, sync: always}\nweb: {listen_address: ':1'}\n")
    environment = {"LOGWATCH_STATE_DIR": "/variable", "LOGWATCH_WEB_LISTEN_ADDRESS": ":2"}

    effective = load(path, environment, {"state.dir": Path("/flag"), "web.listen_address": None, "rules.paths": ()})

    assert str(effective.config.state.dir) == "/flag"
    assert effective.config.web.listen_address == ":2"
    assert effective.config.state.sync == "always"
    assert {key: origin for key, origin in effective.origins.items() if origin != "default"} == {
        "state.dir": "--state-dir",
        "state.sync": f"{path}:1",
        "web.listen_address": "LOGWATCH_WEB_LISTEN_ADDRESS",
    }


def test_the_environment_holds_lists_and_labels() -> None:
    environment = {
        "LOGWATCH_SOURCES_PATHS": "/a.log, /b.log",
        "LOGWATCH_ALERTING_EXTERNAL_LABELS": "site=a,team=b",
        "LOGWATCH_ALERTING_ALERTMANAGERS": "http://a:9093,http://b:9093",
        "LOGWATCH_WEB_ENABLE_LIFECYCLE": "true",
    }

    config = load(None, environment, {}).config

    assert config.sources.paths == ("/a.log", "/b.log")
    assert config.alerting.external_labels == {"site": "a", "team": "b"}
    assert [receiver.url for receiver in config.alerting.alertmanagers] == ["http://a:9093", "http://b:9093"]
    assert config.web.enable_lifecycle is True


def test_the_table_masks_secrets_and_writes_units(tmp_path: Path) -> None:
    text = "alerting: {webhooks: [{url: 'http://a', basic_auth: {username: a, password: sesame}}]}"

    table = {key: value for key, value, _ in load(write(tmp_path, text), {}, {}).table()}

    assert "sesame" not in table["alerting.webhooks"]
    assert table["state.history.max_age"] == "7d"
    assert table["state.max_bytes"] == "512MiB"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "web: {»listen_adress: ':1'}", "unknown key 'listen_adress' (did you mean 'listen_address'?)", id="key"
        ),
        pytest.param("»stat: {}", "unknown key 'stat' (did you mean 'state'?)", id="section"),
        pytest.param(
            "state: »yes", "expected keys with values, not 'yes': write 'key: value' below it", id="no section"
        ),
        pytest.param(
            "state: {sync: »sometimes}",
            "'sometimes' is not a value of this key: write always, interval or off",
            id="choice",
        ),
        pytest.param(
            "state: {history: {max_age: »3 days}}",
            "'3 days' is not a duration: write a number with a unit (ms s m h d w y), such as 30s, 5m or 1h30m",
            id="duration",
        ),
        pytest.param(
            "state: {max_bytes: »5}",
            "'5' is not a size: write a whole number with a unit (B KB MB GB TB, or KiB …), such as 512MB",
            id="size",
        ),
        pytest.param("limits: {max_containers: »0}", "'0' is too small: write 1 or more", id="zero"),
        pytest.param("rules: {watch: »off}", "expected true or false, not 'off'", id="off"),
        pytest.param(
            "sources: {timezone: »Europe/Berln}",
            "no time zone 'Europe/Berln' (did you mean 'Europe/Berlin'?): write a name such as Europe/Berlin or UTC",
            id="zone",
        ),
        pytest.param(
            "web: {listen_address: »80}",
            f"'80' is not a listening address: write host:port, such as ':80' or '127.0.0.1:{DEFAULT_PORT}'",
            id="address",
        ),
        pytest.param("web: {listen_address: »':70000'}", "port 70000 does not exist: write 0 to 65535", id="port"),
        pytest.param(
            "alerting: {alertmanagers: [»host]}",
            "'host' is not a URL: write http://host:port or https://host",
            id="url",
        ),
        pytest.param(
            "alerting: {webhooks: [{url: http://a, »retry: 1}]}",
            "unknown key 'retry': the keys here are url, basic_auth, bearer_token_file, tls_config, timeout, severity, "
            "repeat_interval, send_resolved",
            id="receiver",
        ),
        pytest.param(
            "alerting: {external_labels: {»a-b: c}}", "'a-b' is not a label name: use letters, digits and _", id="label"
        ),
        pytest.param("»- a", "expected sections such as state: at the top, not a list: write 'key: value'", id="list"),
        pytest.param("state: {dir: /a, »dir: /b}", "key 'dir' is here twice (first in line 1): keep one", id="twice"),
    ],
)
def test_explains_a_mistake_where_it_was_made(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, text.replace("»", ""))

    assert [str(mistake) for mistake in check(path, {}, {})] == [f"{path}:1:{text.index('»') + 1}: {expected}"]


def test_a_mistake_outside_the_file_names_its_origin() -> None:
    found = check(
        None,
        {"LOGWATCH_LIMITS_SETTLE": "x", "LOGWATCH_STATE_DRI": "/x", "LOGWATCH_PORT": "tcp://"},
        {"state.sync": "no"},
    )

    assert [str(mistake) for mistake in found] == [
        "--state.sync: 'no' is not a value of this key: write always, interval or off",
        "LOGWATCH_LIMITS_SETTLE: 'x' is not a duration: write a number with a unit (ms s m h d w y), such as 30s, 5m or 1h30m",
        "LOGWATCH_STATE_DRI: warning: no key has this variable (did you mean LOGWATCH_STATE_DIR?)",
    ]


def test_a_file_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path / "no.yml", {}, {})

    assert str(raised.value) == f"{tmp_path}/no.yml: file not found: create it, or correct --config.file"


@pytest.mark.parametrize(
    ("keys", "mistake"),
    [
        (["a.b", "a-b"], "'a.b' and 'a-b' would both be the label label_a_b: leave one of them out"),
        (["image"], "'image' is not a label in the engine's events but a value of its own: leave it out"),
        (["a}b"], "'a}b' is not the key of a label: use letters, digits, '.', '_', '/' and '-'"),
        ([f"l{number}" for number in range(21)], "21 labels: use at most 20"),
    ],
    ids=["collision", "engine's own", "brace", "too many"],
)
def test_labels_that_cannot_be_shown_are_refused(tmp_path: Path, keys: list[str], mistake: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(write(tmp_path, f"docker: {{labels: {keys}}}\n"), {}, {})

    assert mistake in str(raised.value)


def test_a_label_that_is_named_twice_is_shown_once(tmp_path: Path) -> None:
    config = load(write(tmp_path, "docker: {labels: [com.example/team, com.example/team]}\n"), {}, {}).config

    assert config.docker.labels == ("com.example/team",)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(write(tmp_path, "web: {a: b}\nstate: {sync: x}\n"), {}, {})

    assert len(str(raised.value).splitlines()) == 2


def test_the_manual_names_every_key_and_its_default() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()

    for key, value, _ in load(None, {}, {}).table():
        assert f"| `{key}` | `{value}` |" in manual
