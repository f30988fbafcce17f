"""The page with a box for an expression."""

import urllib.parse
import urllib.request
from xml.etree import ElementTree

import pytest
from kept_history import DEATHS, HOUR, START, Kept, KeptView


@pytest.fixture
def view(tmp_path):
    view = KeptView()
    view.kept = Kept(tmp_path / "state")
    for hour in range(3):
        for name in ("web", "<b>db"):
            view.kept.series.add(DEATHS.name, (name, "die"), 1 + hour, START + hour * HOUR)
        view.kept.commit(START + hour * HOUR)
    yield view
    view.kept.close()


@pytest.fixture
def ask(server):
    def ask(**parameters):
        url = f"http://127.0.0.1:{server.port}/graph?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
            return answer.read().decode()

    return ask


def test_an_empty_box(ask):
    page = ask()

    assert "<textarea" in page
    assert "<td" not in page
    assert "The result is empty" not in page


def test_a_result_is_a_table(ask):
    page = ask(expr=f'{DEATHS.name}{{action="die"}}')

    assert '<td class="n">6</td>' in page
    assert "name=&#34;&lt;b&gt;db&#34;" in page
    assert "<b>" not in page
    assert "<svg" not in page
    assert '<td class="n">3</td>' in ask(expr="1 + 2")


def test_over_a_time_it_is_drawn(ask):
    page = ask(expr=f"sum({DEATHS.name})", range="1h")
    drawing = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    (line,) = drawing.iter("polyline")
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]

    assert 190 < len(points) < 210
    assert all(0 <= x <= 1000 and 0 <= y <= 240 for x, y in points)
    assert points == sorted(points)
    assert "over 1h" in page


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sum(", "is never closed"),
        ("nothing_here", "The result is empty."),
        ("</textarea><script>x", "&lt;/textarea&gt;&lt;script&gt;"),
    ],
)
def test_mistakes_are_shown(ask, expression, expected):
    assert expected in ask(expr=expression)
    assert expected in ask(expr=expression, range="6h")


def test_other_ranges_are_now(ask):
    assert "<svg" not in ask(expr=DEATHS.name, range="1000000d")
