"""Makes events of hit lines: confirms each rule, and takes its fields.

A line makes an event by a rule when

1. its tag is one of the rule's programs;
2. it is the engine that speaks, where the rule names the engine's tags: the line must look
   like one of it, unless the rule's pattern is a regex from the message's start, which says
   itself how a known bare text looks, and must not carry a time over an hour from its header's.
   And `docker`, which may be a container's tag (RFC 5424 with `tag=docker/web`), and the shells
   that start old engines (`sh`, `bash`, `env`), which run anything else too, are the engine's only
   until a tag of its own is seen from that host. The kernel has no pid, so `kernel[8433]` is a
   container called kernel;
3. the message contains the text, or RE2 finds the regex in it.

So the output of a container, under its own tag, makes no event of the engine whatever it says. What
remains: a container that its operator tagged `dockerd`, and output that the journald driver
files under the engine's tag and that has the very form of an engine's line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from logwatch.errors import Mistake, RuleError
from logwatch.formats import logrus
from logwatch.formats.tags import CONTAINER_TAG, TAG_FAMILIES, WRAPPER_TAGS, family_tags
from logwatch.matching.causes import CAUSES, failure_cause
from logwatch.matching.fields import Message, compile_parsers, compile_template
from logwatch.matching.patterns import Found, any_found
from logwatch.matching.redaction import MASK, Masker
from logwatch.matching.templates import parse
from logwatch.model import FULL_ID, HEX, LONGEST_NAME, LONGEST_VALUE, SECOND, Event, Hit, Record, Rule
from logwatch.store.state_table import StateTable

NO_EVENTS: tuple[Event, ...] = ()
API_ERROR = "api.error"
EVIDENCE = "evidence."
"""Events of this type report what a line proves; they never make another rule step back."""
_AMBIGUOUS = "docker"
_KERNEL = "kernel"
_ENGINE = TAG_FAMILIES["engine"]
_CERTAIN = _ENGINE - {_AMBIGUOUS} - WRAPPER_TAGS
"""Tags of the engine that tell that `docker` is not its tag on a host."""
_DOUBTFUL = WRAPPER_TAGS | {_AMBIGUOUS}
"""Tags that are the engine's only where it has none of its own."""
_SPEAKERS = _ENGINE | TAG_FAMILIES["containerd"]
_MAX_HOSTS = 10_000
_CERTAIN_NS = 30 * 86_400 * SECOND
"""How long a tag seen once counts as that of a host's engine: hosts are reinstalled under old names."""
_LOOKS_LIKE_ENGINE = re.compile(
    rb"""
    [.]* (?:
        time= ["0-9]                                             # time="2026-11-23T18:12:57.7Z" level=info
      | \{ (?: " | Action= )                                     # {"level":"info"   {Action=create, ID=8dd3
      | \[ [^\]\n]{1,120} \] [ ] (?: [+-]job [ ] | [A-Z] | [a-z]+[.]go: )   # [/var/lib/docker|39d8] +job start(8dd3)
      | [0-9]{4} [/-] [0-9]{2} [/-] [0-9]{2} [ T] [0-9]{2} :     # 2014/04/17 16:13:21 POST /v1.10/containers
      | (?: (?:\#033|\x1b) \[ [0-9;]* m )? (?:TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI) [A-Z]* (?: (?:\#033|\x1b) \[ [0-9;]* m )? \[   # INFO[0012]
    )
    """,
    re.VERBOSE,
)


class Extraction(NamedTuple):
    """What one hit line said."""

    events: Sequence[Event]
    rules: Sequence[str]
    """Ids of the rules that were confirmed, also of those that make no event."""
    engine: bool
    """The line is the engine's own."""
    failed: Sequence[Event] = NO_EVENTS
    """What failed for the reason that `events` give: of rules with `unless_other`. It follows, as correlations do."""
    replaced: Sequence[Event] = NO_EVENTS
    """What `unless_other` rules with metrics would have made: only those metrics count. A request that failed always has one."""


class Writer(Enum):
    """Who wrote a line, by its tag and the form of its message."""

    ENGINE = "engine"
    """The engine, in one of its own forms."""
    ENGINE_BARE = "engine, bare text"
    """A tag of the engine, but not the form: only rules that describe the message from its start count."""
    BARE = "bare text"
    """As ENGINE_BARE, under a tag of containerd or of a script."""
    CONTAINER = "container"
    """A container: the tag `docker` on a host whose engine has another, the kernel's with a pid, or a time of its own
    that is far from the header's."""
    SHELL = "shell"
    """The same under the tag of a shell: only rules count that name the shell and not the engine."""
    OTHER = "other"


