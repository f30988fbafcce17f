"""JSON for programs, in the envelope of Prometheus' own API: status, data, or errorType and error."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from logwatch import __version__
from logwatch.matching.unknown_lines import LineGroup
from logwatch.model import SECOND, Mute, Rule, Severity, SourceStatus
from logwatch.notation import event_json, rfc3339
from logwatch.store import Query
from logwatch.web.alerts import KINDS, alerts_json, past_json, rules_json
from logwatch.web.answers import LAST_SECOND, SHOWN, BadQueryError, error_answer, success_answer
from logwatch.web.containers import containers
from logwatch.web.view import View

DEFAULT_LIMIT = 100
LONGEST = 10_000
LONGEST_TEXT = 512
SEVERITIES = tuple(str(severity) for severity in Severity)
"""From the least; that of a query is the least that is returned."""
ATTRIBUTES = {"project": "compose_project", "image": "image"}
"""Parameters of a query to attributes of events."""
MOST_WILDCARDS = 4
"""Each multiplies the work of a comparison."""


def routes(view: View) -> list[Route]:
    """Return the routes below /api/v1."""

    def answer(make: Callable[[Request], object]) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            try:
                return success_answer(make(request))
            except BadQueryError as error:
                return error_answer("bad_data", str(error), 400)

        return endpoint

    def events(request: Request) -> object:
        return [
            {"seq": outcome.seq, "host": outcome.event.host, **event_json(outcome.event)}
            for outcome in view.events(query(request.query_params))
        ]

    def rules(request: Request) -> object:
        kind = request.query_params.get("type")
        if kind is not None and kind not in KINDS:
            raise BadQueryError(f"type '{kind}': give alert or record")
        return rules_json(view.alerts(), rfc3339, kind)

    makers: dict[str, Callable[[Request], object]] = {
        "events": events,
        "containers": lambda _: [asdict(status) for status in containers(view.containers(), view.published)],
        "alerts": lambda _: alerts_json(view.alerts(), rfc3339),
        "alerts/past": lambda _: [past_json(alert, rfc3339) for alert in reversed(view.alerts().past)],
        "mutes": lambda _: [mute_json(mute) for mute in view.muting().mutes],
        "rules": rules,
        "sources": lambda _: [source_json(status, view) for status in view.sources()],
        "rules/events": lambda _: [rule_json(rule, view) for rule in view.rules()],
        "lines/unknown": lambda _: [group_json(group) for group in view.unknown_lines()],
        "status/buildinfo": lambda _: {
            "version": __version__,
            "pythonVersion": platform.python_version(),
        },
    }
    return [Route(f"/api/v1/{path}", answer(make), methods=["GET"]) for path, make in makers.items()]


def mute_json(mute: Mute) -> dict[str, object]:
    """Return a mute."""
    return {
        "id": mute.id,
        "match": dict(mute.match),
        "since": rfc3339(mute.since_ns, 0) if mute.since_ns else None,
        "until": rfc3339(mute.until_ns, 0) if mute.until_ns is not None else None,
        "reason": mute.reason,
        "by": mute.by,
    }


def source_json(status: SourceStatus, view: View) -> dict[str, object]:
    """Return the status of a source, with its losses."""
    gaps = view.published.values("logwatch_source_gaps_total")
    lost = view.published.values("logwatch_source_gap_bytes_total").get((status.path,), 0)
    return {
        **asdict(status),
        "gaps": {reason: int(count) for (path, reason), count in gaps.items() if path == status.path},
        "gap_bytes": int(lost),
    }


def rule_json(rule: Rule, view: View) -> dict[str, object]:
    """Return a rule with its hits."""
    hits = view.published.values("logwatch_rule_hits_total").get((rule.id,), 0)
    last = view.published.values("logwatch_rule_last_hit_timestamp_seconds").get((rule.id,))
    return {
        "id": rule.id,
        "event": rule.event or None,
        "description": rule.description,
        "role": str(rule.role),
        "severity": str(rule.severity),
        "hits": int(hits),
        "lastHit": last,
        "file": rule.mark.path,
        "line": rule.mark.line,
    }


def group_json(group: LineGroup) -> dict[str, object]:
    """Return a group of engine lines that no rule knows."""
    return {
        "level": group.level,
        "text": group.text,
        "count": group.count,
        "first": rfc3339(group.first_ns),
        "last": rfc3339(group.last_ns),
        "samples": group.samples,
    }


def query(parameters: Mapping[str, str], others: Collection[str] = ()) -> Query:
    """Read the parameters of a query of events; `others` may be there. Newest events come first."""
    known = {"since", "until", "event", "name", "id", "limit", "q", "severity", "project", "image"}
    if unknown := sorted(set(parameters) - known - set(others)):
        raise BadQueryError(f"unknown parameter '{unknown[0][:SHOWN]}': there are {', '.join(sorted(known))}")
    for name, text in parameters.items():
        if len(text) > LONGEST_TEXT:
            raise BadQueryError(f"{name} is longer than {LONGEST_TEXT} characters")
        if text.count("*") + text.count("?") > MOST_WILDCARDS:
            raise BadQueryError(f"{name} '{text[:SHOWN]}': give at most {MOST_WILDCARDS} wildcards")
    limit = parameters.get("limit", str(DEFAULT_LIMIT))
    if not limit.isascii() or not limit.isdecimal() or len(limit) > len(str(LONGEST)) or int(limit) > LONGEST:
        raise BadQueryError(f"limit '{limit[:SHOWN]}': give a number up to {LONGEST}")
    severity = parameters.get("severity")
    if severity and severity not in SEVERITIES:
        raise BadQueryError(f"severity '{severity[:SHOWN]}': give one of {', '.join(SEVERITIES)}")
    since, until = parameters.get("since"), parameters.get("until")
    return Query(
        since_ns=time_ns(since, "since") if since is not None else None,
        until_ns=time_ns(until, "until") if until is not None else None,
        event=parameters.get("event"),
        name=parameters.get("name"),
        id=parameters.get("id"),
        text=parameters.get("q"),
        severities=SEVERITIES[SEVERITIES.index(severity) :] if severity else (),
        attributes={key: parameters[name] for name, key in ATTRIBUTES.items() if parameters.get(name)},
        limit=int(limit),
        newest_first=True,
    )


def time_ns(text: str, name: str) -> int:
    """Read a Unix time in seconds or an RFC 3339 time, as Prometheus' API does; raises BadQueryError."""
    try:
        seconds = float(text)
    except ValueError:
        return _moment_ns(text, name)
    return _bounded(seconds, text, name)


def _moment_ns(text: str, name: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadQueryError(
            f"{name} '{text[:SHOWN]}': give seconds since 1970 or a time like 2026-11-23T18:12:57Z"
        ) from error
    if moment.tzinfo is None:
        raise BadQueryError(f"{name} '{text[:SHOWN]}': add the zone, for instance {text[:SHOWN]}Z")
    return _bounded(moment.timestamp(), text, name)


def _bounded(seconds: float, text: str, name: str) -> int:
    if not abs(seconds) <= LAST_SECOND:  # also NaN
        raise BadQueryError(f"{name} '{text[:SHOWN]}': out of range: give a time before 2262")
    return int(seconds * SECOND)
