"""Events of rules out of what containers print: names, metrics, and what they may not do."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from logwatch.build import Builder
from logwatch.config import Config, load
from logwatch.docker.inventory import Found
from logwatch.metrics import Registry
from logwatch.model import CONTAINERS, SECOND, Chunk
from logwatch.pipeline import Pipeline

WEB = "3f" * 32
NOW = 1_796_022_000 * SECOND
RULE = """\
events:
  - event: app.fatal
    name: fatal
    description: It cannot go on.
    program: container
    match: FATAL
    metrics: [{counter: app_fatal_total, help: How often., labels: {name: "{event.name}"}}]
    examples:
      - line: 'Nov 30 07:00:00 vm container[3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f]: FATAL'
      - line: 'Nov 30 07:00:00 vm web[1]: FATAL'
        event: null
  - event: app.noted
    name: noted
    description: An application notes something.
    program: app
    match: FATAL
    examples:
      - line: 'Nov 30 07:00:00 vm app[1]: FATAL'
      - line: 'Nov 30 07:00:00 vm web[1]: FATAL'
        event: null
groups:
"""
ALERT = """\
groups:
  - name: printed
    interval: 1s
    rules:
      - alert: AppFatal
        expr: increase(app_fatal_total[1h]) > 0
        annotations: {summary: It cannot go on.}
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Callable[..., Pipeline]:
    def build(last_words: int = 0) -> Pipeline:
        (tmp_path / "rules.yml").write_text(RULE.partition("groups:")[0])
        (tmp_path / "alerts.yml").write_text(ALERT)
        rules = {"paths": [str(tmp_path / "rules.yml"), str(tmp_path / "alerts.yml")]}
        config = Config.model_validate({"rules": rules, "alerting": {"last_words": last_words}})
        found = Found(WEB, "web", "nginx:1", {"compose_service": "api"}, None, 0, 0, None, None)
        builder = Builder(config, Registry(), tmp_path, find={WEB: found}.get)
        return builder.pipeline(builder.rules())

    return build


def printed(*texts: str, at: int = 0) -> Chunk:
    lines = [f"2026-11-30T07:00:0{at}.{number:09d}Z vm container[{WEB}]: {text}\n" for number, text in enumerate(texts)]
    return Chunk("".join(lines).encode(), CONTAINERS, 0, NOW, live=True, is_host_known=False)


def test_an_event_has_the_name_the_image_and_the_labels_of_its_container(pipeline: Callable[..., Pipeline]) -> None:
    one = pipeline()
    one.process(printed("ok", "FATAL: no space"), NOW)
    (outcome,) = one.take_outcomes()

    assert (outcome.event.event, outcome.event.id, outcome.event.name) == ("app.fatal", WEB, "web")
    assert outcome.event.attributes == {"image": "nginx:1", "compose_service": "api"}
    assert one.series.value("app_fatal_total", ("web",)) == 1


@pytest.mark.parametrize(
    "text",
    [
        'time="2026-11-30T07:00:00Z" level=info msg="Loading containers: done." FATAL',
        "Nov 30 07:00:00 vm app[1]: FATAL",
        "<13>1 2026-11-30T07:00:00Z vm app 1 - - FATAL",
        json.dumps({"Type": "container", "Action": "die", "Actor": {"ID": WEB, "Attributes": {}}, "x": "FATAL"}),
        "message repeated 3 times: [ FATAL]",
    ],
)
def test_what_is_printed_is_never_a_line_of_somebody_else(pipeline: Callable[..., Pipeline], text: str) -> None:
    one = pipeline()
    one.process(printed("FATAL", text), NOW)

    assert [outcome.event.event for outcome in one.take_outcomes()] == ["app.fatal", "app.fatal"]


@pytest.mark.parametrize(("last_words", "sent"), [(0, False), (5, True)])
def test_what_is_printed_is_sent_only_where_that_is_wanted(
    pipeline: Callable[..., Pipeline], last_words: int, *, sent: bool
) -> None:
    one = pipeline(last_words)
    one.process(printed("FATAL: the secret of the house"), NOW)
    one.follow(NOW + 30 * SECOND)
    alerts = [alert for alert in one.alerts.outgoing(NOW + 30 * SECOND, live=True) if "AppFatal" in str(alert)]

    assert alerts
    assert ("the secret of the house" in str(alerts)) is sent


def test_printed_lines_are_counted_under_one_path(pipeline: Callable[..., Pipeline]) -> None:
    one = pipeline()
    one.process(printed("a", "b docker"), NOW)

    assert one.series.value("logwatch_lines_read_total", (CONTAINERS,)) == 2


def test_the_example_of_the_manual_passes_its_own_test(tmp_path: Path, logwatch: Callable[..., str]) -> None:
    manual = (Path(__file__).parents[1] / "docs" / "following.md").read_text().partition("## What containers print")[2]
    blocks = [block.partition("```")[0] for block in manual.split("```yaml\n")[1:]]
    for name, block in zip(("logwatch.yml", "rules.yml", "alerts.yml", "test.yml"), blocks, strict=True):
        (tmp_path / name).write_text(block)
    config = load(tmp_path / "logwatch.yml", {}, {}).config
    rules = [word for name in ("rules.yml", "alerts.yml") for word in ("--rules", str(tmp_path / name))]

    assert logwatch("test", str(tmp_path / "test.yml")).startswith("ok ")
    assert logwatch("check", "--no-shipped-rules", *rules) == ""
    assert [each.project for each in config.sources.containers] == [("shop",), ()]


@pytest.mark.parametrize(
    ("line", "host"),
    [
        (
            f'docker-events[812]: {{"Type":"container","Action":"start","Actor":{{"ID":"{WEB}","Attributes":{{}}}}}}',
            "vm",
        ),
        ("CRON[99]: (root) CMD (true)", "vm"),
    ],
    ids=["an event", "no event"],
)
def test_before_the_engine_writes_any_line_names_the_host_of_docker_root_but_not_what_is_printed(
    pipeline: Callable[..., Pipeline], line: str, host: str
) -> None:
    one = pipeline()
    one.process(printed("FATAL"), NOW)
    before = one.host
    one.process(Chunk(f"no header\n2026-11-30T07:00:05.000000Z vm {line}\n".encode(), "/log", 0, NOW, live=True), NOW)

    assert (before, one.host) == (None, host)
