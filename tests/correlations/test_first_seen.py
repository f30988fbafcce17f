"""A for the first time, or again after long."""

import pytest
from correlating import FIRST, event, feed

from logwatch.correlations import Correlator


@pytest.mark.parametrize(
    ("times", "count"),
    [([0, 1, 2], 1), ([0, 29, 58], 1), ([0, 30], 2), ([0, 60, 61], 2)],
    ids=["once", "kept-awake", "on-time", "again"],
)
def test_first_seen_is_made_anew_after_silence(times: list[int], count: int) -> None:
    made = feed(Correlator([FIRST]), *(event("registry.error", at, None, registry="hub") for at in times))

    assert len(made) == count


def test_first_seen_is_per_value() -> None:
    watch = Correlator([FIRST])
    made = feed(watch, *(event("registry.error", 0, None, registry=each) for each in ("hub", "quay", "hub")))

    assert [each.attributes["registry"] for each in made] == ["hub", "quay"]
    assert feed(watch, event("registry.error", 1, None)) == []
