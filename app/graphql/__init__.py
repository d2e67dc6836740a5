"""The GraphQL API over HTTP, server-sent events and WebSockets.

Start with `endpoint`, which responds to HTTP requests: `negotiation` chooses the format of the
response, `request` reads the parameters, `persisted_documents` finds the document, `operations`
runs the operation within its limits (`operation_names` explains why none is selected), and `errors`
formats errors. `etag` lets clients cache responses. Long-lived connections are in the package
`subscriptions`. The package `engine` executes operations.
"""

from app.graphql.endpoint import GRAPHQL_PATH, GraphQLEndpoint
from app.graphql.operations import OperationRunner
from app.graphql.subscriptions.connection_registry import ConnectionRegistry
from app.graphql.subscriptions.limits import SubscriptionLimits
from app.graphql.subscriptions.websocket import GraphQLWebSocket

__all__ = [
    "GRAPHQL_PATH",
    "ConnectionRegistry",
    "GraphQLEndpoint",
    "GraphQLWebSocket",
    "OperationRunner",
    "SubscriptionLimits",
]
