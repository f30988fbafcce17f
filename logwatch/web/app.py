"""The routes."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from pathlib import Path

import jinja2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from logwatch import __version__
from logwatch.store import Query
from logwatch.web import api
from logwatch.web.containers import containers, totals
from logwatch.web.view import Probe, View

ANONYMOUS = "logwatch.anonymous"
"""In a request's scope: it came without a password, where there are passwords. It may read a probe's first line."""
LIFECYCLE_FLAG = "--web.enable-lifecycle"
EVENTS_SHOWN = 50
# Below this a reader gains nothing.
COMPRESS_FROM = 16_384


def build(view: View, *, lifecycle: bool = False) -> Starlette:
    """Make the application; `lifecycle` allows POST /-/reload and /-/quit."""

    def metrics(request: Request) -> Response:
        page, content_type = view.metrics(request.headers.get("accept", ""))
        headers = {"Vary": "Accept, Accept-Encoding"}
        if len(page) >= COMPRESS_FROM and "gzip" in request.headers.get("accept-encoding", ""):
            page, headers["Content-Encoding"] = _gzip(page), "gzip"
        return Response(page, headers=headers, media_type=content_type)

    def healthy(request: Request) -> Response:
        return _answer(view.health(), request)

    def ready(request: Request) -> Response:
        return _answer(view.readiness(), request)

    def reload(_: Request) -> Response:
        if not lifecycle:
            return _forbidden("reload")
        probe = view.reload()
        return PlainTextResponse(f"{probe.detail}\n", 200 if probe.ok else 500)

    def quit_(_: Request) -> Response:
        if not lifecycle:
            return _forbidden("quit")
        view.quit()
        return PlainTextResponse("logwatch ends after the turn at hand\n")

    landing = _template()

    def index(_: Request) -> Response:
        return HTMLResponse(landing.render(**_landing(view)).encode("utf-8", "replace"))

    return Starlette(
        routes=[
            Route("/", index, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            Route("/-/healthy", healthy, methods=["GET"]),
            Route("/-/ready", ready, methods=["GET"]),
            Route("/-/reload", reload, methods=["POST"]),
            Route("/-/quit", quit_, methods=["POST"]),
            *api.routes(view),
        ]
    )


def _landing(view: View) -> dict[str, object]:
    published = view.published
    hits = {labels[0]: int(value) for labels, value in published.values("logwatch_rule_hits_total").items()}
    rules = sorted(view.rules(), key=lambda rule: (-hits.get(rule.id, 0), rule.id))
    return {
        "version": __version__,
        "ready": view.readiness(),
        "containers": containers(published),
        "totals": totals(published),
        "events": [outcome.event for outcome in view.events(Query(limit=EVENTS_SHOWN, newest_first=True))],
        "rules": [(rule, hits.get(rule.id, 0)) for rule in rules],
        "sources": view.sources(),
        "alerts": sorted(view.alerts().alerts, key=lambda alert: (alert.state, alert.labels["alertname"])),
    }


def _template() -> jinja2.Template:
    # A loader of packages would bring in all of importlib.metadata.
    text = (Path(__file__).parent / "templates" / "index.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["stamp"] = lambda time_ns: api.rfc3339(time_ns)[:-7].replace("T", " ")
    environment.filters["clock"] = lambda seconds: f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    return environment.from_string(text)


def _answer(probe: Probe, request: Request) -> Response:
    detail = probe.detail.partition("\n")[0] if ANONYMOUS in request.scope else probe.detail
    return PlainTextResponse(f"{detail}\n", 200 if probe.ok else 503)


def _forbidden(what: str) -> Response:
    return PlainTextResponse(f"/-/{what} is switched off: start logwatch with {LIFECYCLE_FLAG}\n", 403)


def _gzip(page: bytes) -> bytes:
    # Level 1: pages of metrics shrink tenfold all the same, and zlib lets the loop run meanwhile.
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(page) + packer.flush()
