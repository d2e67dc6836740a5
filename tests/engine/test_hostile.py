"""Tests of hostile documents: each is rejected with a bounded amount of work."""

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from graphql import DocumentNode, FieldNode, Node, Token

from engine.arguments.literals import Literal, literal_of
from engine.documents.documents import MAX_ERRORS, Documents, InvalidDocument
from engine.documents.limits import Limits
from engine.documents.prepared import PreparedDocument, SchemaRules
from engine.errors import LimitExceeded
from engine.execution.execution import InvalidVariables
from engine.projection.context import OperationContext
from schema.access import required_scopes
from schema.build import graphql_schema
from schema.costs import declared_costs
from tests.engine.hostile import (
    ADMITTED,
    ADMITTED_VARIABLES,
    INVALID,
    MIB,
    TOO_COMPLEX,
    VARIABLES,
    bomb,
    chained,
    many,
    nested,
    sharing,
)

SCHEMA = graphql_schema()
RULES = SchemaRules(costs=declared_costs(SCHEMA), scopes=required_scopes(SCHEMA))
Rejection = LimitExceeded | InvalidDocument | InvalidVariables

# The largest admitted documents take 100,000 calls.
MAX_CALLS = 150_000


def rejection(text: str) -> Rejection:
    with pytest.raises((LimitExceeded, InvalidDocument)) as caught:
        Documents(SCHEMA, Limits(), rules=RULES).prepare(text)
    assert isinstance(caught.value, LimitExceeded | InvalidDocument)
    return caught.value


def rejection_of_variables(document: str, value: Any) -> Rejection:
    prepared = Documents(SCHEMA, Limits(), rules=RULES).prepare(document)
    with pytest.raises((LimitExceeded, InvalidVariables)) as caught:
        OperationContext(prepared.operations[0], {"v": value}, None)
    assert isinstance(caught.value, LimitExceeded | InvalidVariables)
    return caught.value


def admitted(text: str) -> PreparedDocument:
    return Documents(SCHEMA, Limits(), rules=RULES).prepare(text)


def literal(document: PreparedDocument) -> Literal:
    """Return the function for the first argument of the first field."""
    operation = document.operations[0]
    field = operation.node.selection_set.selections[0]
    assert isinstance(field, FieldNode)
    assert field.arguments
    argument = field.arguments[0]
    declared = SCHEMA.query_type.fields[field.name.value].args[argument.name.value]  # type: ignore[union-attr]  # it has one
    return literal_of(argument.value, declared.type)


def calls_of(work: Callable[[], object]) -> int:
    """Return the number of Python function calls, as a measure of work without a clock."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def ms_of(work: Callable[[], object]) -> float:
    """Return the CPU time in milliseconds, the best of seven: others share the machine."""
    took = []
    for _ in range(7):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took) * 1000


@pytest.mark.parametrize("text", TOO_COMPLEX.values(), ids=TOO_COMPLEX)
def test_a_document_that_is_too_large_is_rejected_with_bounded_work(text: str) -> None:
    assert len(text.encode()) <= MIB
    assert calls_of(lambda: rejection(text)) < MAX_CALLS
    assert isinstance(rejection(text), LimitExceeded)


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)
def test_only_a_few_errors_of_an_invalid_document_are_reported(text: str) -> None:
    assert calls_of(lambda: rejection(text)) < MAX_CALLS
    refused = rejection(text)
    assert isinstance(refused, InvalidDocument)
    # The last error says that there are more.
    assert 1 <= len(refused.errors) <= MAX_ERRORS + 1


@pytest.mark.parametrize(("document", "value", "words"), VARIABLES.values(), ids=VARIABLES)
def test_variables_are_rejected_with_bounded_work(document: str, value: Any, words: str) -> None:
    assert calls_of(lambda: rejection_of_variables(document, value)) < MAX_CALLS
    refused = rejection_of_variables(document, value)
    told = (
        [str(refused)] if isinstance(refused, LimitExceeded) else [str(e) for e in refused.errors]
    )
    assert len(told) <= MAX_ERRORS + 1
    assert words in told[-1]


@pytest.mark.parametrize("text", ADMITTED.values(), ids=ADMITTED)
def test_the_largest_admitted_documents_take_bounded_work(text: str) -> None:
    assert calls_of(lambda: admitted(text)) < MAX_CALLS
    assert admitted(text).operations


@pytest.mark.parametrize(("document", "value"), ADMITTED_VARIABLES.values(), ids=ADMITTED_VARIABLES)
def test_the_largest_admitted_variables_take_bounded_work(document: str, value: Any) -> None:
    prepared = admitted(document)
    select = partial(OperationContext, prepared.operations[0], {"v": value}, None)
    assert calls_of(select) < MAX_CALLS
    assert select().variables


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        pytest.param(lambda n: f"{{ {many('n%d', n)} }}", (450, 900), id="fields"),
        pytest.param(lambda n: "query (" + "$a: Int " * n + ") { a }", (100, 200), id="variables"),
        pytest.param(
            lambda n: "{ " + "...{ " * n + "__typename" + " }" * n + " }", (45, 90), id="depth"
        ),
        pytest.param(
            lambda n: f"{{ nodes(ids: [{many('%d', n)}]) {{ id }} }}", (450, 900), id="list"
        ),
        pytest.param(lambda n: many("query A%d { __typename }", n), (100, 200), id="operations"),
        pytest.param(bomb, (15, 30), id="fragments"),
        pytest.param(lambda n: chained(n, 10), (10, 20), id="operations that share fragments"),
        pytest.param(lambda n: sharing(n, 8 * n), (25, 50), id="operations that share variables"),
    ],
)
def test_twice_the_document_is_twice_the_work(
    shape: Callable[[int], str], sizes: tuple[int, int]
) -> None:
    def prepare(text: str) -> None:
        try:
            Documents(SCHEMA, Limits(), rules=RULES).prepare(text)
        except (InvalidDocument, LimitExceeded):
            return

    small, large = (calls_of(lambda n=n: prepare(shape(n))) for n in sizes)  # type: ignore[misc]  # bound at once
    assert large < 2.5 * small


def test_a_variable_twice_as_deep_in_filters_is_twice_the_work() -> None:
    def compiled(levels: int) -> int:
        filters = nested(levels, "{} " * levels + "{customerEmail: {eq: $v}}")
        document = admitted(f"query ($v: String) {{ tickets(filter: {filters}) {{ totalCount }} }}")
        return calls_of(lambda: literal(document))

    assert compiled(90) < 2.5 * compiled(45)


def test_documents_of_common_clients_are_far_from_the_limits() -> None:
    """Relay spreads fragments in many places and repeats fields in them."""
    fragments = many("fragment F%d on Ticket { id subject status version }", 20)
    text = f"{{ tickets {{ nodes {{ {many('...F%d', 20)} }} }} }} {fragments}"
    assert Documents(SCHEMA, Limits(), rules=RULES).prepare(text).operations


# Each is rejected after some of its tokens were read.
UNPARSABLE = {
    "a missing bracket": "{ " + "id " * 900,
    "an excess bracket": "{ " + "id " * 900 + "}}",
    "an unterminated string": "{ " + "id " * 900 + 'a(b: "c) }',
    "a character outside of the grammar": "{ " + "id " * 900 + "? }",
    "an empty selection set": "{ " + "id " * 900 + "a {} }",
    "nothing but comments": "# a\n" * 900,
    "too many comments": "# a\n" * 3_000 + "{ id }",
    "too many tokens": "{ " + "id " * 3_000 + "}",
    "too many levels": "{ a " * 300 + "}" * 300,
    "a number that is too long": "{ " + "id " * 900 + "a(b: " + "1" * 2_000 + ") }",
}


@pytest.fixture
def frozen_heap() -> Iterator[None]:
    """Exclude existing objects from garbage collection, as a running server does."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen_heap")
