"""Requests to one server: TLS, credentials, time and size limits, and whether a retry may help."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any
from weakref import WeakSet

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, InsecureRequestWarning, MaxRetryError
from urllib3.util import Url, parse_url

from logwatch import __version__
from logwatch.errors import NotifyError
from logwatch.notifiers.receiver import RejectedError

TIMEOUT = timedelta(seconds=10)
LONGEST = 1 << 16
"""Bytes of an answer that are read."""
SHOWN = 200
"""Characters of an answer that a message quotes."""

# Too early, or too much at once: the same request may pass later.
_LATER = frozenset({408, 425, 429})
# The request was understood as far as its content: one alert of it may be to blame.
_CONTENT = frozenset({400, 413, 422})


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are. Files are read at every request, so that a rotated secret is picked up."""

    username: str = ""
    password: str | None = None
    password_file: Path | None = None
    bearer_token_file: Path | None = None

    def headers(self) -> dict[str, str]:
        """Return the header that authorises a request, if there is one; raises NotifyError."""
        if self.bearer_token_file:
            return {"Authorization": f"Bearer {_secret(self.bearer_token_file)}"}
        if not self.username:
            return {}
        password = _secret(self.password_file) if self.password_file else self.password or ""
        return {"Authorization": f"Basic {b64encode(f'{self.username}:{password}'.encode()).decode()}"}

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r})"


@dataclass(frozen=True, slots=True)
class Tls:
    """How the server's certificate is checked, and ours shown."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    verify: bool = True

    def options(self) -> dict[str, Any]:
        """Return the arguments for urllib3's pool."""
        options: dict[str, Any] = {"cert_reqs": "CERT_REQUIRED" if self.verify else "CERT_NONE"}
        paths = {"ca_certs": self.ca_file, "cert_file": self.cert_file, "key_file": self.key_file}
        options.update({name: str(path) for name, path in paths.items() if path})
        if self.server_name:
            options["server_hostname"] = self.server_name  # asked for by this name, and checked against it
        return options


