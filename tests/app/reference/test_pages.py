from pathlib import Path

from app.reference.__main__ import REFERENCE, export, outdated_pages
from app.reference.pages import PAGES


def test_the_committed_pages_are_up_to_date() -> None:
    """`make docs` writes them."""
    assert outdated_pages(REFERENCE) == []


def test_a_missing_or_changed_page_is_reported(tmp_path: Path) -> None:
    assert outdated_pages(tmp_path) == list(PAGES)
    export(tmp_path)
    assert outdated_pages(tmp_path) == []
    (tmp_path / "settings.md").write_text("# Settings\n", encoding="utf-8")
    assert outdated_pages(tmp_path) == ["settings.md"]
