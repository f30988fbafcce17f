import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.alerting.templates import Scope, TemplateError, parse
from logwatch.notation import float_text

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
    ],
)
def test_fills_in(text, expected):
    assert expected == parse(text).render(SCOPE)


@pytest.mark.parametrize(
    ("text", "offset", "what"),
    [
        ("x {{ $lables.name }}", 5, "did you mean '$labels'"),
        ("{{ humanise $value }}", 3, "did you mean 'humanize'"),
        ('{{ query "up" }}', 3, "not covered"),
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


@given(st.text(alphabet='{}$.|()"-% abvlue59if endlhumanize'))
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
