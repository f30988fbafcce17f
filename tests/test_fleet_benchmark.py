"""What benchmarks/fleet.py lets a Prometheus have is what a host has: pages that are one, and queries without variables."""

from array import array
from pathlib import Path

import promql_parser
import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.fleet import BEGINNINGS, STEP, Fleet, Recording, instance, queries

NAN = float("nan")
RECORDING = Recording(
    [("up_total", (("name", 'a"b'), ("none", ""))), ("born_total", ())],
    [array("d", range(20)), array("d", [*[NAN] * 15, *range(5)])],
    20,
)
DASHBOARDS = sorted((Path(__file__).parents[1] / "grafana" / "dashboards").glob("*.json"))


def samples(page: bytes) -> dict[str, float]:
    families = text_string_to_metric_families(page.decode())
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_a_series_is_on_the_page_from_its_first_sample_on() -> None:
    pages = {step: samples(RECORDING.page(step).encode()) for step in (-3, 0, 14, 15, 19, 400)}

    assert pages == {
        -3: {"up_total": 0},
        0: {"up_total": 0},
        14: {"up_total": 14},
        15: {"up_total": 15, "born_total": 0},
        19: {"up_total": 19, "born_total": 4},
        400: {"up_total": 19, "born_total": 4},
    }


def test_hosts_go_on_where_their_history_ends_each_behind_by_its_own() -> None:
    fleet = Fleet(RECORDING, BEGINNINGS + 1)
    try:
        first = samples(fleet.page(0))

        assert fleet.began == 0  # long ago: the recording is over
        assert first == {"up_total": 19, "born_total": 4}
        assert [fleet.lag(host) * STEP for host in (0, 1, BEGINNINGS - 1, BEGINNINGS)] == [0, 60, 420, 0]
        assert len({instance(host) for host in range(10_000)}) == 10_000
    finally:
        fleet.server.server_close()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_each_query_of_a_dashboard_is_asked_as_grafana_asks_it(path: Path) -> None:
    found = list(queries(path))

    assert len(found) > 5
    for _, expr, _ in found:
        assert "$" not in expr
        promql_parser.parse(expr)
