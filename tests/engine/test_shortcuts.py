"""Tests of GRAPHQL_SHORTCUTS: results without plans, generated coercion and shared statements."""

import asyncio
from typing import Any

import pytest

from engine.arguments.item_budget import MAX_ITEMS
from engine.errors import LimitExceeded
from engine.execution.execution import build_operation_context
from engine.projection.context import InvalidVariables, OperationContext
from engine.projection.fallbacks import FALLBACKS, FallbackReason
from resolvers.context import Context
from tests.bounds.inputs.documents import conditions, filtered
from tests.engine.dataset import TICKET_IDS
from tests.engine.execution import NO_LIMIT, execute_projected, prepare

SUBJECT = "query ($id: ID!) { ticket(id: $id) { id subject } }"
LIST = """
query ($f: TicketFilter, $ids: [ID!]!) {
  tickets(filter: $f) { totalCount }
  nodes(ids: $ids) { id }
}
"""


@pytest.mark.usefixtures("unpaused")
@pytest.mark.parametrize(("shortcuts", "count"), [(True, 1), (False, len(TICKET_IDS))])
async def test_requests_share_a_statement_only_with_the_shortcuts(
    context: Context,
    statements: list[str],
    shortcuts: bool,  # noqa: FBT001  # a parameter of the test
    count: int,
) -> None:
    document = prepare(SUBJECT, shortcuts=shortcuts)
    results = await asyncio.gather(
        *(execute_projected(document, {"id": one}, context) for one in TICKET_IDS)
    )
    assert [result.data and result.data["ticket"]["id"] for result in results] == [*TICKET_IDS]
    assert len(statements) == count


@pytest.mark.parametrize(("shortcuts", "fallbacks"), [(True, 0), (False, 1)])
async def test_operations_have_plans_only_with_the_shortcuts(
    context: Context,
    shortcuts: bool,  # noqa: FBT001  # a parameter of the test
    fallbacks: int,
) -> None:
    before = FALLBACKS[FallbackReason.DISABLED]
    await execute_projected(prepare(SUBJECT, shortcuts=shortcuts), {"id": "t01"}, context)
    assert FALLBACKS[FallbackReason.DISABLED] - before == fallbacks


@pytest.mark.parametrize("shortcuts", [True, False])
async def test_variables_coerced_in_turns_are_limited_and_checked(
    shortcuts: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    [operation] = prepare(LIST, shortcuts=shortcuts).operations
    half = ["t01"] * (MAX_ITEMS // 2)
    filters = {"and": [{"id": {"in": half}}], "or": {"search": "x"}}

    async def coerced(**variables: Any) -> dict[str, Any]:
        context, _ = await build_operation_context(
            operation, variables=variables, context=None, max_cost=NO_LIMIT
        )
        return context.variables

    values = await coerced(f=filters, ids=half[1:])
    assert values == OperationContext(operation, {"f": filters, "ids": half[1:]}, None).variables
    # The limit holds for all variables together.
    with pytest.raises(LimitExceeded, match="items"):
        await coerced(f=filters, ids=half)
    with pytest.raises(InvalidVariables, match="nothing"):
        await coerced(f={"nothing": 1}, ids=[])


async def test_other_work_runs_while_large_variables_are_coerced() -> None:
    document = prepare(filtered(variables=30), shortcuts=True)
    variables = {f"f{number}": conditions(300) for number in range(30)}
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count_turns())
    await asyncio.sleep(0)
    context, _ = await build_operation_context(
        document.operations[0], variables=variables, context=None, max_cost=NO_LIMIT
    )
    counting.cancel()
    assert turns > 1
    assert len(context.variables) == 30


@pytest.mark.parametrize("shortcuts", [True, False])
def test_variables_are_limited_and_checked_in_both_ways(
    shortcuts: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    [operation] = prepare(LIST, shortcuts=shortcuts).operations
    half = ["t01"] * (MAX_ITEMS // 2)
    filters = {"and": [{"id": {"in": half}}], "or": {"search": "x"}}
    coerced = OperationContext(operation, {"f": filters, "ids": half[1:]}, None).variables
    assert coerced["f"] == {"and": [{"id": {"in": half}}], "or": [{"search": "x"}]}
    with pytest.raises(LimitExceeded, match="items"):
        OperationContext(operation, {"f": filters, "ids": half}, None)
    with pytest.raises(InvalidVariables):
        OperationContext(operation, {"f": {"nothing": 1}, "ids": []}, None)
