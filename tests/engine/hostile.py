"""Documents and variables that are made to keep a server busy, as large as they are let in."""

from typing import Any

MIB = 2**20


def bomb(levels: int) -> str:
    """Return fragments that double at each level."""
    doubled = " ".join(
        f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)
    )
    return f"{{ ...F0 }} {doubled} fragment F{levels} on Query {{ __typename }}"


def chained(operations: int, levels: int) -> str:
    """Return operations that share a chain of fragments."""
    asked = " ".join(f"query A{n} {{ ...F0 }}" for n in range(operations))
    chain = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(levels))
    return f"{asked} {chain} fragment F{levels} on Query {{ __typename }}"


def many(text: str, number: int) -> str:
    """Return a text over and over, each with a number of its own for %d."""
    return " ".join(text.replace("%d", str(n)) for n in range(number))


def sharing(operations: int, uses: int) -> str:
    """Return operations that share a fragment, and it uses the variable that each has."""
    asked = many("query A%d($v: ID!) { ...F }", operations)
    return f"{asked} fragment F on Query {{ nodes(ids: [{'$v ' * uses}]) {{ id }} }}"


def nested(levels: int, text: str) -> str:
    """Return a filter within filters, with a text in the innermost list of them."""
    return "{and: [" * levels + text + "]}" * levels


