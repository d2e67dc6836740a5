"""GraphQL over HTTP, server-sent events and WebSockets.

`endpoint` answers a request (GraphQL over HTTP, the GraphQL Foundation's draft of
2025); `negotiation` chooses the kind of answer by the Accept header, `request` reads
what is asked, `errors` gives every error its code and masks what is ours, and
`operations` runs operations whatever carries them. `event_stream` is the answer of a
subscription over HTTP; `websocket`, with `ws_messages` and `ws_operation`, serves a
socket; `standing` lets both go when the server stops. How an operation is executed
is the engine's business.
"""

from app.graphql.connection_registry import ConnectionRegistry
from app.graphql.endpoint import GraphQLEndpoint
from app.graphql.operations import Operations
from app.graphql.subscriptions.websocket import GraphQLWebSocket

__all__ = ["ConnectionRegistry", "GraphQLEndpoint", "GraphQLWebSocket", "Operations"]
