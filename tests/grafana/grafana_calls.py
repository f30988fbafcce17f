"""What Grafana's Prometheus data source asks, by where it asks it.

From its sources (packages/grafana-prometheus: resource_clients.ts, metric_find_query.ts; pkg/promlib: client.go,
healthcheck.go, heuristics.go): queries and series by the method that is configured (POST as a form, by default),
values of labels, metadata, rules and status always by GET; a POST that is answered with 400 or 405 is asked again by GET.
"""

from __future__ import annotations

from typing import NamedTuple

RUNNING = "docker_container_state"
ALL = '{__name__!=""}'
BOTH = ("POST", "GET")


class Call(NamedTuple):
    """A request; `{start}` and `{end}` are the ends of the time that is looked at."""

    what: str
    path: str
    pairs: tuple[tuple[str, str], ...] = ()
    methods: tuple[str, ...] = ("GET",)
    same: bool = False
    """The two answer alike to the last digit, and not only in the same form."""


SPAN = (("start", "{start}"), ("end", "{end}"))
CALLS = (
    Call("health check", "query", (("query", "1+1"), ("time", "4")), BOTH, same=True),
    Call("instant query", "query", (("query", f"count({RUNNING})"), ("time", "{end}"), ("timeout", "30s")), BOTH),
    Call("query of a range", "query", (("query", f'{RUNNING}{{state="running"}}[1m]'), ("time", "{end}")), BOTH),
    Call("query of nothing", "query", (("query", "not_there"), ("time", "{end}")), BOTH, same=True),
    Call(
        "range query", "query_range", (("query", "time()"), *SPAN, ("step", "15"), ("timeout", "1m")), BOTH, same=True
    ),
    Call(
        "range query of series", "query_range", (("query", f"sum by (state) ({RUNNING})"), *SPAN, ("step", "15")), BOTH
    ),
    Call("too many points", "query_range", (("query", "1"), ("start", "0"), ("end", "{end}"), ("step", "1")), BOTH),
    Call("no step", "query_range", (("query", "1"), *SPAN), BOTH),
    Call("mistake", "query", (("query", "sum("), ("time", "{end}")), BOTH),
    Call("ambiguous match", "query", (("query", f"{RUNNING} * on () {RUNNING}"), ("time", "{end}")), BOTH),
    Call("exemplars", "query_exemplars", (("query", RUNNING), *SPAN), BOTH, same=True),
    Call("metrics", "label/__name__/values", (("limit", "40000"), *SPAN)),
    Call("values of a label", "label/state/values", (*SPAN, ("match[]", RUNNING)), same=True),
    Call("values of a label of two metrics", "label/name/values", (*SPAN, ("match[]", RUNNING), ("match[]", "up"))),
    Call("values of no label", "label/not_there/values", SPAN, same=True),
    Call("names of labels", "labels", (("limit", "40000"), *SPAN, ("match[]", RUNNING)), BOTH, same=True),
    Call("names of all labels", "labels", SPAN, BOTH),
    Call("series", "series", (*SPAN, ("match[]", ALL), ("limit", "40000")), BOTH),
    Call("series of a metric", "series", (*SPAN, ("match[]", f'{RUNNING}{{state="running"}}')), BOTH, same=True),
    Call("series without a selector", "series", SPAN, BOTH),
    Call("metadata", "metadata", (("limit", "5"),)),
    Call("metadata of a metric", "metadata", (("metric", RUNNING),), same=True),
    Call("rules", "rules"),
    Call("alerts", "alerts"),
    Call("kind of the server", "status/buildinfo"),
)
