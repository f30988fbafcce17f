"""Rule files of any number of rules: two that hit, the others never."""

from __future__ import annotations

from pathlib import Path

_HITTING = """\
events:
  - event: container.die
    name: task-delete
    description: A task was deleted.
    match: ['msg="ignoring event" container=']
    id: "{container}"
    attributes: {topic: "{topic}"}
    examples:
      - line: 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57Z" level=info msg="ignoring event" container=8dd3 topic=/tasks/delete'
        event: {id: 8dd3}
      - line: 'Nov 23 18:12:57 vm web[8]: msg="ignoring event" container=8dd3'
        event: null
"""
_SILENT = """\
  - event: custom.number{number}
    name: number{number}
    description: Text that no line of the corpus holds.
    match: ['msg="component {number} of the plant has reported a fault']
    id: "{{component}}"
    examples:
      - line: 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57Z" level=info msg="component {number} of the plant has reported a fault" component=a'
        event: {{id: a}}
      - line: 'Nov 23 18:12:57 vm web[8]: msg="component {number} of the plant has reported a fault"'
        event: null
"""


def write(path: Path, count: int) -> None:
    """Write a rule file with so many rules."""
    path.write_text(_HITTING + "".join(_SILENT.format(number=number) for number in range(1, count)), encoding="utf-8")
