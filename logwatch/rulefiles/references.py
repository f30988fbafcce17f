"""Mistakes that take two rules to see: one id twice, events that no rule makes, metrics that disagree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from logwatch.errors import Mistake, mistake
from logwatch.model import Correlation, Mark, MetricRule, Rule
from logwatch.rulefiles.checks import shape
from logwatch.rulefiles.vocabulary import EVENTS, did_you_mean

AnyRule = Rule | Correlation
Places = Mapping[tuple[str, str], Mark]
"""Where a rule (by id) names an event or a metric."""


def duplicates(rules: Iterable[AnyRule]) -> Iterator[Mistake]:
    """Ids that two rules have."""
    first: dict[str, AnyRule] = {}
    for rule in rules:
        other = first.setdefault(rule.id, rule)
        if other is not rule:
            what = f"rule id '{rule.id}' is taken by {other.mark.path}:{other.mark.line}: give one of them another name"
            yield mistake(rule.mark, what)


def unmade(rules: Sequence[Rule], correlations: Sequence[Correlation], places: Places) -> Iterator[Mistake]:
    """Events that correlations wait for and no rule makes."""
    made = Made(rules, correlations)
    for correlation in correlations:
        name = correlation.id.partition("/")[2]
        for event in dict.fromkeys((*correlation.steps, *correlation.unless)):
            if event not in made:
                what = f"correlation '{name}' waits for an event no rule makes: '{event}'{made.suggestion(event, correlation.event)}"
                yield mistake(places.get((correlation.id, event), correlation.mark), what)
            elif meant := made.misspelt(event):
                what = f"correlation '{name}' waits for '{event}', which no rule is known to make{meant}"
                yield mistake(places.get((correlation.id, event), correlation.mark), what, warning=True)
        if correlation.event in correlation.steps:
            what = f"correlation '{name}' waits for the event it makes: give its event another action"
            yield mistake(places.get((correlation.id, correlation.event), correlation.mark), what)
    for rule in rules:
        for event in sorted(rule.revoked_by):
            name = rule.id.partition("/")[2]
            if event in made and (meant := made.misspelt(event)):
                what = f"rule '{name}' is revoked by '{event}', which no rule is known to make{meant}"
                yield mistake(places.get((rule.id, event), rule.mark), what, warning=True)
            if event not in made:
                what = (
                    f"rule '{name}' is revoked by an event no rule makes: '{event}'{made.suggestion(event, rule.event)}"
                )
                yield mistake(places.get((rule.id, event), rule.mark), what, warning=True)


class Made:
    """The events that some rule can make."""

    def __init__(self, rules: Iterable[Rule], correlations: Iterable[Correlation]) -> None:
        events = {rule.event for rule in rules} | {correlation.event for correlation in correlations}
        self.constant = {event for event in events if "{" not in event} - {""}
        self.shapes = {shape(event, "*") for event in events if "{" in event}

    def __contains__(self, event: str) -> bool:
        if event in self.constant:
            return True
        # `*.*` passes Docker's words on, so it makes those and no others.
        return any(fnmatchcase(event, shape) and (shape != "*.*" or event in EVENTS) for shape in self.shapes)

    def misspelt(self, event: str) -> str:
        """` (did you mean 'x'?)` for an event that only the template of a rule could make, and that is near to a known one."""
        return "" if event in self.constant | EVENTS else did_you_mean(event, self.constant | EVENTS)

    def suggestion(self, event: str, own: str) -> str:
        """` (did you mean 'x'?)`, where the rule's own event cannot be meant."""
        return did_you_mean(event, (self.constant | (EVENTS if "*.*" in self.shapes else set())) - {own})


def disagreements(rules: Iterable[AnyRule], places: Places) -> Iterator[Mistake]:
    """Metrics that two rules feed, with different types, labels, help or buckets."""
    first: dict[str, tuple[AnyRule, MetricRule]] = {}
    for rule in rules:
        for metric in rule.metrics:
            owner, other = first.setdefault(metric.name, (rule, metric))
            difference = _difference(metric, other)
            if difference is not None:
                what = f"metric '{metric.name}' has another {difference} in {owner.id} ({owner.mark.path}:{owner.mark.line}): make them equal, or use two names"
                yield mistake(places.get((rule.id, metric.name), rule.mark), what)


def _difference(metric: MetricRule, other: MetricRule) -> str | None:
    if metric.kind != other.kind:
        return "type"
    if sorted(metric.labels) != sorted(other.labels):
        return "set of labels"
    if metric.help != other.help:
        return "help"
    return "set of buckets" if metric.buckets != other.buckets else None
