"""Where to listen, in the forms that Prometheus' flags take: `:9100`, `127.0.0.1:0`, `[::1]:9100`."""

from __future__ import annotations

import socket

from logwatch.errors import ConfigError


def parse(address: str) -> tuple[str, int]:
    """Return host and port; the host is empty for every address of the machine. Raises ConfigError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"'{address}' is no address to listen on: write host:port, :port or [::1]:port")
    if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
        raise ConfigError(f"'{address}' is no address to listen on: write an IPv6 address in brackets, [::1]:{port}")
    return host.strip("[]"), int(port)


def listen(address: str) -> socket.socket:
    """Return a socket that listens there. Raises ConfigError if that cannot be."""
    host, port = parse(address)
    try:
        if not host:
            return _everywhere(port)
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(place[:2], family=family)
    except socket.gaierror as error:
        raise ConfigError(f"cannot listen on {address}: {host} is no host known here ({error.strerror})") from error
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {address}: port {port}: {_reason(error)}: choose another with --web.listen-address"
        ) from error


def shown(listening: socket.socket) -> str:
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
