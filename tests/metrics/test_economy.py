"""Series stay few where containers come and go all the time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

CONTAINERS = 2000
BEGIN_S = 1_795_996_800
LIVES = {"create": 0.0, "start": 0.2, "die": 1.2, "destroy": 1.4}
"""Seconds after its creation at which something happens to a container."""


def hour_of_jobs() -> str:
    """What `docker events` writes of 2,000 `docker run --rm` within an hour."""
    lines = []
    for number in range(CONTAINERS):
        attributes = {"image": f"tool:{number % 5}", "name": f"job_{number}"}
        for action, after in LIVES.items():
            time_ns = int((BEGIN_S + number * 3600 / CONTAINERS + after) * 1e9)
            exit_code = {"exitCode": "0"} if action == "die" else {}
            actor = {"ID": f"{number:064x}", "Attributes": {**attributes, **exit_code}}
            event = {"Type": "container", "Action": action, "Actor": actor, "timeNano": time_ns}
            lines.append(f"<30>1 {rfc3339(time_ns)} vm docker-events 7 - - {json.dumps(event)}\n")
    return "".join(lines)


def rfc3339(time_ns: int) -> str:
    seconds = time_ns // 10**9 - BEGIN_S
    return f"2026-11-30T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{time_ns % 10**9 // 1000:06}Z"


def test_two_thousand_containers_that_ran_within_an_hour_leave_few_series(
    logwatch: Callable[..., str], tmp_path: Path
) -> None:
    log = tmp_path / "messages"
    log.write_text(hour_of_jobs())
    page = logwatch("replay", "--metrics", str(log))
    series = [line for line in page.splitlines() if not line.startswith("#")]
    ended = [line for line in series if line.startswith('docker_container_events_total{name="job_0"')]

    assert f'docker_events_total{{type="container",action="destroy"}} {float(CONTAINERS)}' in series
    assert ended == []
    assert len(series) < 8000
