"""The Node interface, and the type of a resolver's ``info``."""

from typing import Annotated, Any, Protocol, TypeAlias, cast

import strawberry

from resolvers.context import Context


class RequestInfo(Protocol):
    """Type of ``info`` in a resolver that is marked with `fast_resolver`."""

    @property
    def context(self) -> Context:
        """Context of the request."""
        ...


class _Marker(strawberry.Info[Context, None]):
    """Marks a parameter as the info for Strawberry, which hashes annotations."""

    __hash__ = object.__hash__


Info: TypeAlias = Annotated[RequestInfo, _Marker(cast("Any", None), cast("Any", None))]


@strawberry.interface(description="Object with a globally unique id, which `node(id:)` returns.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Globally unique id: 1 to 64 characters, a UUIDv7 unless the client chose it."
    )
