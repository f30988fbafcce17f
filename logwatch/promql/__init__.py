"""PromQL instant queries over the change points of series.

    query = promql.compile('increase(docker_container_events_total{action="die"}[15m]) > 3')
    scrape = promql.Scrape({"job": "logwatch", "instance": "host:9765"})   # once
    snapshot = promql.Snapshot(view, time_ns, scrape)                      # once a turn
    for labels, value in query.evaluate_in(snapshot): …

`compile` goes through tokens (words and their places), refusals (what is not covered), the
parser of promql-parser, and planner (its tree into nodes). Nodes stand in the module of what
they do: selectors, ranges, subqueries, elements, labelling, histograms, dates, aggregations,
operators, matching, scalars. They look at the series through a snapshot.
"""

from logwatch.promql.errors import EvaluationError, ExpressionError, PromqlError
from logwatch.promql.matchers import Matcher, Selector
from logwatch.promql.motion import Motion
from logwatch.promql.planner import Reading
from logwatch.promql.query import Query, compile  # noqa: A004 - see there
from logwatch.promql.snapshot import Scrape, Snapshot
from logwatch.promql.values import Labels, Sample

__all__ = [
    "EvaluationError",
    "ExpressionError",
    "Labels",
    "Matcher",
    "Motion",
    "PromqlError",
    "Query",
    "Reading",
    "Sample",
    "Scrape",
    "Selector",
    "Snapshot",
    "compile",
]
