"""The causes of failures."""

import pytest

from logwatch.matching.causes import failure_cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("toomanyrequests: You have reached your pull rate limit", "rate_limited"),
        ("unexpected status code 429 Too Many Requests", "rate_limited"),
        ("failed to register layer: write /x: no space left on device", "no_space"),
        ("devmapper: Thin Pool has 9 free data blocks which is less than", "no_space"),
        ('Get "https://r/v2/": x509: certificate has expired', "tls"),
        ('Get "https://r/v2/": http: server gave HTTP response to HTTPS client', "tls"),
        ("dial tcp: lookup r on 192.0.2.53:53: no such host", "dns"),
        ("dial tcp: lookup r: i/o timeout", "dns"),
        ("pull access denied for acme/shop, repository does not exist or may require 'docker login'", "denied"),
        ("unauthorized: authentication required", "denied"),
        ("manifest for acme/shop:2 not found: manifest unknown", "not_found"),
        ("net/http: TLS handshake timeout", "timeout"),
        ("context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "timeout"),
        ("unexpected EOF", "other"),
    ],
)
def test_one_word_says_why_an_image_did_not_come(error: str, cause: str) -> None:
    assert [failure_cause(f"image.{action}_failed", error) for action in ("pull", "push")] == [cause, cause]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("Bind for 0.0.0.0:80 failed: port is already allocated", "port"),
        ("driver failed programming external connectivity on endpoint a: iptables failed", "network"),
        ("network acme_default not found", "network"),
        ('OCI runtime create failed: exec: "/run.sh": permission denied: unknown', "command"),
        ("OCI runtime create failed: exec format error", "command"),
        ("error while creating mount source path '/data': mkdir /data: read-only file system", "mount"),
        ("failed to initialize logging driver: dial tcp 192.0.2.1:514: connection refused", "log_driver"),
        ("failed to start shim: write config.json: no space left on device", "no_space"),
        ("failed to create shim task: OCI runtime create failed: seccomp", "runtime"),
        ("out of luck", "other"),
    ],
)
def test_one_word_says_why_a_container_did_not_start(error: str, cause: str) -> None:
    assert failure_cause("container.start_failed", error) == cause


def test_other_events_have_no_cause() -> None:
    assert failure_cause("api.error", "no space left on device") is None
