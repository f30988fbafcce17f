import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.alerting.templates import Scope, TemplateError, parse
from logwatch.notation import float_text

WORDS = (
    *(
        "{{ range $labels }}",
        "{{ with $labels }}",
        "{{ if $value }}",
        "{{ else }}",
        "{{ end }}",
        "{{ . }}",
        "{{ .name }}",
    ),
    *("{{ $x := 1 }}", "{{ $x = . }}", "{{ $x }}", '{{ define "a" }}', '{{ template "a" . }}', "x"),
    *("{{ range $k, $v := . }}", "{{ $v }}", "{{ $.Labels.name }}", "{{ len . }}", "{{ index . $k }}"),
)
SCOPE = Scope({"name": "web", "path": "/var/log"}, 1234567.0, {"cluster": "eu"}, "http://host:1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain { text }", "plain { text }"),
        ("{{ $labels.name }}/{{ .Labels.name }}", "web/web"),
        ("{{ $labels.absent }}|", "|"),
        ("{{ $externalLabels.cluster }} {{ $externalURL }}", "eu http://host:1"),
        ("{{ $value }}", "1.234567e+06"),
        ("{{ $value | humanize }}", "1.235M"),
        ("{{ 0.00123 | humanize }}", "1.23m"),
        ("{{ 1048576 | humanize1024 }}", "1Mi"),
        ("{{ 3661 | humanizeDuration }}", "1h 1m 1s"),
        ("{{ 90061 | humanizeDuration }}", "1d 1h 1m 1s"),
        ("{{ 0.0012 | humanizeDuration }}", "1.2ms"),
        ("{{ 0.1234 | humanizePercentage }}", "12.34%"),
        ("{{ 1435065584.128 | humanizeTimestamp }}", "2015-06-23 13:19:44.128 +0000 UTC"),
        ('{{ printf "%.1f of %s, %d%%" $value $labels.name 5 }}', "1234567.0 of web, 5%"),
        ('{{ printf "%d" $value }}', "%!d(float64=1.234567e+06)"),
        ('{{ printf "%s" }}', "%!s(MISSING)"),
        ('{{ "hello my world" | title }}', "Hello My World"),
        ("{{ $labels.name | toUpper | toLower }}", "web"),
        ('{{ reReplaceAll "(.*)/log" "$1" $labels.path }}', "/var"),
        ("{{ if gt $value 5.0 }}big{{ else }}small{{ end }}", "big"),
        ('{{ if eq $labels.name "db" }}a{{ else if eq $labels.name "web" }}b{{ else }}c{{ end }}', "b"),
        ("{{ if $labels.absent }}a{{ end }}b", "b"),
        ("a  {{- /* why */ -}}  b", "ab"),
        ("a {{- $labels.name -}} b", "awebb"),
        ('{{ (printf "%s!" $labels.name) | toUpper }}', "WEB!"),
        ("{{ humanize true }}", "<error expanding template: true is not a number>"),
        ("{{ toUpper 5 }}", "<error expanding template: 5 is not a text: put it through printf first>"),
        ('{{ eq "a" 1 }}', "<error expanding template: string and int cannot be compared>"),
        ("{{ 1e-30 | humanize }}", "1e-06y"),
        ("{{ gt 1.5 5 }}", "<error expanding template: a value is not compared with a whole number: write 5.0>"),
        ("{{ $labels.name | humanize }}", "<error expanding template: 'web' is not a number>"),
        ("{{ with $labels.name }}<{{ . }}>{{ end }}{{ with $labels.absent }}x{{ else }}none{{ end }}", "<web>none"),
        ("{{ with .Labels }}{{ .name }} {{ $.Value | humanize }}{{ end }}", "web 1.235M"),
        ("{{ with $x := .Labels.name }}{{ $x }}{{ . }}{{ end }}", "webweb"),
        ('{{ if $x := $labels.absent }}a{{ else if eq $x "" }}b{{ end }}', "b"),
        ("{{ range $labels }}[{{ . }}]{{ end }}", "[web][/var/log]"),
        ("{{ range $key, $value := $labels }}{{ $key }}={{ $value }};{{ end }}", "name=web;path=/var/log;"),
        ("{{ range $value := $labels }}{{ $value }} {{ $.Labels.name }},{{ end }}", "web web,/var/log web,"),
        ("{{ range $externalLabels.none }}a{{ end }}", "<error expanding template: range can't iterate over >"),
        ("{{ range args }}a{{ else }}nothing{{ end }}", "nothing"),
        ("{{ $n := 0 }}{{ range $labels }}{{ $n = . }}{{ end }}{{ $n }}", "/var/log"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"),
        ('{{ define "who" }}<{{ .name }}>{{ end }}{{ template "who" $labels }}', "<web>"),
        ('{{ define "two" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template "two" (args 1 $value) }}', "1-1.234567e+06"),
        ('{{ define "a" }}{{ $ }}{{ externalURL }}{{ end }}{{ template "a" "x" }}', "xhttp://host:1"),
        ('{{ template "none" }}', "<error expanding template: template 'none' is not defined>"),
        (
            '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
            "<error expanding template: templates include each other more than 20 times>",
        ),
        ("{{ externalURL }}{{ pathPrefix }}|", "http://host:1|"),
        (
            '{{ tableLink "up == 0" }} {{ graphLink "up" }}',
            "/graph?g0.expr=up+%3D%3D+0&g0.tab=1 /graph?g0.expr=up&g0.tab=0",
        ),
        (
            '{{ stripPort "db:9100" }} {{ stripPort "[::1]:9100" }} {{ stripPort "db" }} {{ stripPort "a:b:1" }}',
            "db ::1 db a:b:1",
        ),
        (
            '{{ stripDomain "db.example.org:9100" }} {{ stripDomain "10.0.0.1:1" }} {{ stripDomain "db.example.org" }}',
            "db:9100 10.0.0.1:1 db",
        ),
        ("{{ toTime 1435065584.128 }} {{ parseDuration `1h30m` }}", "2015-06-23 13:19:44.128 +0000 UTC 5400"),
        ('{{ safeHtml "<b>" }}{{ len "abc" }}{{ index $labels "name" }}{{ print 1 2 "a" }}', "<b>3web1 2a"),
        ("{{ .Labels.name }} {{ $.Labels.name }} {{ ($labels.name) }}", "web web web"),
        ("{{ with $labels.name }}{{ .x }}{{ end }}", "<error expanding template: string has no part x>"),
        (
            "{{ range $labels }}" * 18 + "x" + "{{ end }}" * 18,
            "<error expanding template: the template takes more than 100000 steps>",
        ),
        ('{{ printf "%999999999d" 1 }}', "<error expanding template: the text is longer than 65536 characters>"),
    ],
)
def test_fills_in(text, expected):
    assert expected == parse(text).render(SCOPE)


