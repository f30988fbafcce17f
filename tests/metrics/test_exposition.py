import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from logwatch.metrics import Registry, catalog
from logwatch.metrics.exposition import Exposition, Published
from logwatch.model import SECOND, Family, SampleChange

EVENTS = Family("events_total", "counter", "What happened.", ("name", "action"))
STATE = Family("state", "gauge", 'A "state" with a \\ and\na line.', ("name",))
DELAY = Family("delay_seconds", "histogram", "How long.", ("path",), (0.5, 10.0))
ODD = Family("odd", "counter", "A counter of another name.")


def published(*others: Family) -> Published:
    series = Registry([EVENTS, STATE, DELAY, *others])
    series.add("events_total", ("web", "die"), 3, 1)
    series.add("events_total", ("db", "die"), 1, 1)
    series.set("state", ('we"b\\1\n',), float("inf"), 1)
    for value in (0.1, 0.5, 3.0, 11.0):
        series.observe("delay_seconds", ("/var/log/messages",), value, 1)
    for other in others:
        series.add(other.name, (), 1.5, 1)
    shown = Published(series.families())
    shown.apply(series.changes())
    return shown


def samples(families):
    return {(sample.name, *sorted(sample.labels.items())): sample.value for f in families for sample in f.samples}


def test_text_reads_as_prometheus_clients_own_rendering_does():
    shown = published()
    registry = CollectorRegistry()
    registry.register(shown)

    assert samples(parse_text(generate_latest(registry).decode())) == samples(parse_text(shown.text()))


def test_openmetrics_reads_as_prometheus_clients_own_rendering_does():
    shown = published(ODD)
    registry = CollectorRegistry()
    registry.register(shown)
    expected = samples(parse_openmetrics(generate_openmetrics(registry).decode()))

    assert expected == samples(parse_openmetrics(shown.text(openmetrics=True) + "# EOF\n"))


def test_lines_stand_in_the_order_of_their_labels_whatever_order_they_came_in():
    one, other = Published([EVENTS]), Published([EVENTS])
    changes = [SampleChange("events_total", (f"web{n % 7}", f"a{n}"), float(n), 1) for n in range(600)]
    one.apply(changes)
    other.apply(changes[300:])
    other.text()
    other.apply(changes[:300])

    assert one.text() == other.text()


def test_a_series_at_zero_has_a_line_as_any_other():
    alone = Family("alone", "gauge", "Without labels.")
    shown, odd = Published([EVENTS, STATE, alone]), ('50% "we"b\\1\n', "die")
    for value in (0.0, 2.0, 0.0, -0.0, 0.0):
        shown.apply([SampleChange("events_total", odd, value, 1), SampleChange("state", ("%s",), value, 1)])
        shown.apply([SampleChange("alone", (), value, 1)])
        written = {each.name: (each.labels, str(each.value)) for f in parse_text(shown.text()) for each in f.samples}

        labels = {"name": odd[0], "action": "die"}
        assert written == {
            "events_total": (labels, str(value)), "state": ({"name": "%s"}, str(value)), "alone": ({}, str(value)),
        }  # fmt: skip
        assert shown.values("events_total") == {odd: value}


def test_an_ended_series_is_gone_and_may_begin_again():
    shown = published()
    web = ("web", "die")
    shown.text()
    shown.apply([SampleChange("events_total", web, None, 2)])
    without = shown.text()
    shown.apply([SampleChange("events_total", web, None, 2), SampleChange("events_total", web, 0.0, 3)])
    again = shown.text()

    assert 'name="web"' not in without
    assert again.count('events_total{name="web",action="die"} 0.0\n') == 1


def test_a_metric_without_series_takes_no_room():
    assert Published([EVENTS]).text() == ""


