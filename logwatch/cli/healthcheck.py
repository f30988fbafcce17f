"""`logwatch healthcheck`: ask a running logwatch for its health; for containers without curl."""

from __future__ import annotations

import ssl
from pathlib import Path

import click
import urllib3

from logwatch.config import DEFAULT_PORT
from logwatch.errors import ConfigError
from logwatch.notation import one_line


@click.command("healthcheck")
@click.option(
    "--url", default=f"http://127.0.0.1:{DEFAULT_PORT}", show_default=True, help="Address of the logwatch to ask."
)
@click.option("--ready", is_flag=True, help="Ask whether it is ready instead of healthy.")
@click.option(
    "--ca-file", type=click.Path(path_type=Path), help="CA certificates to verify its certificate with (https)."
)
@click.option("--insecure-skip-verify", is_flag=True, help="Accept any certificate (https).")
@click.option("--timeout", default=3.0, show_default=True, help="Seconds to wait for the answer.")
def command(url: str, ca_file: Path | None, timeout: float, *, ready: bool, insecure_skip_verify: bool) -> int:
    """Ask a running logwatch whether it is healthy.

    Exit status: 0 if the answer of /-/healthy (or /-/ready) is positive, 1 if it is negative or missing.

    Example: logwatch healthcheck --ready --url http://127.0.0.1:19979
    """
    page = f"{url.rstrip('/')}/-/{'ready' if ready else 'healthy'}"
    try:
        with urllib3.PoolManager(ssl_context=_context(ca_file, verify=not insecure_skip_verify)) as pool:
            answer = pool.request("GET", page, timeout=timeout, retries=False)
    except urllib3.exceptions.HTTPError as error:
        click.echo(f"logwatch: {page}: no answer: {one_line(str(error))}", err=True)
        return 1
    for line in answer.data.decode(errors="replace").strip().split("\n"):
        click.echo(one_line(line))
    return 0 if answer.status == 200 else 1


def _context(ca_file: Path | None, *, verify: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(f"--ca-file {ca_file}: no certificates in PEM: {error}") from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
