"""Pictures of logwatch's own page for the documentation: `python -m grafana.preview.page`, a part of `make pictures`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from grafana.preview.stack import free_port, wait
from grafana.preview.stories import STORIES

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
LOG = "messages"


@dataclass(frozen=True, slots=True)
class Picture:
    """One page over one story."""

    name: str
    story: str
    path: str = "/"
    width: int = 1280
    height: int = 0
    """0: the whole page."""
    dark: bool = False
    opened: str = ""
    """A selector of what is opened first."""


SHOWN = (
    Picture("page-desktop", "quiet"),
    Picture("page-incident", "incident", height=1280, opened="#trouble .row:nth-of-type(3) > details > summary"),
    Picture("page-dark", "incident", dark=True, height=1100),
    Picture("page-phone", "incident", width=390, height=1500),
    Picture("page-thousand", "many", height=1000),
    Picture("page-events", "incident", "/events?range=1h", height=900),
    Picture("page-container", "incident", "/containers/web?range=1h", height=900),
)


@contextmanager
def running(story: str) -> Iterator[str]:
    """A logwatch that has read a story; yields its address."""
    with tempfile.TemporaryDirectory() as folder:
        log, port = Path(folder) / LOG, free_port()
        log.write_text(STORIES[story](time.time() - 5))
        command = [sys.executable, "-m", "logwatch", "run", "--log", LOG, "--state-dir", "state"]
        command += ["--web.listen-address", f"127.0.0.1:{port}", "--web.enable-lifecycle"]
        process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
        try:
            wait(f"http://127.0.0.1:{port}/-/ready")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def draw(browser: Browser, address: str, picture: Picture) -> None:
    """Write one picture."""
    size = {"width": picture.width, "height": picture.height or 900}
    scheme = "dark" if picture.dark else "light"
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # a TypedDict
    page = context.new_page()
    page.goto(f"{address}{picture.path}")
    page.wait_for_selector(".switches:visible")
    if picture.opened:
        page.locator(picture.opened).click()
    page.screenshot(path=PICTURES / f"{picture.name}.png", full_page=not picture.height)
    context.close()


def main() -> None:
    """Draw them all."""
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for story in dict.fromkeys(picture.story for picture in SHOWN):
            with running(story) as address:
                for picture in SHOWN:
                    if picture.story == story:
                        draw(browser, address, picture)
        browser.close()


if __name__ == "__main__":
    main()
