"""The routes."""

from __future__ import annotations

import functools
import zlib
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from logwatch.web import api
from logwatch.web.view import Probe, View

if TYPE_CHECKING:
    from logwatch.web.pages import Pages

ANONYMOUS = "logwatch.anonymous"
"""In a request's scope: it came without a password, where there are passwords. It may read a probe's first line."""
LIFECYCLE_FLAG = "--web.enable-lifecycle"
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

    @functools.cache
    def pages() -> Pages:
        """Load what draws pages when the first is asked for: most are only ever scraped."""
        from logwatch.web.pages import Pages

        return Pages(view)

    def index(_: Request) -> Response:
        return HTMLResponse(pages().index())

    def container(request: Request) -> Response:
        name = request.path_params["name"]
        page = pages().container(name)
        return PlainTextResponse(f"no container is called {name!r} here\n", 404) if page is None else HTMLResponse(page)

    return Starlette(
        routes=[
            Route("/", index, methods=["GET"]),
            Route("/containers/{name:path}", container, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            Route("/-/healthy", healthy, methods=["GET"]),
            Route("/-/ready", ready, methods=["GET"]),
            Route("/-/reload", reload, methods=["POST"]),
            Route("/-/quit", quit_, methods=["POST"]),
            *api.routes(view),
        ]
    )


def _answer(probe: Probe, request: Request) -> Response:
    detail = probe.detail.partition("\n")[0] if ANONYMOUS in request.scope else probe.detail
    return PlainTextResponse(f"{detail}\n", 200 if probe.ok else 503)


def _forbidden(what: str) -> Response:
    return PlainTextResponse(f"/-/{what} is switched off: start logwatch with {LIFECYCLE_FLAG}\n", 403)


def _gzip(page: bytes) -> bytes:
    # Level 1: pages of metrics shrink tenfold all the same, and zlib lets the loop run meanwhile.
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(page) + packer.flush()
