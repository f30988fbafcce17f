"""The routes."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import unquote

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from logwatch.store import Query
from logwatch.store.mutes import TooManyMutesError
from logwatch.web import api, muting, queries
from logwatch.web.address import Address
from logwatch.web.answers import BadQueryError
from logwatch.web.live import Live
from logwatch.web.view import Probe, View

if TYPE_CHECKING:
    from logwatch.web.pages import Pages
    from logwatch.web.rendering import StaticFile

ANONYMOUS = "logwatch.anonymous"
"""In a request's scope: it came without a valid password although one is required. It may read a probe's first line."""
LIFECYCLE_FLAG = "--web.enable-lifecycle"
# Below this compression gains nothing.
COMPRESS_FROM = 16_384
SCRAPES_AT_ONCE = 4
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""Of pages: nothing from others, and nothing inline, since log text is hostile."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def build(view: View, *, lifecycle: bool = False) -> tuple[Starlette, Live]:
    """Make the application, and what ends its streams; `lifecycle` allows POST /-/reload, /-/quit and /-/mute."""
    own = _Routes(view, lifecycle=lifecycle)
    routes = [*own.all(), *api.routes(view), *queries.routes(view)]
    middleware = [Middleware(SecureHeaders)]
    return Starlette(routes=routes, middleware=middleware, exception_handlers={ClientDisconnect: _unread}), own.live


def _unread(_request: Request, _error: Exception) -> Response:
    """The answer to a client that is gone before its request was complete: nobody reads it, and nothing went wrong here."""
    return PlainTextResponse("", 400)


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
    """Pages, metrics, probes, mutes, reload and quit."""

    def __init__(self, view: View, *, lifecycle: bool) -> None:
        self._view = view
        self._lifecycle = lifecycle
        # Threads of their own: a scrape waits for no page and no query.
        self._scrapes = CapacityLimiter(SCRAPES_AT_ONCE)
        self._reloading = asyncio.Lock()
        self._next_reload: asyncio.Task[Probe] | None = None
        """What every request waits for that comes while a reload runs: one thread waits, not one for each request."""
        self.live = Live(view, lambda outcomes: self._pages.rows(outcomes))

    def all(self) -> list[Route]:
        """Return the routes."""
        pages: dict[str, Callable[[Address], bytes]] = {
            "/": lambda address: self._pages.overview(address),
            "/events": lambda address: self._pages.events(address),
            "/alerts": lambda address: self._pages.alerts(address),
            "/rules": lambda address: self._pages.rules(address),
            "/sources": lambda address: self._pages.sources(address),
            "/search": lambda address: self._pages.search(address),
            "/graph": lambda address: self._pages.graph(address),
            "/runbooks": lambda address: self._pages.runbooks(address),
        }
        return [
            *(Route(path, self._page(make), methods=["GET"]) for path, make in pages.items()),
            Route("/containers/{name:path}", self._page(self._container), methods=["GET"]),
            Route("/runbooks/{name}", self._page(self._runbook), methods=["GET"]),
            Route("/events/stream", self._stream, methods=["GET"]),
            Route("/static/{name}", self._static, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
            Route("/-/healthy", self._healthy, methods=["GET"]),
            Route("/-/ready", self._ready, methods=["GET"]),
            Route("/-/mute", self._mute, methods=["POST"]),
            Route("/-/unmute", self._unmute, methods=["POST"]),
            Route("/-/reload", self._reload, methods=["POST"]),
            Route("/-/quit", self._quit, methods=["POST"]),
        ]

    @cached_property
    def _files(self) -> Mapping[str, StaticFile]:
        from logwatch.web.rendering import static_files

        return static_files()

    @cached_property
    def _pages(self) -> Pages:
        """Loads what draws pages when the first is asked for: most are only ever scraped."""
        from logwatch.web.pages import Pages

        return Pages(self._view, self._files, lifecycle=self._lifecycle)

    def _page(self, make: Callable[[Address], bytes | None]) -> Callable[[Request], Response]:
        """Answer with a page for the address that is asked for."""

        def endpoint(request: Request) -> Response:
            try:
                page = make(Address(request.url.path, dict(request.query_params)))
            except BadQueryError as error:
                return PlainTextResponse(f"{error}\n", 400)
            if page is None:
                return PlainTextResponse(f"{request.url.path}: not found\n", 404)
            headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
            return _compressed(page, request, headers, "text/html; charset=utf-8")

        return endpoint

    def _container(self, address: Address) -> bytes | None:
        return self._pages.container(unquote(address.path.removeprefix("/containers/")), address)

    def _runbook(self, address: Address) -> bytes | None:
        return self._pages.runbook(address.path.removeprefix("/runbooks/"), address)

    async def _stream(self, request: Request) -> Response:
        last = request.headers.get("last-event-id", "")
        try:
            wanted = await run_in_threadpool(self._stream_query, Address("/events", dict(request.query_params)))
        except BadQueryError as error:
            return PlainTextResponse(f"{error}\n", 400)
        return self.live.stream(wanted, int(last) if last.isascii() and last.isdecimal() and len(last) < 19 else None)

    def _stream_query(self, address: Address) -> Query:
        from logwatch.web.pages import event_query

        return event_query(address)

    def _static(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"])
        if file is None:
            return PlainTextResponse("not found\n", 404)
        return _compressed(file.content, request, {"Cache-Control": "max-age=31536000, immutable"}, file.type)

    async def _metrics(self, request: Request) -> Response:
        return await to_thread.run_sync(self._scrape, request, limiter=self._scrapes)

    def _scrape(self, request: Request) -> Response:
        page, content_type = self._view.metrics(request.headers.get("accept", ""))
        return _compressed(page, request, {"Vary": "Accept, Accept-Encoding"}, content_type)

    # The probes are answered by the web thread itself: they wait for no other request.
    async def _healthy(self, request: Request) -> Response:
        return _answer(self._view.health(), request)

    async def _ready(self, request: Request) -> Response:
        return _answer(self._view.readiness(), request)

    async def _mute(self, request: Request) -> Response:
        return await self._muting(request, lambda form: self._begin(form, muting.user(request.headers)))

    async def _unmute(self, request: Request) -> Response:
        return await self._muting(request, self._end)

    async def _muting(self, request: Request, change: Callable[[Mapping[str, str]], Response | None]) -> Response:
        """Change what is muted, and return to the page that asked for it."""
        if not self._lifecycle:
            return _forbidden(request.url.path.removeprefix("/-/"))
        if muting.is_foreign(request.headers):
            return PlainTextResponse("a page of another site sent this request\n", 403)
        try:
            form = muting.fields(await _body(request, muting.LONGEST_BODY))
            answer = await run_in_threadpool(change, form)
        except (BadQueryError, TooManyMutesError) as error:
            return PlainTextResponse(f"{error}\n", 400)
        except OSError as error:
            return PlainTextResponse(f"the state directory cannot be written: {error.strerror}\n", 500)
        back = form.get("back", "")
        is_local = back.startswith("/") and not back.startswith(("//", "/\\"))
        return answer or RedirectResponse(back if is_local else "/alerts", 303)

    def _begin(self, form: Mapping[str, str], by: str) -> None:
        self._view.mute(muting.mute_from(form, by, self._view.now_ns()))

    def _end(self, form: Mapping[str, str]) -> Response | None:
        if muting.end(self._view, form.get("id", "")):
            return None
        return PlainTextResponse("mute not found: /api/v1/mutes lists them\n", 404)

    async def _reload(self, _: Request) -> Response:
        if not self._lifecycle:
            return _forbidden("reload")
        if self._next_reload is None:
            self._next_reload = asyncio.create_task(self._reload_once())
        probe = await asyncio.shield(self._next_reload)  # others wait for it, too
        return PlainTextResponse(f"{probe.detail}\n", 200 if probe.ok else 500)

    async def _reload_once(self) -> Probe:
        """Reload after the one that runs: it may have read its files before they were changed."""
        async with self._reloading:
            self._next_reload = None
            return await run_in_threadpool(self._view.reload)

    def _quit(self, _: Request) -> Response:
        if not self._lifecycle:
            return _forbidden("quit")
        self._view.quit()
        return PlainTextResponse("shutting down\n")


async def _body(request: Request, most: int) -> bytes:
    """Return the body of a request, and no more than one byte beyond `most`."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most:
            break
    return body[: most + 1]


def _compressed(content: bytes, request: Request, headers: dict[str, str], kind: str) -> Response:
    """Answer with a page, compressed if it is large and the client can read that."""
    headers = {"Vary": "Accept-Encoding", **headers}
    if len(content) >= COMPRESS_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = _gzip(content), "gzip"
    return Response(content, headers=headers, media_type=kind)


def _answer(probe: Probe, request: Request) -> Response:
    detail = probe.detail.partition("\n")[0] if ANONYMOUS in request.scope else probe.detail
    return PlainTextResponse(f"{detail}\n", 200 if probe.ok else 503)


def _forbidden(what: str) -> Response:
    return PlainTextResponse(f"/-/{what} is disabled: start logwatch with {LIFECYCLE_FLAG}\n", 403)


def _gzip(page: bytes) -> bytes:
    # Level 1: pages of metrics shrink tenfold all the same, and zlib lets the loop run meanwhile.
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(page) + packer.flush()
