"""What to do about each alert: the shipped pages of docs/runbooks, as HTML."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from markdown_it import MarkdownIt

from logwatch.rulefiles.files import runbooks_folder

NAME = re.compile("[A-Za-z0-9_]{1,100}")
SHIPPED = re.compile(r"docs/runbooks/(?P<name>[A-Za-z0-9_]{1,100})\.md")
"""How the shipped rules name a runbook."""


class Runbooks:
    """The pages of one folder, by the names of their alerts."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder if folder is not None else runbooks_folder()

    @cached_property
    def _renderer(self) -> MarkdownIt:
        return MarkdownIt("commonmark", {"html": False}).enable("table")

    def titles(self) -> list[str]:
        """Return the names of all."""
        return sorted(path.stem for path in self._folder.glob("*.md"))

    def page(self, name: str) -> str | None:
        """Return one as HTML, without its heading; None if there is none of that name."""
        path = self._folder / f"{name}.md"
        if not NAME.fullmatch(name) or not path.is_file():
            return None
        _, _, text = path.read_text().partition("\n")
        # Links among the files are links among the pages.
        text = re.sub(r"\]\((?:\.\./runbooks/)?(\w+)\.md\)", r"](/runbooks/\1)", text)
        return str(self._renderer.render(re.sub(r"\[([^]]*)\]\(\.\./[^)]*\)", r"\1", text)))

    def url(self, annotation: str) -> str:
        """Return where a page links to for an annotation `runbook_url`; empty if that is nowhere."""
        shipped = SHIPPED.search(annotation)
        if shipped is not None and (self._folder / f"{shipped['name']}.md").is_file():
            return f"/runbooks/{quote(shipped['name'])}"
        return annotation if annotation.startswith(("http://", "https://")) else ""
