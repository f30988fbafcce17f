from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
from receivers_on_loopback import alert

from logwatch.metrics.backfill import Backfill
from logwatch.metrics.replayed import OWN, of_replay
from logwatch.model import SECOND

START = alert().starts_ns - 30 * SECOND
TARGET = {"job": "logwatch", "instance": "h:1"}


def history(*fired):
    """Sample name and labels to the seconds from the first alert's begin at which it has which value."""
    backfill = Backfill(10 * SECOND, TARGET, own_labels=OWN)
    made = list(of_replay(fired, ["/log"], TARGET, START))
    for series in made:
        backfill.take_in(series.points)
    found = {}
    for family in parse("".join(backfill.text([series.family for series in made], START + 120 * SECOND))):
        for sample in family.samples:
            second = float(sample.timestamp) - START / SECOND - 30
            found.setdefault((sample.name, *sorted(sample.labels.items())), {})[second] = sample.value
    return found


def test_a_logwatch_ran_all_the_time():
    whole = dict.fromkeys(range(-30, 91, 10), 1.0)
    found = history()

    assert found["up", ("instance", "h:1"), ("job", "logwatch")] == whole
    assert found["logwatch_source_open", ("instance", "h:1"), ("job", "logwatch"), ("path", "/log")] == whole
    assert [values for (name, *_), values in found.items() if name == "logwatch_build_info"] == [whole]


def test_alerts_fire_from_their_begin_to_their_end():
    ended = alert(1, ends_ns=alert().starts_ns + 40 * SECOND, job="logwatch", instance="h:1")
    found = history(ended, alert(2, job="logwatch", instance="h:1", path="/x"))
    alerts = {
        dict(labels)["name"]: (dict(labels), values) for (name, *labels), values in found.items() if name == "ALERTS"
    }
    counts = [values for (name, *_), values in found.items() if name == "logwatch_alerts"]

    assert alerts["web-1"] == ({**ended.labels, "alertstate": "firing"}, dict.fromkeys((0, 10, 20, 30), 1.0))
    assert alerts["web-2"][1] == dict.fromkeys(range(0, 91, 10), 1.0)
    assert counts == [{0: 2, 10: 2, 20: 2, 30: 2, 40: 1, 50: 1, 60: 1, 70: 1, 80: 1, 90: 1}]


def test_an_alert_that_fires_again_when_it_ended_goes_on():
    begin = alert().starts_ns
    first = alert(1, ends_ns=begin + 30 * SECOND)
    again = type(first)(
        **{field: getattr(first, field) for field in first.__slots__}
        | {"starts_ns": begin + 30 * SECOND, "ends_ns": None}
    )
    (values,) = [values for (name, *_), values in history(first, again).items() if name == "ALERTS"]

    assert values == dict.fromkeys(range(0, 91, 10), 1.0)
