"""What a stage of the path promises the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Stateful(Protocol):
    """A stage whose state is committed with the position in the log."""

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over the rows (key to JSON) that changed since the last call; None deletes a row."""

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit, all of them."""
