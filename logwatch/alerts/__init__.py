"""Prometheus' alerting and recording rules, evaluated over our own series.

    files ─▶ schema (one rule) ─▶ loader (PromQL, templates) ─▶ Group
    Group + series ─▶ evaluation (every k·interval) ─▶ states (pending, firing, resolved) ─▶ report, Alert

`Alerts` is the stage: the pipeline tells it the time, it says what fires. What it knows is
committed with the position in the log, so that an interruption neither re-fires nor forgets.
"""

from logwatch.alerts.evaluation import Alerts, Terms
from logwatch.alerts.groups import AlertRule, Group, RecordingRule
from logwatch.alerts.loader import gather, load
from logwatch.alerts.rehearsal import Rehearsal
from logwatch.alerts.report import Report

__all__ = ["AlertRule", "Alerts", "Group", "RecordingRule", "Rehearsal", "Report", "Terms", "gather", "load"]