def test_documents_are_freed_without_the_garbage_collector() -> None:
    """The collector would free many documents at once, and hold up the event loop."""
    # Its cache keeps nothing.
    documents = Documents(SCHEMA, Limits(), rules=RULES, budget_bytes=0)
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for name, text in (ADMITTED | INVALID | TOO_COMPLEX | UNPARSABLE).items():
            with suppress(InvalidDocument, LimitExceeded):
                documents.prepare(text)
            gc.collect()
            kept = {type(item).__name__ for item in gc.garbage if isinstance(item, (Node, Token))}
            assert kept == set(), name
            gc.garbage.clear()
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


@pytest.mark.usefixtures("frozen_heap")
async def test_few_documents_of_a_caller_are_in_memory_while_it_sends_many() -> None:
    documents = Documents(SCHEMA, Limits(), rules=RULES, budget_bytes=0)
    turns = most = 0

    async def prepare(number: int) -> bool:
        try:
            await documents.prepare_in_turns(f"{{ {many(f'unknown{number}_%d', 900)} }}")
        except InvalidDocument:
            return True
        return False

    preparing = [asyncio.create_task(prepare(number)) for number in range(20)]
    while not all(task.done() for task in preparing):
        await asyncio.sleep(0)
        turns += 1
        most = max(most, sum(isinstance(item, DocumentNode) for item in gc.get_objects()))
    assert all(task.result() for task in preparing)
    # They were counted while they were prepared.
    assert turns > 2 * len(preparing)
    assert most == 1


@pytest.mark.usefixtures("frozen_heap")
def test_report_the_slowest_rejections(
    record_property: Callable[[str, str], None],
) -> None:
    """Report figures without limits, because they depend on the machine."""
    rejected_ms: dict[str, float] = {}
    for name, text in (TOO_COMPLEX | INVALID).items():
        rejected_ms[name] = ms_of(lambda text=text: rejection(text))  # type: ignore[misc]  # bound at once
    for name, (document, value, _) in VARIABLES.items():
        rejected_ms[name] = ms_of(lambda d=document, v=value: rejection_of_variables(d, v))  # type: ignore[misc]  # as above
    admitted_ms = {
        name: ms_of(lambda text=text: admitted(text))  # type: ignore[misc]  # as above
        for name, text in ADMITTED.items()
    }
    record_property(
        "figure",
        f"Hostile documents and variables: {len(rejected_ms)} of {len(rejected_ms)} rejected,"
        f" {worst(rejected_ms)}",
    )
    record_property(
        "figure", f"The largest admitted documents: {len(admitted_ms)}, {worst(admitted_ms)}"
    )


def worst(took: dict[str, float]) -> str:
    name = max(took, key=took.__getitem__)
    return f"{took[name]:.0f} ms of CPU at most ({name})"
