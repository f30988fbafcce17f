"""The default state directory, and the one of before the distribution was called docker-logwatch."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from logwatch.errors import StateError
from logwatch.store.lock import Lock

DEFAULT = Path("/var/lib/docker-logwatch")
EARLIER = Path("/var/lib/logwatch")
DATABASE = "logwatch.db"

log = logging.getLogger("logwatch")


def in_use(default: Path | None = None, earlier: Path | None = None) -> Path:
    """Return the directory that holds the state: the earlier one while only that has a database."""
    default, earlier = default or DEFAULT, earlier or EARLIER
    with suppress(OSError):  # what may not be looked at is not ours
        if not _has_state(default) and _has_state(earlier):
            return earlier
    return default


def take_over(default: Path | None = None, earlier: Path | None = None) -> Path:
    """Rename the earlier directory to the default one, and return the one to use.

    Nothing is renamed over what is there, nor while another process has the state; then the earlier one stays in use,
    with a warning.
    """
    default, earlier = default or DEFAULT, earlier or EARLIER
    if in_use(default, earlier) == default:
        return default
    try:
        Lock(earlier).release()
        earlier.rename(default)  # takes the place of an empty directory, and of no other
    except (OSError, StateError) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        log.warning("%s: not renamed to %s: %s: going on there; set state.dir to keep it", earlier, default, cause)
        return earlier
    log.info("state directory %s renamed to %s", earlier, default)
    return default


def _has_state(directory: Path) -> bool:
    return (directory / DATABASE).is_file()
