"""Runs `journalctl`, the one reader that knows every version of the journal's files.

    journalctl --follow --output=json ──▶ one JSON object per entry ──▶ `take_line`

A journal deletes its oldest entries by itself: if the entry at the cursor is missing when reading begins, the entries
between it and the oldest one left are lost, and a gap is recorded. A journalctl that ends is started again after the
last entry; while that fails, `error` says why.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from logwatch.errors import SourceError
from logwatch.model import SECOND, Gap
from logwatch.sources import JOURNAL
from logwatch.sources.inotify import WakePipe
from logwatch.sources.journal_entry import FIELDS

PIECE = 1 << 18
LONGEST_ENTRY = 16 << 20
"""Bytes of an entry as JSON; any user may write entries of hundreds of megabytes, and more than a line of one is not read."""
MAX_STDERR = 4096
"""Bytes that are kept of the errors that journalctl prints."""
RESTART_NS = SECOND
"""Time between two starts of journalctl."""
UNANSWERED_NS = 60 * SECOND
"""Time between two tries to start it after one that failed, in which the loop may have waited for `QUERY_TIMEOUT`."""
QUERY_TIMEOUT = 20.0
"""Seconds that a query to journalctl may take; the first one of gigabytes of journal is slow. The loop counts as stalled after 30."""
END_TIMEOUT = 2.0
"""Seconds in which journalctl ends before it is killed."""
MACHINE_ID = "/etc/machine-id"
ENVIRONMENT = {"LC_ALL": "C", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}


class Journalctl:
    """Entries of a journal, as journalctl prints them, after those at a cursor.

    `cursor` is the last entry that was taken over: whoever takes a line sets it. Raises SourceError if journalctl is missing.
    """

    def __init__(
        self,
        path: str,
        *,
        follow: bool,
        pipe: WakePipe,
        matches: Sequence[str] = (),
        fields: Sequence[str] = FIELDS,
        buffer_bytes: int = 1 << 20,
    ) -> None:
        """`path` is `journal:` or `journal:/folder`; what journalctl prints ends a wait for `pipe`."""
        self._path = path
        self._command = command_of(path)
        self._follow = follow
        self._pipe = pipe
        self._matches = tuple(matches)
        self._json = as_json(fields)
        self._buffer_bytes = buffer_bytes
        self.cursor = ""
        self.error: str | None = None
        """Why journalctl ended or cannot be started; None once it runs."""
        self._at_end = False
        """journalctl has printed everything, and was not asked to follow."""
        self._lines: deque[bytes] = deque()
        self._rest = bytearray()
        """Of an entry whose end has not come."""
        self._skips_entry = False
        """The rest of an entry that is too long comes."""
        self._too_long = 0
        self._gaps: list[Gap] = []
        self._stderr = b""
        self._missing = ""
        """The cursor whose entry is gone, which is a gap that was recorded."""
        self._start_ns: int | None = None
        """When it was last tried to start journalctl."""
        self._pause_ns = RESTART_NS
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def finished(self) -> bool:
        """Whether the newest entry was taken; never while following."""
        return self._at_end and not self._lines

    @property
    def waiting_bytes(self) -> int:
        """Bytes that journalctl has printed and nobody took."""
        return sum(map(len, self._lines)) + len(self._rest)

    def take_line(self, now_ns: int) -> bytes | None:
        """Return the next entry as JSON; None if there is none at the moment."""
        if not self._lines:
            self._read(now_ns)
        return self._lines.popleft() if self._lines else None

    def take_gaps(self) -> Sequence[Gap]:
        """Return the losses proven since the last call."""
        gaps, self._gaps = tuple(self._gaps), []
        return gaps

    def take_too_long(self) -> int:
        """Return how many entries were skipped since the last call."""
        count, self._too_long = self._too_long, 0
        return count

    def wait(self, timeout: float) -> None:
        """Sleep until journalctl has printed something or has ended, at most `timeout` seconds."""
        if self._process is not None and self._process.stdout is not None:
            select.select([self._process.stdout], [], [], timeout)

    def _read(self, now_ns: int) -> None:
        """Read what journalctl has written, without waiting for more; a long entry up to its end."""
        if self._process is None and not self._at_end:
            self._try_to_start(now_ns)
        self._read_stderr()
        size = 0
        while self._process is not None and size < (self._buffer_bytes if self._lines else LONGEST_ENTRY):
            assert self._process.stdout is not None
            try:
                piece = os.read(self._process.stdout.fileno(), PIECE)
            except BlockingIOError:
                break
            size += len(piece)
            self._take(piece)
            if not piece:
                self._note_end()
        if self._process is not None and (size or self._runs_for(now_ns) >= RESTART_NS):
            self.error = None

    def _take(self, piece: bytes) -> None:
        """Cut what was printed into entries, and skip one that is too long."""
        first, newline, others = piece.partition(b"\n")
        self._rest += first  # in place: an entry may come in thousands of pieces
        if newline:
            if not self._skips_entry:
                self._lines.append(bytes(self._rest))
            *whole, rest = others.split(b"\n")
            self._lines.extend(whole)
            self._rest, self._skips_entry = bytearray(rest), False
        if len(self._rest) > LONGEST_ENTRY:
            self._too_long += not self._skips_entry
            self._rest, self._skips_entry = bytearray(), True

    def _read_stderr(self) -> None:
        """Read the errors of journalctl, so that it never waits for a reader; the last ones are kept."""
        if self._process is None or self._process.stderr is None:
            return
        while piece := self._process.stderr.read(PIECE):
            self._stderr = (self._stderr + piece)[-MAX_STDERR:]

    def _try_to_start(self, now_ns: int) -> None:
        """Start journalctl after the last entry, at most once a second; while following, a failure is only recorded."""
        if self._start_ns is not None and abs(now_ns - self._start_ns) < self._pause_ns:
            return
        self._start_ns = now_ns
        self._rest, self._skips_entry = (
            bytearray(),
            False,
        )  # an entry that was incomplete when journalctl ended is printed again
        try:
            self._process = self._start(now_ns)
        except SourceError as error:
            if not self._follow:
                raise
            self.error, self._pause_ns = str(error), UNANSWERED_NS
        else:
            self._stderr, self._pause_ns = b"", RESTART_NS

    def _runs_for(self, now_ns: int) -> int:
        return 0 if self._start_ns is None else abs(now_ns - self._start_ns)

    def _start(self, now_ns: int) -> subprocess.Popen[bytes]:
        """Start journalctl; raises SourceError."""
        # --follow alone shows nothing from before the last boot; --merge does, and needs a match to leave out other hosts'.
        follow = ["--follow", "--no-tail", "--merge", *_of_this_host(self._path)] if self._follow else []
        command = [*self._command, *follow, *self._json, *self._where_to_begin(now_ns), *self._matches]
        try:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | ENVIRONMENT,
            )
        except OSError as error:
            raise _unanswered(command, self._path, error) from error
        assert process.stdout is not None
        assert process.stderr is not None
        for stream in (process.stdout, process.stderr):
            os.set_blocking(stream.fileno(), False)
        self._pipe.also.add(process.stdout.fileno())
        return process

    def _where_to_begin(self, now_ns: int) -> Sequence[str]:
        """Return where journalctl must begin; if our last entry is gone, at the oldest one after it."""
        if not self.cursor:
            return ()
        answer = self._ask(f"--cursor={self.cursor}")
        if answer.returncode:
            raise unreadable(self._path, answer.stderr.decode(errors="replace"))
        if _first_of(answer.stdout)[0] == self.cursor:
            return (f"--after-cursor={self.cursor}",)
        if self._missing != self.cursor:
            self._gaps.append(Gap(self._path, "vacuumed", now_ns, None))
            self._missing = self.cursor
        return (f"--cursor={self.cursor}",)  # --after-cursor would skip that one

    def _note_end(self) -> None:
        """Record why journalctl ended; while following, it is started again."""
        assert self._process is not None
        self._read_stderr()
        said = self._stderr.decode(errors="replace").strip()
        status = self._wait_for_end()
        if self._follow:
            self.error = said.splitlines()[-1] if said else f"journalctl ended with status {status}"
        elif status:
            raise unreadable(self._path, said)
        else:
            self._at_end = True

    def query(self) -> tuple[str, int]:
        """Return cursor and time of the newest entry; ("", 0) if there is none. Raises SourceError if journalctl does not answer."""
        return _first_of(self._ask().stdout)

    def _ask(self, *question: str) -> subprocess.CompletedProcess[bytes]:
        return call([*self._command, "--quiet", "--lines=1", *as_json(), *question], self._path)

    def stop(self) -> None:
        """End journalctl."""
        if self._process is not None:
            self._process.terminate()
            self._wait_for_end()

    def _wait_for_end(self) -> int | None:
        """Return the status with which journalctl ends, killed if it does not; None if even that takes longer."""
        assert self._process is not None
        process, self._process = self._process, None
        assert process.stdout is not None
        assert process.stderr is not None
        self._pipe.also.discard(process.stdout.fileno())
        for stream in (process.stdout, process.stderr):
            stream.close()
        with suppress(subprocess.TimeoutExpired):
            return process.wait(END_TIMEOUT)
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            return process.wait(END_TIMEOUT)
        return None


def _first_of(printed: bytes) -> tuple[str, int]:
    """Return cursor and time of the first entry that was printed; ("", 0) without one."""
    for line in printed.splitlines():
        with suppress(ValueError, RecursionError, KeyError, TypeError):
            found = json.loads(line)
            return str(found["__CURSOR"]), int(found["__REALTIME_TIMESTAMP"]) * 1000
    return "", 0


def command_of(path: str) -> list[str]:
    """Return the command that reads a journal. Raises SourceError if journalctl is missing."""
    found = shutil.which("journalctl")
    if found is None:
        raise SourceError(f"{path}: journalctl is not installed: install systemd, or name a log file with --log")
    folder = path.removeprefix(JOURNAL)
    return [found, "--no-pager", *([f"--directory={folder}"] if folder else [])]


def unreadable(path: str, said: str) -> SourceError:
    """What journalctl said last, as an error."""
    reason = said.strip().splitlines()[-1].rstrip(".") if said.strip() else "journalctl failed"
    return SourceError(
        f"{path}: {reason}: name a folder with journal files, or read it as a member of the group systemd-journal"
    )


def call(command: list[str], path: str) -> subprocess.CompletedProcess[bytes]:
    """Run a query of journalctl. Raises SourceError if it does not answer."""
    environment = os.environ | ENVIRONMENT
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=QUERY_TIMEOUT, env=environment)  # noqa: S603 - our own arguments
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unanswered(command, path, error) from error


def _unanswered(command: list[str], path: str, error: Exception) -> SourceError:
    return SourceError(f"{path}: journalctl does not answer ({error}): try {' '.join(command[:3])} by hand")


def _of_this_host(path: str) -> list[str]:
    """Return the match for entries of this host; a folder is what somebody chose, so all of it counts."""
    if path != JOURNAL:
        return []
    try:
        with open(MACHINE_ID) as file:
            return [f"_MACHINE_ID={file.read().strip()}"]
    except OSError:
        return []


def as_json(fields: Sequence[str] = FIELDS) -> list[str]:
    """Return the flags with which journalctl prints entries with these fields."""
    return ["--output=json", "--all", f"--output-fields={','.join(fields)}"]
