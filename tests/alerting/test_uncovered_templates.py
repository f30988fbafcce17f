"""A template that only Prometheus can fill in does not keep logwatch from starting."""

from commandline import call

from logwatch import alerting
from logwatch.alerting.templates import Scope

RULES = """\
groups:
  - name: theirs
    rules:
      - alert: Down
        expr: logwatch_source_open == 0
        labels: {severity: warning}
        annotations:
          summary: '{{ with query "up" }}{{ . | first | value }}{{ end }}'
          description: 'x {{ $labels.path }}'
"""


def test_its_text_stays_as_written(tmp_path):
    path = tmp_path / "theirs.yml"
    path.write_text(RULES)
    (group,) = alerting.load([path])
    texts = {
        name: template.render(Scope({"path": "/log"}, 0.0)) for name, template in group.rules[0].annotations.items()
    }

    assert texts == {"summary": '{{ with query "up" }}{{ . | first | value }}{{ end }}', "description": "x /log"}


def test_check_warns_at_its_place(tmp_path):
    path = tmp_path / "theirs.yml"
    path.write_text(RULES)
    done = call("check", "--no-shipped-rules", "--rules", str(path))

    assert done.status == 0
    assert f"{path}:8:29: warning: 'query' is not covered" in done.out + done.err
