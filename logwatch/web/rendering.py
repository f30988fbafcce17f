"""The templates, the files that they name, and what a browser may load of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import jinja2

from logwatch import __version__
from logwatch.model import SECOND
from logwatch.notation import duration_text, one_line, rfc3339
from logwatch.web.eventlist import LEVELS
from logwatch.web.figures import amount, number
from logwatch.web.overview import label, short_id

HERE = Path(__file__).parent
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
STATES = {"running": "ok", "restarting": "bad", "dead": "bad", "unhealthy": "bad", "paused": "warn", "unknown": "warn"}


class StaticFile:
    """A file that pages name, with its digest: browsers keep it until it changes."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        self.type = TYPES[path.suffix]
        self.digest = sha256(self.content).hexdigest()[:12]
        self.url = f"/static/{path.name}?{self.digest}"


def static_files() -> dict[str, StaticFile]:
    """Return the files by name."""
    return {path.name: StaticFile(path) for path in sorted((HERE / "static").iterdir()) if path.suffix in TYPES}


def templates(files: Mapping[str, StaticFile]) -> jinja2.Environment:
    """Return the templates, with what they write of values."""
    # A loader of packages would bring in all of importlib.metadata.
    loader = jinja2.FileSystemLoader(HERE / "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "iso": rfc3339,
        "stamp": lambda time_ns: rfc3339(time_ns)[:-7].replace("T", " "),
        "clock": lambda time_ns: rfc3339(time_ns, 0)[11:19],
        "ns": lambda seconds: int(seconds * SECOND),
        "duration": _duration,
        "image": short_id,
        "path": lambda name: quote(name, safe=""),
        "amount": amount,
        "number": number,
        "short": short_id,
        "label": label,
        "level": lambda severity: LEVELS.get(severity, ""),
        "state_level": lambda state: STATES.get(state, "off"),
        "line": one_line,
        "seconds": lambda length_ns: length_ns // SECOND,
    }
    environment.globals |= {"static": {name: file.url for name, file in files.items()}, "version": __version__}
    return environment


def _duration(length_ns: int) -> str:
    """A length of time as rule files write it."""
    return duration_text(timedelta(microseconds=length_ns // 1000))
