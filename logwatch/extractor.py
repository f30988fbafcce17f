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
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from logwatch.errors import Mistake, RuleError
from logwatch.fields import Getter, Message, compile_parsers
from logwatch.formats import logrus
from logwatch.formats.tags import TAG_FAMILIES, WRAPPER_TAGS, family_tags
from logwatch.model import LONGEST_NAME, LONGEST_VALUE, SECOND, Event, Hit, Record, Rule
from logwatch.patterns import Search, compile_regex
from logwatch.secrets import MASK, Masker
from logwatch.templates import Template, parse

NO_EVENTS: tuple[Event, ...] = ()
API_ERROR = "api.error"
_AMBIGUOUS = "docker"
_KERNEL = "kernel"
_WRAPPERS = WRAPPER_TAGS
_ENGINE = TAG_FAMILIES["engine"]
_CERTAIN = _ENGINE - {_AMBIGUOUS} - _WRAPPERS
"""Tags of the engine that tell that `docker` is not its tag on a host."""
_SPEAKERS = _ENGINE | TAG_FAMILIES["containerd"]
_MAX_HOSTS = 10_000
_CERTAIN_NS = 30 * 86_400 * SECOND
"""For so long a tag of its own tells how a host's engine is called: hosts are set up anew under old names."""
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
    replaced: Sequence[Event] = NO_EVENTS
    """What `unless_other` rules with metrics would have made: only those metrics count. A request that failed always has one."""


class Extractor:
    """Makes events by these rules. Raises RuleError for field regexes that RE2 refuses."""

    def __init__(self, rules: Sequence[Rule], masker: Masker | None = None) -> None:
        mistakes: list[Mistake] = []
        self._rules: list[CompiledRule] = []
        for rule in rules:
            try:
                self._rules.append(CompiledRule(rule, masker or Masker()))
            except RuleError as error:
                mistakes += error.mistakes
        if mistakes:
            raise RuleError(mistakes)
        self._certain_hosts: dict[str, int] = {}
        self._new_hosts: list[str] = []

    def extract(self, record: Record, hit: Hit, path: str, offset: int, line: int | None) -> Extraction:
        """Make the events of a line that was hit; `offset` is the line's in its file."""
        tag, message = record.tag, record.message
        engine, speaks, barred = self._judge(record)
        if barred and tag not in _WRAPPERS:
            return Extraction(NO_EVENTS, (), engine)
        if message[:6] != b'time="':
            record = logrus.translated(record)
            message = record.message
        confirmed = []
        for index in hit.rules:
            rule = self._rules[index]
            if tag in rule.tags and not (barred and rule.is_engines) and rule.confirms(message, speaks=speaks):
                confirmed.append(rule)
        if not confirmed:
            return Extraction(NO_EVENTS, (), engine)
        if len(confirmed) == 1:
            event = confirmed[0].make(record, path, offset, line)
            return Extraction((event,) if event else NO_EVENTS, (confirmed[0].id,), engine)
        return _choose(confirmed, [rule.make(record, path, offset, line) for rule in confirmed], engine=engine)

    def _judge(self, record: Record) -> tuple[bool, bool, bool]:
        """Whether a line is the engine's, whether it has the right form, and whether its tag is known to be another's."""
        tag, message = record.tag, record.message
        if tag not in _SPEAKERS:
            return False, True, tag == _KERNEL and record.pid is not None
        if record.far_off:
            return False, False, True
        if self.is_another(record.host, tag, record.stamp_ns):
            return False, tag in _WRAPPERS, True
        looks = message[:6] == b'time="' or looks_like_engine(message)
        if looks and tag in _CERTAIN and not self._is_certain(record.host, record.stamp_ns):
            self._remember(record)
        return tag in _ENGINE and (looks or tag not in _WRAPPERS), looks, False

    def is_another(self, host: str, tag: str, stamp_ns: int) -> bool:
        """Whether a tag that may be the engine's is not, because the host's engine has one of its own."""
        return (tag == _AMBIGUOUS or tag in _WRAPPERS) and self._is_certain(host, stamp_ns)

    def _is_certain(self, host: str, stamp_ns: int) -> bool:
        """Whether the engine of that host was heard under a tag of its own lately, or soon will have been."""
        heard_ns = self._certain_hosts.get(host)
        return heard_ns is not None and abs(stamp_ns - heard_ns) < _CERTAIN_NS

    def _remember(self, record: Record) -> None:
        if len(self._certain_hosts) < _MAX_HOSTS or record.host in self._certain_hosts:
            self._certain_hosts[record.host] = record.stamp_ns
            self._new_hosts.append(record.host)

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over the hosts whose engine was recognised since the last call."""
        rows: dict[str, str | None] = {host: str(self._certain_hosts[host]) for host in self._new_hosts}
        self._new_hosts.clear()
        return rows

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue with the hosts of the last commit."""
        self._certain_hosts = {host: int(heard_ns) for host, heard_ns in rows.items()}
        self._new_hosts.clear()


