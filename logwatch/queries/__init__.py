"""PromQL queries over what is kept of all series, for the API and `logwatch query`.

    with closing(History(state_dir)) as history:
        kept = KeptSeries(history, families)
        Querying(kept, QueryOptions(), now_ns).instant('docker_container_state{state="running"}', now_ns)

Queries read the last commit from the database, in the thread of who asks: the loop has no part in them.
"""

from logwatch.queries.kept import KeptSeries
from logwatch.queries.querying import (
    Matrix,
    Querying,
    QueryLimitError,
    QueryOptions,
    QueryTimeoutError,
    ResolutionError,
)
from logwatch.queries.sampled import SampledSeries

__all__ = [
    "KeptSeries",
    "Matrix",
    "QueryLimitError",
    "QueryOptions",
    "QueryTimeoutError",
    "Querying",
    "ResolutionError",
    "SampledSeries",
]
