"""Custom scalars: DateTime and JSON."""

from datetime import datetime
from typing import NewType

import orjson
import strawberry
from strawberry.types.scalar import ScalarDefinition

from engine.arguments.fast_resolvers import ColumnKind
from engine.arguments.json_literals import json_of_literal
from resolvers.date_times import parse_date_time

# A result holds JSON text exactly as the database returned it; an input holds the parsed value.
JSON = NewType("JSON", object)


# Scalars that send the values of a kind of columns as they are stored.
COLUMN_KINDS: dict[str, ColumnKind] = {"DateTime": "time", "JSON": "json"}

SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339 date-time with offset, such as 2026-01-31T08:15:00Z, in the years"
        " 0001 to 9999 of UTC. Results are in UTC, with microseconds unless they are zero. Inputs"
        " may have a fraction of any length, which is compared exactly, a space instead of the T,"
        " and lower case. A leap second (23:59:60 UTC on the last day of a month) is the first"
        " second of the next day.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        # The JSON encoder formats it.
        serialize=lambda moment: moment,
        parse_value=parse_date_time,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value. Stored as jsonb and returned exactly as stored: numbers keep"
        " all digits. In a literal, a variable of any type has the JSON value that was sent for it;"
        " a variable without a value omits its member of an object, and is null in a list.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=orjson.Fragment,
        parse_value=lambda value: value,
        parse_literal=json_of_literal,
    ),
}
