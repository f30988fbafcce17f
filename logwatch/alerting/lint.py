"""What `logwatch check` reports about alert files, beyond what keeps them from loading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from logwatch.alerting.alerting_rule import AlertRule
from logwatch.alerting.group import Group
from logwatch.alerting.kept_labels import kept_labels
from logwatch.alerting.loader import DEFAULT_INTERVAL_NS, gather, place
from logwatch.alerting.recording_rule import RecordingRule
from logwatch.errors import Mistake, mistake
from logwatch.metrics.catalog import CAUSES, CONTAINER_INFO, HEALTH, PROCESS, SAMPLED, STATES, counted
from logwatch.model import SECOND, Correlation, Family, Rule, is_label
from logwatch.promql import Version
from logwatch.rulefiles.vocabulary import EVENTS, did_you_mean

EVERYWHERE = frozenset({"job", "instance", "__name__"})
ANY = None
"""Of a metric whose labels are not known."""
WANTED = {"summary": "one sentence that says what is wrong", "description": "what it means, and where to look"}

Known = Mapping[str, frozenset[str] | None]
"""Sample name to its labels."""


def check(
    paths: Iterable[Path],
    rules: Sequence[Rule | Correlation],
    *,
    interval_ns: int = DEFAULT_INTERVAL_NS,
    target_labels: Iterable[str] = (),
    promql: Version = 2,
) -> list[Mistake]:
    """Every mistake and warning of alert files; `rules` make the metrics that expressions may read."""
    loaded = gather(paths, interval_ns=interval_ns, promql=promql)
    known = _known(rules, loaded.groups)
    everywhere = EVERYWHERE | frozenset(target_labels)
    values = _values(rules)
    found = list(loaded.mistakes)
    for group in loaded.groups:
        for rule in group.rules:
            found += _readings(rule, known, everywhere)
            found += _matched(rule, values)
            if isinstance(rule, AlertRule):
                found += _alert(rule, group)
                found += _templates(rule, known, everywhere)
    return sorted(set(found))


def _known(rules: Sequence[Rule | Correlation], groups: Sequence[Group]) -> Known:
    known: dict[str, frozenset[str] | None] = {"ALERTS": ANY, "ALERTS_FOR_STATE": ANY, "up": frozenset()}
    families = [*counted(multi_host=True), *SAMPLED, *PROCESS]
    families += [
        Family(metric.name, metric.kind, "", tuple(metric.labels)) for rule in rules for metric in rule.metrics
    ]
    for family in families:
        known |= {name: frozenset(labels) for name, labels in family.samples().items()}
    recorded = (rule.name for group in groups for rule in group.rules if isinstance(rule, RecordingRule))
    return known | dict.fromkeys(recorded, ANY)


def _readings(rule: AlertRule | RecordingRule, known: Known, everywhere: frozenset[str]) -> Iterator[Mistake]:
    """Metrics and labels that nothing here makes."""
    for reading in rule.query.readings:
        name = reading.selector.name
        if name is None:
            continue
        if name not in known:
            nearest = did_you_mean(name, known)
            cure = nearest or ": `logwatch rules metrics` lists them"
            yield _warn_in(rule, name, f"nothing here makes the metric '{name}'{cure}")
            continue
        labels = known[name]
        for matcher in reading.selector.matchers:
            chosen = name == CONTAINER_INFO and is_label(matcher.label)
            if labels is not None and not chosen and matcher.label not in labels | everywhere:
                nearest = did_you_mean(matcher.label, labels) or f": it has {', '.join(sorted(labels)) or 'none'}"
                yield _warn_in(rule, matcher.label, f"'{name}' has no label '{matcher.label}'{nearest}")


def _values(rules: Sequence[Rule | Correlation]) -> Mapping[str, frozenset[str]]:
    """The values that a label of our metrics can have, where others are misspelt."""
    events = {rule.event for rule in rules} | EVENTS
    parts = [event.partition(".") for event in events if "{" not in event]
    return {
        "action": frozenset(action for _, _, action in parts),
        "type": frozenset(kind for kind, _, _ in parts),
        "state": frozenset(STATES),
        "health": frozenset(HEALTH),
        "cause": CAUSES,
    }


def _matched(rule: AlertRule | RecordingRule, values: Mapping[str, frozenset[str]]) -> Iterator[Mistake]:
    """Values of labels that no event and no container has."""
    for reading in rule.query.readings:
        name = reading.selector.name or ""
        for matcher in reading.selector.matchers if name.startswith("docker_") else ():
            known = values.get(matcher.label)
            if known is None or matcher.operator not in {"=", "!="} or matcher.value in known or not matcher.value:
                continue
            nearest = did_you_mean(matcher.value, known)
            if nearest:  # rules may make others, of what a line says
                yield _warn_in(rule, matcher.value, f"no '{name}' has {matcher.label}=\"{matcher.value}\"{nearest}")


def _templates(rule: AlertRule, known: Known, everywhere: frozenset[str]) -> Iterator[Mistake]:
    """Labels that a template asks for and the expression does not keep."""

    def of_metric(name: str) -> frozenset[str] | None:
        labels = known.get(name)
        return None if labels is None or name == CONTAINER_INFO else labels | everywhere

    kept = kept_labels(rule.query.text, of_metric)
    if kept is None:
        return
    for where, templates in (("label", rule.labels), ("annotation", rule.annotations)):
        for name, template in templates.items():
            for label in sorted(template.labels_read - kept):
                nearest = did_you_mean(label, kept) or f": it keeps {', '.join(sorted(kept - {'__name__'})) or 'none'}"
                what = f"{where} '{name}': the expression keeps no label '{label}'{nearest}"
                yield _warn_in(rule, label, what, f"{where} {name}", template.text)


def _alert(rule: AlertRule, group: Group) -> Iterator[Mistake]:
    if 0 < rule.hold_ns < group.interval_ns:
        yield _warn(
            rule, f"for is shorter than the interval of {group.interval_ns / SECOND:g}s, which it waits in any case"
        )
    for name, template in rule.labels.items():
        if template.uses_value:
            what = f"label '{name}' holds $value: each new value is a new alert: put it into an annotation"
            yield _warn(rule, what)
    if "severity" not in rule.labels and not re.search(r"\bseverity\b", rule.query.text):
        yield _warn(rule, f"alert '{rule.name}' has no label severity: write critical, warning or info")
    for name, cure in WANTED.items():
        if name not in rule.annotations:
            yield _warn(rule, f"alert '{rule.name}' has no annotation {name}: write {cure}")


def _warn(rule: AlertRule | RecordingRule, what: str) -> Mistake:
    return mistake(rule.mark, what, warning=True)


def _warn_in(
    rule: AlertRule | RecordingRule, word: str, what: str, part: str = "expr", text: str | None = None
) -> Mistake:
    """A warning at the place of a word in an expression, or in the text of a label or an annotation."""
    text = rule.query.text if text is None else text
    found = re.search(rf"(?<![\w:]){re.escape(word)}(?![\w:])", text)
    mark = rule.marks.get(part, rule.mark)
    try:
        source = Path(mark.path).read_bytes().decode("utf-8-sig", "replace")
    except OSError:  # shipped: its path is shown without the folder that it is in
        return mistake(mark, what, warning=True)
    return mistake(place(source, mark, text, found.start() if found else 0), what, warning=True)
