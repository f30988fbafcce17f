"""Containers that come and go by the thousand: every line is read and counted, and what is kept stays bounded."""

import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from commandline import printed
from ports import wait_for
from sidecar import Sidecar

from benchmarks import soak
from logwatch import alerting
from logwatch.metrics import Registry
from logwatch.model import Chunk
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import load

ROOT = Path(__file__).parents[2]


def test_a_short_soak_accounts_for_every_line_and_grows_nothing() -> None:
    command = [sys.executable, "-m", "benchmarks.soak", "--seconds", "8", "--containers", "100"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=300)

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_kept_of_containers_that_are_gone_is_bounded(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    log, config = tmp_path / "messages", tmp_path / "logwatch.yml"
    config.write_text("limits: {max_containers: 50}\nstate: {max_bytes: 8MiB}\n")
    log.write_text("")
    one = sidecar("--log", str(log), "--config.file", str(config))
    resident, first, numbers = [], 1, count(10_000)
    for last in (1_500, 3_000):
        with log.open("a") as out:
            out.writelines(line for number in range(first, last) for line in soak.life(number))
        first = last
        wait_for(
            lambda: one.value("docker_events_total", type="container", action="die") == last - 1,  # noqa: B023 - called now
            "reading",
        )
        resident.append(one.resident_mb())
    assert resident[1] < resident[0] + 20  # another 1,500 containers took 35 MB

    def is_small() -> bool:
        with log.open("a") as out:
            out.writelines(soak.life(next(numbers)))
        return (tmp_path / "state" / "logwatch.db").stat().st_size < 1.1 * (8 << 20)

    wait_for(is_small, "the database within its limit")
    kept = printed("events", "--state-dir", str(tmp_path / "state"), "--format", "jsonl").count("\n")

    assert kept > 5_000  # of 7,500: change points that no rule looks back at go first


def test_what_changed_between_two_evaluations_of_alerts_is_taken_in_with_each_chunk() -> None:
    rules = load([])
    groups = alerting.load(rules.alert_files)
    pipeline = Pipeline(rules.rules, rules.correlations, Settings(), Registry(), groups=groups)
    now_ns, offset, waiting = time.time_ns(), 0, []
    for first in range(0, 500, 50):
        data = "".join(line for number in range(first, first + 50) for line in soak.life(number)).encode()
        pipeline.process(Chunk(data, "messages", offset, now_ns), now_ns)
        offset += len(data)
        waiting.append(len(pipeline.alerts._storage._journal))

    assert max(waiting[5:]) < 2 * max(waiting[:2])
