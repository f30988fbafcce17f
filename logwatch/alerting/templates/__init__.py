"""The Go templates of labels and annotations, as far as Prometheus' users know them.

    text {{ $labels.name }} {{ $value | humanize }} {{ if gt $value 5.0 }}…{{ else }}…{{ end }}

A template is parsed when its file is loaded, so that mistakes have a place; what can only fail
with a value (a word that is not a number) becomes part of the text, as in Prometheus.
https://prometheus.io/docs/prometheus/2.42/configuration/template_reference/

    text ─▶ words (of each action) ─▶ parser ─▶ tree, filled in with a Scope by functions
"""

from logwatch.alerting.templates.parser import parse
from logwatch.alerting.templates.tree import Scope, Template
from logwatch.alerting.templates.words import TemplateError, UnfillableError

__all__ = ["Scope", "Template", "TemplateError", "UnfillableError", "parse"]
