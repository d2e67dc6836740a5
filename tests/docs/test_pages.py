"""Links lead somewhere, the index is complete, and statements about the sources are true."""

import re

import pytest

from app.auth.revocation import CREDENTIAL_CACHE_S, REVOCATION_DELAY_S
from app.rest.routes import REST_ROUTES
from tests.docs.markdown import PAGES, ROOT, Page
from tests.test_layers import PACKAGES

MAX_README_LINES = 200
SOURCES = "app|docs|engine|models|ops|resolvers|schema|tests"
README = Page(ROOT / "README.md")
INDEX = Page(ROOT / "docs" / "README.md")


def is_broken(page: Page, link: str) -> bool:
    """Whether a link of a page leads to no file or to no heading; other hosts are not asked."""
    if re.match(r"[a-z]+:", link):
        return False
    name, _, anchor = link.partition("#")
    target = (page.path.parent / name).resolve() if name else page.path
    if not target.exists() or not target.is_relative_to(ROOT):
        return True
    return bool(anchor) and target.suffix == ".md" and anchor not in Page(target).anchors


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_and_anchors_of_a_page_exist(page: Page) -> None:
    assert [link for link in page.links if is_broken(page, link)] == []


def test_a_broken_link_is_found() -> None:
    links = ["no-such-file.md", "#no-such-heading", "SECURITY.md#no-such-heading", "../outside"]
    assert [link for link in links if not is_broken(README, link)] == []
    assert not is_broken(README, "#start")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_source_files_that_a_page_names_exist(page: Page) -> None:
    created = {block.argument for block in page.blocks if block.treatment == "file"}
    named = set(re.findall(rf"`((?:{SOURCES})/[\w./-]+)`", page.text)) - created
    # "..." is in names that depend on the time.
    missing = [name for name in named if "..." not in name and not (ROOT / name).exists()]
    assert missing == []


def test_the_index_lists_every_page() -> None:
    linked = {(INDEX.path.parent / link.partition("#")[0]).resolve() for link in INDEX.links}
    pages = {page.path for page in PAGES if page.path.is_relative_to(ROOT / "docs")}
    missing = pages - linked - {INDEX.path}
    assert sorted(path.relative_to(ROOT).as_posix() for path in missing) == []


def test_the_readme_is_short_and_links_the_documentation() -> None:
    assert len(README.text.splitlines()) <= MAX_README_LINES
    assert {"docs/README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"} <= set(README.links)


def test_the_delay_of_a_revocation_is_that_of_the_code() -> None:
    text = (ROOT / "docs/how-to/authentication.md").read_text("utf-8")
    assert f"caches a valid credential for {CREDENTIAL_CACHE_S:g} seconds" in text
    assert f"after {REVOCATION_DELAY_S:g} seconds the token no longer works" in text


def test_the_packages_of_each_layer_are_those_of_the_code() -> None:
    text = (ROOT / "docs/explanation/architecture.md").read_text("utf-8")
    for layer, order in PACKAGES.items():
        section = text.partition(f"\n### {layer}\n")[2].partition("\n##")[0]
        assert tuple(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)) == order


def test_every_page_has_one_title() -> None:
    titles = {page.name: [level for level, _ in page.headings].count(1) for page in PAGES}
    assert {name: count for name, count in titles.items() if count != 1} == {}


def test_every_image_has_a_text_for_those_who_cannot_see_it() -> None:
    images = re.compile(r"!\[\]\(|<img(?![^>]*\balt=\"[^\"]+\")")
    assert [page.name for page in PAGES if images.search(page.prose)] == []


def test_the_table_of_rest_endpoints_has_their_scopes() -> None:
    text = Page(ROOT / "docs/reference/rest.md").text
    rows = re.findall(r"^\| \[`([A-Z]+ /[^`]+)`\]\([^)]+\) \| ([^|]+) \|", text, re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", scopes)) for name, scopes in rows} == {
        f"{method} {route.template}": operation.scopes
        for route in REST_ROUTES
        for method, operation in route.operations.items()
    }
