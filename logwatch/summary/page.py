"""A summary as a page of HTML that stands alone: for a browser, and as the body of a mail."""

from __future__ import annotations

from pathlib import Path

import jinja2

from logwatch.summary.gathering import Summary
from logwatch.summary.text import headline, period, sections


def as_html(summary: Summary) -> str:
    """Return the whole page."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.get_template("report.html")
    return template.render(period=period(summary), headline=headline(summary), sections=list(sections(summary)))