ENGINE, ENGINE_BARE, BARE = Writer.ENGINE, Writer.ENGINE_BARE, Writer.BARE  # a member's look-up and its hash are slow
CONTAINER, SHELL, OTHER = Writer.CONTAINER, Writer.SHELL, Writer.OTHER


class Extractor:
    """Makes events by these rules. Raises RuleError for field regexes that RE2 refuses."""

    def __init__(self, rules: Sequence[Rule], masker: Masker | None = None) -> None:
        mistakes: list[Mistake] = []
        self.rules: list[CompiledRule] = []
        """In the order of `rules`: hits know them by their numbers."""
        for rule in rules:
            try:
                self.rules.append(CompiledRule(rule, masker or Masker()))
            except RuleError as error:
                mistakes += error.mistakes
        if mistakes:
            raise RuleError(mistakes)
        self._certain_hosts: StateTable[str, int] = StateTable("host")
        """Hosts whose engine was seen under a tag of its own, and when (ns)."""
        self.tables = (self._certain_hosts,)

    def extract(self, record: Record, hit: Hit, path: str, offset: int, line: int | None) -> Extraction:
        """Make the events of a line that was hit; `offset` is the line's in its file."""
        writer = self._writer(record)
        engine = writer is ENGINE or writer is ENGINE_BARE
        if writer is CONTAINER:
            return Extraction(NO_EVENTS, (), engine)
        if record.message[:6] != b'time="':
            record = logrus.translated(record)
        tag, message, bare = record.tag, record.message, writer is ENGINE_BARE or writer is BARE
        confirmed = []
        for index in hit.rules:
            rule = self.rules[index]
            if tag not in rule.tags or (writer is SHELL and rule.is_engines):
                continue
            if (rule.found_bare if bare else rule.found)(message):
                confirmed.append(rule)
        place = (path, offset, line)
        if len(confirmed) == 1:
            rule = confirmed[0]
            event = rule.make(record, Message(message), place)
            return Extraction(NO_EVENTS if event is None else (event,), (rule.id,), engine)
        return _of_several(confirmed, record, place, engine=engine) if confirmed else Extraction(NO_EVENTS, (), engine)

    def _writer(self, record: Record) -> Writer:
        _, stamp_ns, host, tag, pid, message, far_off = record
        if tag not in _SPEAKERS:
            return CONTAINER if tag == _KERNEL and pid is not None else OTHER
        if far_off or (tag in _DOUBTFUL and self._is_certain(host, stamp_ns)):
            return SHELL if tag in WRAPPER_TAGS else CONTAINER
        if message[:6] == b'time="' or looks_like_engine(message):
            if tag in _CERTAIN and not self._is_certain(host, stamp_ns):
                self._remember(record)
            return ENGINE if tag in _ENGINE else OTHER
        return ENGINE_BARE if tag in _ENGINE and tag not in WRAPPER_TAGS else BARE

    def is_another(self, host: str, tag: str, stamp_ns: int) -> bool:
        """Whether a tag that may be the engine's is not, because the host's engine has one of its own."""
        return tag in _DOUBTFUL and self._is_certain(host, stamp_ns)

    def _is_certain(self, host: str, stamp_ns: int) -> bool:
        """Whether the engine of that host wrote under a tag of its own lately, or soon will have."""
        seen_ns = self._certain_hosts.get(host)
        return seen_ns is not None and abs(stamp_ns - seen_ns) < _CERTAIN_NS

    def _remember(self, record: Record) -> None:
        if len(self._certain_hosts) < _MAX_HOSTS or record.host in self._certain_hosts:
            self._certain_hosts[record.host] = record.stamp_ns


def looks_like_engine(message: bytes) -> bool:
    """Whether a message has a form in which engines of any age write."""
    return _LOOKS_LIKE_ENGINE.match(message) is not None


