"""Following a log that is written in bursts of a million lines a second, and rotated meanwhile."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.bench import Bench, Verdict
from benchmarks.sidecar import PATIENCE, Sidecar

RATE = 1_000_000
"""Lines a second while a burst lasts."""
BURST = 1_000_000
"""Lines of a burst; the log is rotated in the middle of each."""
TICKS = 100
"""Writes a second."""
PAUSE = 0.5
"""Seconds between two bursts."""
KEPT = 3
"""Rotated copies that are kept."""
READ = b"logwatch_lines_read_total{"
PENDING = b"logwatch_source_pending_bytes{"
GAPS = b"logwatch_source_gaps_total{"
HEADER, PAYLOAD = b"\0", b"\1"
"""Stand for a header's stamp and a payload's time until a line is written."""
TIME = re.compile(rb'(time=")[0-9T:.-]+Z')


def measure(bench: Bench) -> Iterable[Verdict]:
    """Write bursts from a process of its own, and ask what was read of them: once noise alone, once with 10,000 events a second."""
    yield from _measure(bench, "bursts of noise", bench.noise())
    yield from _measure(bench, "bursts with 10,000 events/s", bench.whole())


def _measure(bench: Bench, what: str, corpus: Path) -> Iterable[Verdict]:
    bursts = 2 if bench.quick else 6
    log = bench.folder / what.replace("/", " per ") / "messages"
    log.parent.mkdir()
    log.touch()
    with Sidecar(log, log.parent / "state") as sidecar:
        sidecar.wait_until_ready(pause=0.02)
        begun, start = _peak(sidecar.pid), time.perf_counter()
        Path(f"/proc/{sidecar.pid}/clear_refs").write_text("5")  # the peak counts from here on: proc(5)
        writer = [sys.executable, "-m", "benchmarks.following", str(corpus), str(log), str(bursts)]
        done = subprocess.run(writer, check=True, capture_output=True, text=True)
        wrote = time.perf_counter() - start
        lines, behind = int(done.stdout.split()[0]), float(done.stdout.split()[1])
        read = _read(sidecar)
        took = time.perf_counter() - start
        print(f"  {what}: {lines:,} lines in {bursts} bursts, the slowest of {RATE / (1 + behind):,.0f} lines/s")
        print(f"  all written after {wrote:.1f} s, all read after {took:.1f} s")
        print(
            f"  resident at its peak: {begun / 1e6:.1f} MB at the start, {_peak(sidecar.pid) / 1e6:.1f} MB in the bursts"
        )
        lost = None if read is None else abs(lines - read)
        yield Verdict(f"{what}: lines lost or doubled", lost, 0)
        yield Verdict(f"{what}: losses reported", _sum(sidecar, GAPS), 0)
        yield Verdict(f"{what}: peak resident memory", _peak(sidecar.pid) / 1e6, 80, " MB")


def _read(sidecar: Sidecar) -> float | None:
    """Lines that were read, once nothing is left to read; None where that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        time.sleep(1)  # a scrape costs, too
        if not _sum(sidecar, PENDING):
            return _sum(sidecar, READ)
    return None


def _sum(sidecar: Sidecar, sample: bytes) -> float:
    try:
        page = sidecar.get("/metrics")[1]
    except ConnectionError:  # the server ends a connection that was not used for a while
        page = sidecar.get("/metrics")[1]
    return sum(float(line.rsplit(b" ", 1)[1]) for line in page.splitlines() if line.startswith(sample))


def _peak(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * float(status.split("VmHWM:")[1].split()[0])


# ── the writer, a process of its own ─────────────────────────────────────────────────


def write(corpus: Path, log: Path, bursts: int) -> tuple[int, float]:
    """Write so many bursts; lines written, and by what part of its time the slowest burst was late."""
    blocks = _blocks(corpus, RATE // TICKS)
    late, number, lines = 0.0, 0, 0
    for _ in range(bursts):
        out = log.open("ab", buffering=0)
        start = time.perf_counter()
        ticks = BURST * TICKS // RATE
        for tick in range(ticks):
            out.write(_dated(blocks[number % len(blocks)], time.time_ns()))
            lines += RATE // TICKS
            number += 1
            if tick == ticks // 2:
                out.close()
                _rotate(log)
                out = log.open("ab", buffering=0)
            time.sleep(max(0.0, start + (tick + 1) / TICKS - time.perf_counter()))
        late = max(late, (time.perf_counter() - start) * RATE / BURST - 1)
        out.close()
        time.sleep(PAUSE)
    return lines, late


def _blocks(corpus: Path, lines: int) -> list[bytes]:
    """The corpus in pieces of so many lines, without its times; what is left over is not used."""
    blocks = []
    with corpus.open("rb") as file:
        while len(block := list(itertools.islice(file, lines))) == lines:
            blocks.append(
                TIME.sub(rb"\1" + PAYLOAD, b"".join(HEADER + line[len("Nov 24 18:12:57") :] for line in block))
            )
    return blocks


def _dated(block: bytes, now_ns: int) -> bytes:
    """The lines as they are written now; so no two generations of the log are alike."""
    now = time.gmtime(now_ns // 10**9)
    stamp = time.strftime("%b %e %H:%M:%S", now).encode()
    return block.replace(HEADER, stamp).replace(PAYLOAD, f"{time.strftime('%FT%T', now)}.{now_ns % 10**9:09}Z".encode())


def _rotate(log: Path) -> None:
    """As logrotate does: shift, rename, a new file."""
    for number in range(KEPT, 0, -1):
        older = Path(f"{log}.{number}")
        if older.exists():
            older.rename(f"{log}.{number + 1}")
    log.rename(f"{log}.1")
    log.touch()
    Path(f"{log}.{KEPT + 1}").unlink(missing_ok=True)


if __name__ == "__main__":
    print(*write(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
