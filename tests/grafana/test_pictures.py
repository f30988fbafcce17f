"""The pictures in the documentation show the dashboards as they are now."""

import json

import pytest
from dashboards import GRAFANA, ROOT

from grafana.preview import page
from grafana.preview.__main__ import DIGESTS, PICTURES, SHOWN, digest

DRAWN = json.loads(DIGESTS.read_text())
OF = {picture.name: picture.dashboard for picture in SHOWN}
OF_PAGES = {f"{picture.name}.png" for picture in page.SHOWN}


@pytest.mark.parametrize("picture", OF)
def test_a_picture_is_of_the_committed_dashboard(picture):
    dashboard = (GRAFANA / "dashboards" / OF[picture]).read_text()

    assert DRAWN[picture] == digest(dashboard), "the dashboard changed: run `make pictures`, and look at them"


def test_every_picture_is_small_and_there_is_no_other():
    sizes = {path.name: path.stat().st_size for path in PICTURES.glob("*.png")}

    assert set(OF) == set(DRAWN)
    assert set(sizes) == {*OF, *OF_PAGES}
    assert max(sizes.values()) <= 300_000


def test_the_documentation_shows_every_picture():
    text = "".join((ROOT / name).read_text() for name in ("README.md", "grafana/README.md"))

    own = (ROOT / "docs/page.md").read_text()

    assert [picture for picture in OF if f"docs/pictures/{picture}" not in text] == []
    assert [picture for picture in OF_PAGES if f"(pictures/{picture})" not in own] == []
