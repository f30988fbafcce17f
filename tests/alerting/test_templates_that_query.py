"""Templates that ask for other series: the same in a test of rules here, in promtool, and of the series of a log."""

import json
import shutil
import subprocess

import pytest
from commandline import call

from logwatch import alerting
from logwatch.alerting import Alerts, Options
from logwatch.metrics import Registry
from logwatch.model import SECOND, Family

TEXTS = {
    "a": ("{{ with query `sort_desc(other)` }}{{ . | first | value | humanize }}{{ end }}", "1.5k"),
    "b": ('{{ with printf `other{name="%s"}` $labels.name | query }}{{ . | first | label `zone` }}{{ end }}', "eu"),
    "c": ("{{ range query `other` | sortByLabel `name` }}{{ .Labels.name }}={{ .Value }} {{ end }}", "db=7 web=1500 "),
    "d": ("{{ with query `absent_one` }}x{{ else }}none{{ end }}", "none"),
    "e": ("{{ range $i, $s := query `sort(other)` }}{{ $i }}:{{ $s | value }};{{ end }}", "0:7;1:1500;"),
    "f": ("{{ query `1 + 1` | first | value }} {{ query `other` | len }}", "2 2"),
    "g": ("{{ index (query `sort(other)`) 1 | value }}", "1500"),
    "h": ('{{ query `count_values("__value__", vector(4))` | first | strvalue }}', "4"),
}
"""By annotation: the template, and its text."""


def written(folder):
    annotations = {name: text for name, (text, _) in TEXTS.items()}
    rule = {"alert": "A", "expr": "mine > 0", "annotations": annotations}
    wanted = {"exp_labels": {"name": "web"}, "exp_annotations": {name: text for name, (_, text) in TEXTS.items()}}
    case = {
        "interval": "1m",
        "input_series": [
            {"series": 'mine{name="web"}', "values": "1 1 1"},
            {"series": 'other{name="web",zone="eu"}', "values": "1 1500 1"},
            {"series": 'other{name="db",zone="us"}', "values": "1 7 1"},
        ],
        "alert_rule_test": [{"eval_time": "1m", "alertname": "A", "exp_alerts": [wanted]}],
    }
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": [rule]}]}))
    (folder / "test.yml").write_text(json.dumps({"rule_files": ["rules.yml"], "tests": [case]}))
    return folder / "test.yml"


def test_a_rule_test_fills_them_in(tmp_path):
    done = call("test", str(written(tmp_path)))

    assert done.status == 0, done.out


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_fills_them_in_alike(tmp_path):
    done = subprocess.run(
        ["promtool", "test", "rules", str(written(tmp_path))], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


def stage(tmp_path, summary):
    rule = {"alert": "A", "expr": "mine > 0", "annotations": {"summary": summary}}
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "g", "interval": "5s", "rules": [rule]}]}))
    series = Registry([Family("mine", "gauge", "Mine.", ("name",)), Family("other", "gauge", "Other.", ("name",))])
    return Alerts(alerting.load([path]), Options(), series), series


def test_the_text_follows_a_series_that_no_rule_reads(tmp_path):
    part, series = stage(tmp_path, "{{ query `other` | first | value }}")
    series.set("mine", ("web",), 1, SECOND)
    series.set("other", ("web",), 3, SECOND)
    shown = []
    for second in (5, 10):
        part.evaluate(second * SECOND)
        shown.append(part.report().alerts[0].annotations["summary"])
        series.set("other", ("web",), 4, 7 * SECOND)

    assert shown == ["3", "4"]


@pytest.mark.parametrize(
    ("summary", "what"),
    [
        ("{{ query `sum(` }}", "error executing query"),
        ("{{ query `other` | first | value }}", "first() called on vector with no elements"),
        ("{{ range query `mine` }}{{ .Nope }}{{ end }}", ""),
        ("{{ $labels | first }}", "is not the result of a query"),
        ("{{ index (query `mine`) 7 }}", "out of range"),
        ("{{ query `mine` | humanize }}", "is not a number"),
        ("{{ query `mine` | printf `%d` }}", "template.queryResult"),
        ("{{ range `x` }}{{ end }}", "can't iterate"),
        ("{{ query `mine` }}" * 30, "takes more than"),
    ],
)
def test_what_fails_is_in_the_text(tmp_path, summary, what):
    part, series = stage(tmp_path, summary)
    series.set("mine", ("web",), 1, SECOND)
    part.evaluate(5 * SECOND)

    assert what in part.report().alerts[0].annotations.get("summary", "")
