"""PromQL instant queries over the change points of series.

    query = promql.compile('increase(docker_container_events_total{action="die"}[15m]) > 3')
    index = promql.SeriesIndex(promql.Scrape({"job": "logwatch", "instance": "host:9765"}))
    live = promql.LiveQuery(query, index.scrape)
    index.watch(live)                      # index.add, touch and remove report changes of series
    if live.update(time_ns): live.result()

`compile` goes through syntax (words and their places, what is not supported), the parser of
promql-parser, traits (what parts of the expression depend on) and planner (its tree into nodes).
Nodes are in the module of what they do: selectors, range_functions, vector_functions,
aggregations, operators, vector_matching; `functions` has the allow-list. They read series through a moment.
"""

from logwatch.promql.matchers import Matcher, Selector
from logwatch.promql.planner import Reading
from logwatch.promql.query import LiveQuery, Query, compile, prettify, select  # noqa: A004 - see there
from logwatch.promql.series_index import Scrape, SeriesIndex
from logwatch.promql.syntax import EvaluationError, ExpressionError, PromqlError, Version
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
    "Version",
    "compile",
    "prettify",
    "select",
]
