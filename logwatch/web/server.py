"""The server, in its own thread, and the addresses it listens on: `:9100`, `127.0.0.1:0`, `[::1]:9100`."""

from __future__ import annotations

import asyncio
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING

import uvicorn
from anyio import to_thread

from logwatch.errors import ConfigError
from logwatch.web import app
from logwatch.web.connections import Connection, Listener, connection_limit
from logwatch.web.live import Live
from logwatch.web.view import View


def parse_address(address: str) -> tuple[str, int]:
    """Return host and port; the host is empty for every address of the machine. Raises ConfigError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"'{address}' is not a listening address: write host:port, :port or [::1]:port")
    if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
        raise ConfigError(f"'{address}' is not a listening address: write an IPv6 address in brackets, [::1]:{port}")
    return host.strip("[]"), int(port)


def listen(address: str) -> socket.socket:
    """Return a socket that listens there. Raises ConfigError if that cannot be."""
    host, port = parse_address(address)
    try:
        if not host:
            return _everywhere(port)
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(place[:2], family=family)
    except socket.gaierror as error:
        raise ConfigError(f"cannot listen on {address}: host {host} not found ({error.strerror})") from error
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {address}: port {port}: {_reason(error)}: choose another with --web.listen-address"
        ) from error


def shown_address(listening: socket.socket) -> str:
    """Return the address of a listening socket as one writes it in a URL."""
    host, port = listening.getsockname()[:2]
    if host in ("::", "0.0.0.0"):  # noqa: S104 -- compared, not bound
        host = "localhost"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _everywhere(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).split(" (")[0].lower()


if TYPE_CHECKING:  # most run without: OpenSSL and bcrypt need not be loaded
    from logwatch.web.security import Security

# 9100-9999 are all given away in Prometheus' list of default ports since 2023, and on 9979
# OpenShift's etcd serves its metrics. This one is in no copy of that list that we have seen
# (mind 19999, Netdata), and below 32768, from where Linux takes ports for outgoing connections.
DEFAULT_ADDRESS = ":19979"
GRACE = 1
MAX_CONNECTIONS = 512
REQUESTS_AT_ONCE = 8
"""Pages and calls of the API: each thread takes its share of the interpreter from the loop. Others wait."""


class _Server(uvicorn.Server):
    """uvicorn with bounded connections, and without its ten wake-ups a second (most of what an idle logwatch does)."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket, max_connections: int, live: Live) -> None:
        super().__init__(config)
        self._live = live
        self._listening = listening
        self._most = connection_limit(max_connections)
        self._listener: Listener | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's signature
        self.servers = []  # uvicorn's own would accept without bound
        make = partial(Connection, config=self.config, server_state=self.server_state, app_state={})
        self._listener = Listener(self._listening, make, self.server_state.connections, self._most, self.config.ssl)
        self._listener.start()
        to_thread.current_default_thread_limiter().total_tokens = REQUESTS_AT_ONCE
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._listener is not None:
            self._listener.close()
        self._live.close()
        await super().shutdown(sockets)

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
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._socket: socket.socket = listen(listen_address)
        self.address = shown_address(self._socket)
        application, live = app.build(view, lifecycle=lifecycle)
        config = uvicorn.Config(
            security.guard(application) if security is not None else application,
            loop="asyncio",
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # malformed requests are answered, not logged
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        config.load()
        config.ssl = security.context if security is not None else None
        self._server = _Server(config, self._socket, max_connections, live)
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
