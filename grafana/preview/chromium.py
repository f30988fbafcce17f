"""One dashboard, one Prometheus, one picture: the page in headless Chromium."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

HERE = Path(__file__).parent
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
WIDTH = 1600


def bundle() -> None:
    """Make the page's script; installs the npm packages (about 430 MB) the first time."""
    if not (HERE / "node_modules").exists():
        npm = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(npm, cwd=HERE, check=True)
    loaders = [f"--loader:.{suffix}=dataurl" for suffix in ("svg", "woff2", "woff", "ttf", "png")]
    flags = ["--bundle", "--minify", "--jsx=automatic", "--log-level=error", "--outfile=public/main.js"]
    # This package names no default export in the form that esbuild looks for.
    alias = "--alias:react-custom-scrollbars-2=./src/scrollbars.cjs"
    command = ["node_modules/.bin/esbuild", "src/main.jsx", *flags, *loaders, alias]
    subprocess.run([*command, '--define:process.env.NODE_ENV="production"'], cwd=HERE, check=True)


def draw(dashboard: str, prometheus: str, out: Path, *, height: int, **choices: str | float) -> None:
    """Write a PNG of a dashboard (the text of its file); `choices` are values of variables, `minutes` and `end`."""
    with _serving(dashboard, prometheus) as url, tempfile.TemporaryDirectory() as profile:
        command = [
            shutil.which("chromium") or "chromium",
            *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync"),
            *("--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}"),
            *(f"--window-size={WIDTH},{height}", "--virtual-time-budget=20000", f"--screenshot={out}"),
            f"{url}/?{urlencode(choices)}",
        ]
        subprocess.run(command, check=True, timeout=180, capture_output=True)


@contextmanager
def _serving(dashboard: str, prometheus: str) -> Iterator[str]:
    """Serve the page, the dashboard, and Prometheus behind /prometheus: a browser asks only where it came from."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/prometheus/"):
                self._answer(*_fetched(prometheus + self.path.removeprefix("/prometheus")), "application/json")
            elif path == "/dashboard.json":
                self._answer(200, dashboard.encode(), "application/json")
            else:
                file = HERE / "public" / (path.strip("/") or "index.html")
                known = file.parent == HERE / "public" and file.is_file()
                body = file.read_bytes() if known else b""
                self._answer(200 if known else 404, body, TYPES.get(file.suffix, "text/plain"))

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _fetched(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 -- our own Prometheus
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
