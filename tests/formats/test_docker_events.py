"""What `docker events` prints, in any of its forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.formats import docker_events, json

ID = "1f2e3d4c5b6a" + "0" * 52
OTHER = "ab" * 32
TIME_NS = 1795465241377812157
STAMP = "2026-11-23T20:20:41.377812157Z"


def event(kind: str, action: str, object_id: str, attributes: dict[str, str], time_ns: int = TIME_NS) -> json.Tree:
    return {
        "Type": kind,
        "Action": action,
        "Actor": {"ID": object_id, "Attributes": attributes},
        "time": time_ns // 10**9,
        "timeNano": time_ns,
    }


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param(
            f"{STAMP} container die {ID} (execDuration=32, exitCode=137, image=nginx:1.27, name=web)",
            event(
                "container", "die", ID, {"execDuration": "32", "exitCode": "137", "image": "nginx:1.27", "name": "web"}
            ),
            id="die",
        ),
        pytest.param(
            f"{STAMP} container health_status: unhealthy {ID} (image=nginx, name=web)",
            event("container", "health_status: unhealthy", ID, {"image": "nginx", "name": "web"}),
            id="health",
        ),
        pytest.param(
            f"{STAMP} container exec_create: /bin/sh -c echo (a) {OTHER} b {ID} (execID={OTHER}, image=x, name=web)",
            event(
                "container",
                f"exec_create: /bin/sh -c echo (a) {OTHER} b",
                ID,
                {"execID": OTHER, "image": "x", "name": "web"},
            ),
            id="a command that holds parentheses and an id",
        ),
        pytest.param(
            f"{STAMP} container create {ID} (image=x, label=a, b and (c), maintainer=N. N., Inc., name=web)",
            event(
                "container",
                "create",
                ID,
                {"image": "x", "label": "a, b and (c)", "maintainer": "N. N., Inc.", "name": "web"},
            ),
            id="commas and parentheses in labels",
        ),
        pytest.param(
            f"{STAMP} image pull busybox:latest (name=busybox)",
            event("image", "pull", "busybox:latest", {"name": "busybox"}),
            id="image",
        ),
        pytest.param(f"{STAMP} volume destroy data", event("volume", "destroy", "data", {}), id="no attributes"),
        pytest.param(
            f"{STAMP} network connect {OTHER} (container={ID}, name=bridge, type=bridge)",
            event("network", "connect", OTHER, {"container": ID, "name": "bridge", "type": "bridge"}),
            id="network",
        ),
        pytest.param(
            f"2026-11-23T21:20:41.377812157+01:00 container start {ID}",
            event("container", "start", ID, {}),
            id="offset",
        ),
        pytest.param(
            f"{STAMP} {ID}: (from centos:7) die",
            event("container", "die", ID, {"image": "centos:7"}),
            id="before 1.10",
        ),
        pytest.param(
            f"{STAMP} {ID}: (from a) exec_create: sh",
            event("container", "exec_create: sh", ID, {"image": "a"}),
            id="before 1.10, command",
        ),
        pytest.param(
            f"{STAMP} busybox:latest: pull", event("image", "pull", "busybox:latest", {}), id="before 1.10, image"
        ),
        pytest.param(f"{STAMP} something else", None, id="no event"),
        pytest.param(f"{STAMP} ", None, id="nothing behind the stamp"),
        pytest.param("container die", None, id="no stamp"),
        pytest.param("", None, id="empty"),
    ],
)
def test_reads_the_text_forms(text: str, tree: json.Tree | None) -> None:
    assert docker_events.parse(text.encode()) == tree


def test_reads_the_json_form_and_keeps_what_else_it_tells() -> None:
    message = (
        f'{{"status":"die","id":"{ID}","from":"nginx","Type":"container","Action":"die","Actor":{{"ID":"{ID}",'
        f'"Attributes":{{"exitCode":"137","image":"nginx","name":"web"}}}},"scope":"local","time":1795465241,"timeNano":{TIME_NS}}}'
    )
    tree = docker_events.parse(message.encode())

    told = event("container", "die", ID, {"exitCode": "137", "image": "nginx", "name": "web"})
    assert tree == {**told, "status": "die", "id": ID, "from": "nginx", "scope": "local"}


@pytest.mark.parametrize(
    ("message", "kind", "object_id", "attributes"),
    [
        (f'{{"status":"die","id":"{ID}","from":"nginx","time":1446023691}}', "container", ID, {"image": "nginx"}),
        ('{"status":"pull","id":"busybox:latest","time":1446023691}', "image", "busybox:latest", {}),
    ],
)
def test_json_from_before_1_10_gives_the_same_tree(
    message: str, kind: str, object_id: str, attributes: dict[str, str]
) -> None:
    tree = docker_events.parse(message.encode())

    assert tree is not None
    assert (tree["Type"], tree["Actor"]) == (kind, {"ID": object_id, "Attributes": attributes})
    assert tree["timeNano"] == 1446023691 * 10**9


@pytest.mark.parametrize("message", [b'{"level":"info"}', b'{"Action":7}', b'{"Action":"die"', b"{}"])
def test_json_that_is_no_event_is_none(message: bytes) -> None:
    assert docker_events.parse(message) is None


@pytest.mark.parametrize("message", [b'{"Action":"die","Actor":null}', b'{"Action":"die","Actor":{"Attributes":[1]}}'])
def test_an_event_without_an_actor_has_no_id(message: bytes) -> None:
    tree = docker_events.parse(message)

    assert tree is not None
    assert tree["Actor"] == {"ID": "", "Attributes": {}}


@given(st.one_of(st.binary(), st.text().map(lambda text: f"{STAMP} {text}".encode())))
def test_never_raises(message: bytes) -> None:
    tree = docker_events.parse(message)

    assert tree is None or {"Type", "Action", "Actor"} <= set(tree)
