"""Commits and restarts of one stage, as the pipeline does them with all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from logwatch.store import state_table
from logwatch.store.state_table import StateTable


class Stage(Protocol):
    """A stage that keeps its state in tables."""

    @property
    def tables(self) -> Sequence[StateTable[Any, Any]]: ...

    def restored(self) -> None: ...


def changed_rows(stage: Stage) -> dict[str, str | None]:
    """The rows that changed since the last call; None for a row that was deleted."""
    return state_table.changed_rows(stage.tables)


def restore(stage: Stage, rows: Mapping[str, str | None]) -> None:
    """Continue from the rows of the last commit."""
    state_table.restore(stage.tables, {key: row for key, row in rows.items() if row is not None})
    stage.restored()
