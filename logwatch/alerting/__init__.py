"""Prometheus' alerting and recording rules, evaluated over our own series.

    files ─▶ schema (one rule) ─▶ loader (PromQL, templates) ─▶ Group
    Group + sight (all series) ─▶ evaluation (every k·interval) ─▶ states (pending, firing, resolved) ─▶ register ─▶ Alert

`Alerts` is the stage: the pipeline tells it the time, it says what fires. What it knows is
committed with the position in the log, so that an interruption neither re-fires nor forgets.
"""

from logwatch.alerting.groups import AlertRule, Group, RecordingRule
from logwatch.alerting.loader import gather, load
from logwatch.alerting.manager import Alerts
from logwatch.alerting.rehearsal import Rehearsal
from logwatch.alerting.report import Report
from logwatch.alerting.terms import Terms

__all__ = ["AlertRule", "Alerts", "Group", "RecordingRule", "Rehearsal", "Report", "Terms", "gather", "load"]
