"""What templates make of values, in logwatch and in Prometheus' promtool."""

import json
import re
import shutil
import subprocess

import pytest

from logwatch.alerting.templates import Scope, parse

WHOLE = (0, 1, -1, 1000, 1023, 1024, -3661, 123456789)
BROKEN = (1.5, 0.1, -0.5, 0.0001, 0.00012345, 1e-5, 12345.678, 999.95, 86461.5, 59.9995, 999999.5, 1600000000.123456)
VALUES = [*map(str, (*WHOLE, *BROKEN, 1e15, 1e300)), "NaN", "Inf", "-Inf"]
OF_NUMBERS = (
    "{{ $value }}",
    "{{ humanize $value }} {{ humanize1024 $value }} {{ humanizePercentage $value }}",
    "{{ humanizeTimestamp $value }}",
    '{{ printf "%g %e %.0f %5.1f|%-8.2f|%08.3f|%.3g|%G|%E|%v" $value $value $value $value $value $value $value $value $value $value }}',
    "{{ if gt $value 5.0 }}gt{{ else if lt $value 0.0 }}lt{{ else }}neither{{ end }}",
    "{{ ge $value 5.0 }} {{ le $value 5.0 }} {{ eq $value $value }} {{ ne $value $value }}",
    "{{ if $value }}t{{ else }}f{{ end }}",
    '{{ printf "%s" $value }} {{ $value | humanize | printf "%10s" }}',
)
OF_TEXTS = (
    '{{ $labels.name | title }} {{ title "hELLO it\'s a_b c-d" }} {{ toUpper "a" }}',
    '{{ reReplaceAll "(.)(.)" "$2${1}" $labels.name }} {{ $labels.name | reReplaceAll "-" "_" }}',
    '{{ printf "%q %s %x %-10s|%5.2s|" $labels.name $labels.name $labels.name $labels.name $labels.name }}',
    '{{ printf "%q %q" "é\u200b \\"\\t" $labels.v }}',
    '{{ printf "%d %t %03d|%+d|%x|% d" 5 true 5 5 255 5 }} {{ 5 }} {{ 5.0 }} {{ "a\\tb" }} {{ `raw` }}',
    '{{ printf "%s %s" $labels.name }} {{ printf "a" 1 2 }}',
    '{{- " a " -}} x {{- /* c */ -}} y {{ $labels }} {{ $labels.nope }}|',
    '{{ and $labels.name "x" }} {{ or "" "z" }} {{ not true }}',
    '{{ le 1 2 }} {{ lt "a" "b" }} {{ gt "a" "b" }} {{ eq 1 1 2 }} {{ eq "a" "b" "a" }} {{ eq true false }}',
    '{{ humanize "12345" }} {{ humanizeDuration "90" }}',
    '{{ humanize "abc" }}',
    '{{ eq 1 "a" }}',
    "{{ lt true false }}",
    "{{ eq $labels $labels }}",
    "{{ gt 1.5 1 }}",
    '{{ reReplaceAll "[" "x" $labels.name }}',
    '{{ match "[" $labels.name }}',
)
OF_BLOCKS = (
    "{{ with $labels.name }}<{{ . }}>{{ end }}{{ with $labels.absent }}x{{ else }}none{{ end }}",
    "{{ with .Labels }}{{ .name }} {{ $.Value | humanize }}{{ end }}",
    "{{ range $key, $value := $labels }}{{ $key }}={{ $value }};{{ end }}",
    "{{ $n := 0 }}{{ range $labels }}{{ $n = . }}{{ end }}{{ $n }}",
    "{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}",
    '{{ define "who" }}<{{ .name }}>{{ end }}{{ template "who" $labels }}',
    '{{ define "two" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template "two" (args 1 $value) }}',
    '{{ tableLink "up == 0" }} {{ graphLink "rate(a[5m])+1" }}',
    '{{ stripPort "db:9100" }} {{ stripPort "[::1]:9100" }} {{ stripPort "db" }} {{ stripPort "a:b:1" }} {{ stripPort ":1" }}',
    '{{ stripPort "[a]" }} {{ stripPort "[::1]" }} {{ stripPort "" }}',
    '{{ stripDomain "db.example.org:9100" }} {{ stripDomain "10.0.0.1:1" }} {{ stripDomain "db.example.org" }} {{ stripDomain "db" }}',
    '{{ stripDomain "[::1]:80" }} {{ stripDomain "::1" }} {{ stripDomain "a.b.c:1:2" }}',
    '{{ "a b/c?d=é&+~" | urlquery }} {{ printf "%s x" $labels.name | urlquery }} {{ urlquery $value "x" 1 2 }} {{ html "<a>&" $value }}',
    '{{ html `it\'s "x"` 1 2 }}',
    "{{ toTime 1435065584.128 }} {{ parseDuration `1h30m` }}",
    '{{ safeHtml "<b>" }}{{ len "abc" }}{{ index $labels "name" }}{{ print 1 2 "a" }}{{ println 1 "a" }}|',
    "{{ if $x := $labels.absent }}a{{ else if eq $x `` }}b{{ end }}",
)
ANNOTATION = re.compile(r'(a[0-9]+)=("(?:[^"\\]|\\.)*")')


def answers(folder, templates):
    """What promtool makes of the templates, by value: a test that expects nothing shows what there is."""
    rule = {"alert": "A", "expr": "m", "annotations": {f"a{place}": text for place, text in enumerate(templates)}}
    series = [{"series": f'm{{name="web-1",v="{place}"}}', "values": value} for place, value in enumerate(VALUES)]
    asked = [{"eval_time": "0m", "alertname": "A", "exp_alerts": []}]
    case = {"interval": "1m", "input_series": series, "alert_rule_test": asked}
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": [rule]}]}))
    (folder / "test.yml").write_text(json.dumps({"rule_files": ["rules.yml"], "tests": [case]}))
    run = subprocess.run(
        ["promtool", "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True, check=False
    )
    found = re.findall(r'v="(\d+)"\}\s+Annotations:(\{.*\})', run.stdout + run.stderr)
    return {
        VALUES[int(place)]: {name: json.loads(text) for name, text in ANNOTATION.findall(annotations)}
        for place, annotations in found
    }


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_makes_the_texts_that_prometheus_makes(tmp_path):
    templates = [*OF_NUMBERS, *OF_TEXTS, *OF_BLOCKS]
    theirs = answers(tmp_path, templates)
    differing = {}
    for place, value in enumerate(VALUES):
        scope = Scope({"__name__": "m", "name": "web-1", "v": str(place)}, float(value))
        for number, text in enumerate(templates):
            ours, expected = parse(text).render(scope), theirs[value].get(f"a{number}", "")
            # What an error says is each one's own.
            if (
                not (ours.startswith("<error expanding") and expected.startswith("<error expanding"))
                and ours != expected
            ):
                differing[value, text] = (ours, expected)

    assert differing == {}
