"""What `tls_config`, `basic_auth` and `bearer_token_file` do, against a server with real certificates."""

import base64
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from ports import wait_for
from receivers_on_loopback import alert

from logwatch.config import load
from logwatch.errors import NotifyError
from logwatch.receivers import receivers

USAGE = "-addext keyUsage=critical,digitalSignature,keyCertSign"
"""Python 3.13 and later refuse an authority that does not say so."""


def openssl(folder: Path, command: str) -> None:
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority `ca`, and signed by it `server` (127.0.0.1), `named` (alerts.example) and `client`; `other` signs itself."""
    folder = tmp_path_factory.mktemp("certificates")
    new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    for name in ("ca", "other"):
        openssl(folder, f"req -x509 {new} -days 2 {USAGE} -subj /CN={name} -keyout {name}.key -out {name}.crt")
    for name, means in (("server", "IP:127.0.0.1"), ("named", "DNS:alerts.example"), ("client", "DNS:logwatch")):
        openssl(folder, f"req {new} -subj /CN={name} -keyout {name}.key -out {name}.csr")
        (folder / f"{name}.ext").write_text(f"subjectAltName={means}\nauthorityKeyIdentifier=keyid\n")
        signed = f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2"
        openssl(folder, f"{signed} -extfile {name}.ext -out {name}.crt")
    return folder


@pytest.fixture
def secure(loopback, certificates):
    """Start a server with one of the certificates; it may ask its clients for one."""

    def start(name: str = "server", *, asks: bool = False, answer=lambda body: 200):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / f"{name}.crt", certificates / f"{name}.key")
        if asks:
            context.load_verify_locations(certificates / "ca.crt")
            context.verify_mode = ssl.CERT_REQUIRED
        return loopback(answer, context)

    return start


def receiver(folder: Path, url: str, options: str, *, kind: str = "alertmanagers"):
    path = folder / "logwatch.yml"
    path.write_text(f"alerting: {{{kind}: [{{url: '{url}', {options}}}]}}\n")
    (one,) = receivers(load(path, {}, {}).config)
    return one


CA = "tls_config: {ca_file: CERTIFICATES/ca.crt}"
CLIENT = "cert_file: CERTIFICATES/client.crt, key_file: CERTIFICATES/client.key"
OTHER = "cert_file: CERTIFICATES/other.crt, key_file: CERTIFICATES/other.key"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("server", CA),
        ("named", CA.replace("}", ", server_name: alerts.example}")),
        ("other", "tls_config: {insecure_skip_verify: true}"),
        ("named", "tls_config: {insecure_skip_verify: true, server_name: alerts.example}"),
    ],
    ids=["ca_file", "server_name", "insecure_skip_verify", "insecure with a name"],
)
@pytest.mark.parametrize("kind", ["alertmanagers", "webhooks"])
def test_sends_to_whom_it_may_trust(secure, certificates, tmp_path, name, options, kind):
    server = secure(name)
    one = receiver(tmp_path, server.url, options.replace("CERTIFICATES", str(certificates)), kind=kind)
    one.probe()
    one.send([alert()], 0)

    assert server.names() == ["web-0"]


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("server", "timeout: 10s", "self-signed certificate in certificate chain|unable to get local issuer"),
        ("other", CA, "self-signed certificate|certificate verify failed"),
        ("named", CA, "IP address mismatch"),
        ("server", CA.replace("}", ", server_name: alerts.example}"), "Hostname mismatch"),
        ("server", "tls_config: {ca_file: CERTIFICATES/gone.crt}", "No such file"),
    ],
    ids=["unknown authority", "not signed by it", "other address", "other name", "no such file"],
)
def test_sends_to_nobody_else_and_says_why(secure, certificates, tmp_path, name, options, why):
    server = secure(name)
    one = receiver(tmp_path, server.url, options.replace("CERTIFICATES", str(certificates)))
    with pytest.raises(NotifyError, match=why) as caught:
        one.send([alert()], 0)

    assert caught.value.retry
    assert server.requests == []


@pytest.mark.parametrize(("shown", "taken"), [(CLIENT, True), (OTHER, False), (None, False)])
def test_shows_a_certificate_of_its_own(secure, certificates, tmp_path, shown, taken):
    server = secure(asks=True)
    options = CA if shown is None else CA.replace("}", f", {shown}}}")
    one = receiver(tmp_path, server.url, options.replace("CERTIFICATES", str(certificates)))
    if taken:
        one.send([alert()], 0)
    else:
        with pytest.raises(NotifyError):
            one.send([alert()], 0)

    assert server.names() == (["web-0"] if taken else [])


def authorized(server) -> list[str]:
    return [headers.get("Authorization", "") for _, _, headers in server.requests]


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("options", "first", "second"),
    [
        ("basic_auth: {username: logwatch, password_file: SECRET}", basic("logwatch:swordfish"), basic("logwatch:new")),
        ("bearer_token_file: SECRET", "Bearer swordfish", "Bearer new"),
        ("basic_auth: {username: logwatch, password: fixed}", basic("logwatch:fixed"), basic("logwatch:fixed")),
    ],
    ids=["password_file", "bearer_token_file", "password"],
)
def test_a_secret_is_sent_and_its_file_read_at_each_request(secure, certificates, tmp_path, options, first, second):
    server, secret = secure(), tmp_path / "secret"
    secret.write_text("swordfish\n")
    whole = f"{options.replace('SECRET', str(secret))}, {CA.replace('CERTIFICATES', str(certificates))}"
    one = receiver(tmp_path, server.url, whole)
    one.send([alert()], 0)
    secret.write_text("new")
    one.send([alert()], 0)

    assert authorized(server) == [first, second]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff"], ids=["no file", "no text"])
def test_a_secret_that_cannot_be_read_is_tried_again_and_named(loopback, owner, tmp_path, caplog, content):
    server, secret = loopback(), tmp_path / "token"
    if content is not None:
        secret.write_bytes(content)
    one = owner([receiver(tmp_path, server.url, f"bearer_token_file: {secret}")])
    one.enqueue([alert()], 0)
    wait_for(lambda: str(secret) in caplog.text, "the warning")
    (tmp_path / "renewed").write_text("swordfish")
    (tmp_path / "renewed").rename(secret)  # whole: it is read at any moment
    wait_for(lambda: server.names() == ["web-0"], "the next try")

    assert authorized(server)[-1] == "Bearer swordfish"


@pytest.mark.parametrize("status", [401, 403, 500])
@pytest.mark.parametrize(
    "options",
    [
        "basic_auth: {username: logwatch, password: swordfish}",
        "basic_auth: {username: logwatch, password_file: SECRET}",
        "bearer_token_file: SECRET",
    ],
    ids=["password", "password_file", "bearer_token_file"],
)
def test_no_secret_is_in_a_log_an_error_or_a_metric(secure, owner, tmp_path, caplog, status, options):
    secret = tmp_path / "secret"
    secret.write_text("swordfish")
    server = secure(answer=lambda body: status)
    url = server.url.replace("https://", "https://nobody:halibut@") + "/trout"
    whole = f"{options.replace('SECRET', str(secret))}, tls_config: {{insecure_skip_verify: true}}"
    built = receiver(tmp_path, url, whole, kind="webhooks")
    caplog.set_level("DEBUG")
    one = owner([built])
    one.enqueue([alert()], time.time_ns())
    wait_for(lambda: f"status {status}" in caplog.text, "the answer")
    with pytest.raises(NotifyError) as caught:
        built.send([alert()], 0)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("logwatch")]
    shown = repr([ours, str(caught.value), list(one.dispatcher.samples()), one.rows, built.__dict__])

    assert not [word for word in ("swordfish", "halibut", "trout", "c3dvcmRmaXNo") if word in shown]
