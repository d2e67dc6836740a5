"""GraphiQL in a real browser with the real server.

Each visit also asserts that the console is empty and that all requests go to the origin of the
page; see `visit` in conftest.py.
"""

import json
from urllib.parse import quote

from playwright.async_api import expect

from tests.app.graphiql.requirements import needs_files
from tests.browser.conftest import Visit

pytestmark = needs_files


async def test_a_query_is_built_in_the_explorer_and_run(visit: Visit, graphql_url: str) -> None:
    bench = await (await visit(graphql_url)).ready()
    await bench.button("Add tab").click()
    for field in ("opsHealth", "circuit", "pending"):
        await bench.field(field).click()

    written = await bench.text_of(bench.operation)
    assert " ".join(written.split()) == "query MyQuery { opsHealth { circuit pending } }"
    answer = await bench.run()
    assert answer["data"]["opsHealth"]["circuit"] == "CLOSED"
    assert isinstance(answer["data"]["opsHealth"]["pending"], int)


async def test_the_example_tabs_create_a_ticket_and_send_it_to_ops(
    visit: Visit, graphql_url: str
) -> None:
    bench = await (await visit(graphql_url)).ready()

    created = (await bench.run())["data"]["createTicket"]
    assert created["errors"] == []
    assert created["ticket"]["opsState"] == "NOT_SENT"

    await bench.tab("SendToOps")
    sent = (await bench.run())["data"]["sendToOps"]
    assert sent["errors"] == []
    assert sent["ticket"] == {"id": created["ticket"]["id"], "opsState": "DELIVERED"}

    await bench.tab("ReadLog")
    log = (await bench.run())["data"]["ticket"]["logEntries"]
    assert [(entry["action"], entry["status"]) for entry in log["nodes"]] == [("SEND", "SUCCESS")]

    await bench.tab("AskStatus")
    status = (await bench.run())["data"]["opsStatus"]
    assert status["errors"] == []
    assert status["reference"] == sent["delivery"]["reference"]

    await bench.tab("ReadLog")
    log = (await bench.run())["data"]["ticket"]["logEntries"]
    assert [entry["action"] for entry in log["nodes"]] == ["QUERY", "SEND"]


async def test_an_example_of_the_panel_opens_in_a_new_tab(visit: Visit, graphql_url: str) -> None:
    bench = await (await visit(graphql_url)).ready()
    first = await bench.text_of(bench.operation)
    await bench.button("Show Examples").click()
    await bench.panel.get_by_role("button", name="Get an overview").click()

    await expect(bench.page.get_by_role("tab")).to_have_count(5)
    assert (await bench.run())["data"]["viewer"] is not None
    await bench.tab("CreateTicket")
    assert await bench.text_of(bench.operation) == first


async def test_a_link_fills_the_editors_without_running_the_query(
    visit: Visit, graphql_url: str
) -> None:
    query = "query Linked($id: ID!) { ticket(id: $id) { id } }"
    variables = '{"id": "none"}'
    bench = await visit(f"{graphql_url}?q={quote(query)}&variables={quote(variables)}")
    await bench.ready()
    assert await bench.text_of(bench.operation) == query
    assert await bench.text_of(bench.variables) == variables
    assert await bench.text_of(bench.answer) == ""
    assert await bench.run() == {"data": {"ticket": None}}


async def test_a_reload_keeps_the_tabs_and_does_not_open_the_link_again(
    visit: Visit, graphql_url: str
) -> None:
    bench = await (await visit(f"{graphql_url}?q={quote('{ viewer { name } }')}")).ready()
    await bench.type_into(bench.operation, "query Mine { viewer { scopes } }")
    await expect(bench.button("Mine")).to_be_visible()
    # GraphiQL stores the text shortly after the last key.
    await bench.page.wait_for_timeout(1000)
    await bench.page.reload()
    await bench.ready()
    await expect(bench.page.get_by_role("tab")).to_have_count(5)
    assert await bench.text_of(bench.operation) == "query Mine { viewer { scopes } }"


