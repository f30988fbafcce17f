"""What is committed is what the builder writes, and what Grafana expects."""

import json

import pytest
from dashboards import FILES, GRAFANA, load, panels
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.builder.__main__ import DASHBOARDS
from grafana.builder.selectors import among, metric, recorded

UIDS = {
    "logwatch-docker-overview.json": "logwatch-docker-overview",
    "logwatch-container.json": "logwatch-container",
    "logwatch-agent.json": "logwatch-agent",
    "logwatch-docker-fleet.json": "logwatch-docker-fleet",
}
each = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_committed_file_is_what_the_builder_writes(name):
    assert (GRAFANA / "dashboards" / name).read_text() == DASHBOARDS[name](), "run `make dashboards`"


def test_there_is_no_file_that_nothing_writes():
    assert {path.name for path in FILES} == set(DASHBOARDS) == set(UIDS)


@each
def test_links_and_upgrades_can_rely_on_its_uid(path):
    dashboard = load(path)

    assert (dashboard["uid"], dashboard["id"]) == (UIDS[path.name], None)
    assert "version" not in dashboard


@each
def test_it_loads_in_old_grafanas_and_by_file_as_well_as_by_hand(path):
    dashboard = load(path)

    assert dashboard["schemaVersion"] == 39
    assert "__inputs" not in dashboard
    assert "${DS_" not in path.read_text()


@each
def test_every_panel_and_query_has_an_id_of_its_own(path):
    dashboard = load(path)
    rows = [panel for panel in dashboard["panels"] if panel["type"] == "row"]
    ids = [panel["id"] for panel in [*rows, *panels(dashboard)]]

    assert sorted(ids) == list(range(1, len(ids) + 1))
    for panel in panels(dashboard):
        names = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(names)) == len(names)


@each
def test_panels_lie_in_the_grid_and_not_upon_each_other(path):
    dashboard = load(path)
    for group in [dashboard["panels"], *(row["panels"] for row in dashboard["panels"] if row.get("collapsed"))]:
        taken: set[tuple[int, int]] = set()
        for panel in group:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert place["x"] + place["w"] <= 24
            assert not taken & cells, panel["title"]
            taken |= cells


@each
def test_the_first_screen_holds_at_most_twelve_panels(path):
    above = [panel for panel in load(path)["panels"] if panel["gridPos"]["y"] < 20]

    assert len(above) <= 12


@each
def test_the_sdk_knows_every_key(path):
    """Misspelt keys of panels and field options are lost on the way through the SDK's types."""
    dashboard = load(path)
    again = json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))
    lost = [name for name in keys(dashboard) if name not in keys(again)]

    assert lost == ["id"]  # null: Grafana gives one


def keys(tree: object, path: str = "") -> list[str]:
    """The paths of all keys; those of transformations and overrides are free in the SDK's types."""
    if isinstance(tree, dict):
        return [
            name
            for key, value in tree.items()
            for name in (f"{path}{key}", *keys(value, f"{path}{key}."))
        ]  # fmt: skip
    if isinstance(tree, list):
        return [name for index, value in enumerate(tree) for name in keys(value, f"{path}{index}.")]
    return []


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: metric("docker_restarts_total"), "serves no metric docker_restarts_total"),
        (lambda: metric("docker_events_total", name="web"), "has no label name"),
        (lambda: metric("docker_events_total", type="container", action="explode"), "has no action 'explode'"),
        (lambda: metric("docker_container_state", state=among("running", "up")), "has no state ['up']"),
        (lambda: metric("docker_events_total", "_bucket"), "is no histogram"),
        (lambda: recorded("instance:docker_restarts:count"), "do not record instance:docker_restarts:count"),
        (lambda: recorded("instance:docker_trouble:score", state="running"), "has no label ['state']"),
        (lambda: recorded("instance:docker_events:increase1h", action="explode"), "no action 'explode'"),
    ],
    ids=["metric", "label", "value", "values", "suffix", "recorded", "recorded label", "recorded value"],
)
def test_what_logwatch_does_not_serve_cannot_be_asked_for(ask, said):
    with pytest.raises(ValueError, match=said.replace("[", r"\[").replace("]", r"\]")):
        ask()
