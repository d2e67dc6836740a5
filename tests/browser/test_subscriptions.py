"""Subscriptions in a real browser: in GraphiQL over a WebSocket, and by EventSource."""

import asyncio
import re

import httpx2
from playwright.async_api import expect

from tests.app.graphiql.requirements import needs_files
from tests.app.graphql.operations import CREATE
from tests.browser.conftest import Visit

pytestmark = needs_files

LISTEN = """
    (url) => new Promise((resolve) => {
      const source = new EventSource(url);
      source.addEventListener("next", ({ data }) => { source.close(); resolve(data); });
      window.hasOpened = new Promise((opened) => { source.onopen = opened; });
      window.received = resolve;
    })
"""


async def create(url: str) -> str:
    async with httpx2.AsyncClient() as http:
        answer = (await http.post(url, json={"query": CREATE})).json()
    ticket_id: str = answer["data"]["createTicket"]["ticket"]["id"]
    return ticket_id


async def test_a_subscription_in_graphiql_shows_each_event_until_it_is_stopped(
    visit: Visit, graphql_url: str
) -> None:
    bench = await (await visit(graphql_url)).ready()
    await bench.button("Add tab").click()
    await bench.type_into(bench.operation, "subscription { ticketEvents { type ticketId } }")
    execute = bench.page.locator(".graphiql-execute-button")
    async with bench.page.expect_websocket():
        await execute.click()
    # Nothing shows when a subscription is open, so create tickets until one is shown.
    created = [await create(graphql_url)]
    shown = ""
    while not any(ticket_id in shown for ticket_id in created):
        await asyncio.sleep(0.3)
        created.append(await create(graphql_url))
        shown = await bench.answer.text_content() or ""
    last = await create(graphql_url)
    await expect(bench.answer).to_contain_text(last)
    # The same button stops it.
    await expect(execute).to_have_attribute("aria-label", re.compile("Stop"))
    await execute.click()
    await expect(execute).not_to_have_attribute("aria-label", re.compile("Stop"))
    late = await create(graphql_url)
    await asyncio.sleep(0.3)
    await expect(bench.answer).not_to_contain_text(late)


async def test_an_event_source_receives_a_change(visit: Visit, graphql_url: str) -> None:
    bench = await visit(graphql_url)
    url = "/graphql?query=" + "subscription{ticketEvents{ticketId}}"
    receiving = asyncio.create_task(bench.page.evaluate(LISTEN, url))
    await bench.page.wait_for_function("() => window.hasOpened")
    await bench.page.evaluate("() => window.hasOpened")
    ticket_id = await create(graphql_url)
    assert ticket_id in await receiving
