"""The JSON Schema of the configuration takes what is valid, for editors, and refuses what is misspelt."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from logwatch.config import load
from logwatch.config.settings import json_schema

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(json.loads(json_schema()))
SECTIONS = {
    "sources",
    "rules",
    "state",
    "web",
    "alerting",
    "docker",
    "storage",
    "limits",
    "log",
    "docker_root",
    "containerd_root",
}
EVERYTHING = """
docker_root: /var/lib/docker
sources: {paths: /var/log/messages, timezone: Europe/Berlin, rotate_wait: 1m30s, containers: {name: [web, 'job-*'], labels: {team: a}}}
rules: {paths: [rules], disable: a/b, shipped: true, watch: false}
state: {dir: /state, sync: always, history: {max_age: 30d, max_events: 1000}, max_bytes: 512MB}
web: {listen_address: ':19979', max_connections: 100, external_url: 'https://logs.example.net'}
alerting:
  alertmanagers: ['http://one:9093', {url: 'http://two:9093', path_prefix: /am, basic_auth: {username: me, password: secret}}]
  webhooks: http://hook/
  apprise: {url_file: /run/secrets/mail, severity: [critical, warning], repeat_interval: 1h, send_resolved: false}
  mute_windows: [{match: {name: db}, reason: backup, time_intervals: {times: {start_time: '02:00', end_time: '03:00'}, weekdays: [monday, 'friday:sunday']}}]
  external_labels: {site: a}
  last_words: 5
docker: {labels: [com.example.team]}
limits: {settle: 500ms, max_line_bytes: 128KiB, max_containers: 10}
log: {level: debug, format: json}
"""


def documented() -> list[str]:
    """Blocks of YAML in the documentation that are configurations."""
    texts = [path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
    blocks = [block for text in texts for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    trees = [(block, yaml.safe_load(block)) for block in blocks]
    found = [
        block for block, tree in trees if isinstance(tree, dict) and tree.keys() <= SECTIONS and "events" not in tree
    ]
    assert len(found) >= 5
    return found


@pytest.mark.parametrize("text", [EVERYTHING, "{}", *documented()])
def test_what_is_valid_is_taken(text: str, tmp_path: Path) -> None:
    path = tmp_path / "logwatch.yml"
    path.write_text(text)
    load(path, {}, {})

    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "sources: {pathes: /var/log/messages}",
        "state: {history: {max_age: 30 days}}",
        "limits: {max_line_bytes: 64 megabytes}",
        "web: {max_connections: many}",
        "log: {level: verbose}",
        "alerting: {alertmanagers: [{adress: 'http://one:9093'}]}",
        "alerting: {last_words: 21}",
        "alert: {}",
    ],
)
def test_what_is_misspelt_is_refused(text: str) -> None:
    assert list(VALIDATOR.iter_errors(yaml.safe_load(text)))


def test_defaults_are_written_as_in_the_file() -> None:
    sources = json.loads(json_schema())["$defs"]["Sources"]["properties"]

    limits = json.loads(json_schema())["$defs"]["Limits"]["properties"]

    assert (sources["rotate_wait"]["default"], limits["max_line_bytes"]["default"]) == ("1m", "64KiB")
