"""Requests to one server: TLS, credentials, and what an answer means for the next try."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, InsecureRequestWarning, MaxRetryError
from urllib3.util import Url, parse_url

from logwatch import __version__
from logwatch.errors import NotifyError
from logwatch.notifiers.receiver import RefusedError

TIMEOUT = timedelta(seconds=10)
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
    """Talks to one server over one connection, for one thread."""

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
        """Scheme, host and port: what may be shown of a URL."""
        self._url = parsed._replace(auth=None).url
        self._credentials = credentials
        tls = tls or Tls()
        if not tls.verify:  # the operator asked for it; once a minute is no help
            urllib3.disable_warnings(InsecureRequestWarning)
        seconds = timeout / timedelta(seconds=1)
        self._pool = urllib3.PoolManager(
            num_pools=1,
            retries=False,
            timeout=urllib3.Timeout(connect=seconds, read=seconds),
            headers={"User-Agent": f"logwatch/{__version__}"},
            **(tls.options() if parsed.scheme == "https" else {}),
        )

    def post(self, content: object, path: str = "") -> None:
        """Send JSON; raises NotifyError, or RefusedError where trying again is of no use."""
        body = json.dumps(content).encode()
        answer = self._request("POST", path, body, {"Content-Type": "application/json"})
        if not 200 <= answer.status < 300:
            raise _failure(answer, self.origin)

    def get(self, path: str) -> bytes:
        """Return a page; raises as `post`."""
        answer = self._request("GET", path)
        if answer.status != 200:
            raise _failure(answer, self.origin)
        return answer.data

    def head(self) -> int:
        """Return the status of the URL itself without doing anything there."""
        return self._request("HEAD", "").status

    def close(self) -> None:
        """Let go of the connection."""
        self._pool.clear()

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        everything = {**self._pool.headers, **(headers or {}), **self._credentials.headers()}
        try:
            return self._pool.request(method, self._url + path, body=body, headers=everything, redirect=False)
        except (HTTPError, OSError) as error:
            raise NotifyError(f"{self.origin}: {_cause(error)}", retry=True) from error


def _cause(error: HTTPError | OSError) -> str:
    """What went wrong, without the URL (its path may be a secret) and the names of objects."""
    reason: BaseException = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    inner = reason.__cause__ or reason.__context__
    if isinstance(inner, OSError):
        reason = inner
    if isinstance(reason, ssl.SSLError):
        return str(reason)
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    timed_out = isinstance(reason, TimeoutError | urllib3.exceptions.TimeoutError)
    return "no answer in time" if timed_out else type(reason).__name__


def _failure(answer: urllib3.BaseHTTPResponse, origin: str) -> NotifyError:
    """What a status other than 2xx means."""
    says = " ".join(answer.data.decode(errors="replace").split())[:SHOWN]
    message = f"{origin}: status {answer.status}{f': {says}' if says else ''}"
    if answer.status >= 500 or answer.status in _LATER:
        return NotifyError(message, retry=True)
    if answer.status in (401, 403):
        message += ": check basic_auth or bearer_token_file"
    elif answer.status == 404:
        message += ": check the path of its URL (path_prefix of an Alertmanager)"
    elif 300 <= answer.status < 400:
        message += ": redirects are not followed: write the URL it names"
    return RefusedError(message, suspect=answer.status in _CONTENT)


def _secret(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not text"
        raise NotifyError(f"{path}: {why}: the credentials are read from there", retry=True) from None
