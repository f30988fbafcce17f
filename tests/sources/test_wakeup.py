"""Waking up when a log grows."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
sys.addaudithook(lambda event, _: event in {"subprocess.Popen", "os.fork", "os.posix_spawn"} and sys.exit(event))
from logwatch.sources.wakeup import Wakeup
wakeup = Wakeup()
assert wakeup._inotify is not None, "no inotify here"
"""


def test_watching_starts_no_child_process_that_would_inherit_the_lock_of_the_state():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
