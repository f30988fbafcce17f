"""Compiles expressions to hyperscan's database: here, or in a process that ends afterwards.

That process is `python -m logwatch.matching.compiler`: expressions as JSON on stdin, the database as bytes on stdout.
It imports hyperscan and little else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import hyperscan

MANY = 100
"""Expressions from which on a process of its own is worth its start."""
PATIENCE = 60.0
"""Seconds until a process that does not answer is killed, and its work done here."""


class Expression(NamedTuple):
    """One expression of the database, and the number that its matches are reported with."""

    text: bytes
    number: int


def compile_here(expressions: Sequence[Expression]) -> hyperscan.Database:
    """Compile in this process; raises hyperscan.error."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[expression.text for expression in expressions],
        ids=[expression.number for expression in expressions],
    )
    return database


def compile_apart(expressions: Sequence[Expression]) -> bytes | None:
    """Compile in a process of its own; None if that is not possible, or hyperscan refuses an expression."""
    if len(expressions) < MANY or not sys.executable:
        return None
    request = json.dumps([(expression.text.decode("latin-1"), expression.number) for expression in expressions])
    with suppress(OSError, subprocess.TimeoutExpired):
        answer = subprocess.run(  # noqa: S603 - our own arguments
            [sys.executable, "-P", "-m", __name__],  # -P: not what lies in the current folder
            input=request.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            timeout=PATIENCE,
            check=False,
        )
        return answer.stdout if answer.returncode == 0 and answer.stdout else None
    return None


def main() -> None:
    """Answer one request."""
    expressions = [Expression(text.encode("latin-1"), number) for text, number in json.load(sys.stdin.buffer)]
    sys.stdout.buffer.write(hyperscan.dumpb(compile_here(expressions)))


if __name__ == "__main__":
    main()
