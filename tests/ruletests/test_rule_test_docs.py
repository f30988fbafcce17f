"""The example of docs/rule-tests.md does what it says."""

import re
from pathlib import Path

from rehearsing import verdicts

DOCS = Path(__file__).parent.parent.parent / "docs" / "rule-tests.md"


def test_the_example_passes(tmp_path: Path) -> None:
    rules, test, *_ = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (tmp_path / "restart-loop.yml").write_text(rules)
    (tmp_path / "test.yml").write_text(test)

    (verdict,) = verdicts(tmp_path / "test.yml")

    assert verdict.failures == ()
