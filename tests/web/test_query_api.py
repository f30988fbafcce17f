"""Prometheus' query API, as Grafana's Prometheus data source calls it."""

import json
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import replace

import pytest
from kept_history import HOUR, START, Kept, KeptView

from logwatch.model import SECOND

NOW = START + 3 * HOUR
AT = NOW // SECOND
DEATHS = "docker_container_events_total"


@pytest.fixture
def view(tmp_path):
    view = KeptView()
    view.kept = Kept(tmp_path / "state")
    for hour in range(3):
        for name in ("web", "db"):
            view.kept.series.add(DEATHS, (name, "die"), 1 + hour, START + hour * HOUR)
            view.kept.series.set("docker_container_state", (name, "running"), float(name == "web"), START + hour * HOUR)
        view.kept.commit(START + hour * HOUR)
    yield view
    view.kept.close()


@pytest.fixture(params=["GET", "POST"])
def ask(server, request):
    """Asks by each of the two ways that Grafana knows; returns status and answer."""

    def ask(path, *pairs):
        form = urllib.parse.urlencode(pairs)
        url = f"http://127.0.0.1:{server.port}/api/v1/{path}"
        if request.param == "POST":
            asked = urllib.request.Request(url, data=form.encode())
        else:
            asked = urllib.request.Request(f"{url}?{form}")
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    return ask


def data(answer):
    status, body = answer
    assert (status, body["status"]) == (200, "success"), body
    return body["data"]


def test_a_vector(ask):
    found = data(ask("query", ("query", f'{DEATHS}{{name="web"}}'), ("time", str(AT))))

    metric = {"__name__": DEATHS, "name": "web", "action": "die", "job": "logwatch", "instance": "vm:19979"}
    assert found == {"resultType": "vector", "result": [{"metric": metric, "value": [AT, "6"]}]}


def test_a_range_of_samples(ask):
    found = data(ask("query", ("query", f'{DEATHS}{{name="web"}}[30s]'), ("time", str(AT))))
    (series,) = found["result"]

    assert found["resultType"] == "matrix"
    assert series["metric"]["__name__"] == DEATHS
    assert series["values"] == [[AT - 30, "6"], [AT - 15, "6"], [AT, "6"]]


def test_a_range_of_a_subquery(ask):
    found = data(ask("query", ("query", f"(sum({DEATHS})[2h:1h])"), ("time", str(AT))))
    hour = (AT - 7200) // 3600 * 3600 + 3600

    assert found["result"] == [{"metric": {}, "values": [[hour, "6"], [hour + 3600, "12"]]}]


def test_the_health_check_of_grafana(ask):
    assert data(ask("query", ("query", "1+1"), ("time", "4"))) == {"resultType": "scalar", "result": [4, "2"]}


@pytest.mark.parametrize("step", ["3600", "1h", "3600.0"])
def test_a_matrix(ask, step):
    found = data(
        ask("query_range", ("query", f"sum({DEATHS})"), ("start", str(AT - 7200)), ("end", str(AT)), ("step", step))
    )

    values = [[AT - 7200, "6"], [AT - 3600, "12"], [AT, "12"]]
    assert found == {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}


def test_what_is_older_than_the_retention_is_not_shown(ask, view):
    view.now = NOW + 23 * HOUR
    found = data(
        ask("query_range", ("query", f"sum({DEATHS})"), ("start", str(AT - 7200)), ("end", str(AT)), ("step", "3600"))
    )

    assert [time for time, _ in found["result"][0]["values"]] == [AT - 3600, AT]


def test_a_time_as_rfc3339_writes_it(ask):
    found = data(ask("query", ("query", "time()"), ("time", "2026-11-30T00:53:20.5Z")))

    assert found == {"resultType": "scalar", "result": [1796000000.5, "1796000000.5"]}


def test_labels_and_their_values(ask):
    assert data(ask("labels", ("match[]", DEATHS))) == ["__name__", "action", "instance", "job", "name"]
    assert data(ask("labels")) == ["__name__", "action", "instance", "job", "name", "pythonversion", "state", "version"]
    assert data(ask("label/name/values")) == ["db", "web"]
    assert data(ask("label/name/values", ("match[]", "docker_container_state"), ("limit", "1"))) == ["db"]
    assert data(ask("label/__name__/values")) == [
        "docker_container_events_total",
        "docker_container_state",
        "logwatch_build_info",
    ]


