"""Alert files to groups, with every mistake of every file at once."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from logwatch.alerting import templates
from logwatch.alerting.alerting_rule import AlertRule
from logwatch.alerting.group import Group
from logwatch.alerting.recording_rule import RecordingRule
from logwatch.alerting.schema import NEWER, GroupSpec, RuleSpec
from logwatch.errors import Mistake, RuleError, mistake
from logwatch.model import SECOND, Mark
from logwatch.notation import nanoseconds
from logwatch.promql import ExpressionError, Query, Version, compile  # noqa: A004 - as re.compile
from logwatch.rulefiles import files
from logwatch.rulefiles.files import Kind
from logwatch.rulefiles.validation import shown, validate
from logwatch.rulefiles.vocabulary import did_you_mean
from logwatch.rulefiles.yaml import Entry, Node

DEFAULT_INTERVAL_NS = 15 * SECOND
IGNORED = frozenset({"$schema"})


@dataclass(slots=True)
class Loaded:
    """What the files say, right or wrong."""

    groups: list[Group] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def load(
    paths: Iterable[Path],
    *,
    interval_ns: int = DEFAULT_INTERVAL_NS,
    disabled: Container[str] = (),
    promql: Version = 2,
) -> tuple[Group, ...]:
    """Load alert files; raises RuleError with every mistake.

    A user's alert replaces the shipped ones of the same name; `disabled` names alerts that do not
    run. `interval_ns` is that of groups which name none.
    """
    loaded = gather(paths, interval_ns=interval_ns, promql=promql)
    errors = [found for found in loaded.mistakes if not found.warning]
    if errors:
        raise RuleError(errors)
    return tuple(in_force(loaded.groups, disabled))


def gather(paths: Iterable[Path], *, interval_ns: int = DEFAULT_INTERVAL_NS, promql: Version = 2) -> Loaded:
    """Read alert files and note every mistake in them."""
    loaded = Loaded()
    for path in paths:
        read = files.read(path)
        loaded.mistakes += read.mistakes
        if read.kind is not Kind.ALERTS or read.node is None:
            continue
        reader = _Reader(path, read.node.mark.path, shipped=read.shipped, interval_ns=interval_ns, promql=promql)
        loaded.groups += reader.groups(read.node)
        loaded.mistakes += reader.mistakes
    return loaded


def in_force(groups: Sequence[Group], disabled: Container[str] = ()) -> list[Group]:
    """The groups without the alerts that are disabled, and the shipped ones that users replaced."""
    own = {rule.name for group in groups if not group.shipped for rule in group.rules if isinstance(rule, AlertRule)}
    kept = []
    for group in groups:
        rules = tuple(
            rule
            for rule in group.rules
            if not (isinstance(rule, AlertRule) and (rule.name in disabled or (group.shipped and rule.name in own)))
        )
        if rules:
            kept.append(replace(group, rules=rules))
    return kept


class _Reader:
    """Makes the groups of one file and notes its mistakes."""

    def __init__(self, path: Path, shown_path: str, *, shipped: bool, interval_ns: int, promql: Version) -> None:
        self.path = path
        self.shown_path = shown_path
        self.shipped = shipped
        self.interval_ns = interval_ns
        self.promql = promql
        self.mistakes: list[Mistake] = []
        self._source: str | None = None

    def groups(self, node: Node) -> list[Group]:
        """The groups that have the right shape."""
        assert isinstance(node.value, dict)
        for key, entry in node.value.items():
            if key != "groups" and key not in IGNORED:
                self._say(
                    entry.mark, f"unknown key '{key}'{did_you_mean(key, ('groups',)) or ': the key here is groups'}"
                )
        section = node.value["groups"].node
        if section.value is None:
            return []
        if not isinstance(section.value, list):
            self._say(section.mark, f"groups: expected a list, not {shown(section.plain())}: write '- name: …'")
            return []
        made: dict[str, Group] = {}
        for item in section.value:
            group = self._group(item)
            if group is None:
                continue
            if group.name in made:
                self._say(item.at(("name",)).mark, f"group '{group.name}' is here twice: give it another name")
            made[group.name] = group
        return list(made.values())

    def _group(self, node: Node) -> Group | None:
        entries = dict(node.value) if isinstance(node.value, dict) else None
        listed = entries.get("rules") if entries is not None else None
        if entries is not None and listed is not None:  # each rule is looked at on its own
            entries["rules"] = Entry(listed.mark, replace(listed.node, value=[]))
        for key, cure in NEWER.items():
            if entries is not None and key in entries:
                self._say(entries.pop(key).mark, f"'{key}' {cure}")
        bare = replace(node, value=entries) if entries is not None else node
        spec, found = validate(GroupSpec, bare)
        self.mistakes += found
        shared = {key: bare.at(("labels", key)) for key in spec.labels} if spec is not None else {}
        rules = self._rules(listed.node, shared) if listed is not None else []
        if spec is None:
            return None
        if spec.interval is not None and not spec.interval:
            self._say(bare.at(("interval",)).mark, "an interval of 0 is none: write 15s, or leave it out")
        interval_ns = nanoseconds(spec.interval) if spec.interval else self.interval_ns
        query_offset_ns = nanoseconds(spec.query_offset)
        return Group(spec.name, self.shown_path, interval_ns, spec.limit, tuple(rules), self.shipped, query_offset_ns)

    def _rules(self, node: Node, shared: Mapping[str, Node]) -> list[AlertRule | RecordingRule]:
        if node.value is None:
            return []
        if not isinstance(node.value, list):
            self._say(node.mark, f"rules: expected a list, not {shown(node.plain())}: write '- alert: …'")
            return []
        made = [self._rule(_labelled(item, shared)) for item in node.value]
        return [rule for rule in made if rule is not None]

    def _rule(self, node: Node) -> AlertRule | RecordingRule | None:
        spec, found = validate(RuleSpec, node)
        self.mistakes += found
        if spec is None:
            return None
        query = self._query(spec.expr, node.at(("expr",)).mark)
        if (spec.alert is None) == (spec.record is None):
            what = "both alert and record" if spec.alert else "neither alert nor record"
            self._say(node.mark, f"the rule has {what}: write one of them")
            return None
        if spec.record is not None:
            return self._recording(spec, node, query)
        labels = {key: self._template(text, node.at(("labels", key)).mark) for key, text in spec.labels.items()}
        texts = {
            key: self._template(text, node.at(("annotations", key)).mark) for key, text in spec.annotations.items()
        }
        if query is None or None in labels.values() or None in texts.values():
            return None
        return AlertRule(
            name=str(spec.alert),
            query=query,
            hold_ns=nanoseconds(spec.hold),
            keep_firing_ns=nanoseconds(spec.keep_firing_for),
            labels={key: template for key, template in labels.items() if template},
            annotations={key: template for key, template in texts.items() if template},
            mark=node.mark,
            marks={
                "expr": node.at(("expr",)).mark,
                **{f"label {key}": node.at(("labels", key)).mark for key in labels},
                **{f"annotation {key}": node.at(("annotations", key)).mark for key in texts},
            },
        )

    def _recording(self, spec: RuleSpec, node: Node, query: Query | None) -> RecordingRule | None:
        for key, given in (
            ("for", spec.hold),
            ("keep_firing_for", spec.keep_firing_for),
            ("annotations", spec.annotations),
        ):
            if given:
                self._say(node.key_mark(key), f"'{key}' belongs to alerts: a recording rule has none")
        if query is None:
            return None
        return RecordingRule(str(spec.record), query, dict(spec.labels), node.mark, {"expr": node.at(("expr",)).mark})

    def _query(self, text: str, mark: Mark) -> Query | None:
        try:
            return compile(text, version=self.promql)
        except ExpressionError as error:
            cure = f": {error.cure}" if error.cure else ""
            self._say(self.place(mark, text, error.offset), f"{error.what}{cure}")
            return None

    def _template(self, text: str, mark: Mark) -> templates.Template | None:
        try:
            return templates.parse(text)
        except templates.UnfillableError as error:
            what = f"{error}; the text is sent as it is written"
            self.mistakes.append(mistake(self.place(mark, text, error.offset), what, warning=True))
            return templates.Template(text, (text,))
        except templates.TemplateError as error:
            self._say(self.place(mark, text, error.offset), str(error))
            return None

    def place(self, mark: Mark, text: str, offset: int) -> Mark:
        """Where a character of a value stands in the file."""
        if self._source is None:
            self._source = self.path.read_bytes().decode("utf-8-sig", "replace")
        return place(self._source, mark, text, offset)

    def _say(self, mark: Mark, what: str) -> None:
        self.mistakes.append(mistake(mark, what))


def _labelled(rule: Node, shared: Mapping[str, Node]) -> Node:
    """A rule with the labels of its group, as far as it has none of these names."""
    if not shared or not isinstance(rule.value, dict):
        return rule
    entry = rule.value.get("labels", Entry(rule.mark, Node(rule.mark, {})))
    own = {} if entry.node.value is None else entry.node.value
    if not isinstance(own, dict):
        return rule
    labels = {name: Entry(node.mark, node) for name, node in shared.items()} | own
    return replace(rule, value={**rule.value, "labels": Entry(entry.mark, replace(entry.node, value=labels))})


# ── places in files ──────────────────────────────────────────────────────────────────


def place(source: str, mark: Mark, text: str, offset: int) -> Mark:
    """The place of text[offset] of the scalar that begins at `mark` in the file's `source`.

    A YAML value may be folded, indented and quoted, so that its characters are not where they seem.
    What all styles have in common is the order of the characters that are not blank.
    """
    lines = source.splitlines(keepends=True)
    if not 0 < mark.line <= len(lines):
        return mark
    start = sum(map(len, lines[: mark.line - 1])) + mark.column - 1
    quote = source[start : start + 1]
    if quote in {"|", ">"}:
        start = source.find("\n", start) + 1
    elif quote in {"'", '"'}:
        start += 1
    before = sum(not character.isspace() for character in text[:offset])
    position = _skip(source, start, before, quote)
    line_start = source.rfind("\n", 0, position) + 1
    return Mark(mark.path, source.count("\n", 0, position) + 1, position - line_start + 1)


def _skip(source: str, position: int, count: int, quote: str) -> int:
    """Pass over blanks and so many other characters, an escape of a quoted scalar as one."""
    while position < len(source):
        if not source[position].isspace():
            if count == 0:
                break
            count -= 1
            escaped = (quote == '"' and source[position] == "\\") or (
                quote == "'" and source[position : position + 2] == "''"
            )
            position += escaped
        position += 1
    return min(position, max(0, len(source) - 1))
