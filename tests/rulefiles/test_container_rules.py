"""Rules for what containers print."""

from pathlib import Path

import pytest

from logwatch.errors import RuleError
from logwatch.rulefiles import load

ID = "3f" * 32
RULE = """\
events:
  - event: {event}
    name: fatal
    description: It cannot go on.
    program: container
    match: FATAL
    examples:
      - line: '2026-11-30T07:00:00.123456789Z vm container[{ID}]: FATAL'
        event: {{id: {ID}}}
      - line: '2026-11-30T07:00:00.123456789Z vm container[{ID}]: ok'
        event: null
"""


def write(tmp_path: Path, event: str) -> Path:
    path = tmp_path / "rules.yml"
    path.write_text(RULE.format(event=event, ID=ID))
    return path


@pytest.mark.parametrize("event", ["container.die", "daemon.crash", "image.pull", "'{type}.x'"])
def test_what_containers_print_is_no_event_of_the_engine(tmp_path: Path, event: str) -> None:
    with pytest.raises(RuleError) as raised:
        load([write(tmp_path, event)], shipped=False)

    assert "what containers print makes no event of the engine" in str(raised.value)


def test_any_other_event_is_accepted(tmp_path: Path) -> None:
    assert [rule.id for rule in load([write(tmp_path, "app.fatal")], shipped=False).rules] == ["rules/fatal"]
