"""Runbooks as pages, and links to them."""

import urllib.request

import pytest
import yaml

from logwatch.alerting.alert_store import _linked
from logwatch.rulefiles.files import rules_folder
from logwatch.web.runbooks import Runbooks


def annotations():
    for path in sorted((rules_folder() / "alerts").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from (rule["annotations"]["runbook_url"] for rule in group["rules"] if "alert" in rule)


def test_each_shipped_alert_has_a_page_and_a_link_to_it(server):
    book = Runbooks()
    for written in annotations():
        url = book.url(written)
        with urllib.request.urlopen(f"http://{server.address}{url}", timeout=10) as answer:
            page = answer.read().decode()

        assert f"<h1>{url.removeprefix('/runbooks/')}</h1>" in page
        assert "<h2>Do</h2>" in page or "<h2>" in page
        assert _linked({"runbook_url": written}, "https://logs.example/")["runbook_url"] == f"https://logs.example{url}"


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://wiki.example/web", "https://wiki.example/web"),
        ("docs/runbooks/Nothing.md", ""),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_other_links_stay_as_they_are_or_lead_nowhere(written, url):
    assert Runbooks().url(written) == url


@pytest.mark.parametrize("written", ["https://wiki.example/web", "docs/other.md", ""])
def test_a_link_of_a_user_is_sent_as_it_is(written):
    assert _linked({"runbook_url": written}, "https://logs.example")["runbook_url"] == written
    assert _linked({}, "https://logs.example") == {}
    assert _linked({"runbook_url": "docs/runbooks/Watchdog.md"}, "")["runbook_url"] == "docs/runbooks/Watchdog.md"


def test_markup_in_a_runbook_is_text(tmp_path):
    (tmp_path / "Own.md").write_text("# Own\n\n<script>x</script> [go](Other.md) [bad](javascript:x)\n")
    page = Runbooks(tmp_path).page("Own")

    assert page is not None
    assert "<script>" not in page
    assert 'href="/runbooks/Other"' in page
    assert 'href="javascript' not in page
    assert Runbooks(tmp_path).page("../Own") is None
    assert Runbooks(tmp_path).page("Missing") is None
