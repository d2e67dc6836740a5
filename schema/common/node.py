"""The Node interface, and the type of a resolver's ``info``."""

from typing import TypeAlias

import strawberry

from resolvers.context import Context

Info: TypeAlias = strawberry.Info[Context, None]


@strawberry.interface(description="Object with a globally unique id, which `node(id:)` returns.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Globally unique id: 1 to 64 characters, a UUIDv7 unless the client chose it."
    )
