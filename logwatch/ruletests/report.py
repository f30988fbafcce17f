"""How verdicts are told: to people as text with differences, to machines as JUnit's XML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from itertools import groupby
from xml.etree import ElementTree as ET

from logwatch.ruletests.cases import Verdict
from logwatch.ruletests.expectations import Failure


def told(failure: Failure) -> Iterator[str]:
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
        yield from (f"    {line}" for line in told(failure))


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
                element.text = _printable("\n".join(told(failure)))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _failed(verdicts: Sequence[Verdict]) -> str:
    return str(sum(bool(verdict.failures) for verdict in verdicts))


def _printable(text: str) -> str:
    """XML has no control characters."""
    return "".join(character if character.isprintable() or character in "\n\t" else "�" for character in text)
