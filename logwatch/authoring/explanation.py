"""Tells how a line is read: its header, its fields, the rules that take it and those that nearly do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from logwatch.authoring.nearmisses import Line, NearMiss, near_misses
from logwatch.formats import logrus
from logwatch.formats.line_parser import DATE_UNREADABLE, TIME_DISTRUSTED, TOO_LONG, LineReader
from logwatch.formats.tags import TAG_FAMILIES
from logwatch.matching.extractor import Extraction, Extractor, looks_like_engine
from logwatch.matching.fields import fields_of
from logwatch.matching.redaction import MASK, WORDS, Masker
from logwatch.matching.scanner import Scanner
from logwatch.model import Chunk, Event, Hit, Record, Rule
from logwatch.notation import one_line, rfc3339
from logwatch.rulefiles.examples import describe

NOTES = {
    DATE_UNREADABLE: "the header's date cannot be read: the time is the message's own, or that of the line before",
    TIME_DISTRUSTED: "the message's own time is more than an hour off the header's, so the header's counts",
    TOO_LONG: "the line is longer than lines are read; what follows its first 64 KiB is left out",
}
FORGED = (
    "a container that its operator tagged '{tag}', or that logs through the journald driver, can write this very line: "
    "it cannot be distinguished from the engine's"
)
SHARED_TAG = (
    "'docker' may be a container's tag (tag=docker/… arrives as APP-NAME docker): it is the engine's until another tag of "
    "the engine, such as dockerd, is seen from that host"
)
NOT_ITS_OWN = (
    "on this host the engine logs under another tag, so this line, tagged 'docker', is taken for a container's output"
)
FORMLESS = (
    "it has the engine's tag '{tag}' and does not look like the engine's: probably output of a container (journald "
    "driver, or a tag that its operator set); only a rule with a regex that begins with ^ takes it"
)

FAR_OFF = "its own time is more than an hour off its header's and no zone explains that, so no engine wrote it: no rule about the engine takes it"
NO_KERNEL = (
    "the kernel has no pid, so this is the output of a container called kernel: no rule about the kernel takes it"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule that takes the line, and what it makes of it."""

    rule: str
    event: Event | None
    note: str
    """Why the rule makes no event; empty if it makes one."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one line is read."""

    line: str
    header: str
    """The text before the message."""
    record: Record | None
    """None: no header can be read from it."""
    notes: Sequence[str]
    """About its header and times."""
    family: str | None
    """`engine` or `containerd` by its tag, None for any other."""
    looks: bool
    """Its message has the form of an engine's line."""
    normalised: str
    """Its message in logfmt, as rules see it; empty if it is so in the line."""
    fields: Mapping[str, str]
    verdicts: Sequence[Verdict]
    near: Sequence[NearMiss]
    warnings: Sequence[str]


