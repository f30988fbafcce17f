"""Which fields a template uses, and whether its placeholders can be meant so."""

from __future__ import annotations

import re

from logwatch.matching import templates

FIELD = re.compile(r"[A-Za-z_@][A-Za-z0-9_@.:/-]*", re.ASCII)

EVENT_FIELDS = frozenset(f"event.{key}" for key in ("name", "id", "host", "type", "action"))
"""What `metrics:` may use beside the attributes."""


def fields_of(template: str) -> tuple[str, ...]:
    """Names of the fields a template uses; ValueError says what is wrong with it."""
    if "{{" in template:
        raise ValueError(f"'{template}' has two braces, as in Go: write one, {{field}}")
    names = templates.parse(template).fields
    for name in names:
        if FIELD.fullmatch(name) is None:
            raise ValueError(f"'{{{name}}}' names no field: write {{field}}, or {{a.b}} for JSON")
    return names


def shape(template: str, filler: str) -> str:
    """The template with `filler` in the place of each placeholder."""
    return "".join(part if isinstance(part, str) else filler for part in templates.parse(template).parts)
