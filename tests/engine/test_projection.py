"""The engine answers every operation as plain execution over model instances does.

TEST_OPERATIONS sets how many operations are tried.
"""

import os

from hypothesis import HealthCheck, given, note, settings

from resolvers.context import Context
from tests.engine.comparison import nulled, told, written
from tests.engine.execution import SCHEMA, plain, prepared, projected
from tests.engine.operations import Operation, operations
from tests.engine.reference import Rows

COUNT = int(os.environ.get("TEST_OPERATIONS", "300"))


@settings(max_examples=COUNT, deadline=None, suppress_health_check=list(HealthCheck))
@given(operation=operations(SCHEMA))
async def test_an_operation_is_answered_as_by_plain_execution(
    context: Context, rows: Rows, operation: Operation
) -> None:
    document = prepared(operation.document)
    # One document, several times: what is kept of it must not show.
    for variables in operation.variables:
        note(f"{operation.document}\n{variables}")
        answer = await projected(document, variables, context)
        expected = await plain(document, variables, context, rows)
        assert written(answer) == written(expected)
        assert nulled(answer) == nulled(expected)
        if answer.errors and told(answer) != told(expected):
            possible = await plain(document, variables, context, rows, all_errors=True)
            assert told(answer) <= told(possible)
