"""GraphQL over HTTP (the GraphQL Foundation's specification of that name, draft of 2025).

`endpoint` answers a request; `negotiation` chooses the kind of answer by the
Accept header, `request` reads what is asked, `errors` gives every error its code
and masks what is ours. How an operation is executed is the engine's business.
"""

from app.graphql.endpoint import GraphQLEndpoint

__all__ = ["GraphQLEndpoint"]
