"""A headless Chromium, and a visit to the server with it that must stay without a fault."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.browser.workbench import Workbench

# Quiet, and without the requests of its own that a browser makes.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")

Visit = Callable[..., Awaitable[Workbench]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium; the tests are skipped where there is none, except in CI."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = "no Chromium on this machine (on Debian: apt install chromium)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def graphql_url(server: str) -> str:
    """Answer where the real server has GraphQL, and for a browser GraphiQL."""
    return f"{server}/graphql"


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Open an address as someone who was never there.

    When the test is over: nothing was written to the console as a warning or an error,
    nothing was thrown, and each request went to the origin of the page.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    async def visit(url: str, *, dark: bool = False, status: int = 200) -> Workbench:
        context = await browser.new_context(
            viewport={"width": 1400, "height": 900}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        page = await context.new_page()
        _watch(page, urlsplit(url).netloc, faults)
        response = await page.goto(url)
        assert response is not None
        assert response.status == status
        return Workbench(page)

    yield visit
    for context in contexts:
        await context.close()
    assert faults == []


def _watch(page: Page, host: str, faults: list[str]) -> None:
    def on_console(message: ConsoleMessage) -> None:
        # The browser itself notes each answer of 400 and above; the tests see those anyway.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            faults.append(f"console {message.type}: {message.text}")

    def on_address(url: str) -> None:
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).netloc != host:
            faults.append(f"foreign request: {url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: faults.append(f"thrown: {error}"))
    page.on("request", lambda request: on_address(request.url))
    page.on("websocket", lambda socket: on_address(socket.url))
