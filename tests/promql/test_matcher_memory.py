"""Regexes come from whoever may query: what one takes is bounded by its length, not by its repetitions."""

import pytest

from logwatch import promql
from logwatch.promql.matchers import RegexError, compile_regex


@pytest.mark.parametrize("times", [100, 150, 300])
def test_a_regex_that_is_repeated_into_megabytes_is_refused(times: int) -> None:
    with pytest.raises(RegexError, match="too large"):
        compile_regex(rf"(?:\pL\pN\pL){{{times}}}")


def test_a_query_with_such_a_regex_is_a_mistake_of_the_client() -> None:
    with pytest.raises(promql.ExpressionError, match="illegal regex"):
        promql.compile(r'up{job=~"(?:\\pL\\pN\\pL){150}"}')


def test_a_regex_of_all_names_that_an_expression_has_room_for_is_compiled() -> None:
    names = [f"container-{number:05}-web" for number in range(800)]
    regex = compile_regex("|".join(names))

    assert all(regex.fullmatch(name) for name in names)
    assert regex.fullmatch("container-00800-web") is None
