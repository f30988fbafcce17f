"""Why a pull, push or start failed: the attribute `cause` of these events, read out of the error's text.

Engines and registries word the same cause in many ways; alerts and panels want one word. The first text that the
error contains decides, so the special ones stand before the general ones. Plain texts, so that the time is linear.
"""

from __future__ import annotations

from collections.abc import Mapping

OTHER = "other"

NO_SPACE = ("no space left on device", "free data blocks", "free metadata blocks", "disk quota exceeded")

TRANSFER: Mapping[str, tuple[str, ...]] = {
    "rate_limited": ("toomanyrequests", "too many requests", "pull rate limit", "too many failed login"),
    "no_space": NO_SPACE,
    "tls": ("x509:", "tls:", "http response to https client", "certificate", "first record does not look like a tls"),
    "dns": ("no such host", "server misbehaving", "temporary failure in name resolution", "dial tcp: lookup "),
    "denied": (
        *("denied", "unauthorized", "authentication required", "no basic auth credentials", "403 forbidden"),
        *("incorrect username or password", "authorization failed"),
    ),
    "not_found": (
        *("manifest unknown", "not found", "name unknown", "no such image", "does not exist", "404 not found"),
        *("no match for platform", "no matching manifest", "name invalid", "tag does not exist"),
    ),
    "timeout": ("timeout", "timed out", "deadline exceeded", "awaiting headers"),
}
START: Mapping[str, tuple[str, ...]] = {
    "no_space": NO_SPACE,
    "port": ("port is already allocated", "address already in use", "ports are not available"),
    "log_driver": ("logging driver", "log driver", "log-driver", "logger: ", "log-opt", "log opt"),
    "network": (
        *("driver failed programming", "external connectivity", "failed to set up container networking", "iptables"),
        *("network", "endpoint", "sandbox", "bridge", "veth", "ip address"),
    ),
    "command": (
        *("executable file not found", "exec format error", "exec user process", "exec: \"", "no such command"),
        *("unable to start container process: exec", "starting container process caused: exec", "caused \"exec", "chdir to cwd"),
    ),
    "mount": (
        *("mount", "bind source", "not a directory", "volume", "rootfs", "no such file or directory", "overlay"),
        "file exists",
    ),
    "runtime": ("oci runtime", "runc", "shim", "containerd", "cgroup", "seccomp", "apparmor", "hook", "oci runtime error"),
}  # fmt: skip
CAUSES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "image.pull_failed": TRANSFER,
    "image.push_failed": TRANSFER,
    "container.start_failed": START,
}
"""Events that have a cause, and the texts of each."""


def failure_cause(event: str, error: str) -> str | None:
    """The cause of a failure of this kind, `other` if no text is known; None for an event that has no cause."""
    texts = CAUSES.get(event)
    if texts is None:
        return None
    lowered = error.lower()
    return next((cause for cause, known in texts.items() if any(text in lowered for text in known)), OTHER)
