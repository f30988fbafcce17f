#!/usr/bin/env python3
"""Writes deploy/constraints.txt: one version of every package that logwatch depends on, with all extras: make constraints.

The image, the .deb, the folder of wheels and the tests are made with these versions.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = ROOT / "deploy" / "constraints.txt"
HEADER = "# Written by `make constraints`. With pip: pip install -c deploy/constraints.txt .\n"


def main() -> None:
    """Ask pip which versions it would install into an empty environment."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--dry-run", "--ignore-installed", "--report", "-"]
    command = [*pip, "install", *options, f"{ROOT}[notify,otlp,remote-write,suggest,zstd]"]
    report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)  # noqa: S603 - our own arguments
    found = {_normal(each["metadata"]["name"]): each["metadata"]["version"] for each in report["install"]}
    pins = [f"{name}=={found[name]}\n" for name in sorted(found) if name != "docker-logwatch"]
    FILE.write_text(HEADER + "".join(pins))


def _normal(name: str) -> str:
    """A name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
