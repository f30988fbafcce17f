"""Events as they are committed, as server-sent events, and a sign whenever a page may have changed.

    id: 4711                       event: change
    event: rows                    data: 82
    data: <div class="row">…

How often and how much a browser is sent is bounded: one look a second, MOST events each, MOST_STREAMS browsers.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from logwatch.errors import StateError
from logwatch.model import Outcome
from logwatch.store import Query
from logwatch.web.view import View

MOST = 50
MOST_STREAMS = 32
PAUSE = 1.0
"""Seconds between two looks for a commit."""
ALIVE = 15
"""Looks without anything to send, after which a comment keeps the connection open."""


class Live:
    """The streams of all browsers."""

    def __init__(self, view: View, render: Callable[[Iterable[Outcome]], str]) -> None:
        self._view = view
        self._render = render
        self._streams = 0
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End all streams. Called in the thread of the server."""
        self._closing.set()

    def stream(self, query: Query, after_seq: int | None) -> Response:
        """Answer with what matches a query from now on, or after an event that the browser has."""
        if self._streams >= MOST_STREAMS:
            return PlainTextResponse(
                f"{MOST_STREAMS} browsers are watching already: reload the page instead\n", 503, {"Retry-After": "60"}
            )
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._watch(query, after_seq), media_type="text/event-stream", headers=headers)

    async def _watch(self, query: Query, after_seq: int | None) -> AsyncIterator[str]:
        self._streams += 1
        try:
            seen = after_seq if after_seq is not None else await run_in_threadpool(self._newest)
            commits, quiet = self._view.commits, 0
            yield "retry: 5000\n\n"
            while not await self._is_over():
                quiet += 1
                if commits != self._view.commits:
                    commits, quiet = self._view.commits, 0
                    found = await run_in_threadpool(self._found, query, seen)
                    if found:
                        seen = found[0].seq
                        yield _written("rows", self._render(found), seen)
                    yield _written("change", str(commits))
                elif quiet % ALIVE == 0:
                    yield ": still here\n\n"
        finally:
            self._streams -= 1

    async def _is_over(self) -> bool:
        """Wait until the next look; whether the server ends."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), PAUSE)
        return self._closing.is_set()

    def _newest(self) -> int:
        return next((outcome.seq for outcome in self._events(Query(limit=1, newest_first=True))), 0)

    def _found(self, query: Query, seen: int) -> list[Outcome]:
        return list(self._events(replace(query, after_seq=seen, limit=MOST, newest_first=True)))

    def _events(self, query: Query) -> Iterable[Outcome]:
        with suppress(StateError):  # the database is being replaced: the next look finds the new one
            yield from self._view.events(query)


def _written(event: str, text: str, seq: int | None = None) -> str:
    number = f"id: {seq}\n" if seq is not None else ""
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"{number}event: {event}\n{lines}\n"