class Explainer:
    """Explains the lines of one log, one after the other, by these rules.

    `secrets` are further parts of keys whose values are masked.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        zone: tzinfo | None = None,
        cache_dir: Path | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self._rules = rules
        self._scanner = Scanner(rules, cache_dir)
        self._masker = Masker([*WORDS, *secrets])
        self._extractor = Extractor(rules, self._masker)
        self._reader = LineReader(zone)

    def explain(self, line: bytes, now_ns: int) -> Explanation:
        """Explain one line; `now_ns` bounds the year of a stamp without one. Never raises."""
        line = line.rstrip(b"\r\n")
        chunk = Chunk(line + b"\n", "-", 0, now_ns)
        self._reader.begin(chunk, now_ns)
        record = self._reader.read(line)
        notes = tuple(NOTES[reason] for reason in self._reader.unparsed if reason in NOTES)
        self._reader.unparsed.clear()
        shown = self._masker.mask(line.decode(errors="replace"))
        if record is None:
            return Explanation(
                shown, "", None, notes, None, looks=False, normalised="", fields={}, verdicts=(), near=(), warnings=()
            )
        hit = next(iter(self._scanner.scan(chunk.data).hits), Hit(0, len(line), ()))
        extraction = self._extractor.extract(record, hit, chunk.path, 0, None)
        barred = record.tag == "docker" and not extraction.engine
        family = next((name for name, tags in TAG_FAMILIES.items() if record.tag in tags), None)
        looks = looks_like_engine(record.message)
        normalised = logrus.translated(record)
        near = Line(normalised, hit.rules, family is None or looks, barred)
        return Explanation(
            line=shown,
            header=line[: len(line) - len(record.message)].decode(errors="replace").rstrip(),
            record=record,
            notes=notes,
            family=family,
            looks=looks,
            normalised=self._masker.mask(normalised.message.decode(errors="replace"))
            if normalised is not record
            else "",
            fields=dict(self._masked(fields_of(normalised))),
            verdicts=tuple(self._verdicts(extraction)),
            near=near_misses(self._rules, near, extraction.rules),
            warnings=tuple(_warnings(record, looks=looks, barred=barred)),
        )

    def _verdicts(self, extraction: Extraction) -> Iterator[Verdict]:
        rules = {rule.id: rule for rule in self._rules}
        for rule_id in extraction.rules:
            made = [event for event in extraction.events if event.rule == rule_id]
            for event in made:
                yield Verdict(rule_id, event, "")
            if not made:
                yield Verdict(rule_id, None, _why_no_event(rules[rule_id], extraction))

    def _masked(self, found: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for key, value in found.items():
            yield key, MASK if self._masker.is_secret(key) else self._masker.mask(value)


def _why_no_event(rule: Rule, extraction: Extraction) -> str:
    if not rule.event:
        return "known, makes no event (ignore: true)"
    if rule.unless_other and extraction.events:
        return f"gives precedence to {extraction.events[0].rule} (unless_other: true)"
    if rule.unless_other and len(extraction.rules) > 1:
        return "gives precedence to another rule that matches the line (unless_other: true)"
    return "makes no event: a field that its event needs is absent"


def _warnings(record: Record, *, looks: bool, barred: bool) -> Iterator[str]:
    """Why a line is not taken for its tag's, and what a line under the engine's tag leaves open."""
    tag = record.tag
    if tag == "kernel" and record.pid is not None:
        yield NO_KERNEL
    if record.far_off and tag in TAG_FAMILIES["engine"] | TAG_FAMILIES["containerd"]:
        yield FAR_OFF
        return
    if tag not in TAG_FAMILIES["engine"]:
        return
    if barred:
        yield NOT_ITS_OWN
    elif not looks:
        yield FORMLESS.format(tag=tag)
    else:
        if tag == "docker":
            yield SHARED_TAG
        yield FORGED.format(tag=tag)


# ── for the terminal and the page ────────────────────────────────────────────────────

Row = tuple[str, str]
"""The title is empty where a row continues the one before."""


def rows(explanation: Explanation) -> Iterator[Row]:
    """Yield the rows of an explanation."""
    record = explanation.record
    if record is None:
        yield ("header", "not found: give the whole line, as it is in the log")
        yield ("rules", "a rule matches only lines with a header")
        return
    yield from _header(explanation)
    yield from _section("rules see", [one_line(explanation.normalised)] if explanation.normalised else [])
    for place, (key, value) in enumerate(explanation.fields.items()):
        yield ("fields" if place == 0 else "", f"{one_line(key)} = {one_line(value)}")
    if not explanation.fields:
        yield ("fields", "none: the message is bare text")
    yield from _section("rules", [_verdict_text(verdict) for verdict in explanation.verdicts] or ["no rule matches it"])
    yield from _section("nearly", [f"{miss.rule}: {miss.why}" for miss in explanation.near])
    yield from _section("warning", explanation.warnings)


def _header(explanation: Explanation) -> Iterator[Row]:
    record = explanation.record
    assert record is not None
    yield ("header", one_line(explanation.header))
    yield ("stamp", rfc3339(record.stamp_ns))
    if record.time_ns != record.stamp_ns:
        yield ("time", f"{rfc3339(record.time_ns)}, the message's own")
    yield from _section("", explanation.notes)
    yield ("host", one_line(record.host) or "none")
    family = f", of the family {explanation.family}" if explanation.family else ", not a tag of the engine"
    yield ("tag", one_line(record.tag) + family if record.tag else "none")
    yield ("pid", one_line(record.pid or "") or "none")
    yield ("form", "looks like the engine's" if explanation.looks else "does not look like the engine's")


def _verdict_text(verdict: Verdict) -> str:
    makes = f"makes {one_line(describe(verdict.event))}" if verdict.event else verdict.note
    return f"{verdict.rule}: {makes}"


def _section(title: str, rows: Iterable[str]) -> Iterator[Row]:
    for place, text in enumerate(rows):
        yield (title if place == 0 else "", text)