def test_series_outlive_a_new_declaration_with_the_same_labels():
    shown = published()
    shown.declare([EVENTS, Family("state", "gauge", "Other labels.", ("name", "host"))])

    assert shown.values("events_total") == {("db", "die"): 1.0, ("web", "die"): 3.0}
    assert shown.values("state") == {}
    assert [EVENTS.name, "state"] == [family.name for family in shown.families()]


def test_what_nobody_scrapes_does_not_pile_up():
    shown = Published([EVENTS])
    change = SampleChange("events_total", ("web", "die"), 1.0, 1)
    for _ in range(200):
        shown.apply([change] * 1000)

    assert sum(map(len, shown._waiting)) <= 60_000


def test_series_that_come_and_go_between_two_scrapes_leave_nothing():
    shown = Published([EVENTS])
    for number in range(20_000):
        shown.apply([SampleChange("events_total", (f"job-{number}", "die"), value, 1) for value in (1.0, None)])
    page = shown._pages["events_total"]

    assert len(page._fresh) + len(page.lines) + len(page._order) <= 5_000


@pytest.mark.parametrize(
    ("accept", "content_type", "parse"),
    [
        ("", "text/plain; version=0.0.4", parse_text),
        ("text/html", "text/plain; version=0.0.4", parse_text),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4", parse_text),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1",
            "application/openmetrics-text",
            parse_openmetrics,
        ),
    ],
    ids=["nothing", "a browser", "an old Prometheus", "a Prometheus of today"],
)
def test_the_format_is_negotiated(accept, content_type, parse):
    sample = SampleChange("logwatch_source_open", ("/var/log/messages",), 1.0, 1)
    page, answered = Exposition(published(), lambda: [sample]).render(accept)
    found = samples(parse(page.decode()))

    assert answered.startswith(content_type)
    assert found["logwatch_source_open", ("path", "/var/log/messages")] == 1.0
    assert found["events_total", ("action", "die"), ("name", "web")] == 3.0
    assert any(name == "process_cpu_seconds_total" for name, *_ in found)
    assert not any(name.endswith("_created") for name, *_ in found)


def test_the_process_metrics_are_those_in_the_table():
    page, _ = Exposition(Published()).render()
    served = {family.name for family in parse_text(page.decode())}

    assert {family.name.removesuffix("_total") for family in catalog.PROCESS} == served


def test_text_that_is_no_unicode_is_still_served():
    shown = Published([STATE])
    shown.apply([SampleChange("state", ("\udcff",), 1.0, 1)])

    assert b'state{name="?"} 1.0' in Exposition(shown).render()[0]


def test_openmetrics_says_when_counters_began_that_began_while_they_were_watched():
    shown = Published([EVENTS, STATE, DELAY, ODD], created=True)
    old, new = ("db", "die"), ("web", "die")
    shown.apply([SampleChange("events_total", old, 7.0, 0), SampleChange("state", ("web",), 1.0, SECOND)])
    shown.apply(
        [SampleChange("events_total", new, 1.0, 1_700_000_000_250_000_000), SampleChange("odd", (), 1.0, SECOND)]
    )
    shown.apply([SampleChange("events_total", new, 2.0, 1_700_000_009 * SECOND)])
    page = shown.text(openmetrics=True)
    found = samples(parse_openmetrics(page + "# EOF\n"))

    assert 'events_created{name="web",action="die"} 1700000000.25\n' in page
    assert {key[0] for key in found} == {"events_total", "events_created", "state", "odd"}
    assert found["events_total", ("action", "die"), ("name", "web")] == 2.0
    assert "_created" not in shown.text()


def test_a_counter_that_ended_and_came_again_began_again():
    shown = Published([EVENTS], created=True)
    for value, second in ((1.0, 5), (None, 6), (1.0, 9)):
        shown.apply([SampleChange("events_total", ("web", "die"), value, second * SECOND)])

    assert shown.text(openmetrics=True).endswith('events_created{name="web",action="die"} 9.0\n')


def test_nothing_is_said_of_begins_unless_asked_for():
    assert "_created" not in published().text(openmetrics=True)
