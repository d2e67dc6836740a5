"""The engine answers every operation as plain execution over model instances does.

TEST_OPERATIONS sets how many operations are tried.
"""

import asyncio
import os

import pytest
from hypothesis import HealthCheck, given, note, settings

from resolvers.context import Context
from tests.engine.comparison import nulled, told, written
from tests.engine.execution import SCHEMA, plain, prepared, projected
from tests.engine.operations import Operation, operations
from tests.engine.reference import Rows

COUNT = int(os.environ.get("TEST_OPERATIONS", "400"))
# Hypothesis remembers all that it has tried: in many batches that takes less memory,
# and they run in parallel.
BATCH = 200
MAX_SHRINKING = 1000


# graphql-core leaves coroutines of fields alone whose place an error has made null.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("batch", range(-(-COUNT // BATCH)))
@settings(
    max_examples=min(COUNT, BATCH),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(operation=operations(SCHEMA, shrink=COUNT <= MAX_SHRINKING))
async def test_an_operation_is_answered_as_by_plain_execution(
    context: Context,
    rows: Rows,
    batch: int,  # noqa: ARG001  # they differ by chance
    operation: Operation,
) -> None:
    document = prepared(operation.document)
    # One document, several times, and at once: what is kept of it must not show, nor what
    # others ask meanwhile.
    answers = await asyncio.gather(
        *(projected(document, variables, context) for variables in operation.variables)
    )
    for variables, answer in zip(operation.variables, answers, strict=True):
        note(f"{operation.document}\n{variables}")
        expected = await plain(document, variables, context, rows)
        # Not noted: where it does not happen again, the notes are those of the second try.
        assert written(answer) == written(expected), (answer.errors, expected.errors)
        assert nulled(answer) == nulled(expected)
        if answer.errors and told(answer) != told(expected):
            possible = await plain(document, variables, context, rows, all_errors=True)
            assert told(answer) <= told(possible)
