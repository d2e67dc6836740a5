"""List of the generated pages."""

from collections.abc import Callable, Iterator, Mapping

from app.reference.cli_page import cli_page
from app.reference.errors_page import errors_page
from app.reference.metrics_page import metrics_page
from app.reference.settings_page import settings_page
from app.rest.openapi.document import openapi_text

__all__ = ["PAGES", "generated_pages"]

PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "cli.md": cli_page,
    "errors.md": errors_page,
    "metrics.md": metrics_page,
    "openapi.json": openapi_text,
}


def generated_pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each page."""
    for name, generate in PAGES.items():
        yield name, generate()
