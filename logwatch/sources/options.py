"""How a path is followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from logwatch.model import SECOND
from logwatch.sources.open_file import Limits


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may choose about a followed path."""

    start: Literal["beginning", "end"] = "beginning"
    limits: Limits = field(default_factory=Limits)
    rotate_wait_ns: int = 60 * SECOND
    """A rotated file stays open until nobody has written to it for so long."""
    patterns: tuple[str, ...] = ()
    """Names of rotated copies beyond the usual ones; `%s` stands for the log's name."""
    olddirs: tuple[str, ...] = ()
