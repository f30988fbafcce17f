"""The envelope of Prometheus' API: status and data, or errorType and error."""

from __future__ import annotations

import json

from starlette.responses import Response

LAST_SECOND = 9_000_000_000
"""Nanoseconds of later times do not fit into 64 bits."""
SHOWN = 60
"""Characters of a parameter that an error quotes."""


class BadQueryError(ValueError):
    """A parameter that cannot be understood."""


def success_answer(data: object) -> Response:
    """Return the answer to a request that could be met."""
    return _json({"status": "success", "data": data}, 200)


def error_answer(kind: str, message: str, status: int) -> Response:
    """Return why a request could not be met; `kind` as in Prometheus: bad_data, execution, timeout."""
    return _json({"status": "error", "errorType": kind, "error": message}, status)


def _json(tree: object, status: int) -> Response:
    # ASCII escapes also work for text that is not valid Unicode, as paths may be.
    return Response(json.dumps(tree), status, media_type="application/json")
