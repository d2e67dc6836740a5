"""Values out of the range of their columns, and callers with the same name."""

import json
from base64 import urlsafe_b64encode

import httpx2
import pytest

from engine.sql.ordering import RowOrder, TermKind
from resolvers.tables import (
    EVENT_ORDER,
    NEWEST_DELIVERY_FIRST,
    NEWEST_LOG_ENTRY_FIRST,
    TICKET_ORDERS,
)
from tests.conftest import GraphQL

# At, just beyond and far beyond the limits of PostgreSQL's types, and of other types.
VALUES: list[object] = [
    *(
        sign * 2**bits + more
        for bits in (15, 31, 32, 63, 64)
        for sign in (1, -1)
        for more in (-1, 0, 1)
    ),
    10**300,
    10**5000,
    1.5,
    float("inf"),
    True,
    None,
    [],
    {},
    "",
    "x" * 5000,
    "a\0",
    "\ud800",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-14:00",
    "0000-01-01T00:00:00+00:00",
    "infinity",
    "-infinity",
    "294277-01-01T00:00:00+00:00",
    "2026-01-01T24:00:00+00:00",
    "2026-01-01T23:59:60+00:00",
    "2026-01-01T00:00:00+14:60",
]
VALID = {
    TermKind.TEXT: "a",
    TermKind.INTEGER: 1,
    TermKind.BIGINT: 1,
    TermKind.TIME: "2026-01-01T00:00:00+00:00",
}
IDS = " { nodes { id } }"
LISTS = {
    **{
        f"tickets {column} {direction}": (
            f"tickets(orderBy: {{field: {column.upper()}, direction: {direction}}}, %s)" + IDS,
            TICKET_ORDERS[column, direction == "DESC"],
        )
        for column in ("priority", "status", "created_at", "updated_at", "subject")
        for direction in ("ASC", "DESC")
    },
    "deliveries": ("opsDeliveries(%s) { nodes { id } }", NEWEST_DELIVERY_FIRST),
    "log entries": ("logEntries(%s) { nodes { id } }", NEWEST_LOG_ENTRY_FIRST),
    "history": ('ticket(id: "T-1") { history(%s) { nodes { id } } }', EVENT_ORDER),
}


def raw_cursor(order: RowOrder, values: list[object]) -> str:
    """Return a cursor of an order with any values."""
    # The digits are written here, because the interpreter refuses to write many.
    large = [f"<{index}>" if value == 10**5000 else value for index, value in enumerate(values)]
    text = json.dumps([order.name, *large])
    for index in range(len(values)):
        text = text.replace(f'"<{index}>"', "1" + "0" * 5000)
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("name", LISTS)
async def test_a_cursor_with_a_value_out_of_range_is_the_clients_error(
    graphql: GraphQL, http: httpx2.AsyncClient, name: str
) -> None:
    ticket = {"id": "T-1", "subject": "s", "description": "", "customer_name": "n"}
    response = await http.post("/tickets", json=ticket | {"customer_email": "n@example.com"})
    assert response.status_code == 201
    field, order = LISTS[name]
    valid: list[object] = [VALID[term.kind] for term in order.terms]
    for argument, count in (("after", "first: 1"), ("before", "last: 1")):
        for index in range(len(valid)):
            for value in VALUES:
                values = [*valid[:index], value, *valid[index + 1 :]]
                cursor = raw_cursor(order, values)
                answer = await graphql(
                    f"query ($c: String) {{ {field % f'{count}, {argument}: $c'} }}", c=cursor
                )
                codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
                assert codes in ([], ["BAD_USER_INPUT"]), (argument, values, answer)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
async def test_a_cursor_of_rest_with_a_value_out_of_range_is_400(
    http: httpx2.AsyncClient, value: object
) -> None:
    order = TICKET_ORDERS["created_at", True]
    for values in ([value, "a"], ["2026-01-01T00:00:00+00:00", value]):
        cursor = raw_cursor(order, values)
        response = await http.get("/tickets", params={"cursor": cursor})
        assert response.status_code in {200, 400}, response.text


@pytest.mark.parametrize("version", ["0", "1", str(2**31), str(2**32), "9" * 10, "9" * 5000])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("template", ['"%s"', '"%s", "7"', 'W/"%s"'])
async def test_a_version_out_of_range_fails_the_condition(
    http: httpx2.AsyncClient, method: str, version: str, template: str
) -> None:
    ticket = {"id": "T-1", "subject": "s", "description": "", "customer_name": "n"}
    await http.post("/tickets", json=ticket | {"customer_email": "n@example.com"})
    headers = {"If-Match": template % version}
    body = {"subject": "t"} if method == "PUT" else None
    response = await http.request(method, "/tickets/T-1", json=body, headers=headers)
    matches = version == "1" and not template.startswith("W/")
    assert (response.status_code == 412) != matches, response.text


# What can stand between the hyphens before a word: nothing, blanks, operators, characters that
# make no words, and those that a search ignores; and other hyphens.
BETWEEN = (
    "",
    "\t",
    "! ",
    "(",
    "& ",
    ") ",
    "<",
    "|\n",
    "'",
    ":*",
    "\\",
    "\u00ad",
    "\u200d ",
    "\u05b0",
    "…",
    "\U0001f600",
    "“",
)
HYPHENS = ("-", "\uff0d", "\ufe63")


CREATE_PRINTER = """mutation { createTicket(input: {subject: "Printer on fire", description: "D",
    customerName: "N", customerEmail: "n@example.com"}) { ticket { id } } }"""
COUNT = "query($w: String) { tickets(filter: {search: $w}) { totalCount } }"
NONE_FOUND = {"data": {"tickets": {"totalCount": 0}}}


@pytest.mark.parametrize("hyphen", HYPHENS)
@pytest.mark.parametrize("between", BETWEEN)
async def test_a_search_with_any_number_of_hyphens_is_valid(
    graphql: GraphQL, http: httpx2.AsyncClient, between: str, hyphen: str
) -> None:
    # PostgreSQL parses the search only if it has a row to compare with.
    await graphql(CREATE_PRINTER)
    for number in (29, 30, 31, 32, 33, 34, 200):
        for end in ("", "printer", " printer", '"printer"', "猫"):
            for start in ("zyzzyva", "zyzzyvas or zyzzyva"):
                words = f"{start} {(hyphen + between) * number}{end}"
                assert await graphql(COUNT, w=words) == NONE_FOUND, words
    assert (await http.get("/tickets", params={"q": f"-{hyphen * 200}x"})).status_code == 200


async def test_a_line_of_hyphens_in_a_search_is_ignored(graphql: GraphQL) -> None:
    await graphql(CREATE_PRINTER)
    for words, found in (
        (f"{'-' * 33} fire", 1),
        (f"printer {'-' * 33}\nfire", 1),
        (f"{'-' * 34}fire", 1),
        (f"-fire {'-' * 33}", 0),
        (f"{'-' * 29}fire", 0),
    ):
        result = await graphql(COUNT, w=words)
        assert result == {"data": {"tickets": {"totalCount": found}}}, words
