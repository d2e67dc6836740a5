"""Regression tests: documents whose response once differed from that of the reference."""

from dataclasses import replace
from typing import Any

import pytest

from engine.projection.context import OperationContext
from engine.projection.loading import load
from engine.sql.paging import Window
from engine.sql.queries import Page
from resolvers.context import Context
from resolvers.tables import LOG_ENTRIES, NEWEST_LOG_ENTRY_FIRST
from tests.engine.comparison import error_summaries, null_paths, serialized_data
from tests.engine.execution import SCHEMA, execute_projected, execute_reference, prepare
from tests.engine.reference import Rows

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "edges whose fields are all skipped": (
        "query ($off: Boolean!) { tickets(first: 2) { edges { cursor @skip(if: $off) } } }",
        {"off": True},
    ),
    "objects whose fields are all skipped": (
        """
        query ($off: Boolean!) {
          ticket(id: "t01") { id @skip(if: $off) }
          tickets(first: 2) { nodes { delivery { id @skip(if: $off) } } }
          nodes(ids: ["t01", "d01", "missing"]) { id @skip(if: $off) }
        }
        """,
        {"off": True},
    ),
    "a page whose fields are all skipped": (
        """
        query ($off: Boolean!) {
          tickets { totalCount @skip(if: $off) }
          logEntries { pageInfo { endCursor @skip(if: $off) } }
        }
        """,
        {"off": True},
    ),
    "a null condition in a list": (
        """
        query ($on: Boolean = true) {
          tickets(first: 2) { edges { cursor @include(if: $on) } }
        }
        """,
        {"on": None},
    ),
    "a null condition under a ticket": (
        """
        query ($on: Boolean = true) {
          ticket(id: "t01") { id delivery { id state @include(if: $on) } }
        }
        """,
        {"on": None},
    ),
    "an invalid page under one of several nodes": (
        """
        {
          nodes(ids: ["t01", "l02", "missing", "t02"]) {
            id
            ... on Ticket { logEntries(first: 0) { nodes { id } } }
          }
        }
        """,
        {},
    ),
    "an invalid page without parents": (
        '{ tickets(filter: {id: {eq: "missing"}}) { nodes { history(last: 0) { totalCount } } } }',
        {},
    ),
    "a missing variable of a nested page": (
        """
        query ($size: Int) {
          ticket(id: "t06") { logEntries(first: $size) { nodes { id } } }
        }
        """,
        {},
    ),
    "an id of two rows": (
        '{ node(id: "t05") { __typename id } nodes(ids: ["t05", "t05"]) { id __typename } }',
        {},
    ),
    "rows whose ticket was deleted": (
        """
        {
          logEntries(filter: {ticketId: {eq: "gone"}}) { nodes { id ticketId ticket { id } } }
          opsDeliveries(filter: {ticketId: {eq: "gone"}}) { nodes { ticket { subject } } }
        }
        """,
        {},
    ),
    "one list under several aliases and from both ends": (
        """
        {
          ticket(id: "t06") {
            a: logEntries(first: 2) { nodes { id } pageInfo { hasNextPage hasPreviousPage } }
            b: logEntries(last: 2) { nodes { id } pageInfo { hasNextPage hasPreviousPage } }
            a: logEntries(first: 2) { edges { cursor } totalCount }
          }
        }
        """,
        {},
    ),
    "JSON values of every type": (
        """
        {
          tickets { nodes { metadata } }
          logEntries { nodes { response } }
          ticket(id: "t08") { history { nodes { changes { a: after before __typename } } } }
        }
        """,
        {},
    ),
    "the ticket of a rejected mutation": (
        """
        mutation {
          updateTicket(input: {id: "t01", expectedVersion: 0}) {
            errors {
              ... on ConflictError { current { id logEntries(first: 1) { nodes { id } } } }
            }
          }
        }
        """,
        {},
    ),
}


# graphql-core does not await the coroutines of fields whose parent an error has made null.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("text", "variables"), CASES.values(), ids=CASES)
async def test_the_response_is_that_of_the_reference(
    context: Context, rows: Rows, text: str, variables: dict[str, Any]
) -> None:
    document = prepare(text)
    result = await execute_projected(document, variables, context)
    expected = await execute_reference(document, variables, context, rows)
    assert serialized_data(result) == serialized_data(expected)
    assert null_paths(result) == null_paths(expected)
    assert error_summaries(result) == error_summaries(expected)


async def test_a_document_is_compiled_for_each_combination_of_conditions(context: Context) -> None:
    document = prepare(
        'query ($with: Boolean!) { ticket(id: "t01") { id subject @include(if: $with) } }'
    )
    for with_ in (True, False, True):
        result = await execute_projected(document, {"with": with_}, context)
        assert result.data is not None
        assert list(result.data["ticket"]) == (["id", "subject"] if with_ else ["id"])


async def test_a_list_and_its_reverse_are_cached_apart(
    context: Context,
) -> None:
    document = prepare("{ logEntries { nodes { id } } }")
    operation_context = OperationContext(document.operations[0], {}, context)
    assert SCHEMA.query_type is not None
    details = operation_context.root_fields(SCHEMA.query_type)["logEntries"]
    return_type = SCHEMA.query_type.fields["logEntries"].type
    oldest_first = replace(NEWEST_LOG_ENTRY_FIRST, descending=False)
    newest, oldest = [
        await load(operation_context, return_type, details, Page(LOG_ENTRIES, order, Window()))
        for order in (NEWEST_LOG_ENTRY_FIRST, oldest_first)
    ]
    assert len(newest["nodes"]) > 1
    assert newest["nodes"] == oldest["nodes"][::-1]
