"""Where the files are that come with logwatch: rules/ and grafana/.

A wheel carries them inside the package; a checkout has them beside it.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def folder(name: str) -> Path:
    """The shipped folder `rules` or `grafana`."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def rules_folder() -> Path:
    """The shipped rules: events, alerts, tests, schemas."""
    return folder("rules")


def grafana_folder() -> Path:
    """The shipped dashboards and their provisioning."""
    return folder("grafana")


def is_shipped(path: Path) -> bool:
    """Whether a rule file is one of ours."""
    return path.resolve().is_relative_to(rules_folder())