async def test_the_link_of_a_query_opens_it_in_another_browser(
    visit: Visit, graphql_url: str
) -> None:
    bench = await (await visit(graphql_url)).ready()
    await bench.tab("ReadLog")
    query, variables = [await bench.text_of(it) for it in (bench.operation, bench.variables)]
    await bench.button("Link to this query").click()
    await bench.page.wait_for_url("**/graphql?q=*")

    elsewhere = await (await visit(bench.page.url)).ready()
    assert await elsewhere.text_of(elsewhere.operation) == query
    assert await elsewhere.text_of(elsewhere.variables) == variables


async def test_the_documentation_can_be_searched(visit: Visit, graphql_url: str) -> None:
    bench = await (await visit(graphql_url)).ready()
    await bench.button("Show Documentation Explorer").click()
    await bench.panel.get_by_role("combobox").fill("CreateTicketInput")
    await bench.panel.get_by_role("option", name="CreateTicketInput", exact=True).click()
    await expect(bench.panel).to_contain_text("customerEmail: String!")


async def test_fields_are_completed_from_the_schema(visit: Visit, graphql_url: str) -> None:
    bench = await (await visit(graphql_url)).ready()
    await bench.type_into(bench.operation, "{ }")
    await bench.page.keyboard.press("ArrowLeft")
    await bench.page.keyboard.type("opsH", delay=20)
    await expect(bench.page.locator(".CodeMirror-hint-active")).to_have_text("opsHealth")
    await bench.page.keyboard.press("Enter")
    assert await bench.text_of(bench.operation) == "{ opsHealth}"


async def test_headers_are_sent_with_the_request(visit: Visit, graphql_url: str) -> None:
    bench = await (await visit(f"{graphql_url}?q={quote('{ viewer { name } }')}")).ready()
    await bench.button("Headers").click()
    await bench.type_into(bench.variables, json.dumps({"X-Request-Id": "from-the-editor"}))
    async with bench.page.expect_response(lambda it: it.request.method == "POST") as response:
        await bench.run()
    headers = await (await response.value).request.all_headers()
    assert headers["x-request-id"] == "from-the-editor"


async def test_the_keyboard_runs_a_query_and_leaves_the_editor(
    visit: Visit, graphql_url: str
) -> None:
    bench = await (await visit(f"{graphql_url}?q={quote('{ viewer { name } }')}")).ready()
    await bench.page.get_by_role("textbox", name="Operation").focus()
    await bench.page.keyboard.press("Control+Enter")
    assert (await bench.read_answer())["data"]["viewer"] == {"name": None}
    await bench.page.keyboard.press("Tab")
    await expect(bench.page.locator(".graphiql-execute-button")).to_be_focused()


async def test_menus_and_dialogs_open_under_the_content_security_policy(
    visit: Visit, graphql_url: str
) -> None:
    two = "query A { viewer { name } } query B { opsHealth { circuit } }"
    bench = await (await visit(f"{graphql_url}?q={quote(two)}")).ready()
    await bench.page.locator(".graphiql-execute-button").click()
    await bench.page.get_by_role("menuitem", name="B").click()
    assert "opsHealth" in (await bench.read_answer())["data"]
    for name in ("Open settings dialog", "Open short keys dialog"):
        await bench.button(name).click()
        await expect(bench.page.get_by_role("dialog")).to_be_visible()
        await bench.page.keyboard.press("Escape")


async def test_the_colours_follow_the_system(visit: Visit, graphql_url: str) -> None:
    lightness = []
    for dark in (False, True):
        bench = await (await visit(graphql_url, dark=dark)).ready()
        container = bench.page.locator(".graphiql-container")
        colour = await container.evaluate("element => getComputedStyle(element).backgroundColor")
        lightness.append(int(colour.removeprefix("rgb(").split(",")[0]))
    assert lightness[0] > 240
    assert lightness[1] < 60


async def test_an_unreachable_server_is_reported(visit: Visit, graphql_url: str) -> None:
    bench = await (await visit(f"{graphql_url}?q={quote('{ viewer { name } }')}")).ready()
    await bench.page.context.set_offline(True)
    answer = await bench.run()
    assert answer == {
        "errors": [{"message": "The server did not respond. Check that it is running."}]
    }
