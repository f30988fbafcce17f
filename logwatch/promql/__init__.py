"""PromQL instant queries over the change points of series.

    query = promql.compile('increase(docker_container_events_total{action="die"}[15m]) > 3')
    index = promql.SeriesIndex(promql.Scrape({"job": "logwatch", "instance": "host:9765"}))
    live = promql.LiveQuery(query, index.scrape)
    index.watch(live)                      # index.add, touch and remove say what becomes of series
    if live.update(time_ns): live.result()

`compile` goes through tokens (words and their places), refusals (what is not covered), the
parser of promql-parser, and planner (its tree into nodes). Nodes stand in the module of what
they do: selectors, ranges, subqueries, elements, labelling, histograms, dates, aggregations,
operators, matching, scalars. They look at the series through a moment.
"""

from logwatch.promql.errors import EvaluationError, ExpressionError, PromqlError
from logwatch.promql.live_query import LiveQuery
from logwatch.promql.matchers import Matcher, Selector
from logwatch.promql.planner import Reading
from logwatch.promql.query import Query, compile  # noqa: A004 - see there
from logwatch.promql.series_index import Scrape, SeriesIndex
from logwatch.promql.values import NEVER_NS, Labels, Sample

__all__ = [
    "NEVER_NS",
    "EvaluationError",
    "ExpressionError",
    "Labels",
    "LiveQuery",
    "Matcher",
    "PromqlError",
    "Query",
    "Reading",
    "Sample",
    "Scrape",
    "Selector",
    "SeriesIndex",
    "compile",
]
