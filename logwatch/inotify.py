"""Opens inotify, for all that watches files."""

from __future__ import annotations

import ctypes

import inotify_simple


def open_inotify() -> inotify_simple.INotify | None:
    """Open an instance that never blocks; None where the kernel has none to give, or a limit is reached."""
    # Otherwise inotify_simple asks a child process (ldconfig) where the C library is. Until that child runs its
    # own program it holds all our descriptors, also the lock of the state directory: if we are killed with -9
    # at that moment, the next start finds the directory in use.
    inotify_simple._libc = ctypes.CDLL(None, use_errno=True)  # noqa: SLF001 - pinned by a test
    try:
        return inotify_simple.INotify(nonblocking=True)
    except (OSError, TypeError):
        return None
