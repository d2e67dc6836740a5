"""Failed operations leave no reference cycles, which only the garbage collector would free.

It stops the process to free those of many requests: for seconds.
"""

import gc
from collections import Counter

import pytest

from app.graphql.errors import format_execution_errors
from engine.documents.prepared import PreparedDocument
from resolvers.context import Context
from tests.engine.execution import execute_projected, prepare

CURSOR = 'after: "x"'
DOCUMENTS = {
    "a wrong cursor": f"{{ tickets({CURSOR}) {{ nodes {{ id }} }} }}",
    "wrong cursors of several fields": f"""{{ a: tickets({CURSOR}) {{ nodes {{ id }} }}
        b: tickets({CURSOR}) {{ nodes {{ id }} }} c: tickets {{ nodes {{ id }} }} }}""",
    "errors of nullable fields": f"""{{ a: ticket(id: "{"x" * 65}") {{ id }}
        b: ticket(id: "{"x" * 65}") {{ id }} c: ticket(id: "a") {{ id }} }}""",
    "a page that is too large": "{ tickets(first: 1000) { nodes { id } } }",
    "errors below a list": f"""{{ tickets {{ nodes {{
        a: logEntries({CURSOR}) {{ nodes {{ id }} }}
        b: logEntries({CURSOR}) {{ nodes {{ id }} }} }} }} }}""",
    "errors below an edge": f"""{{ tickets {{ edges {{ node {{ events: history({CURSOR})
        {{ nodes {{ id }} }} }} }} }} }}""",
    "introspection": "{ __schema { types { name fields { name } } } }",
}
COUNT = 5


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_failed_operation_leaves_nothing_to_the_garbage_collector(
    context: Context, name: str
) -> None:
    document = prepare(DOCUMENTS[name])
    # The first ones fill caches.
    for _ in range(2):
        await _execute(document, context)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(COUNT):
            await _execute(document, context)
        gc.collect()
        left = Counter(type(one).__name__ for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not left.keys() & {
        "ProjectingExecutor",
        "OperationContext",
        "GraphQLError",
        "InvalidInput",
        "Context",
        "Task",
        "frame",
        "traceback",
    }, left


async def _execute(document: PreparedDocument, context: Context) -> None:
    result = await execute_projected(document, {}, context)
    if result.errors:
        assert format_execution_errors(result.errors, request_id="r")
    else:
        assert result.data
