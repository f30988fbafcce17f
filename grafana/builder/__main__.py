"""`python -m grafana.builder`: write every dashboard."""

from pathlib import Path

from grafana.builder import agent, container, fleet, overview

FOLDER = Path(__file__).parents[1] / "dashboards"
DASHBOARDS = {
    "logwatch-docker-overview.json": overview.build,
    "logwatch-docker-fleet.json": fleet.build,
    "logwatch-container.json": container.build,
    "logwatch-agent.json": agent.build,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, build in DASHBOARDS.items():
        (FOLDER / name).write_text(build(), encoding="utf-8")
