"""All that looks at the text of lines, made of rules alone: of many rules it takes seconds, and any thread can make it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from logwatch.matching.extractor import Extractor
from logwatch.matching.redaction import WORDS, Masker
from logwatch.matching.scanner import Scanner
from logwatch.model import Rule


@dataclass(frozen=True, slots=True)
class Matcher:
    """The scanner, the extractor and the masker of one pipeline."""

    scanner: Scanner
    extractor: Extractor
    masker: Masker

    @classmethod
    def build(cls, rules: Sequence[Rule], secrets: Sequence[str] = (), cache_dir: Path | None = None) -> Matcher:
        """Compile the rules; `secrets` are further parts of keys whose values are masked."""
        masker = Masker([*WORDS, *secrets])
        return cls(Scanner(rules, cache_dir, count_ignored=True), Extractor(rules, masker), masker)
