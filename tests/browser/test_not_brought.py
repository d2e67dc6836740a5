"""What a browser sees where the set-up could not bring GraphiQL's files."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.app.graphiql.brought import needs_files
from tests.app.graphiql.copied import bring_files, copy_graphiql
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
def house(tmp_path: Path) -> Path:
    """Copy the page without the files that are brought."""
    return copy_graphiql(tmp_path)


@pytest.fixture
def page_url(house: Path) -> Iterator[str]:
    """Serve the copy; the address of the page."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with subprocess.Popen(
            [sys.executable, "-c", SERVER, str(listening.fileno())],
            cwd=house,
            env={"PYTHONPATH": str(house)},
            pass_fds=[listening.fileno()],
        ) as server:
            yield f"http://127.0.0.1:{port}/graphql"
            server.terminate()


@needs_files
async def test_the_page_says_how_to_bring_them_and_finds_them_then(
    visit: Visit, page_url: str, house: Path
) -> None:
    bench = await visit(page_url, status=503)
    await expect(bench.page.get_by_role("heading")).to_have_text("GraphiQL is not here yet")
    await expect(bench.page.get_by_text("make graphiql", exact=True)).to_be_visible()
    await expect(bench.page.get_by_text(f"curl {page_url}")).to_be_visible()

    bring_files(house)
    await bench.page.reload()
    await expect(bench.operation).to_be_visible()
