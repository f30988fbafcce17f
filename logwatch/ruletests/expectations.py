"""What a test expects, and how an expectation fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from logwatch import promql
from logwatch.model import Mark
from logwatch.rulefiles.units import duration_text
from logwatch.ruletests.schema import AlertTestSpec, EventTestSpec, ExprTestSpec, MetricTestSpec, NotificationTestSpec

ALERT_NAME, EVIDENCE, NAME = "alertname", "evidence", "__name__"
SO_FAR = frozenset({"event_test", "notification_test"})
"""Lists that tell what happened until a time, not what is so then."""
Spec = AlertTestSpec | ExprTestSpec | EventTestSpec | MetricTestSpec | NotificationTestSpec


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation of a test."""

    key: str
    """The list it stands in."""
    spec: Spec
    mark: Mark
    time_ns: int
    query: promql.Query | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met."""

    mark: Mark
    what: str
    expected: tuple[str, ...] = ()
    got: tuple[str, ...] = ()


def compared(check: Check, what: str, expected: Iterable[str], got: Iterable[str]) -> Failure | None:
    """A failure unless both sides have the same lines."""
    left, right = tuple(expected), tuple(got)
    what = f"{what} {'until' if check.key in SO_FAR else 'at'} {duration_text(check.spec.eval_time)}"
    return None if left == right else Failure(check.mark, what, left, right)


def flat(blocks: Iterable[Sequence[str]]) -> list[str]:
    """The lines of several blocks, a line of text each."""
    return [line for block in blocks for text in block for line in text.split("\n")]


def without(texts: Mapping[str, str], name: str) -> dict[str, str]:
    """The texts but for one."""
    return {key: text for key, text in texts.items() if key != name}


def shown(labels: Mapping[str, str]) -> str:
    """A label set as PromQL writes it."""
    pairs = ", ".join(f"{name}={_quoted(value)}" for name, value in sorted(labels.items()) if name != NAME)
    name = labels.get(NAME, "")
    return f"{name}{{{pairs}}}" if pairs or not name else name


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