def looks_like_engine(message: bytes) -> bool:
    """Whether a message has a form in which engines of any age write."""
    return _LOOKS_LIKE_ENGINE.match(message) is not None


def _choose(confirmed: Sequence[CompiledRule], made: Sequence[Event | None], *, engine: bool) -> Extraction:
    """Let rules with `unless_other` step back behind the others, and all but the first behind that."""
    others = any(not rule.unless_other for rule in confirmed)
    chosen = confirmed[0] if not others else None
    events, replaced = [], []
    for rule, event in zip(confirmed, made, strict=True):
        if event is None:
            continue
        if not rule.unless_other or rule is chosen:
            events.append(event)
        elif rule.has_metrics:
            replaced.append(event)
    return Extraction(events, tuple(rule.id for rule in confirmed), engine, replaced)


class CompiledRule:
    """One rule, ready to be held against many lines."""

    def __init__(self, rule: Rule, masker: Masker) -> None:
        self.id = rule.id
        self.tags = family_tags(rule.programs)
        self.is_engines = bool(self.tags & _CERTAIN)
        """It takes the engine's lines; a rule that names a shell alone takes that shell's."""
        self.unless_other = rule.unless_other
        self.has_metrics = bool(rule.metrics) or rule.event == API_ERROR
        self._rule = rule
        self._masker = masker
        self._texts = [pattern.text.encode() for pattern in rule.patterns if not pattern.regex]
        searches = {pattern.text: Search(compile_regex(pattern.text)) for pattern in rule.patterns if pattern.regex}
        self._regexes = [search.found_in for search in searches.values()]
        self._bare = [search.found_in for text, search in searches.items() if text.startswith("^")]
        bind = compile_parsers(rule.fields)
        named = {name: parse(text) for name, text in rule.attributes.items()}
        self._event = _filler(parse(rule.event), bind)
        self._object_id = _filler(parse(rule.object_id or ""), bind)
        self._name = _filler(named.pop("name", parse("")), bind)
        self._attributes = [
            (name, _filler(template, bind), MASK if masker.is_secret(name) else None)
            for name, template in named.items()
        ]
        self._severity = rule.severity.value

    def confirms(self, message: bytes, *, speaks: bool) -> bool:
        """Whether a message contains what the rule wants, in a line that has the engine's form (`speaks`) or need not have it."""
        if not speaks:
            return any(found_in(message) for found_in in self._bare)
        for text in self._texts:
            if text in message:
                return True
        return any(found_in(message) for found_in in self._regexes)

    def make(self, record: Record, path: str, offset: int, line: int | None) -> Event | None:
        """Make the event of a confirmed line; None for a rule that only knows it."""
        if not self._rule.event:
            return None
        message = Message(record.message)
        event = self._event(message)
        if not event:
            return None
        attributes = {}
        for attribute, fill, hidden in self._attributes:
            value = fill(message)
            if value:
                attributes[attribute] = hidden or self._masker.mask(value[:LONGEST_VALUE])
        rule = self._rule
        return Event(
            record.time_ns,
            event[:LONGEST_NAME],
            record.host,
            _short(self._object_id(message)),
            _short(self._name(message)),
            attributes,
            self._severity,
            rule.id,
            path,
            offset,
            line,
            rule.role,
            record.stamp_ns,
            rule.revoked_by,
        )


def _short(text: str | None) -> str | None:
    return text[:LONGEST_NAME] if text else None


def _filler(template: Template, bind: Callable[[str], Getter]) -> Getter:
    """What fills a template in from a message."""
    if template.constant is not None:
        constant = template.constant
        return lambda _message: constant
    if template.plain is not None:
        return bind(template.plain)
    getters = {field: bind(field) for field in template.fields}
    return lambda message: template.render(lambda field: getters[field](message))
