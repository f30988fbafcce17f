"""The example of docs/rule-tests.md does what it says."""

import re
from pathlib import Path

from rehearsing import verdicts

DOCS = Path(__file__).parent.parent.parent / "docs" / "rule-tests.md"
RULES = """
groups:
  - name: containers
    rules:
      - alert: RestartLoop
        expr: sum by (name) (increase(docker_container_events_total{action="die"}[5m])) > 3
        labels: {severity: critical}
        annotations: {summary: 'Container {{ $labels.name }} is in a restart loop.'}
"""


def test_the_example_passes(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    (tmp_path / "restart-loop.yml").write_text(RULES)
    (tmp_path / "test.yml").write_text(example[1])

    (verdict,) = verdicts(tmp_path / "test.yml")

    assert verdict.failures == ()
