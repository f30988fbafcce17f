"""`make pictures`: draw the dashboards over the stories, for the documentation.

    python -m grafana.preview [STORY …]

Beside the pictures stands of which dashboards they are, by their digests; a test holds that these are the committed ones.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from grafana.builder.__main__ import DASHBOARDS
from grafana.preview.chromium import bundle, draw
from grafana.preview.stack import Stack, stack
from grafana.preview.stories import STORIES, quiet
from logwatch.demo import feed
from logwatch.model import SECOND

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
DIGESTS = PICTURES / "digests.json"
OVERVIEW, CONTAINER, AGENT = (
    "logwatch-docker-overview.json",
    "logwatch-container.json",
    "logwatch-agent.json",
)


class Picture(NamedTuple):
    """A dashboard over a story."""

    story: str
    dashboard: str
    choices: Mapping[str, str | float]
    """What is chosen on top of it."""
    from_logwatch: bool = False
    """Whether logwatch itself answers its queries, not the Prometheus that scrapes it."""

    @property
    def name(self) -> str:
        """Of its file."""
        shown = self.dashboard.removesuffix(".json").removeprefix("logwatch-")
        return f"{self.story}-{shown}{'-from-logwatch' if self.from_logwatch else ''}.png"


SHOWN = (
    Picture("trouble", OVERVIEW, {"minutes": 180}),
    Picture("trouble", OVERVIEW, {"minutes": 180}, from_logwatch=True),
    Picture("trouble", CONTAINER, {"minutes": 180, "name": "web"}),
    Picture("trouble", CONTAINER, {"minutes": 180, "name": "web"}, from_logwatch=True),
    Picture("live", AGENT, {"minutes": 4}),
    Picture("live", AGENT, {"minutes": 4}, from_logwatch=True),
    Picture("quiet", OVERVIEW, {"minutes": 180}),
)
SCRAPE_SECONDS = 5
NEEDED = {"chromium": "chromium", "npm": "npm", "prometheus": "prometheus", "promtool": "prometheus"}
"""Programs, and the Debian packages that bring them."""
CELL, HEADING = 38, 100


def digest(dashboard: str) -> str:
    """What a picture remembers of the dashboard it shows."""
    shown = {key: value for key, value in json.loads(dashboard).items() if key != "links"}  # they are not drawn
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def height(dashboard: str) -> int:
    """Return how many pixels high a dashboard is."""
    places = [panel["gridPos"] for panel in json.loads(dashboard)["panels"]]
    return max(int(place["y"] + place["h"]) for place in places) * CELL + HEADING


def _draw(story: str, running: Stack) -> dict[str, str]:
    drawn = {}
    for picture in (each for each in SHOWN if each.story == story):
        dashboard = DASHBOARDS[picture.dashboard]()
        source = running.logwatch if picture.from_logwatch else running.prometheus
        draw(dashboard, source, PICTURES / picture.name, height=height(dashboard), **picture.choices)
        drawn[picture.name] = digest(dashboard)
    return drawn


def _play(log: Path) -> None:
    """Write the recorded host's two minutes as they come: how logwatch fares cannot be made up afterwards."""
    with log.open("ab", buffering=0) as out:
        for due_ns, line in feed(time.time_ns()):
            time.sleep(max(0, due_ns - time.time_ns()) / SECOND)
            out.write(line)
    time.sleep(2 * SCRAPE_SECONDS)


def main(stories: list[str]) -> None:
    """Draw, and write the digests."""
    if missing := [package for program, package in NEEDED.items() if shutil.which(program) is None]:
        sys.exit(f"make pictures: not installed here: apt-get install {' '.join(missing)}")
    bundle()
    PICTURES.mkdir(exist_ok=True)
    drawn: dict[str, str] = json.loads(DIGESTS.read_text()) if stories else {}
    for story in stories or dict.fromkeys(picture.story for picture in SHOWN):
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "messages"
            log.write_text(STORIES.get(story, quiet)(time.time() - 2 * SCRAPE_SECONDS))
            with stack(log, Path(folder), scrape_seconds=SCRAPE_SECONDS) as running:
                if story == "live":
                    _play(log)
                drawn |= _draw(story, running)
    DIGESTS.write_text(json.dumps(drawn, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