@pytest.mark.parametrize(
    ("text", "offset", "what"),
    [
        ("x {{ $lables.name }}", 5, "did you mean '$labels'"),
        ("{{ humanise $value }}", 3, "did you mean 'humanize'"),
        ("{{ js $value }}", 3, "not covered"),
        ("{{ with }}x{{ end }}", 3, "has no condition"),
        ("{{ with $value }}x", 3, "{{ with }} is never closed"),
        ("{{ range $labels }}x", 3, "{{ range }} is never closed"),
        ("{{ range $a, $b, $c := $labels }}x{{ end }}", 17, "two variables at most"),
        ("{{ range $labels }}{{ else }}{{ else }}{{ end }}", 32, "a second {{ else }}"),
        ("{{ $x = 1 }}", 3, "unknown variable '$x'"),
        ("{{ $x := }}", 6, "must follow ':='"),
        ("{{ .x := 1 }}", 3, "is not a variable"),
        ("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", 38, "unknown variable '$x'"),
        ("{{ .Lables.name }}", 3, "did you mean 'Labels'"),
        ("{{ $.Lables.name }}", 3, "did you mean 'Labels'"),
        ('{{ if true }}{{ define "a" }}{{ end }}{{ end }}', 16, "define stands outside"),
        ('{{ define "a" }}{{ $labels.x }}{{ end }}', 19, "unknown variable '$labels'"),
        ('{{ define "a" }}{{ else }}{{ end }}', 19, "without {{ if }}"),
        ("{{ template }}", 3, "template needs a name"),
        ("{{ with $value }}{{ else if $value }}{{ end }}", 25, "write {{ else with"),
        ("{{ if $a, $b := $value }}{{ end }}", 10, "declares one variable at most"),
        ("{{ if $value }}x", 3, "never closed"),
        ("x{{ end }}", 4, "without {{ if }}"),
        ("{{ $value", 0, "never closed"),
        ("{{ $value | 5 }}", 12, "is not a function"),
        ("{{ humanize }}", 3, "takes one value, not 0"),
        ("{{ }}", 0, "is empty"),
        ("{{ $value.x }}", 3, "has no parts"),
        ("{{ if gt $value 5 }}x{{ end }}", 6, "write 5.0"),
        ("{{ eq 1 $value }}", 3, "write 1.0"),
        ("{{ if $value }}" * 21, 303, "more than 20 levels"),
        ("{{ if $value }}{{ else }}{{ else }}{{ end }}", 28, "a second {{ else }}"),
        ("{{ if $value }}{{ else unless $value }}{{ end }}", 23, "write {{ else if"),
        ("{{ if }}{{ end }}", 3, "has no condition"),
        ("{{ $value ? }}", 10, "'?' is not expected here"),
        ("{{ $value $value }}", 10, "'$value' is not expected here"),
        ("{{ humanize | }}", 3, "takes one value"),
        ("{{ $value | }}", 10, "must follow '|'"),
        ("{{ humanize ($value }}", 12, "'(' is never closed"),
        ("{{ humanize | humanize }}", 3, "takes one value"),
        ("{{ humanize ) }}", 3, "takes one value"),
        ("{{ printf 1 | }}", 12, "must follow '|'"),
        ("{{ printf | }}", 3, "takes 1 or more values"),
        ("{{ " + "9" * 5000 + " }}", 3, "too long for a whole number"),
    ],
)
def test_says_where_a_template_is_wrong(text, offset, what):
    with pytest.raises(TemplateError) as caught:
        parse(text)

    assert what in str(caught.value)
    assert offset == caught.value.offset


@given(
    st.one_of(
        st.text(alphabet='{}$.|()"-% abvlue59if endlhumanize:='),
        st.lists(st.sampled_from(WORDS), max_size=12).map("".join),
    )
)
def test_a_template_renders_or_says_what_is_wrong(text):
    try:
        outcome = parse(text).render(SCOPE)
    except TemplateError as error:
        outcome = text[: error.offset]

    assert isinstance(outcome, str)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, "0"), (3.0, "3"), (0.1, "0.1"), (1e6, "1e+06"), (123456.0, "123456"), (1.5e-5, "1.5e-05"), (-2.5, "-2.5")],
)
def test_writes_numbers_as_go_does(value, expected):
    assert expected == float_text(value, "g")


@pytest.mark.parametrize("call", ["reReplaceAll `{}` ``", "match `{}`"])
def test_a_regex_of_megabytes_is_refused_as_in_a_query(call: str) -> None:
    regex = r"(?:\pL\pN\pL){150}"
    text = parse("{{ " + call.format(regex) + " $labels.name }}").render(Scope({"name": "web"}, 1.0))

    assert text.startswith("<error expanding template:")
    assert "is not a regex in RE2 syntax" in text
