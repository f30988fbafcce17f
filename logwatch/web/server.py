"""The server, in its own thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

from logwatch.web import address, app
from logwatch.web.view import View

if TYPE_CHECKING:  # most run without: OpenSSL and bcrypt need not be loaded
    from logwatch.web.security import Security

# 9100-9999 are all given away in Prometheus' list of default ports since 2023, and on 9979
# OpenShift's etcd serves its metrics. This one is in no copy of that list that we have seen
# (mind 19999, Netdata), and below 32768, from where Linux takes ports for outgoing connections.
DEFAULT_ADDRESS = ":19979"
GRACE = 2


class _Server(uvicorn.Server):
    """uvicorn without its ten wake-ups a second, which would be most of what an idle logwatch does."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._end.wait()

    def stop(self) -> None:
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end.set)


class WebServer:
    """Listens from the moment it is made; `start` begins to answer.

    Raises ConfigError, with the port, if it cannot listen.
    """

    def __init__(
        self,
        view: View,
        listen_address: str = DEFAULT_ADDRESS,
        *,
        lifecycle: bool = False,
        security: Security | None = None,
    ) -> None:
        self._socket: socket.socket = address.listen(listen_address)
        self.address = address.shown(self._socket)
        application = app.build(view, lifecycle=lifecycle)
        config = uvicorn.Config(
            security.guard(application) if security is not None else application,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        config.load()
        config.ssl = security.context if security is not None else None
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name="logwatch-web", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Finish what is being answered, then stop listening."""
        self._server.stop()
        if self._thread.is_alive():
            self._thread.join(GRACE + 1)
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])
