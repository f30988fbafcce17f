"""The files that provision Grafana: their form, and that they lead to each other."""

import tomllib
from pathlib import Path

import pytest
import yaml
from dashboards import FILES, GRAFANA, ROOT, load

PROVISIONING = GRAFANA / "provisioning"
FOLDER = "/var/lib/grafana/dashboards/logwatch"


@pytest.mark.parametrize(
    "path", sorted(PROVISIONING.rglob("*.*")), ids=lambda path: str(path.relative_to(PROVISIONING))
)
def test_a_provisioning_file_is_of_version_1(path: Path):
    assert yaml.safe_load(path.read_text())["apiVersion"] == 1


def test_dashboards_are_provided_from_a_folder_and_protected_there():
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "logwatch.yml").read_text())["providers"]

    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
    assert provider["options"]["path"] == FOLDER


def test_what_is_provisioned_is_all_that_the_dashboards_need():
    """A dashboard takes the default data source of its kind; nothing is left to fill in by hand."""
    sources = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    kinds = {source["type"] for source in sources if source.get("isDefault")}
    needed = {
        variable["query"]
        for path in FILES
        for variable in load(path)["templating"]["list"]
        if variable["type"] == "datasource" and "optional" not in variable["label"]
    }

    assert needed == kinds == {"prometheus"}


def test_data_sources_that_refer_to_each_other_exist():
    sources = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    uids = {source["uid"] for source in sources}

    assert {
        source["jsonData"]["alertmanagerUid"] for source in sources if "alertmanagerUid" in source["jsonData"]
    } <= uids


def test_the_example_of_an_alert_leads_to_a_dashboard_that_there_is():
    example = yaml.safe_load((PROVISIONING / "alerting" / "logwatch.yml.example").read_text())
    (rule,) = example["groups"][0]["rules"]

    assert rule["annotations"]["__dashboardUid__"] in {load(path)["uid"] for path in FILES}


def test_links_lead_to_dashboards_that_there_are():
    uids = {load(path)["uid"] for path in FILES}
    linked = {part.split("?")[0].split('"')[0] for path in FILES for part in path.read_text().split('"/d/')[1:]}

    assert linked == uids


def test_the_readme_names_every_dashboard_and_its_uid():
    readme = (GRAFANA / "README.md").read_text()

    for path in FILES:
        assert f"`{load(path)['uid']}`" in readme
        assert load(path)["title"] in readme


def test_the_wheel_carries_what_users_need_and_no_tool():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    carried = {name.removeprefix("grafana/") for name in included if name.startswith("grafana")}

    assert carried == {"README.md", "dashboards", "provisioning"}
