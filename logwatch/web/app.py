"""The routes."""

from __future__ import annotations

import zlib
from functools import cached_property
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from logwatch.web import api, queries
from logwatch.web.view import Probe, View

if TYPE_CHECKING:
    from logwatch.web.pages import Pages

ANONYMOUS = "logwatch.anonymous"
"""In a request's scope: it came without a valid password although one is required. It may read a probe's first line."""
LIFECYCLE_FLAG = "--web.enable-lifecycle"
# Below this compression gains nothing.
COMPRESS_FROM = 16_384
SCRAPES_AT_ONCE = 4
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def build(view: View, *, lifecycle: bool = False) -> Starlette:
    """Make the application; `lifecycle` allows POST /-/reload and /-/quit."""
    routes = [*_Routes(view, lifecycle=lifecycle).all(), *api.routes(view), *queries.routes(view)]
    return Starlette(routes=routes, middleware=[Middleware(SecureHeaders)])


class SecureHeaders:
    """Adds headers that keep a browser from running or framing what an answer contains: log text is hostile."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class _Routes:
    """Pages, metrics, probes, reload and quit."""

    def __init__(self, view: View, *, lifecycle: bool) -> None:
        self._view = view
        self._lifecycle = lifecycle
        # Threads of their own: a scrape waits for no page and no query.
        self._scrapes = CapacityLimiter(SCRAPES_AT_ONCE)

    def all(self) -> list[Route]:
        return [
            Route("/", self._index, methods=["GET"]),
            Route("/containers/{name:path}", self._container, methods=["GET"]),
            Route("/graph", self._graph, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
            Route("/-/healthy", self._healthy, methods=["GET"]),
            Route("/-/ready", self._ready, methods=["GET"]),
            Route("/-/reload", self._reload, methods=["POST"]),
            Route("/-/quit", self._quit, methods=["POST"]),
        ]

    @cached_property
    def _pages(self) -> Pages:
        """Loads what draws pages when the first is asked for: most are only ever scraped."""
        from logwatch.web.pages import Pages

        return Pages(self._view)

    def _index(self, _: Request) -> Response:
        return self._html(self._pages.index())

    def _container(self, request: Request) -> Response:
        name = request.path_params["name"]
        page = self._pages.container(name)
        return PlainTextResponse(f"container {name!r} not found\n", 404) if page is None else self._html(page)

    def _graph(self, request: Request) -> Response:
        parameters = request.query_params
        return self._html(self._pages.graph(parameters.get("expr", ""), parameters.get("range", "")))

    def _html(self, page: bytes) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": self._pages.policy})

    async def _metrics(self, request: Request) -> Response:
        return await to_thread.run_sync(self._scrape, request, limiter=self._scrapes)

    def _scrape(self, request: Request) -> Response:
        page, content_type = self._view.metrics(request.headers.get("accept", ""))
        headers = {"Vary": "Accept, Accept-Encoding"}
        if len(page) >= COMPRESS_FROM and "gzip" in request.headers.get("accept-encoding", ""):
            page, headers["Content-Encoding"] = _gzip(page), "gzip"
        return Response(page, headers=headers, media_type=content_type)

    # The probes are answered by the web thread itself: they wait for no other request.
    async def _healthy(self, request: Request) -> Response:
        return _answer(self._view.health(), request)

    async def _ready(self, request: Request) -> Response:
        return _answer(self._view.readiness(), request)

    def _reload(self, _: Request) -> Response:
        if not self._lifecycle:
            return _forbidden("reload")
        probe = self._view.reload()
        return PlainTextResponse(f"{probe.detail}\n", 200 if probe.ok else 500)

    def _quit(self, _: Request) -> Response:
        if not self._lifecycle:
            return _forbidden("quit")
        self._view.quit()
        return PlainTextResponse("shutting down\n")


def _answer(probe: Probe, request: Request) -> Response:
    detail = probe.detail.partition("\n")[0] if ANONYMOUS in request.scope else probe.detail
    return PlainTextResponse(f"{detail}\n", 200 if probe.ok else 503)


def _forbidden(what: str) -> Response:
    return PlainTextResponse(f"/-/{what} is disabled: start logwatch with {LIFECYCLE_FLAG}\n", 403)


def _gzip(page: bytes) -> bytes:
    # Level 1: pages of metrics shrink tenfold all the same, and zlib lets the loop run meanwhile.
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(page) + packer.flush()
