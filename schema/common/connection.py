"""Relay cursor connections: generic types and the arguments of every connection field."""

from typing import Annotated, Generic, TypeAlias, TypeVar

import strawberry

T = TypeVar("T")

First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(
        description="Page size from the start of the list: 1 to 100, default 50."
        " Cannot be combined with `last`."
    ),
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Return only items after this cursor.")
]
Last: TypeAlias = Annotated[
    int | None,
    strawberry.argument(
        description="Page size from the end of the list: 1 to 100. Cannot be combined with `first`."
    ),
]
Before: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Return only items before this cursor.")
]


@strawberry.type(description="Position of a page in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether the list has items after the page.")
    has_previous_page: bool = strawberry.field(
        description="Whether the list has items before the page."
    )
    start_cursor: str | None = strawberry.field(
        description="Cursor of the first item; null if the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="Cursor of the last item; null if the page is empty."
    )


@strawberry.type(description="Item of a page, with its cursor.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(
        description="Opaque position of the item; pass it as `after` or `before`."
    )
    node: T = strawberry.field(description="The item.")


@strawberry.type(description="Page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="Items of the page with their cursors.")
    nodes: list[T] = strawberry.field(description="Items of the page.")
    page_info: PageInfo = strawberry.field(description="Position of the page in its list.")
    total_count: int = strawberry.field(
        description="Number of items in the whole list; counted only when selected. Exact up to"
        " 100,000. Above that it is an estimate from the statistics of the database: see"
        " `totalCountIsEstimate`."
    )
    total_count_is_estimate: bool = strawberry.field(
        description="Whether `totalCount` is an estimate, because the list has more than 100,000"
        " items. Selecting it counts the items, as `totalCount` does."
    )
