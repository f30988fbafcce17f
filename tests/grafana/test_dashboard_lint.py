import pytest
import yaml
from dashboards import FILES, GRAFANA, load
from lint_rules import RULES

EXCEPTIONS = yaml.safe_load((GRAFANA / ".lint").read_text())


def excused(rule: str, dashboard: str, panel: str) -> bool:
    return any(
        each.get("dashboard", dashboard) == dashboard and each.get("panel", panel) == panel
        for each in EXCEPTIONS.get(rule, ())
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("rule", RULES)
def test_the_dashboard_follows_the_rule(rule, path):
    found = [(panel, said) for panel, said in RULES[rule](load(path)) if not excused(rule, path.stem, panel)]

    assert found == []


def test_every_exception_has_a_reason_and_is_needed():
    found = {
        (rule, path.stem, panel) for rule, check in RULES.items() for path in FILES for panel, _ in check(load(path))
    }
    idle = [
        (rule, each)
        for rule, exceptions in EXCEPTIONS.items()
        for each in exceptions
        if not each["reason"].endswith(".")
        or not any(
            rule == broken and each.get("dashboard", stem) == stem and each.get("panel", panel) == panel
            for broken, stem, panel in found
        )
    ]

    assert idle == []


def broken(expr: str, **more: object) -> dict[str, object]:
    """A dashboard of one panel."""
    target = {"expr": expr, "refId": "A", "datasource": {"type": "prometheus", "uid": "${datasource}"}}
    panel = {"type": "stat", "title": "x", "targets": [target], "fieldConfig": {"defaults": {}}, **more}
    return {"panels": [panel], "templating": {"list": []}, "editable": True}


@pytest.mark.parametrize(
    ("rule", "dashboard"),
    [
        ("template-datasource", broken("x")),
        ("template-job", broken("x")),
        ("panel-datasource", broken("x")),
        ("panel-title-description", broken("x")),
        ("panel-units", broken("x")),
        ("panel-no-targets", broken("x", targets=[])),
        ("target-promql", broken("sum(")),
        ("target-rate-interval", broken("rate(x_total[5m])")),
        ("target-rate-interval", broken("irate(x_total[5m])")),
        ("target-job", broken('x{job="$job"} + on () y')),
        ("target-instance", broken("sum(rate(x_total[$__rate_interval]))")),
        ("target-counter-agg", broken("sum(increase(x_total[5m])) / sum(y_total)")),
        ("uneditable", broken("x")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_dashboard_is_found(rule, dashboard):
    assert list(RULES[rule](dashboard))
