"""A line that stands for several is several events."""

from pathlib import Path

import pytest

from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import load

NOW = 1_800_000_000 * SECOND
ERROR = (
    'time="2026-11-23T18:12:57Z" level=error msg="Handler for POST /v1.41/containers/web/start returned error: boom"'
)
LINE = f"Nov 23 18:12:57 vm dockerd[42]: {ERROR}\n"
FOLDED = f"Nov 23 18:12:59 vm dockerd[42]: message repeated 3 times: [ {ERROR}]\n"
LAST = "Nov 23 18:12:59 vm last message repeated 4 times\n"
OTHER = "Nov 23 18:12:58 vm sshd[1]: Connection closed\n"


def pipeline(state: Path, **settings: bool) -> Pipeline:
    rules = load([])
    return Pipeline(rules.rules, rules.correlations, Settings(**settings), Registry(), state)


def errors(log: str, state: Path, **settings: bool) -> int:
    path = pipeline(state, **settings)
    path.process(Chunk(log.encode(), "log", 0, NOW), NOW)
    path.finish()
    return sum(outcome.event.attributes.get("error") == "boom" for outcome in path.take_outcomes())


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        pytest.param(LINE, 1, id="a line is one"),
        pytest.param(LINE + FOLDED, 4, id="three more in brackets"),
        pytest.param(LINE + LAST, 5, id="four more of the line before"),
        pytest.param(LINE + OTHER + LAST, 1, id="the line before was another"),
        pytest.param(LAST, 0, id="nothing was before"),
    ],
)
def test_t51_repeated_lines_count_as_often_as_they_say(log: str, expected: int, tmp_path: Path) -> None:
    assert errors(log, tmp_path) == expected


def test_counting_them_can_be_switched_off(tmp_path: Path) -> None:
    assert errors(LINE + FOLDED + LINE + LAST, tmp_path, count_repeated=False) == 2


def test_the_line_before_is_known_after_a_restart(tmp_path: Path) -> None:
    first = pipeline(tmp_path)
    first.process(Chunk(LINE.encode(), "log", 0, NOW), NOW)
    rows = {key: row for key, row in first.take_transaction(first.take_outcomes()).stages.items() if row is not None}
    second = pipeline(tmp_path)
    second.restore(rows)
    second.process(Chunk(LAST.encode(), "log", len(LINE), NOW), NOW)
    second.finish()

    assert sum(outcome.event.attributes.get("error") == "boom" for outcome in second.take_outcomes()) == 4


def test_what_never_reached_the_log_is_counted(tmp_path: Path) -> None:
    path = pipeline(tmp_path)
    log = "Nov 23 18:12:57 vm journal: Suppressed 2211 messages from /system.slice/docker.service\n"
    path.process(Chunk(log.encode(), "log", 0, NOW), NOW)
    path.finish()

    assert path.series.value("logwatch_upstream_dropped_lines_total", ("journald",)) == 2211
