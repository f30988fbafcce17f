"""A log that is written faster than it can be read, and rotated meanwhile: all of it is read, a piece at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ports import wait_for
from sidecar import Sidecar

GENERATIONS = 4
LINES = 120_000
"""Of a generation: some 14 MB."""
RULES = """\
events:
  - event: container.die
    name: die
    description: A death, as the test writes it.
    match: 'msg="ignoring event" container='
    id: "{container}"
    examples:
      - line: 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57Z" level=info msg="ignoring event" container=8dd3'
        event: {id: 8dd3}
      - line: 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57Z" level=info msg="event" container=8dd3'
        event: null
"""
DEATH = 'time="2026-11-23T18:12:57Z" level=info msg="ignoring event" container={id} topic=/tasks/delete type="*events.TaskDelete"'


def generation(number: int) -> bytes:
    """Output of a container, and one death at its end."""
    output = "".join(
        f"Nov 23 18:12:{index * 57 // LINES:02d} vm 8dd3f1c20a77[843]: request {number}-{index} was served in "
        f"{index % 997} ms to a client that waits for the next one\n"
        for index in range(LINES - 1)
    )
    return f"{output}Nov 23 18:12:57 vm dockerd[42]: {DEATH.format(id=f'{number:064x}')}\n".encode()


def peak(process: int) -> int:
    """Bytes of memory that were resident at the most."""
    return 1024 * int(Path(f"/proc/{process}/status").read_text().split("VmHWM:")[1].split()[0])


def test_bursts_and_rotations_lose_nothing_and_are_never_held_in_memory(
    tmp_path: Path, sidecar: Callable[..., Sidecar]
) -> None:
    log = tmp_path / "log" / "messages"
    log.parent.mkdir()
    log.touch()
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    logwatch = sidecar("--log", str(log), "--no-shipped-rules", "--rules", str(rules))
    wait_for(lambda: logwatch.get("/-/ready")[0] == 200, "the first commit")
    before = peak(logwatch.process.pid)
    written = 0
    for number in range(1, GENERATIONS + 1):
        content = generation(number)
        written += len(content)
        log.write_bytes(content)
        if number < GENERATIONS:
            for older in range(number - 1, 0, -1):
                log.with_name(f"messages.{older}").rename(log.with_name(f"messages.{older + 1}"))
            log.rename(log.with_name("messages.1"))
            log.touch()
    path = {"path": str(log)}
    wait_for(lambda: (logwatch.value("logwatch_lines_read_total", **path) or 0) >= GENERATIONS * LINES, "reading")
    wait_for(lambda: logwatch.value("logwatch_source_pending_bytes", **path) == 0, "the end")

    samples = logwatch.samples()
    assert samples["logwatch_lines_read_total", frozenset(path.items())] == GENERATIONS * LINES
    assert samples["logwatch_bytes_read_total", frozenset(path.items())] == written
    assert samples["docker_events_total", frozenset({"type": "container", "action": "die"}.items())] == GENERATIONS
    assert {value for (name, _), value in samples.items() if name == "logwatch_source_gaps_total"} <= {0}
    assert peak(logwatch.process.pid) - before < written / 2
