"""TLS and passwords of a `web.config.yml`.

The file and the certificates are looked at whenever a connection or a request comes, and read again when they
have changed, so that a renewed certificate needs no restart. A change that cannot be used is logged, and the
previous configuration is kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import ssl
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import bcrypt
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from logwatch.config.webfile import TlsServer, read
from logwatch.errors import ConfigError
from logwatch.web.app import ANONYMOUS

PROBES = frozenset({"/-/healthy", "/-/ready"})
"""Answered without a password, for container probes: the status, and no more than the first line."""
NOBODY = "$2b$10$LM5Mhmg8Lpge4e/SJR7KlOMzIpAAWKhnzAa9lFDDrc4yhc4JcpJeK"
"""Compared if a name is unknown, so that the time of an answer does not reveal which names exist."""
LONGEST = 72
"""Bytes of a password that bcrypt looks at."""
REMEMBERED = 100
FAILURES, WINDOW = 10, 60
"""So many wrong passwords within so many seconds block an address; each costs a tenth of a second of CPU."""
REMEMBERED_CLIENTS = 1000

VERIFY = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

log = logging.getLogger("logwatch")


class Security:
    """A loaded web.config.yml. Raises ConfigError with every mistake in it."""

    def __init__(self, path: Path, now: Callable[[], float] = monotonic) -> None:
        self._path = path
        self._now = now
        self._file = read(path)
        self._seen = self._signatures()
        self.context: ssl.SSLContext | None = None
        """None: without TLS."""
        if self._file.tls_server_config is not None:
            self.context = _context(self._file.tls_server_config)
            self.context.sni_callback = self._greet
        self._current = self.context
        self._judged: dict[bytes, bool] = {}
        self._failures: dict[str, deque[float]] = {}
        """Address of a client to the times of its last wrong passwords."""

    def guard(self, application: ASGIApp) -> ASGIApp:
        """Require a password for an application."""
        return Gate(application, self)

    @property
    def asks_for_password(self) -> bool:
        """Whether requests need a password."""
        return bool(self._file.basic_auth_users)

    def is_blocked(self, client: str) -> bool:
        """Whether this address sent too many wrong passwords within the last minute."""
        failures = self._failures.get(client)
        return failures is not None and len(failures) == failures.maxlen and self._now() - failures[0] < WINDOW

    def admits(self, authorization: str | None, client: str = "") -> bool:
        """Whether a request with this Authorization header is allowed. Takes a tenth of a second the first time."""
        self._refresh()
        users = self._file.basic_auth_users
        if not users:
            return True
        name, password = _credentials(authorization)
        hashed = users.get(name, NOBODY)
        key = hashlib.sha256(f"{name}\0{hashed}\0{password}".encode("utf-8", "surrogateescape")).digest()
        if key not in self._judged:
            if len(self._judged) >= REMEMBERED:
                self._judged.clear()
            secret = password.encode("utf-8", "surrogateescape")[:LONGEST]
            self._judged[key] = bcrypt.checkpw(secret, hashed.encode()) and name in users
        if not self._judged[key] and authorization:
            self._note_failure(client)
        return self._judged[key]

    def _note_failure(self, client: str) -> None:
        if client not in self._failures and len(self._failures) >= REMEMBERED_CLIENTS:
            self._failures.pop(next(iter(self._failures)))
        self._failures.setdefault(client, deque(maxlen=FAILURES)).append(self._now())

    def _greet(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Before each handshake: use the certificates as they are now."""
        self._refresh()
        if self._current is not None:
            connection.context = self._current

    def _refresh(self) -> None:
        seen = self._signatures()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            file = read(self._path)
            current = _context(file.tls_server_config) if file.tls_server_config is not None else None
        except ConfigError as error:
            log.error("%s: keeping the previous configuration", error)  # noqa: TRY400 - an operator's mistake, not a bug
            return
        if (current is None) != (self.context is None):
            log.error("%s: enabling or disabling TLS needs a restart", self._path)
            return
        self._file, self._current = file, current
        log.info("%s: read again", self._path)

    def _signatures(self) -> list[tuple[int, int, int]]:
        tls = self._file.tls_server_config
        files = [self._path, *([tls.cert_file, tls.key_file, tls.client_ca_file] if tls is not None else [])]
        return [_signature(file) for file in files if file is not None]


def _signature(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _context(tls: TlsServer) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[tls.min_version]
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise ConfigError(
            f"{tls.cert_file}, {tls.key_file}: cannot load certificate and key (PEM, without a password): {error}"
        ) from error
    if tls.client_ca_file is not None:
        try:
            context.load_verify_locations(tls.client_ca_file)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError(f"{tls.client_ca_file}: cannot load certificates (PEM): {error}") from error
    context.verify_mode = VERIFY[tls.client_auth_type]
    return context


def _no_password() -> str:
    """Asked for an encrypted key's password, OpenSSL would wait at the terminal."""
    raise ValueError("the key is encrypted")


def _credentials(authorization: str | None) -> tuple[str, str]:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return "", ""
    name, _, password = text.partition(":")
    return name, password


class Gate:
    """Passes requests with a valid password to the application, if passwords are set."""

    def __init__(self, application: ASGIApp, security: Security) -> None:
        self._application = application
        self._security = security

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        headers = dict(scope.get("headers", ()))
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        client = (scope.get("client") or ("",))[0]
        if scope["path"] in PROBES and not authorization and self._security.asks_for_password:
            await self._application({**scope, ANONYMOUS: True}, receive, send)
        elif self._security.is_blocked(client):
            answer = PlainTextResponse("too many wrong passwords: wait a minute\n", 429, {"Retry-After": str(WINDOW)})
            await answer(scope, receive, send)
        elif await run_in_threadpool(self._security.admits, authorization, client):
            await self._application(scope, receive, send)
        elif scope["path"] in PROBES:
            await self._application({**scope, ANONYMOUS: True}, receive, send)
        else:
            answer = PlainTextResponse("authentication required\n", 401, {"WWW-Authenticate": "Basic"})
            await answer(scope, receive, send)
