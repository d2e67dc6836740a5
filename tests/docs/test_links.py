"""Links of the documentation lead somewhere, and its index and README are complete."""

import re
from pathlib import Path

import pytest

from tests.docs.markdown import PAGES, ROOT, Page

MAX_README_LINES = 200
README = Page(ROOT / "README.md")
INDEX = Page(ROOT / "docs" / "README.md")


def broken_links(page: Page) -> list[str]:
    """Return the links of a page that lead to no file or to no heading."""
    broken = []
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        if not target.exists() or not target.is_relative_to(ROOT):
            broken.append(link)
        elif anchor and target.suffix == ".md" and anchor not in Page(target).anchors:
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_and_anchors_of_a_page_exist(page: Page) -> None:
    assert broken_links(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    del tmp_path
    assert broken_links(README) == []
    assert Page(ROOT / "docs" / "README.md").anchors
    assert "no-such-heading" not in README.anchors


def test_the_index_lists_every_page() -> None:
    linked = {(INDEX.path.parent / link.partition("#")[0]).resolve() for link in INDEX.links}
    pages = {page.path for page in PAGES if page.path.is_relative_to(ROOT / "docs")}
    missing = pages - linked - {INDEX.path}
    assert sorted(path.relative_to(ROOT).as_posix() for path in missing) == []


def test_the_readme_is_short_and_links_the_documentation() -> None:
    assert len(README.text.splitlines()) <= MAX_README_LINES
    assert {"docs/README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"} <= set(README.links)


def test_every_page_has_one_title() -> None:
    several = [
        page.name
        for page in PAGES
        if len(re.findall(r"^# ", re.sub(r"^(```+).*?^\1", "", page.text, flags=re.M | re.S), re.M))
        != 1
    ]
    assert several == []


def test_every_image_has_a_text_for_those_who_cannot_see_it() -> None:
    images = re.compile(r"!\[\]\(|<img(?![^>]*\balt=\"[^\"]+\")")
    assert [page.name for page in PAGES if images.search(page.prose)] == []
