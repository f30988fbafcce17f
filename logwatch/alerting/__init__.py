"""Prometheus' alerting and recording rules, evaluated over our own series.

    files ─▶ schema (one rule) ─▶ loader (PromQL, templates) ─▶ Group
    query_storage (all series) ─▶ manager ─▶ group ─▶ alerting_rule (pending, firing, resolved) ─▶ alert_store ─▶ Alert
                                                   └▶ recording_rule ─▶ series_store

`Alerts` is the stage: the pipeline calls it with the time, and it evaluates what is due. Its state is
committed with the position in the log, so that an interruption neither repeats nor forgets an alert.
"""

from logwatch.alerting.alerting_rule import AlertRule
from logwatch.alerting.group import Group
from logwatch.alerting.loader import gather, load
from logwatch.alerting.manager import Alerts
from logwatch.alerting.muting import MuteWindow, Muting
from logwatch.alerting.options import Options
from logwatch.alerting.query_storage import Replacement
from logwatch.alerting.recording_rule import RecordingRule
from logwatch.alerting.report import Report

__all__ = [
    "AlertRule",
    "Alerts",
    "Group",
    "MuteWindow",
    "Muting",
    "Options",
    "RecordingRule",
    "Replacement",
    "Report",
    "gather",
    "load",
]
