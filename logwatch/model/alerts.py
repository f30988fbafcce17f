"""An alert and its identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

FNV_OFFSET = 14_695_981_039_346_656_037
FNV_PRIME = 1_099_511_628_211


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return 16 hex digits that stand for a label set, equal to those of Prometheus and Alertmanager.

    FNV-1a of 64 bits over names and values in the order of names, each followed by the byte 255
    (prometheus/common, model/signature.go).
    """
    digest = FNV_OFFSET
    for name in sorted(labels):
        for byte in b"%b\xff%b\xff" % (name.encode(), labels[name].encode("utf-8", "surrogateescape")):
            digest = ((digest ^ byte) * FNV_PRIME) & 0xFFFF_FFFF_FFFF_FFFF
    return f"{digest:016x}"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as receivers see it: its labels say which one it is, its annotations what about it."""

    labels: Mapping[str, str]
    """With `alertname`; the identity."""
    annotations: Mapping[str, str]
    """Of the rule, and `evidence`: the last lines that made it true."""
    starts_ns: int
    """Since when it fires, or (pending) is true."""
    ends_ns: int | None
    """When it resolved; None while it is pending or fires."""
    state: Literal["pending", "firing", "resolved"]
    value: float
    rule: str
    """`<group>/<alert>`, for logs and pages."""
    generator_url: str
    updated_ns: int
    """The time of the evaluation."""
    interval_ns: int = 0
    """Between two evaluations of its group; 0: not known."""

    @property
    def fingerprint(self) -> str:
        """The identity in 16 hex digits, as Alertmanager shows it."""
        return fingerprint(self.labels)

    def row(self) -> dict[str, object]:
        """As a row of the state; `Alert(**row)` reads it."""
        row = {name: getattr(self, name) for name in Alert.__slots__}
        return {**row, "labels": dict(self.labels), "annotations": dict(self.annotations)}


@dataclass(frozen=True, slots=True)
class Mute:
    """Alerts that are not sent for a while: those whose labels match."""

    id: str
    match: Mapping[str, str]
    """Labels, `*` for any text; none: all alerts."""
    since_ns: int
    until_ns: int | None
    """None: until it is removed."""
    reason: str = ""
    by: str = ""

    def described(self) -> str:
        """Which alerts, by whom and why, on one line."""
        match = ", ".join(f"{name}={value}" for name, value in sorted(self.match.items())) or "all alerts"
        return ": ".join(text for text in (match, self.by, self.reason) if text)

    def covers(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is one of them."""
        return all(fnmatchcase(labels.get(name, ""), pattern) for name, pattern in self.match.items())
