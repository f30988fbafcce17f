"""What one query may take: time within an evaluation too, samples of subqueries, labels of a result."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kept_history import START, Kept

from logwatch.model import SECOND
from logwatch.promql import EvaluationError, selectors
from logwatch.queries import QueryLimitError, QueryTimeoutError, querying

NAME = "docker_container_events_total"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path)
    for number in range(20):
        kept.series.add(NAME, (f"c{number}", "die"), 1, START)
    kept.commit(START)
    yield kept
    kept.close()


def after(calls: int) -> Callable[[], bool]:
    """A clock that is late after so many looks."""
    left = iter(range(calls))
    return lambda: next(left, None) is None


@pytest.mark.parametrize(
    "expression",
    [f"max_over_time({NAME}[999999s:1s])", f"quantile_over_time(0.5, {NAME}[150d])", f"{NAME}[150d:15s]"],
    ids=["a subquery", "a range", "samples"],
)
def test_one_evaluation_ends_at_the_deadline(kept: Kept, expression: str) -> None:
    with kept.queries(START, is_late=after(10)) as queries, pytest.raises(QueryTimeoutError):
        queries.instant(expression, START + SECOND)


def test_subqueries_collect_so_many_samples(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "MOST_COLLECTED", 1_000)
    with kept.queries(START) as queries:
        assert queries.instant(f"count(max_over_time({NAME}[40s:1s]))", START + 30 * SECOND)
        with pytest.raises(EvaluationError, match="a subquery would collect more than"):
            queries.instant(f"max_over_time({NAME}[90s:1s])", START + 60 * SECOND)


def test_labels_of_a_result_are_so_long_together(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(querying, "MOST_TEXT", 2_000)
    with kept.queries(START) as queries:
        assert queries.instant(f"sum({NAME})", START)
        for ask in (queries.instant, lambda text, at: queries.ranged(text, at, at, SECOND)):
            with pytest.raises(QueryLimitError):
                ask(f'label_replace({NAME}, "a", "{"x" * 100}", "", "")', START)
