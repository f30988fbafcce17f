"""Series stay few where containers come and go all the time, and none of their events is lost."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from logwatch.build import Builder
from logwatch.config.settings import Alerting, Config, Limits, Metrics
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk
from logwatch.pipeline import Pipeline
from logwatch.rulefiles.loader import RuleSet
from logwatch.store import Store, Sync

BEGIN_S = 1_796_000_000
"""2026-11-30T00:53:20Z"""
EVENTS = "docker_container_events_total"
MODES = ("", "image", "compose_service")


class Life(NamedTuple):
    """Events (action, second) of one container."""

    name: str
    image: str
    service: str
    events: tuple[tuple[str, float], ...]


def lines(lives: list[Life]) -> list[str]:
    """What `docker events` writes of them, in a log."""
    found = []
    for number, life in enumerate(lives):
        attributes = {"image": life.image, "name": life.name}
        if life.service:
            attributes |= {"com.docker.compose.project": "shop", "com.docker.compose.service": life.service}
        for action, second in life.events:
            exit_code = {"exitCode": "1"} if action == "die" else {}
            actor = {"ID": f"{number + 1:064x}", "Attributes": {**attributes, **exit_code}}
            time_ns = BEGIN_S * SECOND + round(second * 1e9)
            event = {"Type": "container", "Action": action, "Actor": actor, "timeNano": time_ns}
            found.append((second, f"<30>1 {rfc3339(second)} vm docker-events 7 - - {json.dumps(event)}\n"))
    return [line for _, line in sorted(found)]


def rfc3339(second: float) -> str:
    whole = 3200 + int(second)
    return f"2026-11-{30 + whole // 86400}T{whole // 3600 % 24:02}:{whole // 60 % 60:02}:{whole % 60:02}.{int(second * 1e6) % 10**6:06}Z"


def hour_of_jobs() -> list[str]:
    """2,000 `docker run --rm` of a second each within an hour, of five images."""
    lives = []
    for number in range(2000):
        at = number * 1.8
        events = (("create", at), ("start", at + 0.2), ("die", at + 1.2), ("destroy", at + 1.4))
        lives.append(Life(f"job_{number}", f"tool:{number % 5}", "", events))
    return lines(lives)


@pytest.mark.parametrize(("short_lived", "most"), [("", 8000), ("image", 3000), ("compose_service", 3000)])
def test_two_thousand_containers_within_an_hour_leave_few_series(
    logwatch: Callable[..., str], tmp_path: Path, short_lived: str, most: int
) -> None:
    log, config = tmp_path / "messages", tmp_path / "logwatch.yml"
    log.write_text("".join(hour_of_jobs()))
    config.write_text(f"metrics: {{short_lived: {short_lived}}}\n" if short_lived else "{}\n")
    page = logwatch("replay", "--config.file", str(config), "--metrics", str(log))
    series = [line for line in page.splitlines() if not line.startswith("#")]

    assert 'docker_events_total{type="container",action="destroy"} 2000.0' in series
    assert len(series) < most
    if short_lived:
        assert f'{EVENTS}{{name="_image:tool:3",action="die"}} 400.0' in series
    else:
        assert [line for line in series if 'name="job_0"' in line] == []
        assert f'{EVENTS}{{name="job_1999",action="die"}} 1.0' in series


# ── a restart changes nothing ────────────────────────────────────────────────────────


def some_lives(chance: random.Random) -> list[Life]:
    """Containers of two hours, short and long, whose names come again after any time."""
    lives = []
    for name in ("web", "backup", "job", "loop"):
        at = chance.uniform(0, 600)
        while at < 7200:
            events = [("create", at), ("start", at + 0.2)]
            end = at + chance.choice([1, 5, 60, 250, 400, 1500])
            for _ in range(chance.choice([0, 0, 1, 4])):
                events.append((chance.choice(["die", "oom", "restart", "health_status: unhealthy"]), end))
                end += chance.choice([0.5, 20])
            events += [("die", end), ("destroy", end + chance.choice([0, 0.1, 30]))]
            lives.append(Life(name, chance.choice(["tool:1", "tool:2"]), chance.choice(["", name]), tuple(events)))
            at = end + 30 + chance.choice([0.1, 10, 800, 890, 1000, 2000, 3590, 3700])
    return lives


@cache
def shipped() -> RuleSet:
    return Builder(Config(), Registry(), None).rules()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the compiled patterns are."""
    return tmp_path_factory.mktemp("compiled")


def pipeline(compiled: Path, short_lived: str) -> Pipeline:
    config = Config(
        alerting=Alerting(target_labels={"job": "logwatch", "instance": "vm:19979"}),
        metrics=Metrics.model_validate({"short_lived": short_lived or None}),
        limits=Limits(max_containers=20),
    )
    return Builder(config, Registry(), compiled).pipeline(shipped())


