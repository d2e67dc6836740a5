"""GraphiQL as its user sees it: what can be clicked, typed and read."""

import json
from typing import Any

from playwright.async_api import Locator, Page, expect


class Workbench:
    """One open page of GraphiQL."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.operation = page.locator(".graphiql-query-editor .CodeMirror")
        self.variables = page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden)")
        self.panel = page.locator(".graphiql-plugin")
        self.answer = page.locator(".graphiql-response .CodeMirror")

    async def ready(self) -> "Workbench":
        """Wait until the page has loaded the schema."""
        busy = self.page.locator(".graphiql-spin")
        await expect(self.operation).to_be_visible()
        await expect(busy).to_have_count(0)
        return self

    def button(self, name: str) -> Locator:
        """Return the button of this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def run(self) -> Any:
        """Click the execute button, and return the response."""
        await self.page.locator(".graphiql-execute-button").click()
        return await self.read_answer()

    async def read_answer(self) -> Any:
        """Wait for a response and return it."""
        await expect(self.answer).to_contain_text("{")
        await expect(self.page.locator(".graphiql-spinner")).to_have_count(0)
        return json.loads(await self.text_of(self.answer))

    async def text_of(self, editor: Locator) -> str:
        """Return the whole text of an editor, including the part outside the view."""
        if await editor.evaluate("element => !element.CodeMirror"):
            editor = editor.locator(".CodeMirror")
        text: str = await editor.evaluate("element => element.CodeMirror.getValue()")
        return text

    async def type_into(self, editor: Locator, text: str) -> None:
        """Replace the text of an editor by typing."""
        await editor.click()
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.press("Delete")
        await self.page.keyboard.insert_text(text)

    async def tab(self, name: str) -> None:
        """Open a tab."""
        await self.button(name).click()

    def field(self, name: str, within: Locator | None = None) -> Locator:
        """Return a field of the explorer."""
        return (within or self.panel).locator(f'[data-field-name="{name}"]')
