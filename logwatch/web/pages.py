"""What people see: the overview, and a page each for events, alerts, rules, sources, a container, and a search."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from logwatch.model import SECOND, SHORT_ID, Event, Outcome, Rule
from logwatch.store import Query
from logwatch.web.address import RANGES, Address, Span, span
from logwatch.web.api import SEVERITIES, query, source_json
from logwatch.web.containers import ContainerStatus, containers, totals
from logwatch.web.eventlist import folded, grouped, histogram, ticks
from logwatch.web.figures import figures
from logwatch.web.graph import RANGES as GRAPH_RANGES
from logwatch.web.graph import graph
from logwatch.web.overview import headline, listing
from logwatch.web.rendering import StaticFile, templates
from logwatch.web.runbooks import Runbooks
from logwatch.web.timeline import Timeline, timeline
from logwatch.web.trouble import RECENT_NS, Firing, firing, troubles
from logwatch.web.view import View

STRIPS = {"1h": 3600 * SECOND, "1d": 86_400 * SECOND}
"""Over which times the overview draws the states of containers."""
STRIP_EVENTS = 5_000
"""So many events at the most are drawn on the overview, the newest."""
LATEST, ROWS = 300, 15
"""Events of the overview, before and after they are folded."""
NOISE = ("container.exec_*",)
"""Events that only who looks for them wants to see: health checks make three of them each time."""
EVENTS = 300
"""Of a list, and of one container."""
FOUND = 100
"""Of each kind that a search shows."""
GROUPS = 50
"""Forms of engine lines that no rule knows."""
PAST = 100
"""Alerts that resolved."""


class Pages:
    """Renders the pages of a view; `lifecycle` offers to mute on them."""

    def __init__(self, view: View, files: Mapping[str, StaticFile], *, lifecycle: bool) -> None:
        self._view = view
        self._lifecycle = lifecycle
        self._templates = templates(files)
        self._runbooks = Runbooks()

    def overview(self, address: Address) -> bytes:
        """What is in trouble, all containers with their last hour or day, the last events, and logwatch itself."""
        view, now_ns = self._view, self._view.now_ns()
        length = address["range"] if address["range"] in STRIPS else "1h"
        since_ns = now_ns - STRIPS[length]
        register = view.containers()
        known = containers(register, view.published)
        recent = Query(since_ns=since_ns, event="container", limit=STRIP_EVENTS, newest_first=True)
        latest = Query(since_ns=since_ns, limit=LATEST, newest_first=True, without=NOISE)
        events = _by_container(known, (outcome.event for outcome in view.events(recent)))
        alerts = firing(view.alerts(), view.muting())
        trouble = troubles(known, events, alerts, now_ns)
        found = listing(known, trouble, address)
        hosts = sorted({each.host for each in register if each.host})
        return self._render(
            "index.html",
            address,
            now_ns,
            headline=headline(known, trouble, hosts),
            troubles=trouble,
            listing=found,
            strips=_strips(found.drawn, events, since_ns, now_ns),
            length=length,
            rows=grouped(view.events(latest))[:ROWS],
            figures=figures(view, now_ns),
            sources=view.sources(),
            mutes=view.muting().mutes,
            totals=totals(view.published),
        )

    def events(self, address: Address) -> bytes:
        """Events that match, with how many there were when."""
        view, now_ns = self._view, self._view.now_ns()
        time = span(address, now_ns)
        wanted = event_query(address)
        limit = wanted.limit or EVENTS
        wanted = replace(wanted, since_ns=time.since_ns, until_ns=time.until_ns, limit=limit)
        found = list(view.events(wanted))
        return self._render(
            "events.html",
            address,
            now_ns,
            **_time(time),
            rows=folded(found),
            is_cut=len(found) == limit,
            histogram=histogram(view, wanted, time),
            severities=SEVERITIES,
        )

    def container(self, name: str, address: Address) -> bytes | None:
        """One container: how it is, its time line, its alerts and its events; None for an unknown name."""
        view, now_ns = self._view, self._view.now_ns()
        time = span(address, now_ns)
        known = [each for each in containers(view.containers(), view.published) if each.name == name]
        wanted = Query(event="container", name=name, newest_first=True)
        if known and known[0].id[:SHORT_ID] == name:
            wanted = Query(event="container", id=name, newest_first=True)
        shown = replace(wanted, since_ns=time.since_ns, until_ns=time.until_ns, limit=EVENTS)
        found = list(view.events(shown))
        latest = list(view.events(replace(wanted, since_ns=now_ns - RECENT_NS, limit=EVENTS)))
        if not known and not found and not next(iter(view.events(replace(wanted, limit=1))), None):
            return None
        alerts = [each for each in firing(view.alerts(), view.muting()) if each.alert.labels.get("name") == name]
        return self._render(
            "container.html",
            address,
            now_ns,
            **_time(time),
            name=name,
            containers=known,
            strips=_strips(known, _by_container(known, (each.event for each in found)), time.since_ns, time.until_ns),
            troubles=troubles(known, _by_container(known, (each.event for each in latest)), alerts, now_ns),
            alerts=alerts,
            past=[alert for alert in reversed(view.alerts().past) if alert.labels.get("name") == name],
            rows=folded(found),
            is_cut=len(found) == EVENTS,
        )

    def alerts(self, address: Address) -> bytes:
        """Alerts that fire or are pending, those that resolved, what is muted, and all rules."""
        view = self._view
        text = address["q"].lower()
        report = view.alerts()
        return self._render(
            "alerts.html",
            address,
            view.now_ns(),
            alerts=[each for each in firing(report, view.muting()) if _is_about(each, text)],
            past=[each for each in reversed(report.past) if _has(text, *each.labels.values())][:PAST],
            mutes=view.muting().mutes,
            groups=[
                (group, [rule for rule in group.rules if _has(text, rule.name, group.name, rule.expression)])
                for group in report.groups
            ],
        )

    def rules(self, address: Address) -> bytes:
        """Event rules with their hits and examples; how a line is read by them."""
        view = self._view
        hits = view.published.values("logwatch_rule_hits_total")
        last = view.published.values("logwatch_rule_last_hit_timestamp_seconds")
        text = address["q"].lower()
        found = [rule for rule in view.rules() if _has(text, rule.id, rule.event, rule.description)]
        counts = {rule.id: int(hits.get((rule.id,), 0)) for rule in found}
        line = address["line"]
        return self._render(
            "rules.html",
            address,
            view.now_ns(),
            rules=sorted(found, key=lambda rule: (-counts[rule.id], rule.id)),
            total=len(view.rules()),
            hits=counts,
            last={rule: value for (rule,), value in last.items()},
            explained=view.explain(line) if line.strip() else (),
            unknown=[group for group in view.unknown_lines() if _has(text, group.text)][:GROUPS],
        )

    def sources(self, address: Address) -> bytes:
        """What is followed: how far, how late, and what was lost."""
        view, now_ns = self._view, self._view.now_ns()
        return self._render(
            "sources.html",
            address,
            now_ns,
            sources=[source_json(status, view) for status in view.sources()],
            figures=figures(view, now_ns),
        )

    def search(self, address: Address) -> bytes:
        """Containers, alerts, rules and events in which a text is found."""
        view, now_ns = self._view, self._view.now_ns()
        text = address["q"].strip()
        found: list[Outcome] = []
        known: Sequence[ContainerStatus] = ()
        rules: list[Rule] = []
        alerts: list[Firing] = []
        if text:
            found = list(view.events(Query(text=text, limit=FOUND, newest_first=True)))
            everything = containers(view.containers(), view.published)
            chosen = listing(everything, (), Address("/", {"q": text}))
            known = chosen.drawn[:FOUND]
            lower = text.lower()
            rules = [rule for rule in view.rules() if _has(lower, rule.id, rule.event, rule.description)][:FOUND]
            alerts = [each for each in firing(view.alerts(), view.muting()) if _is_about(each, lower)]
        return self._render(
            "search.html", address, now_ns, containers=known, alerts=alerts, rules=rules, rows=folded(found)
        )

    def graph(self, address: Address) -> bytes:
        """A box for an expression, and its result."""
        drawn = graph(self._view, address.parameters.get("expr", ""), address["range"])
        return self._render("graph.html", address, self._view.now_ns(), graph=drawn, ranges=GRAPH_RANGES)

    def runbook(self, name: str, address: Address) -> bytes | None:
        """What to do about an alert; None if nothing is written about it."""
        text = self._runbooks.page(name)
        if text is None:
            return None
        return self._render("runbook.html", address, self._view.now_ns(), name=name, text=text)

    def runbooks(self, address: Address) -> bytes:
        """All runbooks."""
        return self._render("runbooks.html", address, self._view.now_ns(), runbooks=self._runbooks.titles())

    def rows(self, outcomes: Iterable[Outcome]) -> str:
        """Events as the rows of a list."""
        module = self._templates.get_template("parts.html").make_module()
        return "".join(str(module.event_row(row)) for row in folded(outcomes))  # type: ignore[attr-defined] # a macro

    def _render(self, template: str, address: Address, now_ns: int, **values: object) -> bytes:
        page = self._templates.get_template(template).render(
            here=address,
            now_ns=now_ns,
            ready=self._view.readiness(),
            lifecycle=self._lifecycle,
            runbook=self._runbooks.url,
            **values,
        )
        return page.encode("utf-8", "replace")


def event_query(address: Address) -> Query:
    """Return the query of events that an address chooses, without its time; raises BadQueryError."""
    chosen = {name: value for name in address.parameters if (value := address[name])}
    for name in ("since", "until"):
        chosen.pop(name, None)
    wanted = query({"limit": str(EVENTS), **chosen}, others=("range", "quiet"))
    return replace(wanted, without=NOISE if address["quiet"] else ())


def _time(time: Span) -> dict[str, object]:
    return {"span": time, "ranges": RANGES, "ticks": ticks(time)}


def _by_container(
    known: Iterable[ContainerStatus], events: Iterable[Event]
) -> Mapping[tuple[str, str], Sequence[Event]]:
    """The events of each container, by host (empty unless there are several) and name, in their order."""
    by_name: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_name[event.name or (event.id or "")[:SHORT_ID]].append(event)
    return {
        (each.host, each.name): [event for event in by_name[each.name] if each.host in ("", event.host)]
        for each in known
    }


def _strips(
    drawn: Iterable[ContainerStatus],
    events: Mapping[tuple[str, str], Sequence[Event]],
    since_ns: int,
    until_ns: int,
) -> Mapping[tuple[str, str], Timeline]:
    return {
        (each.host, each.name): timeline(
            events[each.host, each.name], each.state, since_ns, until_ns, health=each.health
        )
        for each in drawn
    }


def _is_about(each: Firing, text: str) -> bool:
    return _has(text, each.rule.name, *each.alert.labels.values())


def _has(text: str, *where: str) -> bool:
    return any(text in each.lower() for each in where)
