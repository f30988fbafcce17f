"""The rules that come with logwatch."""

from logwatch.rulefiles.lint import check


def test_the_shipped_examples_do_what_they_say() -> None:
    assert [str(mistake) for mistake in check() if not mistake.warning] == []
