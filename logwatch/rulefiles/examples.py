"""Runs the examples of all rules through the real scanner, formats and extractor, in one pass.

Every rule sees every example, so that one run shows three things: whether a rule matches
its lines, whether it rejects its near misses, and which lines two rules match.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from logwatch.errors import Mistake, mistake
from logwatch.formats.line_parser import LineReader
from logwatch.formats.tags import family_tags
from logwatch.matching.extractor import Extractor
from logwatch.matching.scanner import Scanner
from logwatch.model import Chunk, Event, Example, Hit, Record, Rule


class Trial(NamedTuple):
    """An example and the result of running it."""

    rule: Rule
    example: Example
    record: Record | None
    """None: no header could be read."""
    found: tuple[str, ...]
    """Rules whose patterns the scanner found in the line."""
    confirmed: tuple[str, ...]
    """Rules that took the line."""
    events: tuple[Event, ...]


def verify(rules: Sequence[Rule], cache_dir: Path | None = None) -> list[Mistake]:
    """Every example that is not met, rules without examples, and lines that two rules match."""
    trials = list(run(rules, cache_dir))
    mistakes = [found for rule in rules for found in _incomplete(rule)]
    mistakes += [found for trial in trials if (found := _judge(trial)) is not None]
    mistakes += _unseen(trials)
    return mistakes + list(_overlaps(trials, {rule.id: rule for rule in rules}))


def run(rules: Sequence[Rule], cache_dir: Path | None = None) -> Iterator[Trial]:
    """Take every example of every rule along the path of a line."""
    examples = [(rule, example) for rule in rules for example in rule.examples]
    lines = [example.line.encode() + b"\n" for _, example in examples]
    chunk = Chunk(b"".join(lines), "examples", 0, 0)
    hits = {hit.start: hit for hit in Scanner(rules, cache_dir).scan(chunk.data).hits}
    extractor, start = Extractor(rules), 0
    for (rule, example), line in zip(examples, lines, strict=True):
        hit = hits.get(start, Hit(start, start + len(line) - 1, ()))
        yield _try(rule, example, hit, extractor, [each.id for each in rules])
        start += len(line)


def _try(rule: Rule, example: Example, hit: Hit, extractor: Extractor, ids: Sequence[str]) -> Trial:
    """Run one line on its own: it must not get the year, the zone or the engine's tag from another example."""
    line = example.line.encode()
    reader = LineReader(UTC)
    reader.begin(Chunk(line + b"\n", "examples", 0, 0), 0)
    record = reader.read(line)
    found = tuple(ids[number] for number in hit.rules)
    if record is None or not found:
        return Trial(rule, example, record, found, (), ())
    # The two stamps of an example are whatever its author wrote: it is about the text.
    own_host = record._replace(host=f"{record.host}-{hit.start}", far_off=False)
    extraction = extractor.extract(own_host, hit, "examples", hit.start, None)
    return Trial(rule, example, record, found, tuple(extraction.rules), tuple(extraction.events))


# ── hits and near misses ─────────────────────────────────────────────────────────────


def _incomplete(rule: Rule) -> Iterator[Mistake]:
    if all(example.event is None for example in rule.examples):
        yield mistake(rule.mark, f"rule '{rule.id}' has no example of a line it matches: add one from a real log")
    if all(example.event is not None for example in rule.examples):
        what = f"rule '{rule.id}' has no near miss: add a line that it must not match, with event: null"
        yield mistake(rule.mark, what)


def _unseen(trials: Sequence[Trial]) -> Iterator[Mistake]:
    """Attributes that a rule takes out of none of its own examples: a slip in a field's name looks like this."""
    seen: dict[str, set[str]] = {}
    rules: dict[str, Rule] = {}
    for trial in trials:
        made = [event for event in trial.events if event.rule == trial.rule.id]
        if made:
            rules[trial.rule.id] = trial.rule
        for event in made:
            seen.setdefault(event.rule, set()).update(event.attributes, {"name"} if event.name else ())
    for rule in rules.values():
        unseen = sorted(set(rule.attributes) - seen.get(rule.id, set()))
        if unseen:
            what = f"no example of rule '{rule.id}' has {', '.join(unseen)}: correct the fields, or add an example that has them"
            yield mistake(rule.mark, what, warning=True)


