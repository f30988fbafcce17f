import re
import shutil
import subprocess
from pathlib import Path
from string import ascii_uppercase, digits

import pytest

from logwatch.metrics import catalog
from logwatch.metrics.exposition import Exposition, Published
from logwatch.model import SampleChange

FAMILIES = catalog.counted() + catalog.SAMPLED + catalog.PROCESS
DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_documented_table_is_the_one_in_the_code():
    assert DOCS.read_text().endswith("\n\n" + catalog.table())


def test_every_metric_stands_in_the_table_once():
    names = [family.name for family in FAMILIES]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_follow_the_conventions(family):
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", family.name)
    assert family.name.endswith("_total") == (family.kind == "counter")
    assert family.help[0] in ascii_uppercase + digits
    assert family.help.endswith(".")
    assert not {"le", "quantile", "instance", "job"} & set(family.labels)


def test_with_several_hosts_dockers_own_metrics_carry_the_host_last():
    one = {family.name: family.labels for family in catalog.counted()}
    several = {family.name: family.labels for family in catalog.counted(multi_host=True)}
    docker = {family.name for family in catalog.CONTAINER + catalog.ENGINE}

    assert several == {name: (*labels, "host") if name in docker else labels for name, labels in one.items()}


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_finds_nothing_to_say():
    published = Published(catalog.counted())
    published.apply(
        [
            SampleChange(family.name, tuple("x" for _ in family.labels), 1.0, 1)
            for family in catalog.counted()
            if family.kind != "histogram"
        ]
    )
    page, _ = Exposition(published).render()
    said = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)

    # Its name is that of the engine's own field, which everybody looks for.
    said_more = [line for line in said.stderr.splitlines() if not line.startswith(b"docker_container_restart_count ")]
    assert (said.stdout, said_more) == (b"", [])
