"""Caches stay within their limit, and the sizes that they count are those of the memory."""

import gc
import tracemalloc

import pytest

from engine.caches import CACHE_SHARES, LruCache, ValueUsage, cache_usage
from engine.documents.documents import Documents
from engine.documents.limits import Limits
from engine.documents.prepared import PreparedDocument, SchemaRules
from engine.execution.execution import execute
from resolvers.context import Context
from schema.access import required_scopes
from schema.build import graphql_schema
from schema.costs import FilterCost, declared_costs

SCHEMA = graphql_schema()
RULES = SchemaRules(
    costs=declared_costs(SCHEMA),
    scopes=required_scopes(SCHEMA),
    filter_cost=FilterCost(max_values=100),
)
BUDGET = 1_000_000_000


def cache_of(limit: int) -> LruCache[str, str]:
    cache: LruCache[str, str] = LruCache("documents", 0)
    cache.limit = limit
    return cache


def test_the_least_recently_used_values_leave_the_cache() -> None:
    cache = cache_of(40)
    for key in "abcd":
        cache.put(key, key.upper(), ValueUsage(10))
    assert cache.get("a") == "A"
    cache.put("e", "E", ValueUsage(10))
    assert [cache.get(key) for key in "abcde"] == ["A", None, "C", "D", "E"]
    assert cache.size == 40
    cache.put("a", "new", ValueUsage(5))
    assert (cache.get("a"), cache.size) == ("new", 35)
    cache.discard("a")
    cache.discard("unknown")
    assert (cache.get("a"), cache.size, len(cache)) == (None, 30, 3)


def test_a_value_that_would_displace_many_is_not_kept() -> None:
    cache = cache_of(40)
    cache.put("a", "A", ValueUsage(10))
    cache.put("b", "B", ValueUsage(11))
    assert [cache.get("a"), cache.get("b")] == ["A", None]


def test_a_value_that_grows_displaces_others_and_itself() -> None:
    cache = cache_of(40)
    usage = ValueUsage(10)
    cache.put("a", "A", ValueUsage(10))
    cache.put("b", "B", usage)
    usage.grow(25)
    assert (cache.get("a"), cache.get("b"), cache.size) == (None, "B", 35)
    usage.grow(-5)
    assert cache.size == 30
    usage.grow(11)
    assert (cache.get("b"), cache.size) == (None, 0)
    usage.grow(100)
    assert cache.size == 0


def test_the_shares_make_up_the_budget() -> None:
    assert sum(CACHE_SHARES.values()) == pytest.approx(1)
    cache = LruCache[str, str]("credentials", 1_000)
    assert cache.limit == 1_000 * CACHE_SHARES["credentials"]
    usages = dict(cache_usage())
    assert usages.keys() == CACHE_SHARES.keys()
    assert usages["credentials"].max_bytes >= cache.limit


LISTS = (
    "a%d: tickets(first: 1, filter: {subject: {contains: %s}}) { totalCount nodes { id status } }"
)
DOCUMENTS = {
    "one row": "query q($id: ID!) { ticket(id: $id) { id subject status } }",
    "nested pages": """
        query q($f: TicketFilter) {
            tickets(first: 20, filter: $f) {
                totalCount
                pageInfo { endCursor hasNextPage }
                edges { cursor node { id subject status priority createdAt logEntries(first: 5) {
                    nodes { id action status timestamp }
                } } }
            }
        }
    """,
    "aliases": "query q { " + " ".join(LISTS % (number, '"a"') for number in range(30)) + " }",
    "aliases with variables": (
        "query q($a: String) { " + " ".join(LISTS % (number, "$a") for number in range(30)) + " }"
    ),
    "a long list": "query q { nodes(ids: [" + "1 " * 1_900 + "]) { id } }",
    "a filter": "query q { tickets(filter: {or: ["
    + '{subject:{eq:"a"}}' * 200
    + "]}) { totalCount } }",
    "a filter with variables": (
        "query q($a: String) { tickets(filter: {or: ["
        + "{subject:{eq:$a}}" * 170
        + "]}) { totalCount } }"
    ),
    "a long text": 'query q { tickets(filter: {search: "' + "x" * 900 + '"}) { totalCount } }',
    "comments": "query q { __typename " + "# comment\n" * 1_500 + " }",
    "wide characters": "query q { __typename # " + "\U0001f600" * 20_000 + "\n }",
    "many operations": "query q { __typename } "
    + " ".join(f"query o{number} {{ __typename }}" for number in range(300)),
}


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_the_counted_size_of_documents_is_that_of_their_memory(
    text: str, context: Context
) -> None:
    documents = Documents(SCHEMA, Limits(), rules=RULES, budget_bytes=BUDGET)

    async def run(number: int) -> PreparedDocument:
        document = documents.prepare(text.replace("query q", f"query q{number}"))
        operation = document.operation(f"q{number}")
        assert operation is not None
        assert operation.required_scopes is not None
        variables = {"id": "T-1", "a": "x"} if "$" in text else {}
        variables = {name: value for name, value in variables.items() if f"${name}" in text}
        await execute(operation, variables=variables, context=context, max_cost=10**9)
        return document

    count = 8
    for number in range(2):
        await run(100 + number)
    gc.collect()
    counted = -sum(cache.size for cache in (documents._documents, documents._statements))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept = [await run(number) for number in range(count)]
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    counted += sum(cache.size for cache in (documents._documents, documents._statements))
    assert len(kept) == count
    # Some documents take less than their tokens can: constants of a list, or short operations.
    assert 1 <= counted / (after - before) <= 3
