"""`logwatch healthcheck`: is the logwatch on this host healthy? For containers without curl."""

from __future__ import annotations

import click
import urllib3

from logwatch.config import DEFAULT_PORT


@click.command("healthcheck")
@click.option("--url", default=f"http://127.0.0.1:{DEFAULT_PORT}", show_default=True, help="Where it listens.")
@click.option("--ready", is_flag=True, help="Ask whether it is ready instead of healthy.")
@click.option("--timeout", default=3.0, show_default=True, help="Seconds to wait for the answer.")
def command(url: str, timeout: float, *, ready: bool) -> int:
    """Ask /-/healthy (or /-/ready); exit status 0 if the answer is yes, 1 if it is no or none."""
    page = f"{url.rstrip('/')}/-/{'ready' if ready else 'healthy'}"
    try:
        answer = urllib3.request("GET", page, timeout=timeout, retries=False)
    except urllib3.exceptions.HTTPError as error:
        click.echo(f"logwatch: {page} does not answer: {error}", err=True)
        return 1
    click.echo(answer.data.decode(errors="replace").strip())
    return 0 if answer.status == 200 else 1
