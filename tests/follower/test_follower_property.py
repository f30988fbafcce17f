"""T57: whatever happens to a log and to us, in whatever order, every line that still exists is read once."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from follower_driver import PACKERS, Log, Reader, still_there
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

ROTATE_WAIT = 60
EXAMPLES = int(os.environ.get("LOGWATCH_TORTURE_EXAMPLES", "40"))


class LogAndReader(RuleBasedStateMachine):
    """The log's side does what writers, logrotate and operators do; the reader's side lives and dies."""

    @initialize(chunk=st.sampled_from([64, 1 << 20]))
    def begin(self, chunk: int) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="follower"))
        self.log = Log(self.directory / "messages")
        self.reader = Reader(self.log.path, chunk_bytes=chunk, rotate_wait_ns=ROTATE_WAIT * 10**9)
        self.old: int | None = None
        self.destroyed = False
        self.disordered = False

    # ── the writer ───────────────────────────────────────────────────────────────────

    @precondition(lambda self: not self.log.open_line)
    @rule(count=st.integers(1, 5))
    def write(self, count: int) -> None:
        if not self.log.path.exists():
            os.close(self.log.fd)
            self.log.reopen()
        self.log.write(count)

    @precondition(lambda self: not self.log.open_line and self.log.path.exists())
    @rule()
    def begin_line(self) -> None:
        self.log.begin_line()

    @precondition(lambda self: self.log.open_line)
    @rule()
    def end_line(self) -> None:
        self.log.end_line()

    @precondition(lambda self: self.old is not None and not self.log.open_line)
    @rule(count=st.integers(1, 3))
    def write_late(self, count: int) -> None:
        assert self.old is not None
        self.log.write(count, self.old)
        self.disordered = True

    # ── logrotate and the operator ───────────────────────────────────────────────────

    @precondition(lambda self: self.log.path.exists() and not self.log.open_line)
    @rule(reopen=st.booleans())
    def rotate(self, reopen: bool) -> None:
        if self.old is not None:
            os.close(self.old)
        self.old = os.dup(self.log.rename(reopen=reopen))

    @precondition(lambda self: self.log.sibling(1).exists())
    @rule(suffix=st.sampled_from(sorted(PACKERS)))
    def pack(self, suffix: str) -> None:
        self.log.pack(self.log.sibling(1), suffix)
        self.forget_old()

    @precondition(lambda self: self.log.path.exists() and not self.log.open_line)
    @rule()
    def copytruncate(self) -> None:
        self.log.copytruncate()

    @precondition(lambda self: self.log.path.exists() and not self.log.open_line)
    @rule()
    def truncate(self) -> None:
        os.truncate(self.log.path, 0)
        self.destroyed = True

    @precondition(lambda self: self.log.path.exists() and not self.log.open_line)
    @rule(number=st.integers(1, 3))
    def remove(self, number: int) -> None:
        for suffix in ("", *PACKERS):
            self.log.sibling(number, suffix).unlink(missing_ok=True)
        self.forget_old()
        self.destroyed = True

    def forget_old(self) -> None:
        if self.old is not None:
            os.close(self.old)
            self.old = None

    # ── the reader ───────────────────────────────────────────────────────────────────

    @rule()
    def poll(self) -> None:
        self.reader.poll()

    @rule(seconds=st.sampled_from([0.1, 5, 10]))
    def step(self, seconds: float) -> None:
        self.reader.step(seconds)

    @rule()
    def commit(self) -> None:
        self.reader.commit()

    @rule()
    def restart(self) -> None:
        self.reader.restart()

    @rule()
    def kill(self) -> None:
        self.reader.kill()

    @invariant()
    def no_line_is_doubled(self) -> None:
        lines = self.reader.lines
        assert len(lines) == len(set(lines)), sorted(line for line in set(lines) if lines.count(line) > 1)

    def teardown(self) -> None:
        if not hasattr(self, "log"):
            return
        if self.log.open_line:
            self.log.end_line()
        read = self.reader.settle()
        note(f"files: {sorted(path.name for path in self.directory.iterdir())}")
        assert set(still_there(self.log)) - set(read) == set()
        assert set(read) <= set(self.log.written)
        if not self.destroyed:
            assert sorted(read) == sorted(self.log.written)
            assert self.reader.gaps == []
        if not self.destroyed and not self.disordered:
            assert read == self.log.written
        self.check_ledger()
        self.forget_old()
        self.reader.stop()
        self.log.close()
        shutil.rmtree(self.directory)

    def check_ledger(self) -> None:
        """written = read + pending + lost, and nothing is pending any more."""
        (followed,) = self.reader.source._followed.values()
        stats = followed.stats
        assert followed.pending() == 0
        assert stats.read == sum(len(line) + 1 for line in self.reader.lines)


LogAndReader.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
test_t57_every_line_once_whatever_happens = LogAndReader.TestCase
