"""Makes a rule of what was written, and finds the mistakes that take two keys to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from logwatch.errors import Mistake, mistake
from logwatch.formats.tags import CONTAINER_TAG
from logwatch.model import Correlation, Example, FieldParser, Mark, MetricRule, Pattern, Rule
from logwatch.notation import nanoseconds
from logwatch.rulefiles.checks import EVENT_FIELDS, fields_of, groups_of
from logwatch.rulefiles.schema import CorrelationRule, EventRule, ExampleSpec, Metric, RegexFields, RegexSpec, StepSpec
from logwatch.rulefiles.vocabulary import VOCABULARY, did_you_mean, name_mistake
from logwatch.rulefiles.yaml import Node

DOCKER_EVENT_FIELDS = frozenset({"Type", "Action", "Actor", "scope", "time", "timeNano", "status", "id", "from"})
"""Top-level keys of `docker events --format '{{json .}}'`."""

# The default buckets of Prometheus' client libraries.
DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
NEEDS_AN_EVENT = ("id", "attributes", "metrics", "revoked_by", "unless_other")


@dataclass(slots=True)
class Compiler:
    """Compiles the rules of one file; `mistakes` collects what it finds."""

    stem: str
    shipped: bool
    mistakes: list[Mistake] = field(default_factory=list)
    places: dict[tuple[str, str], Mark] = field(default_factory=dict)
    """Where a rule (by id) names an event or a metric."""

    # ── event rules ──────────────────────────────────────────────────────────────────

    def rule(self, spec: EventRule, node: Node) -> Rule:
        """Make the rule that a checked specification describes."""
        self._check_ignore(spec, node)
        self._check_fields(spec, node)
        self._check_program(spec, node)
        rule_id = f"{self.stem}/{spec.name}"
        self._remember(rule_id, spec.revoked_by, node, "revoked_by")
        self._remember(rule_id, [metric.name for metric in spec.metrics], node, "metrics")
        return Rule(
            id=rule_id,
            event=spec.event or "",
            description=spec.description,
            programs=frozenset(spec.program),
            role=spec.role,
            engine=spec.engine,
            patterns=tuple(self._patterns(spec, node)),
            fields=tuple(self._parsers(spec, node)),
            object_id=spec.id,
            attributes=spec.attributes,
            severity=spec.severity,
            unless_other=spec.unless_other,
            revoked_by=frozenset(spec.revoked_by),
            metrics=self._metrics(spec.metrics, spec.attributes, node),
            examples=tuple(self._examples(spec, node)),
            mark=node.mark,
        )

    def _check_program(self, spec: EventRule, node: Node) -> None:
        """Refuse events of the engine made of what containers print."""
        type_ = (spec.event or "").partition(".")[0]
        if CONTAINER_TAG in spec.program and (type_ in VOCABULARY or "{" in type_):
            what = f"what containers print makes no event of the engine, such as '{spec.event}'"
            self.mistakes.append(
                mistake(node.at(("event",)).mark, f"{what}: choose a type of your own, such as app.error")
            )

    def _patterns(self, spec: EventRule, node: Node) -> Iterator[Pattern]:
        for number, pattern in enumerate(spec.match):
            if isinstance(pattern, RegexSpec):
                yield Pattern(pattern.regex, regex=True, mark=node.at(("match", number, "regex")).mark)
            else:
                yield Pattern(pattern, regex=False, mark=node.at(("match", number)).mark)

    def _parsers(self, spec: EventRule, node: Node) -> Iterator[FieldParser]:
        for number, parser in enumerate(spec.fields):
            if isinstance(parser, RegexFields):
                mark = node.at(("fields", number, "regex")).mark
                yield FieldParser("regex", parser.regex, parser.of, mark)
            else:
                yield FieldParser(parser, mark=node.at(("fields", number)).mark)

    def _examples(self, spec: EventRule, node: Node) -> Iterator[Example]:
        for number, example in enumerate(spec.examples):
            yield Example(example.line, expectation(example), node.at(("examples", number, "line")).mark)

    def _check_ignore(self, spec: EventRule, node: Node) -> None:
        if not spec.ignore:
            return
        for key in NEEDS_AN_EVENT:
            if key in spec.model_fields_set:
                self._say(node, key, f"a rule with ignore: true makes no event, so '{key}' means nothing: remove it")

    # ── fields and placeholders ──────────────────────────────────────────────────────

    def _check_fields(self, spec: EventRule, node: Node) -> None:
        known = self._given_fields(spec, node)
        if known is None:
            return
        templates: dict[tuple[str, ...], str | None] = {("event",): spec.event, ("id",): spec.id}
        templates |= {("attributes", name): text for name, text in spec.attributes.items()}
        for location, template in templates.items():
            for name in fields_of(template or ""):
                if name not in known and name.partition(".")[0] not in known:
                    what = f"no parser of this rule gives the field '{name}'{did_you_mean(name, known)}: it gives {', '.join(sorted(known))}"
                    self.mistakes.append(mistake(node.at(location).mark, what))

    def _given_fields(self, spec: EventRule, node: Node) -> frozenset[str] | None:
        """The fields a rule's parsers can give; None where any name is possible."""
        known: set[str] = set()
        anything = False
        for number, parser in enumerate(spec.fields):
            if parser == "docker_events":
                known |= DOCKER_EVENT_FIELDS
            elif isinstance(parser, RegexFields):
                self._check_of(parser, known, node.at(("fields", number, "of")), anything=anything)
                known |= set(groups_of(parser.regex))
            else:
                anything = True
        return None if anything else frozenset(known)

    def _check_of(self, parser: RegexFields, known: set[str], node: Node, *, anything: bool) -> None:
        if parser.of is None or anything or parser.of.partition(".")[0] in known:
            return
        what = f"no parser before this one gives the field '{parser.of}'{did_you_mean(parser.of, known)}: put one before it"
        self.mistakes.append(mistake(node.mark, what))

    # ── metrics ──────────────────────────────────────────────────────────────────────

    def _metrics(self, specs: list[Metric], attributes: Mapping[str, str], node: Node) -> tuple[MetricRule, ...]:
        for number, spec in enumerate(specs):
            self._check_metric(spec, frozenset(attributes) | EVENT_FIELDS, node.at(("metrics", number)))
        return tuple(
            MetricRule(
                kind=spec.kind,
                name=spec.name,
                help=spec.help,
                labels=spec.labels,
                value=spec.value,
                buckets=tuple(spec.buckets) or (DEFAULT_BUCKETS if spec.kind == "histogram" else ()),
                max_series=spec.max_series,
            )
            for spec in specs
        )

    def _check_metric(self, spec: Metric, known: frozenset[str], node: Node) -> None:
        what = name_mistake(spec.kind, spec.name, shipped=self.shipped)
        if what is not None:
            self.mistakes.append(mistake(node.at((spec.kind,)).mark, what))
        if spec.kind != "counter" and spec.value is None:
            self._say(node, spec.kind, f"a {spec.kind} needs a value: write value: '{{attribute}}'")
        if spec.buckets and spec.kind != "histogram":
            self._say(node, "buckets", "only a histogram has buckets: remove them, or write histogram:")
        if any(low >= high for low, high in zip(spec.buckets, spec.buckets[1:], strict=False)):
            self._say(node, "buckets", "buckets must ascend: sort them")
        templates: dict[tuple[str, ...], str] = {("value",): spec.value or ""} | {
            ("labels", name): text for name, text in spec.labels.items()
        }
        for location, template in templates.items():
            for name in fields_of(template):
                if name not in known:
                    what = f"no attribute '{name}' on this event{did_you_mean(name, known)}: add it to attributes, or use {{event.name}}, {{event.id}} or {{event.host}}"
                    self.mistakes.append(mistake(node.at(location).mark, what))

    # ── correlations ─────────────────────────────────────────────────────────────────

    def correlation(self, spec: CorrelationRule, node: Node) -> Correlation:
        """Make the correlation that a checked specification describes."""
        self._check_correlation(spec, node)
        steps = [step if isinstance(step, StepSpec) else StepSpec(event=step) for step in spec.steps]
        rule_id = f"{self.stem}/{spec.name or spec.event.partition('.')[2]}"
        self._remember(rule_id, [step.event for step in steps], node, spec.kind)
        self._remember(rule_id, spec.unless, node, "unless")
        self._remember(rule_id, [metric.name for metric in spec.metrics], node, "metrics")
        return Correlation(
            id=rule_id,
            event=spec.event,
            kind=spec.kind,
            steps=tuple(step.event for step in steps),
            where=tuple(step.where for step in steps),
            unless=tuple(spec.unless),
            within_ns=nanoseconds(spec.within),
            by=tuple(spec.by),
            attributes=spec.attributes,
            severity=spec.severity,
            metrics=self._metrics(spec.metrics, spec.attributes, node),
            description=spec.description,
            mark=node.mark,
        )

    def _check_correlation(self, spec: CorrelationRule, node: Node) -> None:
        steps = len(spec.steps)
        if spec.kind == "missing" and steps != 2:
            self._say(node, "missing", f"missing takes two events, not {steps}: write [first, what should follow]")
        if spec.kind == "sequence" and steps < 2 and not spec.unless:
            self._say(node, "sequence", "a sequence of one event is that event: add the next one, or unless:")
        if spec.within <= timedelta(0):
            self._say(node, "within", "within must be longer than 0: write for instance 30s")
        for number, key in enumerate(spec.by):
            if key not in {"id", "name", "host"} and not (key.startswith("attributes.") and key != "attributes."):
                what = f"cannot correlate by '{key}': write id, name, host or attributes.{key}"
                self.mistakes.append(mistake(node.at(("by", number)).mark, what))

    def _remember(self, rule_id: str, names: Sequence[str], node: Node, key: str) -> None:
        for number, name in enumerate(names):
            self.places.setdefault((rule_id, name), node.at((key, number)).mark)

    def _say(self, node: Node, key: str, what: str) -> None:
        self.mistakes.append(mistake(node.key_mark(key), what))


def expectation(example: ExampleSpec) -> Mapping[str, str | Mapping[str, str]] | None:
    """What the event of an example must carry; None: no event."""
    if example.event is None:
        # `event: null` is a near miss; where nothing is said, any event will do.
        return None if "event" in example.model_fields_set else {}
    return {key: value for key, value in example.event.model_dump(exclude_unset=True).items() if value is not None}
