"""TLS and passwords of a web.config.yml."""

import base64
import http.client
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import bcrypt
import pytest
from webfakes import FakeView

from logwatch.errors import ConfigError
from logwatch.web import WebServer
from logwatch.web.security import Security

Start = Callable[..., WebServer]
SECRET = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()


def certificate(folder: Path, name: str) -> Path:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key, made = folder / f"{name}.key", folder / f"{name}.crt"
    request = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    names += ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    command = [*request.split(), *names, "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made


def webfile(folder: Path, text: str) -> Path:
    path = folder / "web.config.yml"
    path.write_text(text)
    return path


def tls(name: str = "a", more: str = "") -> str:
    return f"tls_server_config:\n  cert_file: {name}.crt\n  key_file: {name}.key\n{more}"


USERS = f"basic_auth_users:\n  prometheus: {SECRET}\n"


@pytest.fixture
def start(view: FakeView) -> Iterator[Start]:
    started = []

    def serve(path: Path) -> WebServer:
        server = WebServer(view, "127.0.0.1:0", lifecycle=True, security=Security(path))
        started.append(server)
        server.start()
        return server

    yield serve
    for server in started:
        server.close()


def ask(
    server: WebServer, path: str = "/metrics", *, context: ssl.SSLContext | None = None, user: str | None = None
) -> tuple[int, str]:
    headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user is not None else {}
    host = "127.0.0.1"
    connection = (
        http.client.HTTPSConnection(host, server.port, context=context, timeout=10)
        if context
        else http.client.HTTPConnection(host, server.port, timeout=10)
    )
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def trusting(authority: Path, client: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority)
    if client is not None:
        context.load_cert_chain(client, client.with_suffix(".key"))
    return context


# ── passwords ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("user", "status"),
    [
        ("prometheus:open sesame", 200),
        ("prometheus:open barley", 401),
        ("alice:open sesame", 401),
        ("alice:", 401),
        (":", 401),
        ("no colon", 401),
        (None, 401),
    ],
)
def test_who_has_the_password_may_read(tmp_path: Path, start: Start, user: str | None, status: int) -> None:
    server = start(webfile(tmp_path, USERS))

    assert ask(server, user=user)[0] == status
    assert ask(server, user=user)[0] == status


@pytest.mark.parametrize("header", ["Basic", "Basic !!", "Bearer abc", "Basic \xff"])
def test_other_headers_let_nobody_in(tmp_path: Path, header: str) -> None:
    assert not Security(webfile(tmp_path, USERS)).admits(header)


@pytest.mark.parametrize(("path", "first"), [("/-/healthy", "the loop"), ("/-/ready", "ready")])
def test_probes_answer_without_a_password_but_tell_no_details(
    tmp_path: Path, view: FakeView, start: Start, path: str, first: str
) -> None:
    server = start(webfile(tmp_path, USERS))
    status, body = ask(server, path)
    _, whole = ask(server, path, user="prometheus:open sesame")

    assert status == 200
    assert whole.startswith(body.strip())
    assert len(body.splitlines()) == 1


def test_a_new_password_counts_at_once(tmp_path: Path, start: Start) -> None:
    server = start(webfile(tmp_path, USERS))
    before = ask(server, user="prometheus:new")[0]
    webfile(tmp_path, f"basic_auth_users: {{prometheus: '{bcrypt.hashpw(b'new', bcrypt.gensalt(5)).decode()}'}}\n")

    assert before == 401
    assert ask(server, user="prometheus:new")[0] == 200
    assert ask(server, user="prometheus:open sesame")[0] == 401


def test_a_broken_file_changes_nothing_while_running(
    tmp_path: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    server = start(webfile(tmp_path, USERS))
    webfile(tmp_path, "basic_auth_user: {}\n")

    assert ask(server, user="prometheus:open sesame")[0] == 200
    assert ask(server)[0] == 401
    assert "did you mean 'basic_auth_users'" in caplog.text


# ── TLS ──────────────────────────────────────────────────────────────────────────────


def test_serves_with_its_certificate(tmp_path: Path, start: Start) -> None:
    trusted = certificate(tmp_path, "a")
    server = start(webfile(tmp_path, tls() + USERS))

    assert ask(server, context=trusting(trusted), user="prometheus:open sesame")[0] == 200
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(server)


def test_a_renewed_certificate_is_shown_without_a_restart(tmp_path: Path, start: Start) -> None:
    old = trusting(certificate(tmp_path, "a"))
    server = start(webfile(tmp_path, tls()))
    before = ask(server, context=old)[0]
    new = trusting(certificate(tmp_path, "a"))

    assert before == 200
    assert ask(server, context=new)[0] == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(server, context=old)


@pytest.mark.parametrize(("policy", "bare"), [("RequireAndVerifyClientCert", False), ("VerifyClientCertIfGiven", True)])
def test_clients_show_a_certificate_where_it_is_asked_for(
    tmp_path: Path, start: Start, policy: str, *, bare: bool
) -> None:
    trusted, client, stranger = (certificate(tmp_path, name) for name in ("a", "client", "stranger"))
    more = f"  client_ca_file: client.crt\n  client_auth_type: {policy}\n"
    server = start(webfile(tmp_path, tls(more=more)))

    assert ask(server, context=trusting(trusted, client))[0] == 200
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        ask(server, context=trusting(trusted, stranger))
    if bare:
        assert ask(server, context=trusting(trusted))[0] == 200
    else:
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            ask(server, context=trusting(trusted))


def test_old_versions_are_refused(tmp_path: Path, start: Start) -> None:
    context = trusting(certificate(tmp_path, "a"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = start(webfile(tmp_path, tls(more="  min_version: TLS13\n")))

    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(server, context=context)


# ── mistakes ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("basic_auth_users: {bob: hunter2}\n", ":1:25", "htpasswd"),
        ("tls_server_config:\n  cert_file: a.crt\n", ":2:3", "key 'key_file' is missing"),
        ("tls_server_config:\n  cert_file: a.crt\n  key_file: gone.key\n", ":3:13", "no such file"),
        ("rate_limit: {}\n", ":1:1", "unknown key 'rate_limit'"),
        ("- a\n", ":1:1", "expected tls_server_config"),
        (
            "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n  client_auth_type: RequireAndVerifyClientCert\n",
            ":2:3",
            "belong together",
        ),
        ("tls_server_config:\n  cert_file: a.key\n  key_file: a.crt\n", "a.key", "cannot load certificate and key"),
    ],
    ids=["plain-password", "no-key", "missing", "unknown", "list", "no-authority", "swapped"],
)
def test_mistakes_tell_where_and_what(tmp_path: Path, text: str, place: str, words: str) -> None:
    certificate(tmp_path, "a")
    with pytest.raises(ConfigError) as caught:
        Security(webfile(tmp_path, text))

    assert place in str(caught.value)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_encrypted_key_is_refused_instead_of_asked_about(tmp_path: Path) -> None:
    certificate(tmp_path, "a")
    subprocess.run(
        ["openssl", "ec", "-aes256", "-passout", "pass:x", "-in", tmp_path / "a.key", "-out", tmp_path / "locked.key"],
        check=True,
        capture_output=True,
    )
    with pytest.raises(ConfigError, match="password"):
        Security(webfile(tmp_path, "tls_server_config: {cert_file: a.crt, key_file: locked.key}\n"))
