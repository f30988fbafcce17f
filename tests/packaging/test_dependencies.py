"""deploy/constraints.txt names one version of everything that logwatch depends on, however far away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
EXTRAS = ("", "notify", "otlp", "remote-write", "suggest", "zstd")
LINES = (ROOT / "deploy/constraints.txt").read_text().splitlines()
PINS = dict(line.split("==") for line in LINES if not line.startswith("#"))


def required(
    distribution: str, extras: tuple[str, ...] = ("",), seen: frozenset[str] = frozenset()
) -> Iterator[Requirement]:
    """Everything that a distribution requires here, as far as it is installed."""
    try:
        given = [Requirement(text) for text in requires(distribution) or ()]
    except PackageNotFoundError:
        return
    for one in given:
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras):
            yield one
            if one.name not in seen:
                yield from required(one.name, ("", *one.extras), seen | {distribution, one.name})


def test_every_dependency_is_constrained_to_a_version_that_fits() -> None:
    found = list(required("docker-logwatch", EXTRAS))

    assert {"pydantic-core", "apprise", "jsonpickle"} <= {canonicalize_name(one.name) for one in found}
    for one in found:
        assert one.specifier.contains(PINS[canonicalize_name(one.name)], prereleases=True), str(one)


@pytest.mark.parametrize("line", LINES[1:])
def test_a_constraint_is_one_version(line: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+", line)
