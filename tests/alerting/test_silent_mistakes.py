"""Mistakes that would stay silent: values that no label has, labels that no expression keeps, events that no rule makes."""

import pytest
from commandline import call

from logwatch.alerting.kept_labels import kept_labels

LABELS = {"a": frozenset({"x", "y", "z"}), "b": frozenset({"x", "y"})}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a", "xyz"),
        ("rate(a[5m]) > 3", "xyz"),
        ("3 < a", "xyz"),
        ("-(a)", "xyz"),
        ("sum(a)", ""),
        ("sum by (x) (a)", "x"),
        ("sum by (x, q) (a)", "x"),
        ("sum by (x) (unknown)", "x"),
        ("max without (x) (a)", "yz"),
        ("topk by (x) (3, a)", "xyz"),
        ("a and b", "xyz"),
        ("a unless on (x) b", "xyz"),
        ("sum by (x) (a) or b", "xy"),
        ("a / on (x) b", "x"),
        ("a > ignoring (z) b", "xy"),
        ("a / on (x) group_left (q) b", "xyzq"),
        ("b / on (x) group_right () a", "xyz"),
        ('label_replace(b, "q", "$1", "x", "(.*)")', "xyq"),
        ("max_over_time(sum by (y) (a)[1h:])", "y"),
        ("1", ""),
        ("vector(1)", ""),
        ("absent(a)", None),
        ('count_values("v", a)', None),
        ("unknown", None),
        ("a or unknown", None),
    ],
)
def test_labels_that_a_result_keeps(expression, expected):
    assert kept_labels(expression, LABELS.get) == (None if expected is None else frozenset(expected))


def warnings(tmp_path, text):
    (tmp_path / "file.yml").write_text(text)
    done = call("check", "--rules", str(tmp_path))
    assert done.status == 0, done.out
    return [line.partition("warning: ")[2] for line in (done.out + done.err).splitlines() if "file.yml" in line]


def alert(expression, summary="It is so."):
    return (
        f"groups: [{{name: g, rules: [{{alert: A, expr: '{expression}', labels: {{severity: info}}, "
        f"annotations: {{summary: '{summary}', description: d}}}}]}}]"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            alert('docker_container_events_total{action="strat"} > 0'),
            ["no 'docker_container_events_total' has action=\"strat\" (did you mean 'start'?)"],
        ),
        (
            alert('docker_container_state{state="runing"} > 0'),
            ["no 'docker_container_state' has state=\"runing\" (did you mean 'running'?)"],
        ),
        (
            alert('docker_events_total{type!="contaner"} > 0'),
            ["no 'docker_events_total' has type=\"contaner\" (did you mean 'container'?)"],
        ),
        (
            alert('docker_container_events_total{action="die"} > 0', "{{ $labels.nmae }}"),
            ["annotation 'summary': the expression keeps no label 'nmae' (did you mean 'name'?)"],
        ),
        (
            alert("sum by (image) (docker_container_info) > 0", "{{ .Labels.name }}"),
            ["annotation 'summary': the expression keeps no label 'name': it keeps image"],
        ),
        (
            alert(
                'docker_container_events_total{action="my_own_word_of_a_rule"} > 0',
                "{{ $labels.name }} {{ $labels.instance }}",
            ),
            [],
        ),
        (alert("absent(docker_container_info)", "{{ $labels.anything }}"), []),
        (
            "correlations: [{event: container.mine, description: d, sequence: [container.oomm, container.die], within: 30s}]",
            [
                "correlation 'mine' waits for 'container.oomm', which no rule is known to make (did you mean 'container.oom'?)"
            ],
        ),
        (
            "correlations: [{event: container.mine, description: d, sequence: [container.oom, container.die], within: 30s}]",
            [],
        ),
    ],
)
def test_what_would_never_happen_is_a_warning(tmp_path, text, expected):
    assert warnings(tmp_path, text) == expected
