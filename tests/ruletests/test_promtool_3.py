"""Keys of test files that promtool 3 knows, by hand: unittest.go of Prometheus 3."""

from __future__ import annotations

from pathlib import Path

import pytest
from rehearsing import passes

RULES = """
groups:
- name: a
  rules:
  - {alert: Up, expr: up > 1, for: 2m, annotations: {at: '{{ $value }}'}}
- name: late
  query_offset: 2m
  rules:
  - {record: seen, expr: up}
  - {alert: Later, expr: up > 1}
"""
HEAD = """
rule_files: [rules.yml]
fuzzy_compare: true
tests:
- start_timestamp: %s
  input_series: [{series: up, values: '1 1 1 2x9'}]
"""
STARTS = ["1700000040", '"1700000040"', "2023-11-14T22:14:00Z", '"2023-11-14T23:14:00+01:00"']


@pytest.mark.parametrize("start", STARTS)
def test_a_test_begins_at_its_timestamp(tmp_path: Path, start: str) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    asks = """
  promql_expr_test:
  - {expr: time(), eval_time: 5m, exp_samples: [{value: 1700000340}]}
  - {expr: up @ 1700000160, eval_time: 5m, exp_samples: [{labels: up, value: 1}]}
  - {expr: timestamp(up), eval_time: 3m, exp_samples: [{labels: '{}', value: 1700000220}]}
  alert_rule_test:
  - {eval_time: 4m, alertname: Up, exp_alerts: []}
  - {eval_time: 5m, alertname: Up, exp_alerts: [{exp_annotations: {at: '2'}}]}
"""
    (tmp_path / "test.yml").write_text(HEAD % start + asks)

    assert passes(tmp_path / "test.yml")


def test_a_wrong_time_fails(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    asks = "  promql_expr_test: [{expr: time(), eval_time: 5m, exp_samples: [{value: 300}]}]\n"
    (tmp_path / "test.yml").write_text(HEAD % "1700000040" + asks)

    assert not passes(tmp_path / "test.yml")


def test_a_group_looks_back_by_its_query_offset_from_the_first_evaluation_on(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    asks = """
  promql_expr_test:
  - {expr: seen, eval_time: 1m, exp_samples: []}
  - {expr: seen, eval_time: 2m, exp_samples: [{labels: seen, value: 1}]}
  - {expr: seen, eval_time: 5m, exp_samples: [{labels: seen, value: 2}]}
  - {expr: seen offset 2m, eval_time: 5m, exp_samples: [{labels: seen, value: 2}]}
  alert_rule_test:
  - {eval_time: 4m, alertname: Later, exp_alerts: []}
  - {eval_time: 5m, alertname: Later, exp_alerts: [{}]}
"""
    (tmp_path / "test.yml").write_text((HEAD % "0").replace("  start_timestamp: 0\n", "") + asks)

    assert passes(tmp_path / "test.yml")
