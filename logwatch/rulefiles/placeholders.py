"""The form of templates: `{field}`, `{Actor.Attributes.name}`, `{Action|before ':'|lower}`.

Only what an author can get wrong is looked at here; the extractor fills them in.
"""

from __future__ import annotations

import re

from logwatch.rulefiles.vocabulary import did_you_mean

PLACEHOLDER = re.compile(
    r"""\{(?P<field>[^{}|]*)            # {exitCode
        (?P<filters>(?:\|[^{}]*)?)\}    # |hex}
    """,
    re.VERBOSE,
)
FIELD = re.compile(r"[A-Za-z_@][A-Za-z0-9_@.:/-]*", re.ASCII)
FILTER = re.compile(
    r"""[ ]*(?P<name>[a-z]+)                        # hex
        (?:[ ]+(?P<argument>'[^']+'|"[^"]+"))?[ ]*  # before ':'
    """,
    re.VERBOSE,
)
PIPE = re.compile(r"""\|(?=(?:[^'"]|'[^']*'|"[^"]*")*$)""")
FILTERS = {"before": True, "after": True, "hex": False, "lower": False}
"""Name to whether it takes a quoted argument."""

EVENT_FIELDS = frozenset({"event.name", "event.id", "event.host"})
"""What `metrics:` may use beside the attributes."""


def fields_of(template: str) -> list[str]:
    """Names of the fields a template uses; ValueError says what is wrong with it."""
    names = []
    for match in PLACEHOLDER.finditer(template):
        names.append(_field(match["field"].strip(), template))
        for text in PIPE.split(match["filters"])[1:]:
            _check_filter(text)
    rest = PLACEHOLDER.sub("", template)
    if "{" in rest or "}" in rest:
        raise ValueError(f"'{template}' has a brace without its other half: write {{field}}")
    return names


def _field(name: str, template: str) -> str:
    if name.startswith("$") or (name.startswith(".") and len(name) > 1):
        raise ValueError(f"'{template}' is not Go: write {{{name.lstrip('$.')}}}")
    if FIELD.fullmatch(name) is None:
        raise ValueError(f"'{{{name}}}' names no field: write {{field}}, or {{a.b}} for JSON")
    return name


def _check_filter(text: str) -> None:
    match = FILTER.fullmatch(text)
    name = match["name"] if match is not None else text.strip()
    if match is None or name not in FILTERS:
        nearest = did_you_mean(name.split(" ")[0], FILTERS)
        raise ValueError(f"unknown filter '{name}'{nearest}: there are before 'x', after 'x', hex and lower")
    if FILTERS[name] and match["argument"] is None:
        raise ValueError(f"filter '{name}' needs a text in quotes: {name} ':'")
    if not FILTERS[name] and match["argument"] is not None:
        raise ValueError(f"filter '{name}' takes no text: write {name}")
