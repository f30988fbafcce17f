"""Looks at a folder as a user to whom root's private files are closed."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

NOBODY = 65534


def holds_for_another_user(folder: Path, check: Callable[[], bool]) -> bool:
    """Return whether a check is true for a user who may pass every folder above this one. Only for root."""
    pid = os.fork()
    if not pid:
        held = False
        # Whatever happens, the copy of the process must not go on with the tests.
        try:
            for above in (folder, *folder.parents):
                if above == Path(tempfile.gettempdir()):
                    break
                above.chmod(0o755)
            os.setuid(NOBODY)
            held = check()
        finally:
            os._exit(not held)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
