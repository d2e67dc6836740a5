"""What all objects with an id, and all lists of them, have in common."""

from typing import Annotated, TypeAlias

import strawberry

from resolvers.context import Context

Info: TypeAlias = strawberry.Info[Context, None]

First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="The page's size, from its start: 1 to 100, 50 by default."),
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="The page begins after this cursor.")
]
Last: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="The page's size, from its end: 1 to 100; not with first."),
]
Before: TypeAlias = Annotated[
    str | None, strawberry.argument(description="The page ends before this cursor.")
]


@strawberry.interface(
    description="Anything that has a globally unique id and can be fetched by it."
)
class Node:
    """Anything that has a globally unique id and can be fetched by it."""

    id: strawberry.ID = strawberry.field(description="Unique among everything that has an id.")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool = strawberry.field(description="Whether rows come after this page.")
    has_previous_page: bool = strawberry.field(description="Whether rows come before this page.")
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first row; null where the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last row; null where the page is empty."
    )
