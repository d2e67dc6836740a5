"""The page in a browser while the files of GraphiQL are missing."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.app.graphiql.checkout import add_downloaded_files, copy_graphiql
from tests.app.graphiql.requirements import needs_files
from tests.browser.conftest import Visit

SERVER = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.routing import Route
from app.graphiql.files import ROUTES
from app.graphiql.page import graphiql_page
app = Starlette(routes=[Route("/graphql", graphiql_page), *ROUTES])
uvicorn.run(app, fd=int(sys.argv[1]), log_level="warning")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the page without the downloaded files."""
    return copy_graphiql(tmp_path)


@pytest.fixture
def page_url(checkout: Path) -> Iterator[str]:
    """Serve the copy, and return the URL of the page."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with subprocess.Popen(
            [sys.executable, "-c", SERVER, str(listening.fileno())],
            cwd=checkout,
            env={"PYTHONPATH": str(checkout)},
            pass_fds=[listening.fileno()],
        ) as server:
            yield f"http://127.0.0.1:{port}/graphql"
            server.terminate()


@needs_files
async def test_the_page_explains_the_download_and_works_after_it(
    visit: Visit, page_url: str, checkout: Path
) -> None:
    bench = await visit(page_url, status=503)
    await expect(bench.page.get_by_role("heading")).to_have_text("GraphiQL is not installed")
    await expect(bench.page.get_by_text("make graphiql", exact=True)).to_be_visible()
    await expect(bench.page.get_by_text(f"curl {page_url}")).to_be_visible()

    add_downloaded_files(checkout)
    await bench.page.reload()
    await expect(bench.operation).to_be_visible()
