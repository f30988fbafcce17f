"""What the shipped rules make of lines of every engine, beside the rules' own examples."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

import pytest

from logwatch.formats import logfmt
from logwatch.formats.tags import TAG_FAMILIES
from logwatch.metrics import Registry
from logwatch.model import Chunk, Event, Rule
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles.loader import RuleSet, load
from logwatch.store import state_table

ID = "3fa1c0de5b7e4d28860f1c5ab7e92d34c6a8f0e1b2d3948576a0c1e2f3d4b596"
EL6 = "Feb  9 14:03:27 db2 docker: "
EL7 = 'Mar 14 10:21:07 build7 dockerd: time="2018-03-14T10:21:07.310942711+01:00" '
DEB = 'Jun  3 07:45:12 web03 dockerd[640]: time="2021-06-03T07:45:12.418201337Z" '
SHIM = 'Sep 18 16:02:41 app-12 containerd[871]: time="2023-09-18T16:02:41.207713402Z" '
ISO = '2025-05-06T08:09:10.123456+02:00 edge1 dockerd[911]: time="2025-05-06T08:09:10.120771023+02:00" '
SYSTEMD = "2025-05-06T08:09:10.123456+02:00 edge1 systemd[1]: "
KERNEL = "Mar 14 10:21:07 build7 kernel: "
WARM = "2025-05-06T06:09:10Z"


@pytest.fixture(scope="module")
def shipped() -> RuleSet:
    return load([])


@pytest.fixture(scope="module")
def pipeline(shipped: RuleSet) -> Pipeline:
    return Pipeline(shipped.rules, (), Settings(raw=True), Registry())


@pytest.fixture(scope="module")
def kinds(pipeline: Pipeline) -> Callable[[str], list[str]]:
    """Make the events of one line, on a host that said nothing before."""
    return lambda line: [event.event for event in make(pipeline, line)]


def make(pipeline: Pipeline, line: str) -> Sequence[Event]:
    state_table.restore(pipeline.extractor.tables, {})
    pipeline.process(Chunk(line.encode() + b"\n", "messages", 0, 0), 0)
    return [outcome.event for outcome in pipeline.take_outcomes()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{EL6}[0c91a7e2] +job log(die, {ID}, debian:7)", "container.die"),
        (f"{EL6}[/var/lib/docker|0c91a7e2] -job start({ID}) = OK (0)", "container.start"),
        (f"{EL7}level=info msg=\"shim docker-containerd-shim started\" address=\"/containerd-shim/moby/{ID}/shim.sock\" debug=false pid=7", "container.start"),
        (f'{EL7}level=info msg="shim reaped" id={ID}', "container.die"),
        (f'{SHIM}level=info msg="starting signal loop" namespace=moby path=/run/x/moby/{ID} pid=7', "container.start"),
        (f'{SHIM}level=info msg="connecting to shim {ID}" address="unix:///s" namespace=moby protocol=ttrpc version=3', "container.start"),
        (f'{SHIM}level=info msg="shim disconnected" id={ID} namespace=moby', "container.die"),
        (f'{DEB}level=info msg="ignoring event" container={ID} module=libcontainerd', "container.die"),
        (f'{ISO}level=info msg="received task-delete event from containerd" container={ID} module=libcontainerd', "container.die"),
        (f"{SYSTEMD}Started docker-{ID}.scope - libcontainer container {ID}.", "container.start"),
        (f"{SYSTEMD}docker-{ID}.scope: Deactivated successfully.", "container.die"),
        (f"{KERNEL}Task in /docker/{ID} killed as a result of limit of /docker/{ID}", "container.oom"),
        (f"{KERNEL}Task in /kubepods/burstable/pod1/{ID} killed as a result of limit of /kubepods/burstable/pod1", "container.oom"),
        ("Mar 14 10:21:07 build7 dockerd-current[3101]: Error starting daemon: error initializing graphdriver: driver not supported", "daemon.start_failed"),
        ("Mar 14 10:21:07 build7 systemd: start request repeated too quickly for docker.service", "daemon.start_limit"),
        ("Mar 14 10:21:07 build7 rsyslogd: imjournal: 12 messages lost due to rate-limiting", "log.suppressed"),
    ],
    ids=lambda value: value if value.count(" ") == 0 else "",
)  # fmt: skip
def test_every_generation_tells_its_starts_and_deaths(
    line: str, expected: str, kinds: Callable[[str], list[str]]
) -> None:
    assert kinds(line) == [expected]


@pytest.mark.parametrize(
    "message",
    [
        f'level=info msg="ignoring event" container={ID} module=libcontainerd namespace=moby topic=/tasks/delete',
        'level=fatal msg="Error starting daemon: injected"',
        "level=info msg=\"Processing signal 'terminated'\"",
        f'level=error msg="Handler for POST /v1.41/containers/{ID}/start returned error: invented"',
        'level=error msg="write /x: no space left on device"',
        f'level=info msg="Container {ID} failed to exit within 10 seconds of signal 15 - using the force"',
    ],
)
@pytest.mark.parametrize("tag", ["docker/web", "3fa1c0de5b7e", "web", "nginx/web/3fa1c0de5b7e", "docker/dockerd"])
def test_container_output_makes_no_event(tag: str, message: str, kinds: Callable[[str], list[str]]) -> None:
    assert kinds(f'Jun  3 07:45:12 web03 {tag}[640]: time="2021-06-03T07:45:12.418201337Z" {message}') == []
    assert kinds(f'Jun  3 07:45:12 web03 {tag}[640]: Jun  3 07:45:12 web03 dockerd[640]: time="{WARM}" {message}') == []


@pytest.mark.parametrize(
    "line",
    [
        f'Jun  3 07:45:12 web03 tool[640]: oom-kill:constraint=CONSTRAINT_MEMCG,task_memcg=/docker/{ID},task=x,pid=1,uid=0',
        "Jun  3 07:45:12 web03 tool[640]: docker.service: Main process exited, code=killed, status=9/KILL",
        "Jun  3 07:45:12 web03 docker[640]: Error response from daemon: No such container: web",
        "Jun  3 07:45:12 web03 docker-compose[640]: Creating network \"app_default\" with the default driver",
        "Jun  3 07:45:12 web03 systemd[1]: docker-registry.service: Failed with result 'exit-code'.",
        f"Jun  3 07:45:12 web03 systemd[1]: Started libpod-{ID}.scope - libcrun container.",
        f"Jun  3 07:45:12 web03 kubelet[640]: E0603 remote_runtime.go:92] Error response from daemon: No such container: {ID}",
        "Jun  3 07:45:12 web03 sudo[640]: ops : TTY=pts/0 ; COMMAND=/usr/bin/docker rm -f web",
    ],
)  # fmt: skip
def test_talk_about_docker_makes_no_event(line: str, kinds: Callable[[str], list[str]]) -> None:
    assert kinds(line) == []


def test_json_lines_say_what_logfmt_lines_say(shipped: RuleSet, pipeline: Pipeline) -> None:
    """Every example of the engine's, as `--log-format=json` would have written it."""
    examples = [example.line for rule in shipped.rules for example in rule.examples if example.event is not None]
    pairs = [(line, as_json(line)) for line in examples]
    differing = [line for line, json in pairs if json and told(pipeline, line) != told(pipeline, json)]

    assert sum(json is not None for _, json in pairs) > 200
    assert differing == []


