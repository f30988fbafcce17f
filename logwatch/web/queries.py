"""Prometheus' query API: what Grafana's Prometheus data source calls, by GET or as a form by POST.

https://prometheus.io/docs/prometheus/2.42/querying/api/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from logwatch import promql
from logwatch.model import LABEL_NAME, SECOND
from logwatch.notation import duration, float_text, nanoseconds
from logwatch.promql import Labels, Sample
from logwatch.promql.values import METRIC_NAME
from logwatch.queries import Matrix, QueryLimitError, QueryTimeoutError, ResolutionError
from logwatch.web.answers import LAST_SECOND, SHOWN, BadQueryError, error_answer, success_answer
from logwatch.web.view import View

LONGEST_FORM = 65_536
"""Bytes of a form; expressions are at most a quarter as long."""
SECONDS = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class Parameters:
    """Parameters of a request; raises BadQueryError in Prometheus' words."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = list(pairs)

    def all(self, name: str) -> list[str]:
        """Every value of a parameter."""
        return [value for key, value in self._pairs if key == name]

    def text(self, name: str) -> str:
        """The value of a parameter, empty if it is missing."""
        return next(iter(self.all(name)), "")

    def time_ns(self, name: str, default_ns: int | None = None) -> int:
        """A time in seconds since 1970 or as RFC 3339 writes it."""
        text = self.text(name)
        if not text and default_ns is not None:
            return default_ns
        seconds = _seconds(text)
        if seconds is None or not abs(seconds) <= LAST_SECOND:
            raise _invalid(name, f'cannot parse "{text[:SHOWN]}" to a valid timestamp')
        return round(seconds * 1000) * (SECOND // 1000)

    def step_ns(self) -> int:
        """The distance of the steps: seconds, or a duration such as 15s."""
        text = self.text("step")
        try:
            step_ns = round(float(text) * 1000) * (SECOND // 1000) if SECONDS.fullmatch(text) else _duration_ns(text)
        except (ValueError, OverflowError) as error:
            raise _invalid("step", f'cannot parse "{text[:SHOWN]}" to a valid duration') from error
        if step_ns <= 0:
            raise _invalid(
                "step", "zero or negative query resolution step widths are not accepted. Try a positive integer"
            )
        return step_ns

    def limit(self) -> int | None:
        """How many results at most; None: all."""
        text = self.text("limit")
        if text and not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise _invalid("limit", "limit must be a non-negative number")
        return int(text or 0) or None


def routes(view: View) -> list[Route]:
    """Return the routes of queries below /api/v1."""
    answers = _Answers(view)
    makers: dict[str, Callable[[Parameters, str], object]] = {
        "query": answers.query,
        "query_range": answers.query_range,
        "query_exemplars": lambda parameters, _: _exemplars(parameters),
        "format_query": lambda parameters, _: promql.prettify(parameters.text("query")),
        "series": answers.series,
        "labels": answers.labels,
        "label/{name}/values": answers.label_values,
        "metadata": answers.metadata,
    }
    return [Route(f"/api/v1/{path}", _endpoint(make), methods=["GET", "POST"]) for path, make in makers.items()]


def _endpoint(make: Callable[[Parameters, str], object]) -> Callable[..., object]:
    async def endpoint(request: Request) -> Response:
        pairs = list(request.query_params.multi_items())
        if request.method == "POST":
            form = await _form(request)
            if form is None:
                return error_answer("bad_data", f"the form is longer than {LONGEST_FORM} bytes", 413)
            pairs = [*form, *pairs]
        return await run_in_threadpool(_answer, make, Parameters(pairs), request.path_params.get("name", ""))

    return endpoint


async def _form(request: Request) -> list[tuple[str, str]] | None:
    """The pairs of a form, None if it is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            return None
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def _answer(make: Callable[[Parameters, str], object], parameters: Parameters, name: str) -> Response:
    try:
        return success_answer(make(parameters, name))
    except (BadQueryError, ResolutionError) as error:
        return error_answer("bad_data", str(error), 400)
    except promql.ExpressionError as error:
        return error_answer("bad_data", f'invalid parameter "query": {error}', 400)
    except (promql.EvaluationError, QueryLimitError) as error:
        return error_answer("execution", str(error), 422)
    except QueryTimeoutError as error:
        return error_answer("timeout", str(error), 503)


class _Answers:
    """Makes what is in `data`."""

    def __init__(self, view: View) -> None:
        self._view = view

    def query(self, parameters: Parameters, _: str) -> object:
        time_ns = parameters.time_ns("time", self._view.now_ns())
        with self._view.queries() as queries:
            result = queries.instant(parameters.text("query"), time_ns)
        if isinstance(result, float):
            return {"resultType": "scalar", "result": _point(time_ns, result)}
        if isinstance(result, dict):
            return _matrix(result)
        return {"resultType": "vector", "result": [_element(sample, time_ns) for sample in result]}

    def query_range(self, parameters: Parameters, _: str) -> object:
        start_ns, end_ns = parameters.time_ns("start"), parameters.time_ns("end")
        if end_ns < start_ns:
            raise _invalid("end", "end timestamp must not be before start time")
        with self._view.queries() as queries:
            matrix = queries.ranged(parameters.text("query"), start_ns, end_ns, parameters.step_ns())
        return _matrix(matrix)

    def series(self, parameters: Parameters, _: str) -> object:
        if not parameters.all("match[]"):
            raise BadQueryError("no match[] parameter provided")
        return self._matching(parameters)[: parameters.limit()]

    def labels(self, parameters: Parameters, _: str) -> object:
        return sorted({name for labels in self._matching(parameters) for name in labels})[: parameters.limit()]

    def label_values(self, parameters: Parameters, name: str) -> object:
        if not LABEL_NAME.fullmatch(name):
            raise BadQueryError(f'invalid label name: "{name[:SHOWN]}"')
        found = {labels[name] for labels in self._matching(parameters) if name in labels}
        return sorted(found)[: parameters.limit()]

    def metadata(self, parameters: Parameters, _: str) -> object:
        metric = parameters.text("metric")
        with self._view.queries() as queries:
            families = [family for family in queries.kept.families.values() if metric in {"", family.name}]
        return {
            family.name: [{"type": family.kind, "help": family.help, "unit": ""}]
            for family in families[: parameters.limit()]
        }

    def _matching(self, parameters: Parameters) -> list[Labels]:
        """The series of the selectors, of all without one, that had a value in the time asked for."""
        start_ns, end_ns = parameters.time_ns("start", 0), parameters.time_ns("end", self._view.now_ns())
        if end_ns < start_ns:
            raise _invalid("end", "end timestamp must not be before start time")
        texts = parameters.all("match[]") or [f'{{{METRIC_NAME}!=""}}']
        with self._view.queries() as queries:
            found = queries.matching(texts, start_ns, end_ns)
        return sorted(found, key=lambda labels: sorted(labels.items()))


def _exemplars(parameters: Parameters) -> list[object]:
    """There are none; the expression is checked as for a query."""
    promql.compile(parameters.text("query"))
    return []


def _matrix(matrix: Matrix) -> dict[str, object]:
    series = sorted(matrix.items(), key=lambda item: sorted(item[0].items()))
    result = [{"metric": labels, "values": [_point(*point) for point in points]} for labels, points in series]
    return {"resultType": "matrix", "result": result}


def _element(sample: Sample, time_ns: int) -> dict[str, object]:
    return {"metric": sample.labels, "value": _point(time_ns, sample.value)}


def _point(time_ns: int, value: float) -> list[object]:
    seconds, rest = divmod(time_ns // (SECOND // 1000), 1000)
    return [seconds + rest / 1000 if rest else seconds, float_text(value)]


def _seconds(text: str) -> float | None:
    if SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _duration_ns(text: str) -> int:
    return nanoseconds(duration(text))


def _invalid(name: str, why: str) -> BadQueryError:
    return BadQueryError(f'invalid parameter "{name}": {why}')