def filled(head: str, unit: str, tail: str) -> str:
    """Return a document that fills a body of the largest size with one unit."""
    return head + unit * ((MIB - 200) // len(unit.encode())) + tail


# What is refused as too large before anything of it is looked at twice.
TOO_COMPLEX = {
    "a fragment bomb of 100 levels": bomb(100),
    "a fragment bomb of 1 MiB": bomb(20_000),
    "operations that share fragments": chained(150, 100),
    "10,000 aliases": f"{{ {many('a%d: __typename', 10_000)} }}",
    "31 aliases": f"{{ {many('a%d: __typename', 31)} }}",
    "100,000 levels of fields": "{ a" * 100_000,
    "500,000 levels of lists": "{ tickets(first: " + "[" * 500_000,
    "a list of 1 MiB": filled("{ nodes(ids: [", '"a" ', "]) { id } }"),
    "a string of 1 MiB": filled('{ ticket(id: "', "x", '") { id } }'),
    "escapes of 1 MiB": filled('{ ticket(id: "', "\\n", '") { id } }'),
    "surrogates of 1 MiB": filled('{ ticket(id: "', "\\uD83D\\uDE00", '") { id } }'),
    "a block string of 1 MiB": filled('{ ticket(id: """', "x\n", '""") { id } }'),
    "an integer of 1 MiB": filled("{ tickets(first: ", "9", ") { totalCount } }"),
    "a fraction of 1 MiB": filled("{ tickets(first: 1.", "9", ") { totalCount } }"),
    "a name of 1 MiB": filled("{ ", "a", " }"),
    "a comment of 1 MiB": filled("{ __typename } #", "x", ""),
    "comments of 1 MiB": filled("{ __typename }", "#\n", ""),
    "1 MiB of white space": filled("", " ", "{ __typename }"),
    "1 MiB of commas": filled("{ nodes(ids: [", ",", "]) { id } }"),
    "lines of 1 MiB with errors in the last": filled("", "\n", "{ a b c d e f }"),
    "lines of all that is allowed, with errors": "\n" * 30_000 + "{ a b c d e f }",
    "60,000 directives": "{ __typename " + "@skip(if: false) " * 60_000 + "}",
    "990 directives": "{ __typename " + "@skip " * 990 + "}",
    "a subscription with 400 roots": "subscription { " + "ticketEvents { id } " * 400 + "}",
    "one field 1,995 times": "{ " + "__typename " * 1_995 + "}",
    "pages that must be merged": "{ " + "tickets { nodes { id } } " * 220 + "}",
    "deep selections that must be merged": "{ "
    + "tickets { nodes { logEntries { nodes { ticket { logEntries { nodes { id } } } } } } } " * 85
    + "}",
    "fields that conflict": f"{{ {many('ticket(id: %d) { id }', 200)} }}",
    "one fragment in 170 operations": many("query A%d { ...F }", 170)
    + f" fragment F on Query {{ {many('a%d', 100)} }}",
    "fragments that must be merged": f"{{ {many('...F%d', 160)} }}"
    + many("fragment F%d on Query { __typename }", 160),
}

# What is as small as a document may be, but does not fit the schema in every place.
INVALID = {
    "1,900 fields that there are not": f"{{ {many('n%d', 1_900)} }}",
    "1,500 names like another": f"{{ {many('ticketGroupsxx%d', 1_500)} }}",
    "one of 30,000 letters": "{ " + "tickets" * 4_000 + " }",
    "600 arguments that there are not": f"{{ tickets({many('firs%d: 1', 600)}) {{ totalCount }} }}",
    "one argument 600 times": "{ tickets(" + "first: 1 " * 600 + ") { totalCount } }",
    "one unknown input field 600 times": "{ tickets(filter: {"
    + "a: 1 " * 600
    + "}) { totalCount } }",
    "1,900 values of no enumeration": "{ tickets(filter: {status: {in: ["
    + many("OPE%d", 1_900)
    + "]}}) { totalCount } }",
    "one variable 490 times": "query(" + "$a: Int " * 490 + ") { __typename }",
    "490 variables that are not used": f"query({many('$a%d: Int', 490)}) {{ __typename }}",
    "270 fragments that are not used": "{ __typename } "
    + many("fragment F%d on Query { __typename }", 270),
    "a ring of fragments": "{ ...F0 } "
    + " ".join(f"fragment F{n} on Query {{ ...F{(n + 1) % 60} }}" for n in range(60)),
    "a fragment within itself": "{ tickets { nodes { ...F } } }"
    " fragment F on Ticket { logEntries { nodes { ticket { ...F } } } }",
    "a fragment within itself beside 390 operations": "{ tickets { nodes { ...F } } }"
    " fragment F on Ticket { logEntries { nodes { ticket { ...F } } } } "
    + many("query A%d { __typename }", 390),
    "fragments of 360 levels": "{ ...F0 } "
    + "".join(
        f"fragment F{n} on Query {{ {'... { ' * 120}{inner} {'} ' * 120} }}"
        for n, inner in enumerate(["...F1", "...F2", "__typename"])
    ),
    "4 unknown input fields after 980 filters": "{ tickets(filter: {and: ["
    + "{} " * 980
    + "], a: 1, b: 1, c: 1, d: 1}) { totalCount } }",
    "150 types that there are not": many("query A%d { ... on OpsDeliveryConn%d { id } }", 150),
    "990 variables that there are not": f"{{ nodes(ids: [{many('$a%d', 990)}]) {{ id }} }}",
    "one variable of a wrong type 990 times": "query ($v: Int) { nodes(ids: ["
    + "$v " * 990
    + "]) { id } }",
    "wrong after 370 operations": many("query A%d { __typename }", 370)
    + "query B($v: Int) { tickets(first: $v) { a b } nodes(ids: [$v $w]) { id } }",
    "introspection in a ring": "{ __schema { types { fields { type { fields { type { fields"
    " { type { name } } } } } } } } }",
}

_TICKET = "id subject description status priority customerEmail customerName category version"
_LOG_ENTRY = "id action actor attempt deliveryId durationMs requestId response status timestamp"

# The largest that are let in: nothing is wrong with them.
ADMITTED = {
    "1,100 fields": "{ "
    + many(
        f"a%d: tickets {{ nodes {{ {_TICKET} logEntries {{ nodes {{ {_LOG_ENTRY} }} }} }}"
        f" edges {{ cursor node {{ {_TICKET} }} }} totalCount }}",
        30,
    )
    + " }",
    "399 operations": many("query A%d { __typename }", 399),
    "1,988 ids": f"{{ nodes(ids: [{many('%d', 1_988)}]) {{ id }} }}",
    "1,980 strings of 13 letters": "{ nodes(ids: [" + '"abcdefghijklm" ' * 1_980 + "]) { id } }",
    "1,980 values of an enumeration": "{ tickets(filter: {status: {in: ["
    + "OPEN " * 1_980
    + "]}}) { totalCount } }",
    "215 filters": "{ tickets(filter: {and: ["
    + "{status: {eq: OPEN}} " * 215
    + "]}) { totalCount } }",
    "990 filters without anything": "{ tickets(filter: {and: ["
    + "{} " * 990
    + "]}) { totalCount } }",
    "a variable under 90 levels of 600 filters": "query ($v: String) { tickets(filter: "
    + nested(90, "{} " * 600 + "{customerEmail: {eq: $v}}")
    + ") { totalCount } }",
    "280 variables": f"query ({many('$a%d: ID!', 280)})"
    f" {{ nodes(ids: [{many('$a%d', 280)}]) {{ id }} }}",
    "75 operations that share 470 uses of a variable": sharing(75, 470),
    "one long argument in 40 places": "{ " + ("nodes(ids: [" + "1 " * 38 + "]) { id } ") * 40 + "}",
    "200 directives": many("query A%d { __typename @skip(if: false) @include(if: true) }", 100),
    "180 levels of inline fragments": "{ " + "... { " * 180 + "__typename" + " }" * 180 + " }",
}

_FILTER = "query ($v: TicketFilter) { tickets(filter: $v) { totalCount } }"
_IDS = "query ($v: [ID!]!) { nodes(ids: $v) { id } }"

# Variables of 1 MiB or nearly so: the document, the value, and what is said of it.
VARIABLES: dict[str, tuple[str, Any, str]] = {
    "300,000 filters": (_FILTER, {"and": [{}] * 300_000}, "more than 10000 items"),
    "300,000 wrong filters": (_FILTER, {"and": [1] * 300_000}, "more than 10000 items"),
    "a wrong filter before 300,000": (
        _FILTER,
        {"and": [1, {"and": [{}] * 300_000}]},
        "too large for a detailed error",
    ),
    "filters in filters": (_FILTER, {"and": [{"and": [{}] * 150}] * 150}, "more than 10000 items"),
    "120,000 wrong values": (_FILTER, {"status": {"in": ["X"] * 120_000}}, "more than 10000 items"),
    "250,000 ids": (_IDS, ["a"] * 250_000, "more than 10000 items"),
    "80,000 unknown fields": (
        _FILTER,
        dict.fromkeys(map(str, range(80_000))),
        "too large for a detailed",
    ),
    "1,990 wrong values": (_FILTER, {"status": {"in": ["X"] * 1_990}}, "limit reached"),
}

# The largest that are let in.
ADMITTED_VARIABLES: dict[str, tuple[str, Any]] = {
    "9,900 filters without anything": (_FILTER, {"and": [{}] * 9_900}),
    "9,900 filters": (_FILTER, {"and": [{"status": {"eq": "OPEN"}}] * 9_900}),
    "9,900 ids": (_IDS, ["a"] * 9_900),
}
