"""Connections to an engine's API, over a unix socket or TCP, with TLS."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from ssl import CERT_NONE, SSLContext, SSLError, create_default_context

from logwatch.errors import SourceError
from logwatch.sources import DOCKER

SOCKET = "/var/run/docker.sock"
CONNECT_TIMEOUT = 10.0
"""Seconds until a connection and the next bytes of an answer must be there."""
KEEPALIVE = 60
"""Seconds without an event after which the kernel checks that the other end is there."""
_FORMS = re.compile(
    r"""
      unix:// (?P<path> /.+ )                                                  # unix:///var/run/docker.sock
    | tcp:// (?P<host> \[[0-9A-Fa-f:.%]+\] | [^\s:/\[\]]+ ) : (?P<port> [0-9]{1,5} ) /?    # tcp://10.0.0.7:2376
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine listens."""

    host: str
    """Whose engine it is, as far as the address says."""
    target: str | tuple[str, int]
    """The path of a unix socket, or host and port."""
    tls: tuple[SSLContext, str | None] | None = None
    """With the name to verify, if not the host's."""

    @classmethod
    def parse(cls, path: str, tls: tuple[SSLContext, str | None] | None = None) -> Address:
        """Read the form that `--log` takes; raises SourceError."""
        match = _FORMS.fullmatch(path.removeprefix(DOCKER) or f"unix://{SOCKET}")
        if match is None or int(match["port"] or 0) > 65535:
            raise SourceError(f"{path}: not an engine's address: write docker:unix:///path or docker:tcp://host:port")
        if match["path"]:
            return cls(socket.gethostname(), match["path"])
        host = match["host"].strip("[]")
        return cls(host, (host, int(match["port"])), tls)


class _Connection(HTTPConnection):
    """One connection."""

    def __init__(self, address: Address) -> None:
        super().__init__(address.host, timeout=CONNECT_TIMEOUT)
        self._address = address

    def connect(self) -> None:
        """Connect, and encrypt where the address says so."""
        target = self._address.target
        if isinstance(target, str):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(CONNECT_TIMEOUT)
            self.sock.connect(target)
            return
        self.sock = socket.create_connection(target, CONNECT_TIMEOUT)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
            if hasattr(socket, option):
                self.sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), KEEPALIVE)
        if self._address.tls is not None:
            context, name = self._address.tls
            self.sock = context.wrap_socket(self.sock, server_hostname=name or target[0])


def connect(address: Address) -> HTTPConnection:
    """Return a connection that is not yet open."""
    return _Connection(address)


def tls_context(
    ca_file: Path | None, cert_file: Path | None, key_file: Path | None, *, verify: bool = True
) -> SSLContext:
    """Build what verifies an engine's certificate and shows ours; raises SourceError."""
    try:
        context = create_default_context(cafile=str(ca_file) if ca_file else None)
        if cert_file:
            context.load_cert_chain(cert_file, key_file)
    except (OSError, SSLError) as error:
        files = ", ".join(str(each) for each in (ca_file, cert_file, key_file) if each)
        raise SourceError(f"{files}: {error.strerror or error}: the engine's certificate needs them") from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = CERT_NONE
    return context