def _judge(trial: Trial) -> Mistake | None:
    """The difference between an example and what its rule does."""
    rule, example = trial.rule, trial.example
    made = [event for event in trial.events if event.rule == rule.id]
    takes = rule.id in trial.confirmed if not rule.event else bool(made)
    if example.event is None:
        if not takes:
            return None
        what = f"makes {describe(made[0])} of this line" if made else "knows this line"
        return mistake(example.mark, f"near miss: rule '{rule.id}' {what}: narrow its match, or write what is expected")
    if not takes:
        verb = "makes no event of" if rule.event else "does not know"
        return mistake(example.mark, f"rule '{rule.id}' {verb} this line: {why_not(trial)}")
    wrong = min((differences(event, example.event) for event in made), key=len, default=[])
    return (
        mistake(example.mark, f"rule '{rule.id}': {'; '.join(wrong)}: correct the rule or the example")
        if wrong
        else None
    )


def why_not(trial: Trial) -> str:
    """Why the rule of an example did not match its line, and what to change."""
    rule, record = trial.rule, trial.record
    if record is None:
        return "it has no syslog header: paste the whole line as it is in the log"
    if rule.id not in trial.found:
        return "none of its patterns matches: compare match with the line, character by character"
    if rule.id in trial.confirmed:
        others = sorted({event.rule for event in trial.events})
        if rule.unless_other and others:
            return f"{others[0]} makes one, and this rule has unless_other: use another line"
        return "a field that `event` needs is absent: compare fields and the template"
    if record.tag not in family_tags(rule.programs):
        return f"its tag '{record.tag}' is not among program: {', '.join(sorted(rule.programs))}"
    return "its message does not look like the engine's, or the pattern is only in the header"


def differences(event: Event, expected: Mapping[str, str | Mapping[str, str]]) -> list[str]:
    """What an event lacks of what is expected."""
    plain = {"event": event.event, "id": event.id, "name": event.name, "severity": str(event.severity)}
    wrong = [
        _difference(key, plain[key], value)
        for key, value in expected.items()
        if isinstance(value, str) and plain[key] != value
    ]
    attributes = expected.get("attributes", {})
    assert not isinstance(attributes, str)
    return wrong + [
        _difference(key, event.attributes.get(key), value)
        for key, value in attributes.items()
        if event.attributes.get(key) != value
    ]


def _difference(key: str, got: str | None, expected: str) -> str:
    return f"{key} is {'missing' if got is None else repr(got)}, expected {expected!r}"


def describe(event: Event) -> str:
    """An event in a few words."""
    attributes = "".join(f" {key}={value}" for key, value in event.attributes.items())
    return (
        f"{event.event}{f' id={event.id}' if event.id else ''}{f' name={event.name}' if event.name else ''}{attributes}"
    )


# ── two rules, one line ──────────────────────────────────────────────────────────────


def _overlaps(trials: Sequence[Trial], rules: Mapping[str, Rule]) -> Iterator[Mistake]:
    """Lines of which two rules make the same event: it would be counted twice."""
    reported: set[frozenset[str]] = set()
    for trial in trials:
        for one, two in combinations(trial.events, 2):
            pair = frozenset({one.rule, two.rule})
            if pair in reported or not _doubles(one, two, rules):
                continue
            reported.add(pair)
            first, second = rules[one.rule], rules[two.rule]
            what = (
                f"two rules make {one.event} of this line, {first.id} ({first.mark.path}:{first.mark.line}) and "
                f"{second.id} ({second.mark.path}:{second.mark.line}): narrow one, or give one unless_other or another role"
            )
            yield mistake(trial.example.mark, what)


def _doubles(one: Event, two: Event, rules: Mapping[str, Rule]) -> bool:
    first, second = rules[one.rule], rules[two.rule]
    apart = first.unless_other or second.unless_other or first.role is not second.role
    return one.event == two.event and one.rule != two.rule and not apart
