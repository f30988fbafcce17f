"""Reports verdicts: as text with differences, as JUnit's XML, and as coverage of rules and alert states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import groupby
from xml.etree import ElementTree as ET

from logwatch.alerting import AlertRule, Group
from logwatch.model import Correlation, Rule
from logwatch.ruletests.assertions import Failure
from logwatch.ruletests.cases import Verdict


def lines(failure: Failure) -> Iterator[str]:
    """A failure with its place and, line by line, what was expected and what came."""
    mark = failure.mark
    yield f"{mark.path}:{mark.line}:{mark.column}: {failure.what}"
    expected, got = failure.expected or ("(nothing)",), failure.got or ("(nothing)",)
    if failure.expected or failure.got:
        yield from unified_diff(expected, got, "expected", "got", lineterm="", n=max(len(expected), len(got)))


def text(verdict: Verdict) -> Iterator[str]:
    """One test: its name, and what failed."""
    yield f"{'FAILED' if verdict.failures else 'ok':<7} {verdict.file.shown_path}: {verdict.case.name}"
    for failure in verdict.failures:
        yield from (f"    {line}" for line in lines(failure))


def junit(verdicts: Sequence[Verdict]) -> bytes:
    """JUnit's XML as CI systems read it: a suite for each file, a case for each test."""
    root = ET.Element("testsuites", tests=str(len(verdicts)), failures=_failed(verdicts))
    for path, found in groupby(verdicts, key=lambda verdict: verdict.file.shown_path):
        cases = list(found)
        suite = ET.SubElement(root, "testsuite", name=path, tests=str(len(cases)), failures=_failed(cases))
        for verdict in cases:
            case = ET.SubElement(suite, "testcase", classname=path, name=verdict.case.name)
            case.set("file", path)
            case.set("line", str(verdict.case.node.mark.line))
            for failure in verdict.failures:
                element = ET.SubElement(case, "failure", message=failure.what)
                element.text = _printable("\n".join(lines(failure)))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _failed(verdicts: Sequence[Verdict]) -> str:
    return str(sum(bool(verdict.failures) for verdict in verdicts))


def _printable(text: str) -> str:
    """XML has no control characters."""
    return "".join(character if character.isprintable() or character in "\n\t" else "�" for character in text)


# ── coverage ────────────────────────────────────────────────────────────────────────────


FIRED, QUIET, RESOLVED = "fired", "not fired", "resolved"
RULES = "event rules"
STATES = (FIRED, QUIET, RESOLVED)
"""`not fired` if a test expects that the alert does not fire at some time."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is there to be tested, and what was: kind to name to whether."""

    kinds: Mapping[str, Mapping[str, bool]]

    @property
    def percent(self) -> float:
        """Of correlations and states of alerts; 100 where there is none. Event rules are tested by their examples."""
        found = [covered for kind, names in self.kinds.items() if kind != RULES for covered in names.values()]
        return 100 * sum(found) / len(found) if found else 100.0

    def text(self) -> Iterator[str]:
        """A line for each kind, and below it what is missing."""
        for kind, names in self.kinds.items():
            yield f"{kind}: {sum(names.values())} of {len(names)}"
            yield from (f"    {name}" for name, covered in names.items() if not covered)
        yield f"covered, event rules aside: {self.percent:.1f} %"


def measure(
    verdicts: Sequence[Verdict], rules: Iterable[Rule], correlations: Iterable[Correlation], groups: Iterable[Group]
) -> Coverage:
    """What these verdicts cover of the rules; alerts of the tests' own rule files count too."""
    hits = {hit for verdict in verdicts for hit in verdict.hits}
    alerts = _alerts([*groups, *(group for verdict in verdicts for group in verdict.file.groups)])
    seen = {name: set[str]() for name in alerts}
    for verdict in verdicts:
        for name, state in _states(verdict):
            seen.setdefault(name, set()).add(state)
    return Coverage(
        {
            RULES: {rule.id: rule.id in hits for rule in rules},
            "correlations": {rule.id: rule.id in hits for rule in correlations},
            **{f"alerts {state}": {name: state in seen[name] for name in alerts} for state in STATES},
        }
    )


def _alerts(groups: Iterable[Group]) -> list[str]:
    return sorted({rule.name for group in groups for rule in group.rules if isinstance(rule, AlertRule)})


def _states(verdict: Verdict) -> Iterator[tuple[str, str]]:
    named = {"firing": FIRED, "resolved": RESOLVED}
    yield from ((name, named[state]) for name, state in verdict.seen.states if state in named)
    yield from ((item.alertname, QUIET) for item in verdict.case.spec.alert_rule_test if not item.exp_alerts)
