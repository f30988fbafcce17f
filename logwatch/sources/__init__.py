"""Where lines come from: logs, the journal, pipes, archives; and which of them to follow by default."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence

from logwatch.errors import SourceError

LOGS = ("/var/log/messages", "/var/log/syslog")
"""Red Hat and SUSE write the first, Debian and Ubuntu the second."""
JOURNAL = "journal:"
"""Means the systemd journal, in place of a path."""
DOCKER = "docker:"
"""Means an engine's API, in place of a path."""
CONTAINER_ROWS = "container_"
"""Before the name of every table of `containers`; other sources have other rows."""


def default_log(logs: Sequence[str] = LOGS, *, journal: Callable[[], str | None]) -> str:
    """Return the first log that can be read, or `journal:`.

    `journal` returns why the journal cannot be read, or None. Raises SourceError with the reason for every log tried.
    """
    found = next((log for log in logs if why_not(log) is None), None)
    if found is not None:
        return found
    refused = journal()
    if refused is None:
        return JOURNAL
    tried = "; ".join([*(f"{log}: {why_not(log)}" for log in logs), f"the journal: {refused}"])
    raise SourceError(f"no log can be read ({tried}): name one with --log PATH, mount it read-only, or {_cure(logs)}")


def why_not(path: str) -> str | None:
    """Return why a log cannot be read, with its mode and owner; None if it can."""
    try:
        found = os.stat(path)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    about = f"mode {stat.filemode(found.st_mode)}, owner {found.st_uid}:{found.st_gid}"
    if not stat.S_ISREG(found.st_mode):
        return f"not a plain file ({about})"
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        return f"permission denied ({about}, we are {os.geteuid()}:{os.getegid()})"
    return None


def _cure(logs: Sequence[str]) -> str:
    if any(os.path.exists(log) for log in logs):
        return "add our user to the file's group (on Debian: adm)"
    return "let rsyslog write one (apt-get install rsyslog)"
