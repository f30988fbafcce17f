"""A recording gives the same alerts here and in Prometheus, by every shipped rule."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
import yaml
from parity import RECORDINGS
from rehearsing import house, need_promtool, passes, promtool

from logwatch.rulefiles.files import rules_folder
from logwatch.ruletests import load
from logwatch.ruletests.cases import Plan
from logwatch.ruletests.promtool import write
from logwatch.ruletests.running import Performance

SHIPPED = sorted((rules_folder() / "alerts").glob("*.yml"))
pytestmark = pytest.mark.e2e

TICK, END = "15s", "20m"
FIRING = 'ALERTS{alertstate="firing"}'
FAILED = re.compile(r"time: (?P<time>\w+),\n\s+exp: (?P<exp>.*)\n\s+got: (?P<got>.*)")
ALERT = re.compile(r'\{[^}]*alertname="(?P<name>\w+)"[^}]*\}')


def stage(tmp_path: Path, recording: str, tests: list[dict[str, object]]) -> Path:
    """Write a test file that takes a recording through all shipped alerts."""
    lines = {"file": str(RECORDINGS / recording / "messages.xz")}
    case = {"interval": TICK, "input_lines": [lines], "promql_expr_test": tests}
    document = {"rule_files": [str(path) for path in SHIPPED], "evaluation_interval": TICK, "tests": [case]}
    path = tmp_path / "test.yml"
    path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper))
    return path


def watched(path: Path) -> list[dict[str, object]]:
    """What fires at each evaluation, as expectations."""
    (file,), mistakes = load([path])
    assert not mistakes
    plan = Plan(house(), file, file.cases[0])
    performance = Performance(plan.pipeline, plan.lines, plan.start_ns, plan.end_ns)
    tests: list[dict[str, object]] = []
    for time_ns in plan.ticks():
        performance.advance(time_ns)
        firing = performance.pipeline.alerts.query(file.cases[0].queries[0], time_ns)
        assert isinstance(firing, list)
        pairs = [
            [f'{name}="{value}"' for name, value in sample.labels.items() if name != "__name__"] for sample in firing
        ]
        samples = [{"labels": f"ALERTS{{{', '.join(each)}}}", "value": 1} for each in pairs]
        time = f"{(time_ns - plan.start_ns) // 1_000_000_000}s"
        tests.append({"expr": FIRING, "eval_time": time, "exp_samples": samples})
    return tests


def differences(output: str) -> dict[str, list[str]]:
    """Alert to the times at which it fires on one side only: `-` not in Prometheus, `+` only there."""
    different: dict[str, list[str]] = defaultdict(list)
    for failed in FAILED.finditer(output):
        exp, got = ({match[0]: match["name"] for match in ALERT.finditer(failed[side])} for side in ("exp", "got"))
        for labels, name in sorted(exp.items() ^ got.items()):
            different[name].append(f"{failed['time']} {'-' if labels in exp else '+'}{labels}")
    return different


@pytest.mark.parametrize("recording", ["debug-iso", "info-rfc5424-docker-events", "info-traditional"])
def test_a_recording_alerts_as_in_prometheus(recording: str, tmp_path: Path) -> None:
    need_promtool()
    tests = watched(stage(tmp_path, recording, [{"expr": FIRING, "eval_time": END}]))
    path = stage(tmp_path, recording, tests)
    (file,), mistakes = load([path])
    assert not mistakes
    (tmp_path / "out").mkdir()
    write(house(), file, file.cases, tmp_path / "out")

    status, output = promtool("test.yml", folder=tmp_path / "out")

    assert passes(path)
    assert any(test["exp_samples"] for test in tests)
    assert not differences(output), told(differences(output))
    assert status == 0, output


def told(different: dict[str, list[str]]) -> str:
    return "\n".join(f"{name}: {len(found)} times, {found[0]} … {found[-1]}" for name, found in different.items())
