"""A process that may be killed: follows a log, counts by minute, and commits counts and position in one file."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from logwatch.model import Chunk
from logwatch.sources.file import FileSource


class Counts:
    """What an engine keeps: a counter, a checksum over the order, a window and a history."""

    def __init__(self, state: dict[str, object]) -> None:
        self.total = int(str(state.get("total", 0)))
        self.order = str(state.get("order", ""))
        self.window: dict[str, int] = dict(state.get("window", {}))  # type: ignore[call-overload]  # JSON
        self.last = str(state.get("last", ""))

    def apply(self, chunk: Chunk) -> None:
        for line in chunk.data.decode("latin-1").splitlines():
            number = int(line.split()[0])
            self.total += 1
            self.window[str(number // 1000)] = self.window.get(str(number // 1000), 0) + 1
            if self.last and number <= int(self.last):
                self.order += f"{self.last}>{number} "
            self.last = str(number)


def commit(path: Path, state: dict[str, object], fault: list[int]) -> None:
    """Write, fsync, rename, with a death at the chosen step."""

    def step() -> None:
        fault[0] -= 1
        if fault[0] == 0:
            os.kill(os.getpid(), 9)

    fresh = path.with_suffix(".new")
    text = json.dumps(state).encode()
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(fd, text[: len(text) // 2])
    step()
    os.write(fd, text[len(text) // 2 :])
    step()
    os.fsync(fd)
    step()
    os.close(fd)
    os.replace(fresh, path)
    step()


def follow(log: Path, state_path: Path, fault_at: int = -1) -> None:
    """Follow until `.stop` lies beside the state; `fault_at` is the system call of commits (write, fsync, replace) to die at."""
    fault = [fault_at]
    state = json.loads(state_path.read_text()) if state_path.exists() else {}
    counts = Counts(state)
    rows: dict[str, str] = state.get("rows", {})
    source = FileSource([str(log)], chunk_bytes=2000, max_line_bytes=500, offset_dir=state_path.parent)
    source.restore(rows)
    idle = 0
    while idle < 5 or not Path(f"{state_path}.stop").exists():
        # As an engine does: the position is committed before the first byte is applied.
        chunk = source.read(time.time_ns()) if rows else None
        if chunk is not None:
            counts.apply(chunk)
        idle = idle + 1 if chunk is None else 0
        changed = source.changed_rows()
        if changed or chunk is not None:
            rows.update({key: text for key, text in changed.items() if text is not None})
            commit(state_path, {"rows": rows, **vars(counts)}, fault)
        if chunk is None:
            source.wait(0.05)
    source.close()
