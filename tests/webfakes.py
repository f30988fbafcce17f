"""An engine for the web server to show."""

from collections import Counter
from dataclasses import dataclass, field

from logwatch.alerting import Muting, Report
from logwatch.metrics import catalog
from logwatch.metrics.exposition import Exposition, Published
from logwatch.model import SECOND, Container, Event, Mark, Outcome, Role, Rule, SampleChange, Severity, SourceStatus
from logwatch.web import Probe

ID = "8dd3" + "0" * 60


def event(seq: int, name: str = "web", kind: str = "container.die", **attributes: str) -> Outcome:
    return Outcome(
        seq,
        Event(
            1_763_921_577_728_700_494 + seq,
            kind,
            "vm",
            ID,
            name,
            attributes,
            Severity.INFO,
            "docker-engine/task-delete",
            "/var/log/messages",
            91234,
        ),
    )


RULE = Rule(
    id="docker-engine/task-delete",
    event="container.die",
    description="A main process is gone.",
    programs=frozenset({"engine"}),
    role=Role.PRIMARY,
    engine="",
    patterns=(),
    fields=(),
    object_id=None,
    attributes={},
    severity=Severity.INFO,
    unless_other=False,
    revoked_by=frozenset(),
    metrics=(),
    examples=(),
    mark=Mark("rules/events/docker-engine.yml", 3, 5),
)


@dataclass
class FakeView:
    """An engine that stands still."""

    published: Published = field(default_factory=lambda: Published(catalog.counted()))
    ok: bool = True
    reload_error: str | None = None
    ended: bool = False
    report: Report = field(default_factory=Report)
    mutes: Muting = field(default_factory=Muting)
    asked: list = field(default_factory=list)
    outcomes: list = field(default_factory=list)
    register: list = field(default_factory=list)
    commits: int = 0
    groups: list = field(default_factory=list)

    def unknown_lines(self):
        return self.groups

    def now_ns(self):
        return 1_763_921_600 * SECOND

    def metrics(self, accept):
        return Exposition(self.published).render(accept)

    def sources(self):
        return [SourceStatus("/var/log/messages", self.ok, None if self.ok else "no such file", 10, 7, 3, 1)]

    def alerts(self):
        return self.report

    def muting(self):
        return self.mutes

    def rules(self):
        return [RULE]

    def containers(self):
        return self.register

    def know(self, name, **known):
        self.register.append(Container("vm", known.pop("id", ID), name, announced=True, **known))

    def events(self, query):
        self.asked.append(query)
        return iter(self.outcomes)

    def self_metrics(self):
        return iter(())

    def count_events(self, query, step_ns):
        self.asked.append(query)
        return Counter((outcome.event.time_ns // step_ns, str(outcome.event.severity)) for outcome in self.outcomes)

    def explain(self, line):
        return [("header", line)]

    def mute(self, mute):
        self.mutes = Muting((*self.mutes.mutes, mute))

    def unmute(self, mute_id):
        self.mutes = Muting(tuple(mute for mute in self.mutes.mutes if mute.id != mute_id))

    def health(self):
        return Probe(self.ok, "the loop came by 0.1 s ago" if self.ok else "the loop is stuck")

    def readiness(self):
        return Probe(self.ok, "/var/log/messages: read to its end" if self.ok else "/var/log/messages: no such file")

    def reload(self):
        return Probe(self.reload_error is None, self.reload_error or "reloaded")

    def quit(self):
        self.ended = True

    def show(self, name, labels, value):
        self.published.apply([SampleChange(name, labels, value, 1)])
