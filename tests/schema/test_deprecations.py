"""The reason of a deprecation states the date of the removal."""

from graphql import build_schema

from schema.build import graphql_schema
from schema.deprecations import undated


def test_a_deprecation_without_a_date_is_reported_with_its_coordinate() -> None:
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


def test_the_schema_has_no_deprecation_without_a_date() -> None:
    assert undated(graphql_schema()) == []