def _of_several(confirmed: Sequence[CompiledRule], record: Record, place: Place, *, engine: bool) -> Extraction:
    """Make the events of a line's rules; of `unless_other` rules only the first counts, and only if it is alone."""
    message = Message(record.message)
    rules = tuple([rule.id for rule in confirmed])
    first: CompiledRule | None = None
    alone = True
    for rule in confirmed:
        if rule.unless_other:
            first = first or rule
        elif not rule.proves:
            alone = False
    events: list[Event] = []
    failed: list[Event] = []
    replaced: list[Event] = []
    for rule in confirmed:
        counts = not rule.unless_other or (alone and rule is first)
        fails = not alone and rule.fails and not failed
        if not (counts or fails or rule.has_metrics):
            continue
        event = rule.make(record, message, place)
        if event is None:
            continue
        if counts:
            events.append(event)
            continue
        if fails:
            failed.append(event)
        if rule.has_metrics:
            replaced.append(event)
    return Extraction(events, rules, engine, failed if events else NO_EVENTS, replaced)


class CompiledRule:
    """One rule, ready to be held against many lines."""

    def __init__(self, rule: Rule, masker: Masker) -> None:
        self.id = rule.id
        self.tags = family_tags(rule.programs)
        self.is_engines = bool(self.tags & _CERTAIN)
        """It takes the engine's lines; a rule that names a shell alone takes that shell's."""
        self.unless_other = rule.unless_other
        self.proves = rule.event.startswith(EVIDENCE)
        self.fails = rule.event.endswith("_failed")
        self.has_metrics = bool(rule.metrics) or rule.event == API_ERROR
        self.found: Found = any_found(rule.patterns)
        """Whether a message contains what the rule wants."""
        self.found_bare: Found = any_found([each for each in rule.patterns if each.regex and each.text[:1] == "^"])
        """The same where the message has not the engine's form: only patterns from the message's start count."""
        self.make = _maker(rule, masker)
        """Make the event of a confirmed line; None for a rule that only knows it."""


Place = tuple[str, int, int | None]
"""Of a line: path, offset, and number in the file where lines are counted."""
Maker = Callable[[Record, Message, Place], Event | None]


def _maker(rule: Rule, masker: Masker) -> Maker:
    """Compile what makes the events of a rule; what is constant is settled here."""
    if not rule.event:
        return lambda _record, _message, _place: None
    bind = compile_parsers(rule.fields)
    templates = {name: parse(text) for name, text in rule.attributes.items()}
    constant_event, event_of = parse(rule.event).constant, compile_template(parse(rule.event), bind)
    id_of = compile_template(parse(rule.object_id), bind) if rule.object_id else None
    name_of = compile_template(templates.pop("name"), bind) if "name" in templates else None
    attribute_of = [
        (each, compile_template(template, bind), masker.is_secret(each)) for each, template in templates.items()
    ]
    severity, rule_id, role, revoked_by = rule.severity.value, rule.id, rule.role, rule.revoked_by
    of_container, mask = CONTAINER_TAG in rule.programs, masker.mask
    may_have_cause = constant_event is None or constant_event in CAUSES
    new = tuple.__new__  # half the time of Event(...), which gives each field its default first

    def make(record: Record, message: Message, place: Place) -> Event | None:
        event = constant_event or event_of(message)
        if not event:
            return None
        object_id = _short(id_of(message)) if id_of is not None else _printer(record) if of_container else None
        name = _short(name_of(message)) if name_of is not None else None
        attributes = {}
        for attribute, value_of, is_secret in attribute_of:
            value = value_of(message)
            if value:
                attributes[attribute] = MASK if is_secret else mask(value[:LONGEST_VALUE])
        if may_have_cause and event in CAUSES and "error" in attributes and "cause" not in attributes:
            attributes["cause"] = str(failure_cause(event, attributes["error"]))
        time_ns, stamp_ns, host, _, _, _, _ = record
        path, offset, line = place
        known = (time_ns, event[:LONGEST_NAME], host, object_id, name, attributes, severity)
        return new(Event, (*known, rule_id, path, offset, line, role, stamp_ns, revoked_by))

    return make


def _printer(record: Record) -> str | None:
    """Return the id of the container that printed a line, which its tag has."""
    given = record.pid or ""
    return given if record.tag == CONTAINER_TAG and len(given) == FULL_ID and HEX.issuperset(given) else None


def _short(text: str | None) -> str | None:
    return text[:LONGEST_NAME] if text else None
