"""Filter inputs for each type of column.

A comparison must not be null: omit it. `nin` and `neq` match missing values too.
"""

from datetime import datetime

import strawberry
from strawberry import UNSET

from schema.common.enums import OpsState, TicketPriority, TicketStatus
from schema.common.scalars import JSON

_EQ = "Equal to this value."
_NEQ = "Not equal to this value; also matches null."
_IN = "Equal to one of these values; an empty list matches nothing."
_NIN = "Equal to none of these values; also matches null."
_IS_NULL = "Whether the value is null."


@strawberry.input(
    description="Filter for text. Conditions are joined by AND; comparisons are case-sensitive"
    " unless noted. Composed and decomposed characters (NFC, NFD) are equal."
)
class StringFilter:
    eq: str | None = strawberry.field(default=UNSET, description=_EQ)
    neq: str | None = strawberry.field(default=UNSET, description=_NEQ)
    in_: list[str] | None = strawberry.field(default=UNSET, name="in", description=_IN)
    nin: list[str] | None = strawberry.field(default=UNSET, description=_NIN)
    contains: str | None = strawberry.field(default=UNSET, description="Contains this text.")
    contains_ignore_case: str | None = strawberry.field(
        default=UNSET,
        description="Contains this text, ignoring the case of letters of any script; ß equals ss,"
        " and the dotted and dotless i of Turkish are equal.",
    )
    starts_with: str | None = strawberry.field(default=UNSET, description="Starts with this text.")
    is_null: bool | None = strawberry.field(default=UNSET, description=_IS_NULL)


@strawberry.input(description="Filter for integers. Conditions are joined by AND.")
class IntFilter:
    eq: int | None = strawberry.field(default=UNSET, description=_EQ)
    neq: int | None = strawberry.field(default=UNSET, description=_NEQ)
    in_: list[int] | None = strawberry.field(default=UNSET, name="in", description=_IN)
    nin: list[int] | None = strawberry.field(default=UNSET, description=_NIN)
    gt: int | None = strawberry.field(default=UNSET, description="Greater than this value.")
    gte: int | None = strawberry.field(default=UNSET, description="This value or greater.")
    lt: int | None = strawberry.field(default=UNSET, description="Less than this value.")
    lte: int | None = strawberry.field(default=UNSET, description="This value or less.")
    is_null: bool | None = strawberry.field(default=UNSET, description=_IS_NULL)


@strawberry.input(description="Filter for true and false. Conditions are joined by AND.")
class BooleanFilter:
    eq: bool | None = strawberry.field(default=UNSET, description=_EQ)
    neq: bool | None = strawberry.field(default=UNSET, description=_NEQ)
    is_null: bool | None = strawberry.field(default=UNSET, description=_IS_NULL)


@strawberry.input(
    description="Filter for ids, which are compared exactly. Conditions are joined by AND."
)
class IDFilter:
    eq: strawberry.ID | None = strawberry.field(default=UNSET, description=_EQ)
    neq: strawberry.ID | None = strawberry.field(default=UNSET, description=_NEQ)
    in_: list[strawberry.ID] | None = strawberry.field(default=UNSET, name="in", description=_IN)
    nin: list[strawberry.ID] | None = strawberry.field(default=UNSET, description=_NIN)


@strawberry.input(description="Filter for timestamps. Conditions are joined by AND.")
class DateTimeFilter:
    eq: datetime | None = strawberry.field(default=UNSET, description="Equal to this timestamp.")
    gt: datetime | None = strawberry.field(default=UNSET, description="Later than this timestamp.")
    gte: datetime | None = strawberry.field(
        default=UNSET, description="At this timestamp or later."
    )
    lt: datetime | None = strawberry.field(
        default=UNSET, description="Earlier than this timestamp."
    )
    lte: datetime | None = strawberry.field(
        default=UNSET, description="At this timestamp or earlier."
    )


@strawberry.input(description="Filter for JSON values. Conditions are joined by AND.")
class JSONFilter:
    contains: JSON | None = strawberry.field(
        default=UNSET, description="Contains this value (PostgreSQL's jsonb operator `@>`)."
    )
    has_key: str | None = strawberry.field(
        default=UNSET, description="Is an object with this key, or a list with this string."
    )
    is_null: bool | None = strawberry.field(default=UNSET, description=_IS_NULL)


@strawberry.input(description="Filter for the status of tickets. Conditions are joined by AND.")
class TicketStatusFilter:
    eq: TicketStatus | None = strawberry.field(default=UNSET, description=_EQ)
    neq: TicketStatus | None = strawberry.field(default=UNSET, description=_NEQ)
    in_: list[TicketStatus] | None = strawberry.field(default=UNSET, name="in", description=_IN)
    nin: list[TicketStatus] | None = strawberry.field(default=UNSET, description=_NIN)


@strawberry.input(
    description="Filter for the priority of tickets: LOW < MEDIUM < HIGH."
    " Conditions are joined by AND."
)
class TicketPriorityFilter:
    eq: TicketPriority | None = strawberry.field(default=UNSET, description=_EQ)
    neq: TicketPriority | None = strawberry.field(default=UNSET, description=_NEQ)
    in_: list[TicketPriority] | None = strawberry.field(default=UNSET, name="in", description=_IN)
    nin: list[TicketPriority] | None = strawberry.field(default=UNSET, description=_NIN)
    gte: TicketPriority | None = strawberry.field(
        default=UNSET, description="This priority or higher."
    )
    lte: TicketPriority | None = strawberry.field(
        default=UNSET, description="This priority or lower."
    )


@strawberry.input(description="Filter for the delivery state. Conditions are joined by AND.")
class OpsStateFilter:
    eq: OpsState | None = strawberry.field(default=UNSET, description=_EQ)
    neq: OpsState | None = strawberry.field(default=UNSET, description=_NEQ)
    in_: list[OpsState] | None = strawberry.field(default=UNSET, name="in", description=_IN)
    nin: list[OpsState] | None = strawberry.field(default=UNSET, description=_NIN)
