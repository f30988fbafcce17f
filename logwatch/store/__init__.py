"""What must survive: the only part of logwatch that writes state.

    state_dir/
        logwatch.db          SQLite in WAL mode: positions, stages, series, events
        positions.json       a copy of the positions, for the day the database cannot be read
        lock                 held by the one process that may write

Everything that one transaction of the loop brought is written in one transaction, so that after a
crash the position in the log and all that was counted up to it belong together.
"""

from logwatch.store.database import Saved, Store
from logwatch.store.durability import Sync
from logwatch.store.history import History, Query
from logwatch.store.older_points import OlderPoints, TooManyPointsError
from logwatch.store.retention import Retention
from logwatch.store.transaction import Transaction

__all__ = [
    "History",
    "OlderPoints",
    "Query",
    "Retention",
    "Saved",
    "Store",
    "Sync",
    "TooManyPointsError",
    "Transaction",
]