def shown(parts: list[Pipeline]) -> list[object]:
    """What is served, what rules see of the past, and what alerts there were."""
    report = parts[-1].alerts.report()
    series = parts[-1].series
    return [
        {(each.family, each.labels): each.value for each in series.everything()},
        [
            (name, sorted(labels.items()), changed)
            for name in ("docker_container_events_total", "docker_container_state", "docker_container_exits_total")
            for labels, changed in existing(series, name)
        ],
        sorted((str(each.labels), each.active_ns, str(each.annotations)) for each in report.alerts),
        sorted((each.ends_ns, str(each.labels), each.starts_ns, str(each.annotations)) for each in report.past),
    ]


def existing(series: Registry, name: str) -> Iterator[tuple[dict[str, str], list[tuple[int, str]]]]:
    """The series that had a value at any time that is looked back at, with the times at which the value changed."""
    for labels, times, values in sorted(series.select(name), key=lambda each: str(each[0])):
        steps = [(0, "nan"), *zip(times, map(str, values), strict=True)]
        changed = [after for before, after in pairwise(steps) if before[1] != after[1]]
        if changed:
            yield dict(labels), changed


@pytest.mark.parametrize("short_lived", MODES)
@pytest.mark.parametrize("seed", range(2))
def test_a_restart_changes_nothing_of_containers_that_come_and_go(
    tmp_path: Path, compiled: Path, seed: int, short_lived: str
) -> None:
    chance = random.Random(seed)
    log = lines(some_lives(chance))
    ends = sorted({*chance.sample(range(1, len(log)), 5), len(log)})
    now_ns = (BEGIN_S + 20_000) * SECOND
    whole = pipeline(compiled, short_lived)
    parts: list[Pipeline] = []
    start = 0
    with closing(Store(tmp_path, datetime.now(UTC), sync=Sync.OFF)) as store:
        for end in ends:
            part = pipeline(compiled, short_lived)
            saved = store.load()
            part.series.restore(saved.series, saved.points)
            part.restore(saved.stages)
            for each in (whole, part):
                each.process(Chunk("".join(log[start:end]).encode(), "log", start, now_ns), now_ns)
            whole.take_transaction(whole.take_outcomes())
            store.commit(part.take_transaction(part.take_outcomes()), now_ns)
            start = end
            parts.append(part)

            assert shown([whole]) == shown(parts)
    for each in (whole, parts[-1]):
        each.advance(each.clock_ns + 4000 * SECOND)

    assert shown([whole]) == shown(parts)
    assert parts[-1].series.value("docker_events_total", ("container", "destroy")) == sum("destroy" in it for it in log)


# ── what counters say ────────────────────────────────────────────────────────────────


def run(begin: float, life: float, name: str = "backup") -> Life:
    return Life(
        name, "tool:1", "", (("create", begin), ("start", begin), ("die", begin + life), ("destroy", begin + life))
    )


def after(compiled: Path, lives: list[Life], second: float, short_lived: str = "") -> Pipeline:
    one = pipeline(compiled, short_lived)
    now_ns = (BEGIN_S + 20_000) * SECOND
    one.process(Chunk("".join(lines(lives)).encode(), "log", 0, now_ns), now_ns)
    one.advance((BEGIN_S * SECOND) + round(second * 1e9))
    return one


def counted(one: Pipeline, name: str) -> dict[str, float]:
    return {
        each.labels[1]: each.value or 0
        for each in one.series.everything()
        if each.family == EVENTS and each.labels[0] == name
    }


def test_a_name_that_comes_again_within_an_hour_goes_on_with_its_counters(compiled: Path) -> None:
    ended = after(compiled, [run(0, 2)], 1000)
    again = after(compiled, [run(0, 2), run(3000, 2)], 3010)
    long_after = after(compiled, [run(0, 2), run(4000, 2)], 4010)
    ((_, times, values),) = [
        each for each in again.series.select(EVENTS) if each[0] == {"name": "backup", "action": "die"}
    ]

    assert counted(ended, "backup") == {}
    assert counted(again, "backup") == {"create": 2, "start": 2, "die": 2, "destroy": 2}
    assert [value for value in values if value] == [1, 1, 2]
    assert [(at - BEGIN_S * SECOND) // SECOND for at in times][-1] == 3002
    assert counted(long_after, "backup") == {"create": 1, "start": 1, "die": 1, "destroy": 1}


def test_what_short_lived_containers_did_counts_for_their_image_at_its_own_time(compiled: Path) -> None:
    lives = [run(0, 2, "one"), run(10, 299, "two"), run(20, 300, "three"), run(400, 1, "four")]
    one = after(compiled, lives, 410, "image")
    ((_, times, values),) = [
        each for each in one.series.select(EVENTS) if each[0] == {"name": "_image:tool:1", "action": "die"}
    ]

    assert counted(one, "_image:tool:1") == {
        **dict.fromkeys(counted(one, "_image:tool:1"), 0),
        **dict.fromkeys(("create", "start", "die", "destroy"), 3),
    }
    assert [counted(one, name) for name in ("one", "two", "four")] == [{}] * 3
    assert counted(one, "three") == dict.fromkeys(("create", "start", "die", "destroy"), 1)
    assert list(zip([(at - BEGIN_S * SECOND) / SECOND for at in times], values, strict=True))[-3:] == [
        (2, 1), (309, 2), (401, 3),
    ]  # fmt: skip
