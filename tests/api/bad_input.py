"""Table of invalid input and the expected errors, for `test_bad_input`."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from tests.api.operations import NEW

MIB = 1_048_576
NUL, SURROGATE = "a\0b", "a\ud800b"

CREATE = """
    mutation ($input: CreateTicketInput!) {
      createTicket(input: $input) { ticket { id } errors { __typename code path message } }
    }
"""
UPDATE = """
    mutation ($input: UpdateTicketInput!) {
      updateTicket(input: $input) { ticket { id } errors { __typename code path message } }
    }
"""

Case: TypeAlias = tuple[str, object, str, str]

# Field, value, expected code, and a part of the expected message.
FIELDS: list[Case] = [
    ("subject", "", "REQUIRED", "not be empty"),
    ("subject", " \t\n\u2003", "REQUIRED", "not be empty"),
    ("subject", "x" * 501, "TOO_LONG", "at most 500 characters"),
    ("subject", NUL, "INVALID", "NUL"),
    ("description", "x" * 65_537, "TOO_LONG", "at most 65536 characters"),
    ("description", NUL, "INVALID", "NUL"),
    ("category", "", "REQUIRED", "not be empty"),
    ("category", "x" * 101, "TOO_LONG", "at most 100 characters"),
    ("category", NUL, "INVALID", "NUL"),
    ("customerName", "", "REQUIRED", "not be empty"),
    ("customerName", "x" * 201, "TOO_LONG", "at most 200 characters"),
    ("customerName", NUL, "INVALID", "NUL"),
    ("customerEmail", "", "REQUIRED", "not be empty"),
    ("customerEmail", "nobody", "INVALID", "someone@example.com"),
    ("customerEmail", "a@b@c", "INVALID", "someone@example.com"),
    ("customerEmail", "@example.com", "INVALID", "someone@example.com"),
    ("customerEmail", "a@", "INVALID", "someone@example.com"),
    ("customerEmail", "a b@example.com", "INVALID", "someone@example.com"),
    ("customerEmail", "a@exa mple.com", "INVALID", "someone@example.com"),
    ("customerEmail", "a@example.com\n", "INVALID", "someone@example.com"),
    ("customerEmail", "a@-example.com", "INVALID", "someone@example.com"),
    ("customerEmail", "a@example..com", "INVALID", "someone@example.com"),
    ("customerEmail", "Ada <ada@example.com>", "INVALID", "someone@example.com"),
    ("customerEmail", "x" * 65 + "@example.com", "INVALID", "someone@example.com"),
    ("customerEmail", "x@" + "x" * 253, "TOO_LONG", "at most 254 characters"),
    ("customerEmail", f"{NUL}@example.com", "INVALID", "NUL"),
    ("customerPhone", "", "REQUIRED", "not be empty"),
    ("customerPhone", "5" * 51, "TOO_LONG", "at most 50 characters"),
    ("customerPhone", NUL, "INVALID", "NUL"),
    ("assignedTo", "", "REQUIRED", "not be empty"),
    ("assignedTo", "x" * 201, "TOO_LONG", "at most 200 characters"),
    ("assignedTo", NUL, "INVALID", "NUL"),
    ("metadata", "x" * 65_536, "TOO_LONG", "at most 65536 bytes"),
    ("metadata", "ü" * 32_768, "TOO_LONG", "at most 65536 bytes"),
    # PostgreSQL prints a space after each comma, and the limit applies to its text.
    ("metadata", [0] * 30_000, "TOO_LONG", "at most 65536 bytes"),
    ("metadata", {"a": [NUL]}, "INVALID", "NUL"),
    ("metadata", {NUL: 1}, "INVALID", "NUL"),
    ("metadata", 10**309, "INVALID", "beyond the range of 64-bit floats"),
    ("metadata", [-(10**309)], "INVALID", "beyond the range of 64-bit floats"),
    ("metadata", {"a": [[int("9" * 1_200)]]}, "INVALID", "beyond the range of 64-bit floats"),
    ("metadata", orjson.loads("[" * 65 + "]" * 65), "INVALID", "64 levels"),
    ("metadata", orjson.loads('{"a":' * 65 + "1" + "}" * 65), "INVALID", "64 levels"),
]
NEW_FIELDS: list[Case] = [
    ("id", "", "REQUIRED", "not be empty"),
    ("id", "x" * 65, "TOO_LONG", "at most 64 characters"),
    ("id", NUL, "INVALID", "NUL"),
    ("id", "T-1", "ALREADY_EXISTS", "already taken"),
    ("idempotencyKey", "", "REQUIRED", "not be empty"),
    ("idempotencyKey", "x" * 256, "TOO_LONG", "at most 255 characters"),
    ("idempotencyKey", NUL, "INVALID", "NUL"),
]
CHANGED_FIELDS: list[Case] = [
    ("metadataPatch", 10**309, "INVALID", "beyond the range of 64-bit floats"),
    ("metadataPatch", {"a": NUL}, "INVALID", "NUL"),
    ("metadataPatch", {"b": "x" * 65_535}, "TOO_LONG", "at most 65536 bytes"),
    ("metadataPatch", "x" * 65_536, "TOO_LONG", "at most 65536 bytes"),
    ("expectedVersion", 0, "VERSION_CONFLICT", "version 1"),
    ("expectedVersion", -1, "VERSION_CONFLICT", "version 1"),
    ("id", "", "REQUIRED", "not be empty"),
    ("id", "x" * 65, "TOO_LONG", "at most 64 characters"),
    ("id", NUL, "INVALID", "NUL"),
    ("id", "nobody", "NOT_FOUND", "no ticket"),
]


@dataclass(frozen=True)
class Bad:
    """A document with variables and the expected error."""

    document: str
    # The expected argument, and a part of the expected message.
    argument: str
    allowed: str
    code: str = "BAD_USER_INPUT"
    variables: tuple[tuple[str, Any], ...] = ()


def page(**variables: object) -> tuple[str, tuple[tuple[str, Any], ...]]:
    return (
        "query ($first: Int, $after: String, $last: Int, $before: String)"
        " { tickets(first: $first, after: $after, last: $last, before: $before) { nodes { id } } }"
    ), tuple(variables.items())


def paged(argument: str, allowed: str, **variables: object) -> Bad:
    document, given = page(**variables)
    return Bad(document, argument, allowed, variables=given)


def filtered(argument: str, allowed: str, filter_: object) -> Bad:
    document = "query ($filter: TicketFilter) { tickets(filter: $filter) { nodes { id } } }"
    return Bad(document, argument, allowed, variables=(("filter", filter_),))


DATE = "RFC 3339"
YEARS = "in the years 0001 to 9999"
REQUESTS: dict[str, Bad] = {
    # Pages
    "first: 0": paged("first", "1 to 100", first=0),
    "first: 101": paged("first", "1 to 100", first=101),
    "first: -1": paged("first", "1 to 100", first=-1),
    "last: 0": paged("last", "1 to 100", last=0),
    "last: 101": paged("last", "1 to 100", last=101),
    "first with last": paged("last", "not both", first=1, last=1),
    "first of 32 bits": paged("first", "1 to 100", first=2**31 - 1),
    "first of 33 bits": paged("first", "32-bit", first=2**31),
    "first of 300 digits": paged("first", "32-bit", first=int("9" * 300)),
    "first as text": paged("first", "integer", first="5"),
    "first as a fraction": paged("first", "integer", first=1.5),
    "first in the document": Bad("{ tickets(first: 0) { nodes { id } } }", "first", "1 to 100"),
    "first in a list of a ticket": Bad(
        '{ ticket(id: "T-1") { logEntries(first: 101) { nodes { id } } } }', "first", "1 to 100"
    ),
    "first in a list in a list": Bad(
        "{ tickets { nodes { history(last: 0) { nodes { id } } } } }", "last", "1 to 100"
    ),
    # Cursors
    "an empty cursor": paged("after", "not a cursor", after=""),
    "a cursor that is none": paged("after", "not a cursor", after="page 2"),
    "a cursor of other letters": paged("before", "not a cursor", before="ü"),
    "a cursor with NUL": paged("after", "not a cursor", after=NUL),
    "a cursor of nothing": paged("after", "cursor", after="bnVsbA"),
    "a cursor of half a megabyte": paged("after", "not a cursor", after="x" * 500_000),
    "the name of the order alone": paged(
        "after", "not a cursor", after="WyJ0aWNrZXRzLmNyZWF0ZWRfYXQuZGVzYyJd"
    ),
    # Ids
    "an empty id": Bad('{ ticket(id: "") { id } }', "id", "empty"),
    "an id of 65 characters": Bad(
        f'{{ ticket(id: "{"x" * 65}") {{ id }} }}', "id", "at most 64 characters"
    ),
    "an id with NUL": Bad('{ node(id: "a\\u0000b") { id } }', "id", "NUL"),
    "an id that is a fraction": Bad(
        "query ($id: ID!) { node(id: $id) { id } }", "id", "ID", variables=(("id", 1.5),)
    ),
    "an id that is true": Bad(
        "query ($id: ID!) { node(id: $id) { id } }", "id", "ID", variables=(("id", True),)
    ),
    "an id that is null": Bad(
        "query ($id: ID!) { node(id: $id) { id } }", "id", "ID!", variables=(("id", None),)
    ),
    "an id among ids with NUL": Bad('{ nodes(ids: ["T-1", "a\\u0000b"]) { id } }', "ids", "NUL"),
    "101 ids": Bad(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
        "ids",
        "at most 100",
        variables=(("ids", ["T-1"] * 101),),
    ),
    # Filters
    "a null operator": filtered("eq", "not be null", {"subject": {"eq": None}}),
    "a null operator deep down": filtered(
        "lt", "not be null", {"and": [{"not": {"createdAt": {"lt": None}}}]}
    ),
    "NUL in a comparison": filtered("eq", "NUL", {"subject": {"eq": NUL}}),
    "NUL in a list": filtered("in", "NUL", {"or": [{"id": {"in": ["T-1", NUL]}}]}),
    "NUL in a search": filtered("search", "NUL", {"search": NUL}),
    "NUL in JSON": filtered("contains", "NUL", {"metadata": {"contains": [{"a": NUL}]}}),
    "NUL in a key": filtered("hasKey", "NUL", {"metadata": {"hasKey": NUL}}),
    "a search of 1,800 letters in ligatures": filtered(
        "search", "at most 1000 characters, not 1800", {"search": "\ufdfa" * 100}
    ),
    "a search of 1,001 characters": filtered(
        "search", "at most 1000 characters", {"search": "x" * 1001}
    ),
    "a text to search for of 1,001 characters": filtered(
        "contains", "at most 1000 characters", {"subject": {"contains": "x" * 1001}}
    ),
    "JSON of 65 levels": filtered(
        "contains", "64 levels", {"metadata": {"contains": orjson.loads("[" * 65 + "]" * 65)}}
    ),
    "an unknown status": filtered("status", "TicketStatus", {"status": {"eq": "DONE"}}),
    "a status in lower case": filtered("status", "'OPEN'", {"status": {"eq": "open"}}),
    "a status that is a number": filtered("status", "TicketStatus", {"status": {"eq": 1}}),
    "a text that is a number": filtered("subject", "String", {"subject": {"eq": 1}}),
    "a list that is an object": filtered("subject", "String", {"subject": {"in": {}}}),
    "an unknown operator": filtered("subject", "like", {"subject": {"like": "x"}}),
    "an unknown field": filtered("filter", "colour", {"colour": {"eq": "red"}}),
    "a log entry's NUL": Bad(
        '{ logEntries(filter: {ticketId: {eq: "a\\u0000b"}}) { totalCount } }', "eq", "NUL"
    ),
    "a delivery's null": Bad(
        "{ opsDeliveries(filter: {state: {eq: null}}) { totalCount } }", "eq", "not be null"
    ),
    "a group's null": Bad(
        "{ ticketGroups(by: STATUS, filter: {id: {in: null}}) { count } }", "in", "not be null"
    ),
    # Timestamps
    "a date": filtered("createdAt", DATE, {"createdAt": {"gt": "2026-01-31"}}),
    "a moment without offset": filtered(
        "createdAt", DATE, {"createdAt": {"gt": "2026-01-31T08:15:00"}}
    ),
    "a day that there is not": filtered(
        "createdAt", "must be 01 to 28", {"createdAt": {"gt": "2026-02-30T00:00:00Z"}}
    ),
    "a 25th hour": filtered(
        "createdAt", "must be 00 to 23", {"createdAt": {"gt": "2026-01-31T25:00:00Z"}}
    ),
    "pushed beyond the year 9999": filtered(
        "updatedAt", YEARS, {"updatedAt": {"gt": "9999-12-31T23:59:59-10:00"}}
    ),
    "pushed before the year 1": filtered(
        "updatedAt", YEARS, {"updatedAt": {"lt": "0001-01-01T00:00:00+10:00"}}
    ),
    "a year of five digits": filtered(
        "updatedAt", DATE, {"updatedAt": {"gt": "10000-01-01T00:00:00Z"}}
    ),
    "an offset of 24 hours": filtered(
        "updatedAt", "must be 00 to 23", {"updatedAt": {"gt": "2026-01-31T00:00:00+24:00"}}
    ),
    "other digits": filtered("updatedAt", DATE, {"updatedAt": {"gt": "\u0662026-01-31T00:00:00Z"}}),
    "seconds since 1970": filtered("createdAt", DATE, {"createdAt": {"gt": 1769847300}}),
    "an empty moment": filtered("createdAt", DATE, {"createdAt": {"gt": ""}}),
    "a moment with NUL": filtered(
        "createdAt", DATE, {"createdAt": {"gt": "2026-01-31T08:15:00Z\0"}}
    ),
    # Inputs of a wrong type
    "no input": Bad(CREATE, "input", "CreateTicketInput"),
    "input that is null": Bad(CREATE, "input", "CreateTicketInput", variables=(("input", None),)),
    "input that is a list of two": Bad(
        CREATE, "input", "CreateTicketInput", variables=(("input", [NEW, NEW]),)
    ),
    "input without a field that is needed": Bad(
        CREATE,
        "input",
        "subject",
        variables=(("input", {key: NEW[key] for key in NEW if key != "subject"}),),
    ),
    "a needed field that is null": Bad(
        CREATE, "subject", "String!", variables=(("input", NEW | {"subject": None}),)
    ),
    "a field that there is not": Bad(
        CREATE, "input", "colour", variables=(("input", NEW | {"colour": "red"}),)
    ),
    "a number for a text": Bad(
        CREATE, "subject", "String", variables=(("input", NEW | {"subject": 1}),)
    ),
    "an object for a text": Bad(
        CREATE, "subject", "String", variables=(("input", NEW | {"subject": {"a": 1}}),)
    ),
    "an unknown enum value": Bad(
        CREATE, "priority", "TicketPriority", variables=(("input", NEW | {"priority": "URGENT"}),)
    ),
    "a number for an enum": Bad(
        CREATE, "priority", "TicketPriority", variables=(("input", NEW | {"priority": 1}),)
    ),
    "a version of 33 bits": Bad(
        UPDATE,
        "expectedVersion",
        "32-bit",
        variables=(("input", {"id": "T-1", "expectedVersion": 2**32}),),
    ),
}


# Errors in the document itself have locations.
DOCUMENTS: dict[str, tuple[str, str, str]] = {
    "an unknown enum value": (
        'mutation { updateTicket(input: {id: "T-1", status: DONE}) { ticket { id } } }',
        "GRAPHQL_VALIDATION_FAILED",
        "TicketStatus",
    ),
    "an enum value in quotes": (
        'mutation { updateTicket(input: {id: "T-1", status: "OPEN"}) { ticket { id } } }',
        "GRAPHQL_VALIDATION_FAILED",
        "OPEN",
    ),
    "a number for a text": (
        'mutation { updateTicket(input: {id: "T-1", subject: 1}) { ticket { id } } }',
        "GRAPHQL_VALIDATION_FAILED",
        "String",
    ),
    "a moment out of range": (
        '{ tickets(filter: {createdAt: {gt: "9999-12-31T23:59:59-01:00"}}) { totalCount } }',
        "GRAPHQL_VALIDATION_FAILED",
        YEARS,
    ),
    "a 5,000-digit page size": (
        f"{{ tickets(first: {'9' * 5_000}) {{ totalCount }} }}",
        "QUERY_TOO_COMPLEX",
        "a number of 5,000 characters; at most 1,000 are allowed",
    ),
    "a needed argument that is missing": (
        "{ ticket { id } }",
        "GRAPHQL_VALIDATION_FAILED",
        "id",
    ),
    "an argument that there is not": (
        "{ tickets(limit: 5) { totalCount } }",
        "GRAPHQL_VALIDATION_FAILED",
        "limit",
    ),
    "a lone surrogate": (
        '{ ticket(id: "a\\ud800b") { id } }',
        "GRAPHQL_PARSE_FAILED",
        "\\ud800",
    ),
    "half a document": ("{ tickets", "GRAPHQL_PARSE_FAILED", "Expected"),
    "nothing": ("", "GRAPHQL_PARSE_FAILED", "Unexpected"),
    "an empty selection": ("{ }", "GRAPHQL_PARSE_FAILED", "Expected"),
    "201 levels of a list": (
        'mutation { updateTicket(input: {id: "T-1", metadata: %s}) { ticket { id } } }'
        % ("[" * 201 + "]" * 201),
        "QUERY_TOO_COMPLEX",
        "more than 200 levels deep, which is a fixed limit. Pass deep values as variables.",
    ),
    "201 levels of fields": (
        "{a" * 201,
        "QUERY_TOO_COMPLEX",
        "The document is nested more than 200 levels deep",
    ),
    "480 levels of three fragments": (
        "{ ...F0 } "
        + " ".join(
            f"fragment F{n} on Query {{ {'...{' * 160} {inner} {'}' * 160} }}"
            for n, inner in enumerate(["...F1", "...F2", "__typename"])
        ),
        "QUERY_TOO_COMPLEX",
        "The document's fragments are nested more than 400 levels deep, which is a fixed limit.",
    ),
    "2,001 comments": (
        "#\n" * 2_001 + "{ viewer { name } }",
        "QUERY_TOO_COMPLEX",
        "The document has more than 2000 comments (MAX_TOKENS).",
    ),
    "2,001 tokens": ("{ " + "a " * 2_001 + "}", "QUERY_TOO_COMPLEX", "more than 2000 tokens"),
    "10,000 levels of fields": ("{a" * 10_000, "QUERY_TOO_COMPLEX", "more than 200 levels"),
    "10,000 levels of a list": (
        'mutation { updateTicket(input: {id: "T-1", metadata: %s}) { ticket { id } } }'
        % ("[" * 10_000 + "]" * 10_000),
        "QUERY_TOO_COMPLEX",
        "more than 200 levels",
    ),
}


def with_metadata(text: bytes) -> bytes:
    """Return a request body that sets the metadata to this JSON text."""
    variables = b'{"input": {"id": "T-1", "metadata": %s}}' % text
    return b'{"query": %s, "variables": %s}' % (orjson.dumps(UPDATE), variables)


BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "empty"),
    "no JSON": (b"query=x", 400, "not valid JSON"),
    "half an object": (b'{"query": "{ viewer { name } }"', 400, "not valid JSON"),
    "null": (b"null", 400, "object"),
    "a number": (b"1", 400, "object"),
    "a text": (b'"{ viewer { name } }"', 400, "object"),
    "a batch": (b'[{"query": "{ viewer { name } }"}]', 400, "one request"),
    "no query": (b"{}", 400, "query"),
    "a query that is null": (b'{"query": null}', 400, "query"),
    "a query that is a number": (b'{"query": 1}', 400, "query must be a string"),
    "variables that are a list": (
        b'{"query": "{ viewer { name } }", "variables": []}',
        400,
        "variables must be an object",
    ),
    "an operation name that is a number": (
        b'{"query": "{ viewer { name } }", "operationName": 1}',
        400,
        "operationName must be a string",
    ),
    "extensions that are a text": (
        b'{"query": "{ viewer { name } }", "extensions": "x"}',
        400,
        "extensions must be an object",
    ),
    "bad UTF-8": (b'{"query": "\xff"}', 400, "UTF-8"),
    "UTF-16": ('{"query": "{ viewer { name } }"}'.encode("utf-16"), 400, "not valid"),
    "a lone surrogate": (with_metadata(b'"\\ud800"'), 400, "not valid JSON"),
    "an encoded surrogate": (with_metadata(b'"\xed\xa0\x80"'), 400, "UTF-8"),
    "NaN": (with_metadata(b"NaN"), 400, "not valid JSON"),
    "Infinity": (with_metadata(b"-Infinity"), 400, "not valid JSON"),
    "10,000 levels of arrays": (with_metadata(b"[" * 10_000 + b"]" * 10_000), 400, "200 levels"),
    "10,000 levels of objects": (
        with_metadata(b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        400,
        "200 levels",
    ),
    "1 MiB of brackets": (b"[" * MIB, 413, "at most 40,000 are allowed (MAX_JSON_VALUES)"),
    "a list of 450,000 numbers": (
        with_metadata(b"[" + b"1," * 449_999 + b"1]"),
        413,
        "at most 40,000 are allowed (MAX_JSON_VALUES)",
    ),
    "1 MiB and a byte": (with_metadata(b'"%s"' % (b"x" * MIB)), 413, "1048576 bytes"),
    "20 MiB": (with_metadata(b'"%s"' % (b"x" * 20 * MIB)), 413, "1048576 bytes"),
}
