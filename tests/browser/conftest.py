"""A headless Chromium, and visits of pages that fail on any error in the browser."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    async_playwright,
    expect,
)

from tests.browser.workbench import Workbench

# Without the requests that the browser makes by itself.
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
# How long to wait for the browser.
TIMEOUT_MS = 60_000
NAMES = ("chromium", "chromium-browser", "google-chrome")

Visit = Callable[..., Awaitable[Workbench]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Run Chromium. If it is missing, skip the test, or fail in CI."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = "no Chromium on this machine (on Debian: apt install chromium)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    expect.set_options(timeout=TIMEOUT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def graphql_url(server: str) -> str:
    """Return the URL of GraphQL, which serves GraphiQL to browsers."""
    return f"{server}/graphql"


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Open a URL in a new browser profile.

    At the end of the test, it asserts that the console is free of warnings and errors, that no
    exception was thrown, and that every request went to the origin of the page.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    async def visit(url: str, *, dark: bool = False, status: int = 200) -> Workbench:
        context = await browser.new_context(
            viewport={"width": 1400, "height": 900}, color_scheme="dark" if dark else "light"
        )
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        page = await context.new_page()
        _watch(page, urlsplit(url).netloc, errors)
        response = await page.goto(url)
        assert response is not None
        assert response.status == status
        return Workbench(page)

    yield visit
    for context in contexts:
        await context.close()
    assert errors == []


def _watch(page: Page, host: str, errors: list[str]) -> None:
    def on_console(message: ConsoleMessage) -> None:
        # The browser reports each status of 400 and above, which the tests check themselves.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            errors.append(f"console {message.type}: {message.text}")

    def on_url(url: str) -> None:
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).netloc != host:
            errors.append(f"foreign request: {url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: errors.append(f"thrown: {error}"))
    page.on("request", lambda request: on_url(request.url))
    page.on("websocket", lambda socket: on_url(socket.url))