def as_json(line: str) -> str | None:
    """The same line with its message in JSON; None where its message is no logfmt of the engine's."""
    header, found, message = line.partition(': time="')
    tag = header.rpartition(" ")[2].partition("[")[0]
    if not found or tag not in TAG_FAMILIES["engine"] | TAG_FAMILIES["containerd"]:
        return None
    return f"{header}: {json.dumps(dict(sorted(logfmt.parse((found[2:] + message).encode()).items())))}"


def told(pipeline: Pipeline, line: str) -> Sequence[tuple[object, ...]]:
    return [(event.event, event.id, event.name, event.attributes) for event in make(pipeline, line)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no space left on device", "storage.pressure"),
        ("devmapper: Thin Pool has 1 free data blocks which is less than minimum required 2 free data blocks", "storage.pressure"),
        ("toomanyrequests: You have reached your pull rate limit", "registry.rate_limited"),
        ("context canceled", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("request_line", "otherwise"),
    [
        ("POST /v1.39/containers/create", "container.create_failed"),
        (f"POST /v1.39/containers/{ID}/start", "container.start_failed"),
        ("POST /v1.39/images/create", "image.pull_failed"),
        ("GET /v1.39/info", "api.error"),
    ],
)
def test_a_failed_request_is_one_event(
    request_line: str, otherwise: str, text: str, expected: str | None, kinds: Callable[[str], list[str]]
) -> None:
    assert kinds(f'{DEB}level=error msg="Handler for {request_line} returned error: {text}"') == [expected or otherwise]


def test_every_failed_request_counts_as_an_error_of_the_api(shipped: RuleSet) -> None:
    series = Registry()
    pipeline = Pipeline(shipped.rules, (), Settings(), series)
    failed = f'level=error msg="Handler for POST /v1.39/containers/{ID}/start returned error: no"'
    status = 'level=error msg="HTTP Error" err="no" statusCode=500'

    pipeline.process(Chunk(f"{EL7}{failed}\n{EL7}{status}\n".encode(), "messages", 0, 0), 0)

    assert {labels["method"]: values[-1] for labels, _, values in series.select("docker_api_errors_total")} == {
        "POST": 1
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f'{SHIM}level=info msg="shim disconnected" id={ID} namespace=k8s.io', []),
        (f'{DEB}level=info msg="ignoring event" container={ID} module=libcontainerd namespace=plugins.moby topic=/tasks/delete', []),
        (f'{SHIM}level=info msg="shim containerd-shim started" address="/containerd-shim/k8s.io/{ID}/shim.sock" pid=7', []),
        (f'{DEB}level=info msg="Container failed to exit within 1m30s of signal 15 - using the force" container={ID}', ["container.kill", "container.stop_timeout"]),
    ],
    ids=["kubernetes", "plugin", "kubernetes-shim", "minutes"],
)  # fmt: skip
def test_other_namespaces_and_other_spellings(
    line: str, expected: list[str], kinds: Callable[[str], list[str]]
) -> None:
    assert kinds(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        f'{DEB}level=info msg="ignoring event" container=3fa1c0de5b>',
        f'{DEB}level=info msg="ignoring event" container=3fa1c0d....TaskDelete"',
        f'{SHIM}level=info msg="shim disconnected" id=3fa1c0>',
    ],
)
def test_a_line_cut_by_a_pager_keeps_its_event_and_loses_its_id(line: str, pipeline: Pipeline) -> None:
    assert [(event.event, event.id) for event in make(pipeline, line)] == [("container.die", None)]


def test_known_noise_leaves_the_catch_alls_alone(kinds: Callable[[str], list[str]]) -> None:
    assert kinds(f'{DEB}level=error msg="stream copy error: reading from a closed fifo"') == []
    assert kinds(f'{DEB}level=error msg="something new"') == ["daemon.error"]
    assert kinds(f'{DEB}level=warning msg="something new"') == ["daemon.warning"]


def patterns(rule: Rule) -> list[str]:
    return [pattern.text for pattern in rule.patterns if pattern.regex]


def test_no_pattern_begins_or_ends_with_anything(shipped: RuleSet) -> None:
    loose = re.compile(r"\A\^?\.[*+] | (?<!\\)[.][*+]\$?\Z", re.VERBOSE)

    assert [rule.id for rule in shipped.rules for text in patterns(rule) if loose.search(text)] == []


def test_every_rule_says_what_it_means(shipped: RuleSet) -> None:
    assert [rule.id for rule in shipped.rules if not rule.description.endswith(".")] == []
