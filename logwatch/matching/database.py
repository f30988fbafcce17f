"""hyperscan's database of all expressions: from its cache file, or compiled.

Compiling takes a good part of a second for a thousand rules, so the database is kept in a
file named after its content and hyperscan's version. Many expressions are compiled by a process of their
own (`compiler`): the compiler's code and what is left of its heap take 5 MB, which this process would keep.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import hyperscan

import logwatch.matching.patterns
from logwatch import __version__
from logwatch.errors import RuleError, mistake
from logwatch.matching.compiler import Expression, compile_apart, compile_here
from logwatch.matching.patterns import find_fault, scan_expression
from logwatch.model import Pattern

_SUFFIX = ".hyperscan"
_DIGEST_SIZE = hashlib.sha256().digest_size


def load_or_compile(
    patterns: Sequence[tuple[Pattern, int]], own: Sequence[Expression], cache_dir: Path | None
) -> hyperscan.Database:
    """Take the database from the cache, where only sound patterns get, or check the patterns and make it.

    Each pattern comes with its number; `own` are expressions that no rule asks for.
    """
    path = cache_dir / (_key(patterns, own) + _SUFFIX) if cache_dir is not None else None
    database = _load(path) if path is not None else None
    return _compile_sound(patterns, own, path) if database is None else database


def _compile_sound(
    numbered: Sequence[tuple[Pattern, int]], own: Sequence[Expression], path: Path | None
) -> hyperscan.Database:
    """Compile all expressions at once; each by itself, which takes twice as long, only to tell every mistake."""
    patterns = [pattern for pattern, _ in numbered]
    if any(find_fault(pattern) for pattern in patterns):
        _refuse_faults(patterns)
    expressions = [*(Expression(scan_expression(pattern), number) for pattern, number in numbered), *own]
    if path is not None and (content := compile_apart(expressions)) is not None:
        database = _read(content)
        if database is not None:
            _save(path, content)
            return database
    try:
        database = compile_here(expressions)
    except hyperscan.error:
        _refuse_faults(patterns)
        raise
    if path is not None:
        _save(path, hyperscan.dumpb(database))
    return database


def _refuse_faults(patterns: Iterable[Pattern]) -> None:
    """Raise RuleError with every pattern that cannot be used."""
    faults = ((pattern, find_fault(pattern) or _refusal(pattern)) for pattern in patterns)
    mistakes = [mistake(pattern.mark, fault) for pattern, fault in faults if fault is not None]
    if mistakes:
        raise RuleError(mistakes)


def _refusal(pattern: Pattern) -> str | None:
    """Why hyperscan refuses a regex that RE2 accepts."""
    if not pattern.regex:
        return None
    try:
        compile_here([Expression(scan_expression(pattern), 0)])
    except hyperscan.error as error:
        return f"the pattern search refuses the regex: {error}: write it more simply"
    return None


def _key(patterns: Sequence[tuple[Pattern, int]], own: Sequence[Expression]) -> str:
    """Name of the cache file: the content, and the libraries, the machine and the code that it was made with.

    The key is the code that derives the expressions: deriving them all takes longer than loading the database.
    """
    made_with = (__version__, version("hyperscan"), platform.machine(), inspect.getsource(logwatch.matching.patterns))
    content = [(pattern.regex, pattern.text, number) for pattern, number in patterns]
    return hashlib.sha256(repr((made_with, content, own)).encode()).hexdigest()[:32]


def _load(path: Path) -> hyperscan.Database | None:
    """The database in a cache file, None if there is none or it is not as it was written."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    digest, content = stored[:_DIGEST_SIZE], stored[_DIGEST_SIZE:]
    if hashlib.sha256(content).digest() != digest:  # hyperscan itself would run a damaged machine
        return None
    return _read(content)


def _read(content: bytes) -> hyperscan.Database | None:
    """The database that was written as these bytes, None if this hyperscan refuses it."""
    try:
        database = hyperscan.loadb(content, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except hyperscan.error:
        return None
    return database


def _save(path: Path, content: bytes) -> None:
    """Write the cache file whole or not at all; where that is not possible, go without."""
    half = path.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(hashlib.sha256(content).digest() + content)
        half.replace(path)
        return
    with contextlib.suppress(OSError):
        half.unlink(missing_ok=True)
