"""A template that Prometheus loads does not keep logwatch from starting, whether or not it can be filled in."""

import json
import shutil
import subprocess

import pytest
from commandline import call

from logwatch import alerting
from logwatch.alerting.templates import Scope

TEXTS = {
    "{{ js `x` }}": "'js' is not covered",
    "{{ .instance }} is down": "unknown variable '.instance'",
    "{{ $.labels.path }}": "unknown variable '$.labels' (did you mean 'Labels'?)",
    "{{ $value | $labels.path }}": "'$labels.path' is not a function",
    "{{ $value.x }}": "'$value.x' has no parts",
    "{{ humanize }}": "humanize takes one value",
    "{{ if gt $value 5 }}x{{ end }}": "$value is not compared with the whole number 5",
}


def rules(text: str) -> str:
    rule = {"alert": "Down", "expr": "logwatch_source_open == 0", "labels": {"severity": "warning"}}
    rule["annotations"] = {"summary": text, "description": "x {{ $labels.path }}"}
    return json.dumps({"groups": [{"name": "theirs", "rules": [rule]}]})


@pytest.mark.parametrize("text", TEXTS)
def test_its_text_stays_as_written(tmp_path, text):
    path = tmp_path / "theirs.yml"
    path.write_text(rules(text))
    (group,) = alerting.load([path])
    texts = {
        name: template.render(Scope({"path": "/log"}, 0.0)) for name, template in group.rules[0].annotations.items()
    }

    assert texts == {"summary": text, "description": "x /log"}


@pytest.mark.parametrize(("text", "what"), TEXTS.items())
def test_check_warns_at_its_place(tmp_path, text, what):
    path = tmp_path / "theirs.yml"
    path.write_text(rules(text))
    done = call("check", "--no-shipped-rules", "--rules", str(path))

    assert done.status == 0
    assert f"{path}:1:" in done.out
    assert f": warning: {what}" in done.out
    assert "the text is sent as it is written" in done.out


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
@pytest.mark.parametrize("text", TEXTS)
def test_promtool_takes_it_too(tmp_path, text):
    (tmp_path / "theirs.yml").write_text(rules(text))
    done = subprocess.run(
        ["promtool", "check", "rules", str(tmp_path / "theirs.yml")], check=False, capture_output=True
    )

    assert done.returncode == 0
