"""deploy/kubernetes: the resources are valid, name each other rightly, and give logwatch what it reads and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from cleanroot import CleanRoot, need_root

from logwatch import __version__
from logwatch.config import check, load

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy" / "kubernetes"


def files_of(base: Path) -> list[Path]:
    """The resource files of a base, and of the bases that it takes in."""
    found = []
    for name in yaml.safe_load((base / "kustomization.yaml").read_text()).get("resources", []):
        path = base / name
        found += files_of(path) if path.is_dir() else [path]
    return found


RESOURCES: dict[str, dict[str, Any]] = {
    each["kind"]: each for path in files_of(BASE) for each in yaml.safe_load_all(path.read_text())
}
POD = RESOURCES["DaemonSet"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


@pytest.mark.parametrize("version", ["1.28", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("kind", [kind for kind in RESOURCES if kind != "PodMonitor"])  # that is the operator's own
def test_a_resource_is_valid(kind: str, version: str) -> None:
    kubernetes_validate.validate(RESOURCES[kind], version, strict=True)


def test_the_operators_own_resource_is_valid() -> None:
    validate_pod_monitor(RESOURCES["PodMonitor"])


@pytest.mark.parametrize(
    "wrong", [{"prot": "metrics"}, {"port": 9100}, {"interval": "15 s"}, {"relabelings": [{"source": []}]}]
)
def test_a_mistake_in_the_operators_own_resource_is_found(wrong: dict[str, Any]) -> None:
    spec = {**RESOURCES["PodMonitor"]["spec"], "podMetricsEndpoints": [wrong]}

    with pytest.raises(jsonschema.ValidationError):
        validate_pod_monitor({**RESOURCES["PodMonitor"], "spec": spec})


def validate_pod_monitor(resource: dict[str, Any]) -> None:
    jsonschema.validate(resource, yaml.safe_load((ROOT / "tests" / "data" / "podmonitor.schema.yml").read_text()))


@pytest.mark.e2e
def test_what_kustomize_builds_is_valid(need: Callable[..., None], tmp_path: Path) -> None:
    need("systemd-nspawn", root=True)
    need_root("trixie")
    root = CleanRoot("trixie", tmp_path / "root", src=ROOT)
    root.run("kustomize build /src/deploy/kubernetes --output /built.yaml")
    built = list(yaml.safe_load_all((root.path / "built.yaml").read_text()))
    (daemon_set,) = [each for each in built if each["kind"] == "DaemonSet"]
    pod = daemon_set["spec"]["template"]["spec"]
    maps = {each["metadata"]["name"] for each in built if each["kind"] == "ConfigMap"}

    for each in built:
        if each["kind"] == "PodMonitor":
            validate_pod_monitor(each)
        else:
            kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)
    assert {each["kind"] for each in built} == {*RESOURCES, "ConfigMap"}
    assert {each["metadata"]["namespace"] for each in built if each["kind"] != "Namespace"} == {"docker-logwatch"}
    assert {each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each} < maps
    assert [each["image"] for each in pod["containers"]] == [f"docker-logwatch:{__version__}"]


def test_a_mistake_is_found() -> None:
    wrong = {**RESOURCES["DaemonSet"], "spec": {**RESOURCES["DaemonSet"]["spec"], "replicas": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("base", [BASE, ROOT / "grafana"], ids=lambda path: path.name)
def test_every_file_of_a_config_map_is_there_and_fits(base: Path) -> None:
    for each in yaml.safe_load((base / "kustomization.yaml").read_text())["configMapGenerator"]:
        assert sum((base / name).stat().st_size for name in each["files"]) < 1 << 20


def test_the_parts_name_each_other() -> None:
    generated = {
        each["name"] for each in yaml.safe_load((BASE / "kustomization.yaml").read_text())["configMapGenerator"]
    }
    volumes = {each["name"]: each for each in POD["volumes"]}
    labels = RESOURCES["DaemonSet"]["spec"]["template"]["metadata"]["labels"]
    (endpoint,) = RESOURCES["PodMonitor"]["spec"]["podMetricsEndpoints"]

    assert {each["configMap"]["name"] for each in volumes.values() if "configMap" in each} == generated
    assert {each["name"] for each in CONTAINER["volumeMounts"]} == set(volumes)
    assert POD["serviceAccountName"] == RESOURCES["ServiceAccount"]["metadata"]["name"]
    for resource in ("DaemonSet", "PodMonitor"):
        assert RESOURCES[resource]["spec"]["selector"]["matchLabels"] == labels
    assert endpoint["port"] in {each["name"] for each in CONTAINER["ports"]}
    assert load(None, {}, {}).config.web.listen_address.endswith(f":{CONTAINER['ports'][0]['containerPort']}")


def test_of_the_host_everything_but_the_state_is_read_only() -> None:
    of_the_host = {each["name"] for each in POD["volumes"] if "hostPath" in each}
    writable = {each["name"] for each in CONTAINER["volumeMounts"] if not each.get("readOnly")}

    assert writable & of_the_host == {"state"}
    assert CONTAINER["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]}
    assert CONTAINER["securityContext"]["readOnlyRootFilesystem"]
    assert (POD["enableServiceLinks"], POD["automountServiceAccountToken"]) == (False, False)


def test_logwatch_takes_the_configuration_and_the_rules(logwatch: Callable[..., str]) -> None:
    assert check(BASE / "logwatch.yml", {}, {}) == []
    logwatch("check", "--rules", str(BASE / "rules"), "--no-shipped-rules")