class Client:
    """Talks to one server over one connection, for one thread; `close` may be called from any other.

    `timeout` bounds a whole request, so a server that sends its answer byte by byte is given up as well.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        tls: Tls | None = None,
        timeout: timedelta = TIMEOUT,
    ) -> None:
        parsed = parse_url(url)
        credentials = credentials or Credentials()
        if parsed.auth and not credentials.username and not credentials.bearer_token_file:
            username, _, password = parsed.auth.partition(":")
            credentials = Credentials(username, password)
        self.origin = Url(scheme=parsed.scheme, host=parsed.host, port=parsed.port).url
        """Scheme, host and port: the part of the URL that may be shown."""
        self._target = parsed.request_uri if parsed.path or parsed.query else ""
        self._credentials = credentials
        tls = tls or Tls()
        if not tls.verify:  # the operator asked for it; a warning each minute helps nobody
            urllib3.disable_warnings(InsecureRequestWarning)
        self._seconds = timeout / timedelta(seconds=1)
        self._connections: WeakSet[HTTPConnection] = WeakSet()
        self._aborted = False
        secure = parsed.scheme == "https"
        pool = urllib3.HTTPSConnectionPool if secure else urllib3.HTTPConnectionPool
        self._pool = pool(
            str(parsed.host),
            parsed.port,
            retries=False,
            timeout=urllib3.Timeout(connect=self._seconds, read=self._seconds),
            headers={"User-Agent": f"logwatch/{__version__}"},
            **(tls.options() if secure else {}),
        )
        self._pool.ConnectionCls = self._remembered(HTTPSConnection if secure else HTTPConnection)

    def post(self, content: object, path: str = "") -> None:
        """Send JSON; raises NotifyError, or RejectedError if a retry is of no use."""
        self.send(json.dumps(content).encode(), {"Content-Type": "application/json"}, path)

    def send(self, body: bytes, headers: Mapping[str, str], path: str = "") -> bytes:
        """Send a body, and return the answer, at most `LONGEST` bytes of it; raises as `post`."""
        status, page = self._request("POST", path, body, headers)
        if not 200 <= status < 300:
            raise _failure(status, page, self.origin)
        return page

    def delete(self, path: str) -> None:
        """Delete something; raises as `post`."""
        status, page = self._request("DELETE", path)
        if not 200 <= status < 300:
            raise _failure(status, page, self.origin)

    def get(self, path: str, longest: int = LONGEST) -> bytes:
        """Return a page, at most so many bytes of it; raises as `post`."""
        status, page = self._request("GET", path, longest=longest)
        if status != 200:
            raise _failure(status, page, self.origin)
        return page

    def head(self) -> int:
        """Return the status of the URL itself without changing anything there."""
        return self._request("HEAD", "")[0]

    def close(self) -> None:
        """Abort the request in progress, if any."""
        self._aborted = True
        for connection in list(self._connections):
            with suppress(OSError, TypeError):  # just closed, or not open
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        longest: int = LONGEST,
    ) -> tuple[int, bytes]:
        everything = {**self._pool.headers, **(headers or {}), **self._credentials.headers()}
        self._aborted = False
        deadline = threading.Timer(self._seconds, self.close)
        deadline.daemon = True
        deadline.start()
        try:
            answer = self._pool.request(
                method,
                self._target.rstrip("/") + path if path else self._target or "/",
                body=body,
                headers=everything,
                redirect=False,
                preload_content=False,
            )
            if self._aborted:  # the headers may look complete, ended by the abort
                answer.close()
                raise TimeoutError
            return answer.status, self._page(answer, longest)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            late = f"no answer within {self._seconds:g} s"
            cause = late if self._aborted else _cause(error) or late
            raise NotifyError(f"{self.origin}: {cause}", retry=True) from error
        finally:
            deadline.cancel()

    def _page(self, answer: urllib3.BaseHTTPResponse, longest: int) -> bytes:
        """The beginning of the body. The status is the result, so a body that fails counts as empty."""
        try:
            page = answer.read(longest, decode_content=False)
            if answer.read(1, decode_content=False):
                answer.close()  # reading the rest of a long answer would take longer than a new connection
        except (HTTPError, HTTPException, OSError, ValueError):
            answer.close()
            return b""
        answer.release_conn()
        return page

    def _remembered(self, base: type[HTTPConnection]) -> type[HTTPConnection]:
        """A connection class whose objects `close` can reach."""
        connections = self._connections

        class Connection(base):  # type: ignore[misc,valid-type] # plain or TLS
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                connections.add(self)

        return Connection


def _cause(error: Exception) -> str:
    """What went wrong, without the URL (its path may be a secret) and the names of objects; empty for a time-out."""
    reason: BaseException = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    inner = reason.__cause__ or reason.__context__
    if isinstance(inner, OSError):
        reason = inner
    if isinstance(reason, ssl.SSLError):
        return str(reason)
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    timed_out = isinstance(reason, TimeoutError | urllib3.exceptions.TimeoutError)
    return "" if timed_out else type(reason).__name__


def _failure(status: int, page: bytes, origin: str) -> NotifyError:
    """What a status other than 2xx means."""
    says = " ".join(page.decode(errors="replace").split())[:SHOWN]
    message = f"{origin}: status {status}{f': {says}' if says else ''}"
    if status >= 500 or status in _LATER:
        return NotifyError(message, retry=True)
    if status in (401, 403):
        message += ": check basic_auth or bearer_token_file"
    elif status == 404:
        message += ": check the path of its URL (path_prefix of an Alertmanager)"
    elif 300 <= status < 400:
        message += ": redirects are not followed: write the URL it names"
    return RejectedError(message, suspect=status in _CONTENT)


def _secret(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not text"
        raise NotifyError(f"{path}: {why}: the credentials are read from there", retry=True) from None
