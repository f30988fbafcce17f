"""Imports point down, and a stage never imports another stage."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "logwatch"

# From the bottom up. A module may import what stands in a lower row, and its own package.
LAYERS = (
    {"__init__", "model"},
    {"errors", "inotify", "notation", "time_intervals", "zstd"},
    {"formats"},
    {"store"},
    {"docker", "log_clock", "matching"},
    {"sources", "lifecycle", "correlations", "promql"},
    {"metrics"},
    {"notifiers"},
    {"push"},
    {"rulefiles"},
    {"alerting", "config", "demo"},
    {"queries"},
    {"pipeline_settings", "web"},
    {"event_stages"},
    {"line_stages"},
    {"pipeline"},
    {"status", "driver"},
    {"replay"},
    {"authoring", "ruletests", "summary"},
    {"tailing", "build"},
    {"following", "receivers"},
    {"live", "reloading"},
    {"daemon"},
    {"cli"},
    {"__main__"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def imports(path: Path) -> set[str]:
    """Names of the parts of logwatch that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "logwatch":
            names = [node.module.split(".")[1]] if "." in node.module else [alias.name for alias in node.names]
            found |= {name for name in names if (ROOT / name).exists() or (ROOT / f"{name}.py").exists()}
    return found


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    part = path.relative_to(ROOT).parts[0].removesuffix(".py")

    assert part in RANK, f"{part} has no place in LAYERS"
    upward = {name for name in imports(path) if name != part and RANK[name] >= RANK[part]}

    assert not upward


WITHOUT_EXTRAS = """
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys(["zstandard", "apprise", "drain3", "google.protobuf", "cramjam", "opentelemetry"]))
import logwatch
for module in pkgutil.walk_packages(logwatch.__path__, "logwatch."):
    if module.name != "logwatch.__main__":
        importlib.import_module(module.name)
"""


def test_no_module_needs_an_extra() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_EXTRAS], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