def test_series(ask):
    found = data(ask("series", ("match[]", '{name="web",action="die"}'), ("match[]", '{name="db",state=~".+"}')))

    assert [(labels["__name__"], labels["name"]) for labels in found] == [
        (DEATHS, "web"),
        ("docker_container_state", "db"),
    ]


def test_series_of_a_time_before_they_began(ask):
    assert data(ask("series", ("match[]", DEATHS), ("start", "1"), ("end", str(AT - 4 * 3600)))) == []


def test_metadata(ask):
    found = data(ask("metadata", ("metric", DEATHS)))

    assert found == {DEATHS: [{"type": "counter", "help": "Events.", "unit": ""}]}


def test_exemplars_and_formatting(ask):
    assert data(ask("query_exemplars", ("query", DEATHS))) == []
    assert data(ask("format_query", ("query", "sum(x)by(name)"))) == "sum by (name) (x)"


@pytest.mark.parametrize(
    ("path", "pairs", "status", "kind", "words"),
    [
        ("query", [("query", "sum(")], 400, "bad_data", 'invalid parameter "query": 1:4: '),
        ("query", [], 400, "bad_data", 'invalid parameter "query": '),
        ("query", [("query", "1"), ("time", "noon")], 400, "bad_data", 'invalid parameter "time": cannot parse "noon" to a valid timestamp'),
        ("query", [("query", "1"), ("time", "1e300")], 400, "bad_data", 'invalid parameter "time"'),
        ("query_range", [("query", "1"), ("start", "9"), ("end", "8"), ("step", "1")], 400, "bad_data", "end timestamp must not be before start time"),
        ("query_range", [("query", "1"), ("start", "1"), ("end", "8"), ("step", "0")], 400, "bad_data", "zero or negative query resolution step widths"),
        ("query_range", [("query", "1"), ("start", "1"), ("end", "8"), ("step", "soon")], 400, "bad_data", 'cannot parse "soon" to a valid duration'),
        ("query_range", [("query", "1"), ("start", "1"), ("end", "99999"), ("step", "1")], 400, "bad_data", "exceeded maximum resolution of 11,000 points"),
        ("query", [("query", f"{DEATHS} + on (action) {DEATHS}")], 422, "execution", "many-to-many"),
        ("series", [], 400, "bad_data", "no match[] parameter provided"),
        ("series", [("match[]", "sum(x)")], 400, "bad_data", "not a selector"),
        ("series", [("match[]", "x offset 5m")], 400, "bad_data", "not a selector"),
        ("labels", [("limit", "-1")], 400, "bad_data", "limit must be a non-negative number"),
        ("label/a-b/values", [], 400, "bad_data", 'invalid label name: "a-b"'),
    ],
)  # fmt: skip
def test_errors_have_prometheus_form(ask, path, pairs, status, kind, words):
    answered, body = ask(path, *pairs)

    assert (answered, body["status"], body["errorType"]) == (status, "error", kind)
    assert words in body["error"]


def test_a_query_that_takes_too_long_is_given_up(ask, view):
    def late(now_ns):
        with view.kept.queries(now_ns) as queries:
            yield replace(queries, is_late=lambda: True)

    view.queries = contextmanager(lambda: late(NOW))
    status, body = ask("query", ("query", DEATHS))

    assert (status, body["errorType"]) == (503, "timeout")


def test_too_many_change_points_are_refused(ask, monkeypatch):
    monkeypatch.setattr("logwatch.store.older_points.MOST_POINTS", 3)
    status, body = ask("query", ("query", DEATHS))

    assert (status, body["errorType"]) == (422, "execution")
    assert "too many samples" in body["error"]


def test_a_form_that_is_too_long_is_refused(server):
    asked = urllib.request.Request(f"http://127.0.0.1:{server.port}/api/v1/query", data=b"query=" + b"1" * 70_000)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=10)

    assert refused.value.code == 413
    assert json.loads(refused.value.read())["errorType"] == "bad_data"
