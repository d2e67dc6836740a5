"""A deprecation names the day after which it may be gone."""

from graphql import build_schema

from schema.build import graphql_schema
from schema.deprecations import undated


def test_what_is_deprecated_without_a_date_is_named_wherever_it_stands() -> None:
    schema = build_schema("""
        type Query implements Old {
          fine: Int @deprecated(reason: "Use better; gone after 2027-01-31.")
          bare: Int @deprecated
          vague(a: Int @deprecated(reason: "Some day."), b: I): Int
          wrong: Int @deprecated(reason: "After 2027-13-01.")
        }
        interface Old { bare: Int @deprecated(reason: "Soon.") }
        input I { c: Int @deprecated, d: E }
        enum E { F G @deprecated(reason: "No use.") }
    """)
    assert sorted(undated(schema)) == [
        "E.G",
        "I.c",
        "Old.bare",
        "Query.bare",
        "Query.vague(a:)",
        "Query.wrong",
    ]


def test_our_own_have_theirs() -> None:
    assert undated(graphql_schema()) == []
