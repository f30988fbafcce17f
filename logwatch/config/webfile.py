"""`web.config.yml`: TLS and passwords of the server, in the form of Prometheus' exporters.

A subset of exporter-toolkit's file (github.com/prometheus/exporter-toolkit, docs/web-configuration.md); what is
not covered is refused, because a key that does nothing would only look like safety.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from logwatch.errors import ConfigError, Mistake, mistake
from logwatch.rulefiles.checks import refuse
from logwatch.rulefiles.schema import Strict
from logwatch.rulefiles.validation import shown, validate
from logwatch.rulefiles.yaml import Node, parse

BCRYPT = re.compile(
    r"""
    \$2[aby]\$ (?P<cost> [0-9]{2} ) \$ [./A-Za-z0-9]{53}   # $2y$10$…, as `htpasswd -nBC 10 NAME` prints it
    """,
    re.VERBOSE,
)


def _bcrypt(text: str) -> str:
    if BCRYPT.fullmatch(text) is None:
        raise refuse("this is not a bcrypt hash: write what `htpasswd -nBC 10 NAME` prints after the colon")
    return text


Hash = Annotated[str, AfterValidator(_bcrypt)]


class TlsServer(Strict):
    """The server's certificate, and which client certificates it accepts."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    client_auth_type: Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = "NoClientCert"
    min_version: Literal["TLS12", "TLS13"] = "TLS12"

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.client_ca_file is None) != (self.client_auth_type == "NoClientCert"):
            raise refuse(
                "client_ca_file and client_auth_type belong together: write both, with RequireAndVerifyClientCert or VerifyClientCertIfGiven"
            )
        return self


class WebFile(Strict):
    """All of it; relative paths start at the file's folder."""

    tls_server_config: TlsServer | None = None
    basic_auth_users: dict[str, Hash] = Field(default_factory=dict)
    """Name to bcrypt hash; none: everybody may read."""


def read(path: Path) -> WebFile:
    """Read the file. Raises ConfigError with every mistake."""
    found, mistakes = check(path)
    if found is None or mistakes:
        raise ConfigError("\n".join(map(str, mistakes)))
    return found


def check(path: Path) -> tuple[WebFile | None, list[Mistake]]:
    """Read the file; every mistake in it, also certificates that are not there."""
    try:
        content = path.read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return None, [Mistake(str(path), 0, 0, f"{why}: correct web.config_file, or the file's mode and owner")]
    node, mistakes = parse(content, str(path))
    if node is None or mistakes:
        return None, mistakes
    if node.value is None:
        return WebFile(), []
    if not isinstance(node.value, dict):
        return None, [
            mistake(node.mark, f"expected tls_server_config: or basic_auth_users:, not {shown(node.plain())}")
        ]
    found, mistakes = validate(WebFile, node)
    if found is None:
        return None, mistakes
    found = _placed(found, path.parent)
    return found, _missing(found, node)


def _placed(found: WebFile, folder: Path) -> WebFile:
    tls = found.tls_server_config
    if tls is None:
        return found
    client_ca = folder / tls.client_ca_file if tls.client_ca_file is not None else None
    placed = {"cert_file": folder / tls.cert_file, "key_file": folder / tls.key_file, "client_ca_file": client_ca}
    return found.model_copy(update={"tls_server_config": tls.model_copy(update=placed)})


def _missing(found: WebFile, node: Node) -> list[Mistake]:
    """Files that cannot be read, at the keys that name them."""
    tls = found.tls_server_config
    if tls is None:
        return []
    mistakes = []
    for key in ("cert_file", "key_file", "client_ca_file"):
        file = getattr(tls, key)
        try:
            if file is not None:
                file.read_bytes()
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            mistakes.append(
                mistake(node.at(("tls_server_config", key)).mark, f"{file}: {why}: correct the path, or its mode")
            )
    return mistakes
