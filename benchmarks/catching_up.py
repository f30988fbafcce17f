"""A first start: `run` beside `replay`, over a quiet week, over a build host's hours, and ended in the middle of it."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from benchmarks.bench import LOGWATCH, Bench, Verdict
from benchmarks.corpus import SEED, START
from benchmarks.measure import Work, command, side_by_side
from benchmarks.sidecar import Sidecar

PART = 200_000
"""Lines of the corpus that `run` and `replay` are compared on."""
WEEK_SECONDS = 7 * 86_400
CONTAINERS = 20
BUILDS = 1_000
SECONDS_PER_BUILD = 8.64
_ALIVE = (
    '"starting signal loop" namespace=moby path=/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/{id}'
    " pid=14717 runtime=io.containerd.runc.v2"
)
_GONE = (
    '"ignoring event" container={id} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
)


def measure(bench: Bench) -> Iterable[Verdict]:
    """CPU time of `run` into fresh state directories, from its start to ready."""
    part = bench.cache / f"part-{PART}"
    _cut(bench.whole(), part, PART)
    rounds = side_by_side(
        {
            "run": _cpu_to_ready(bench, part),
            "replay": command([LOGWATCH, "replay", "--format", "jsonl", part]),
            "quiet week": _cpu_to_ready(bench, _week(bench)),
            "build host": _cpu_to_ready(bench, _builds(bench)),
        },
        min(3, bench.rounds),
    )
    rounds.report()
    yield Verdict(
        "run into a fresh state directory / replay", rounds.median(lambda took: took["run"] / took["replay"]), 2, " ×"
    )
    yield Verdict("first start on a quiet week to ready, CPU", rounds.median(lambda took: took["quiet week"]), 5, " s")
    yield Verdict("first start on 2.4 h of a build host, CPU", rounds.median(lambda took: took["build host"]), 3, " s")
    seconds, healthy = _stop(bench)
    yield Verdict("SIGTERM → exit 0 while catching up", seconds, 2, " s")
    yield Verdict("healthy meanwhile", float(healthy), 1, "", more=True)


def _cpu_to_ready(bench: Bench, log: Path) -> Work:
    def work() -> float | None:
        state = bench.folder / "fresh"
        shutil.rmtree(state, ignore_errors=True)
        with Sidecar(log, state) as sidecar:
            try:
                sidecar.wait_until_ready(pause=0.25)
            except RuntimeError as error:
                print(f"  {log.name}: {error}")
                return None
            return sidecar.cpu_seconds()

    return work


def _stop(bench: Bench) -> tuple[float | None, bool]:
    """End a run that has begun to read the corpus: seconds until it is gone (None: not with status 0), and its health before."""
    state = bench.folder / "stopped"
    with Sidecar(bench.whole(), state) as sidecar:
        sidecar.wait_until_answers()
        time.sleep(2)
        healthy = sidecar.get("/-/healthy")[0] == 200 and sidecar.get("/-/ready")[0] == 503
        began = time.perf_counter()
        status = sidecar.terminate()
        return (time.perf_counter() - began if status == 0 else None), healthy


# ── the logs ─────────────────────────────────────────────────────────────────────────


def _cut(whole: Path, part: Path, lines: int) -> None:
    if not part.exists():
        with part.open("wb") as out:
            subprocess.run(["head", "-n", str(lines), str(whole)], stdout=out, check=True)


def _week(bench: Bench) -> Path:
    """Seven days of a host with 20 containers: a line of the engine a minute, one of systemd every four seconds."""
    path = bench.cache / "week"
    if path.exists():
        return path
    rng = random.Random(SEED)
    ids = [f"{rng.getrandbits(256):064x}" for _ in range(CONTAINERS)]
    up = dict.fromkeys(ids, False)
    with path.open("w", encoding="utf-8") as file:
        for second in range(0, WEEK_SECONDS, 4):
            now = START + timedelta(seconds=second)
            head = f"{now:%b} {now.day:2} {now:%H:%M:%S} node7 "
            file.write(f"{head}systemd[1]: Started Session {second} of User backup.\n")
            if second % 60 == 0:
                container = rng.choice(ids)
                up[container] = not up[container]
                text = (_ALIVE if up[container] else _GONE).format(id=container)
                file.write(f'{head}dockerd[1042]: time="{now:%Y-%m-%dT%H:%M:%S}.123456789Z" level=info msg={text}\n')
    return path


def _builds(bench: Bench) -> Path:
    """2.4 hours of a build host: 1,000 containers that live four seconds each."""
    path = bench.cache / "builds"
    if path.exists():
        return path
    rng = random.Random(SEED)
    with path.open("w", encoding="utf-8") as file:
        for number in range(BUILDS):
            container = f"{rng.getrandbits(256):064x}"
            began = START + timedelta(seconds=SECONDS_PER_BUILD * number + rng.random())
            for now, text in ((began, _ALIVE), (began + timedelta(seconds=4.1), _GONE)):
                stamp = now.isoformat(timespec="microseconds")
                file.write(
                    f'{stamp} ci dockerd[700]: time="{stamp[:26]}000Z" level=info msg={text.format(id=container)}\n'
                )
    return path
