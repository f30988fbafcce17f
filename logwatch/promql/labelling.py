"""`label_replace` and `label_join`: functions that change labels, and the labels of an absence."""

from __future__ import annotations

import re
from dataclasses import dataclass

from logwatch.promql.matchers import Match, Regex, Selector
from logwatch.promql.values import METRIC_NAME, Labels, Moment, Vector, VectorNode, unique

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
PLACEHOLDER = re.compile(
    r"""
      (?P<dollar>\$\$)
    | \$(?P<plain>[A-Za-z0-9_]+)
    | \$\{(?P<braced>[A-Za-z0-9_]+)\}
    """,
    re.VERBOSE,
)


def expand(template: str, found: Match, regex: Regex) -> str:
    """Fill a replacement as Go's Regexp.Expand does: $1, ${1}, $name, $$; unknown groups are empty."""

    def text(placeholder: re.Match[str]) -> str:
        if placeholder["dollar"]:
            return "$"
        name = placeholder["plain"] or placeholder["braced"]
        group: int | str = int(name) if name.isdigit() else name
        known = group <= regex.groups if isinstance(group, int) else group in regex.groupindex
        return (found.group(group) or "") if known else ""

    return PLACEHOLDER.sub(text, template)


@dataclass(frozen=True, slots=True)
class LabelReplace:
    """`label_replace(vector, target, replacement, source, regex)`; what does not match stays as it is."""

    argument: VectorNode
    target: str
    replacement: str
    source: str
    regex: Regex
    many_names: bool = True

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        changed: dict[str, str | None] = {}
        found: Vector = []
        for labels, value in self.argument.vector(moment):
            source = labels.get(self.source, "")
            if source not in changed:
                match = self.regex.fullmatch(source)
                changed[source] = expand(self.replacement, match, self.regex) if match else None
            target = changed[source]
            found.append((labels if target is None else labels.having(self.target, target), value))
        return unique(found)


@dataclass(frozen=True, slots=True)
class LabelJoin:
    """`label_join(vector, target, separator, source…)`."""

    argument: VectorNode
    target: str
    separator: str
    sources: tuple[str, ...]
    many_names: bool = True

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        return unique(
            [
                (labels.having(self.target, self._joined(labels)), value)
                for labels, value in self.argument.vector(moment)
            ]
        )

    def _joined(self, labels: Labels) -> str:
        return self.separator.join(labels.get(source, "") for source in self.sources)


def labels_of_absence(selector: Selector) -> Labels:
    """The labels `absent` gives: those that an equality matcher demands, if no other matcher names them."""
    wanted: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in selector.matchers:
        if matcher.operator == "=" and matcher.label not in seen:
            wanted[matcher.label] = matcher.value
        else:
            wanted.pop(matcher.label, None)
        if matcher.operator == "=":
            seen.add(matcher.label)
    return Labels({name: value for name, value in wanted.items() if value and name != METRIC_NAME})
