"""What people see: the page of everything, and one for each container."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import jinja2

from logwatch import __version__
from logwatch.model import FULL_ID, HEX, SECOND, SHORT_ID, Event
from logwatch.notation import rfc3339
from logwatch.store import Query
from logwatch.web.api import source_json
from logwatch.web.containers import ContainerStatus, containers, totals
from logwatch.web.graph import RANGES, graph
from logwatch.web.timeline import Timeline, timeline
from logwatch.web.view import View

EVENTS_SHOWN = 50
GROUPS_SHOWN = 100
HOUR_NS = 3600 * SECOND
STRIP_EVENTS = 5_000
"""So many events of the last hour at the most are drawn on the page of everything."""
CONTAINER_EVENTS = 500
RANK = {"restarting": 0, "dead": 1, "unknown": 3, "paused": 4, "running": 5, "created": 6, "exited": 7, "removing": 8}
"""What an operator looks at first; exited with a code other than 0 comes second."""


class Pages:
    """Renders the pages of a view."""

    def __init__(self, view: View) -> None:
        self._view = view
        # A loader of packages would bring in all of importlib.metadata.
        loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
        environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
        environment.filters |= {
            "stamp": lambda time_ns: rfc3339(time_ns)[:-7].replace("T", " "),
            "clock": lambda seconds: f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}",
            "ago": _ago,
            "image": _short_image,
            "path": lambda name: quote(name, safe=""),
            "amount": _amount,
            "short": lambda value: value[:SHORT_ID] if len(value) == FULL_ID and HEX.issuperset(value) else value,
        }
        source, _, _ = loader.get_source(environment, "base.html")
        self.policy = _policy(source)
        """What a browser may run of these pages: the one script of base.html."""
        self._index = environment.get_template("index.html")
        self._container = environment.get_template("container.html")
        self._graph = environment.get_template("graph.html")

    def index(self) -> bytes:
        """Everything on one page: alerts, containers with their last hour, events, sources, rules."""
        view, now_ns = self._view, self._view.now_ns()
        published = view.published
        hits = {labels[0]: int(value) for labels, value in published.values("logwatch_rule_hits_total").items()}
        known = sorted(containers(view.containers(), published), key=_urgency)
        hour = Query(since_ns=now_ns - HOUR_NS, event="container", limit=STRIP_EVENTS, newest_first=True)
        strips = _strips(known, (outcome.event for outcome in view.events(hour)), now_ns - HOUR_NS, now_ns)
        return _encoded(
            self._index.render(
                **self._common(now_ns),
                alerts=sorted(view.alerts().alerts, key=lambda alert: (alert.state, alert.labels["alertname"])),
                mutes=view.muting().mutes,
                containers=[each for each in known if each.state],
                removed=[each for each in known if not each.state],
                strips=strips,
                totals=totals(published),
                events=[each.event for each in view.events(Query(limit=EVENTS_SHOWN, newest_first=True))],
                rules=sorted(
                    ((rule, hits.get(rule.id, 0)) for rule in view.rules()), key=lambda pair: (-pair[1], pair[0].id)
                ),
                unknown=view.unknown_lines()[:GROUPS_SHOWN],
                sources=[source_json(status, view) for status in view.sources()],
            )
        )

    def container(self, name: str) -> bytes | None:
        """One container: how it is, its last hour and day, its alerts and its events; None for an unknown name."""
        view, now_ns = self._view, self._view.now_ns()
        known = [each for each in containers(view.containers(), view.published) if each.name == name]
        query = Query(event="container", name=name, limit=CONTAINER_EVENTS, newest_first=True)
        if known and known[0].id[:SHORT_ID] == name:
            query = Query(event="container", id=name, limit=CONTAINER_EVENTS, newest_first=True)
        events = [outcome.event for outcome in view.events(query)]
        if not known and not events:
            return None
        strips = {
            title: _strips(known, events, now_ns - length_ns, now_ns)
            for title, length_ns in (("last hour", HOUR_NS), ("last day", 24 * HOUR_NS))
        }
        alerts = [alert for alert in view.alerts().alerts if alert.labels.get("name") == name]
        past = [alert for alert in reversed(view.alerts().past) if alert.labels.get("name") == name]
        return _encoded(
            self._container.render(
                **self._common(now_ns),
                name=name,
                containers=known,
                strips=strips,
                events=events,
                alerts=alerts,
                past=past,
            )
        )

    def graph(self, expression: str, length: str) -> bytes:
        """A box for an expression, and its result."""
        return _encoded(self._graph.render(graph=graph(self._view, expression, length), ranges=RANGES))

    def _common(self, now_ns: int) -> dict[str, object]:
        return {"version": __version__, "ready": self._view.readiness(), "now_ns": now_ns}


def _strips(
    known: Iterable[ContainerStatus], events: Iterable[Event], since_ns: int, until_ns: int
) -> Mapping[tuple[str, str], Timeline]:
    """The strip of each container, by host (empty unless there are several) and name."""
    by_name: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_name[event.name or (event.id or "")[:SHORT_ID]].append(event)
    return {
        (each.host, each.name): timeline(
            (event for event in by_name[each.name] if each.host in ("", event.host)), each.state, since_ns, until_ns
        )
        for each in known
    }


def _urgency(status: ContainerStatus) -> tuple[int, str, str]:
    rank = RANK.get(status.state, 9)
    if status.health == "unhealthy":
        rank = 0
    elif status.state == "exited" and status.exit_code:
        rank = 2
    return rank, status.host, status.name


def _ago(time_ns: int, now_ns: int) -> str:
    """How long ago, in the largest whole unit."""
    seconds = max(0, now_ns - time_ns) // SECOND
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def _amount(size: int) -> str:
    """Bytes as people read them."""
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def _policy(template: str) -> str:
    """A Content-Security-Policy that allows a template's own scripts by their hashes, and its styles."""
    scripts = re.findall(r"<script>(.*?)</script>", template, re.DOTALL)
    hashes = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    allowed = f"script-src {hashes}; style-src 'unsafe-inline'; connect-src 'self'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def _short_image(image: str) -> str:
    return image.removeprefix("sha256:")[:SHORT_ID] if image.startswith("sha256:") else image


def _encoded(page: str) -> bytes:
    return page.encode("utf-8", "replace")
