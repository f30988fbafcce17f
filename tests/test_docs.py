"""The manual: its index has every page, links lead somewhere, and what is shown to be copied works."""

import re
from pathlib import Path

import pytest
from commandline import call

from logwatch import promql

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
TEXTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *PAGES,
    *sorted((ROOT / "docs/runbooks").glob("*.md")),
]
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(path: Path) -> set[str]:
    """What a link into a page can name: its headings, as GitHub writes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", path.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_has_every_page() -> None:
    listed = {name for name, _ in LINK.findall((ROOT / "docs/README.md").read_text())}

    assert listed == {path.name for path in PAGES if path.name != "README.md"} | {"runbooks"}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for name, anchor in LINK.findall(path.read_text()):
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), name
        assert not anchor or target.suffix != ".md" or anchor in anchors(target), f"{name}#{anchor}"


def test_the_rule_in_place_of_a_program_of_mtail_is_one(tmp_path: Path) -> None:
    (rule,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/migrating.md").read_text(), re.DOTALL)
    (tmp_path / "rule.yml").write_text(rule)
    done = call("check", "--rules", str(tmp_path), "--no-shipped-rules")

    assert (done.status, done.err) == (0, "0 mistakes, 0 warnings\n")


def test_the_expressions_in_place_of_elastalert_are_some() -> None:
    page = (ROOT / "docs/migrating.md").read_text()
    found = re.findall(r"`(increase\(docker[^`]+)`", page)

    assert found
    for expression in found:
        promql.compile(expression)
