"""The engine and the reference implementation give the same result for random operations.

TEST_OPERATIONS sets the number of operations.
"""

import asyncio
import os

import pytest
from hypothesis import HealthCheck, given, note, settings

from resolvers.context import Context
from tests.engine.comparison import error_summaries, null_paths, serialized_data
from tests.engine.execution import SCHEMA, execute_projected, execute_reference, prepare
from tests.engine.operations import Operation, operations
from tests.engine.reference import Rows

COUNT = int(os.environ.get("TEST_OPERATIONS", "400"))
# Hypothesis remembers all examples of a test. Several batches take less memory, and can run in
# parallel.
BATCH = 200
MAX_SHRINKING = 1000


# graphql-core does not await the coroutines of fields in a place that an error made null.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("batch", range(-(-COUNT // BATCH)))
@settings(
    max_examples=min(COUNT, BATCH),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(operation=operations(SCHEMA, shrink=COUNT <= MAX_SHRINKING))
async def test_the_engine_gives_the_result_of_the_reference(
    context: Context,
    rows: Rows,
    batch: int,  # noqa: ARG001  # each batch draws other operations
    operation: Operation,
) -> None:
    document = prepare(operation.document)
    # The executions share a document and run at the same time. Caches and batches must not change
    # a result.
    results = await asyncio.gather(
        *(execute_projected(document, variables, context) for variables in operation.variables)
    )
    for variables, result in zip(operation.variables, results, strict=True):
        note(f"{operation.document}\n{variables}")
        expected = await execute_reference(document, variables, context, rows)
        # In the assertion, because Hypothesis shows the notes of its second try.
        assert serialized_data(result) == serialized_data(expected), (
            result.errors,
            expected.errors,
        )
        assert null_paths(result) == null_paths(expected)
        if result.errors and error_summaries(result) != error_summaries(expected):
            possible = await execute_reference(document, variables, context, rows, all_errors=True)
            assert error_summaries(result) <= error_summaries(possible)
