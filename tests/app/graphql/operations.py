"""Operations that the tests of subscriptions share."""

from tests.conftest import GraphQL

TYPENAME = "{ __typename }"
EVENTS = """
    subscription ($id: ID, $after: String) {
      ticketEvents(ticketId: $id, after: $after) { cursor type ticketId }
    }
"""
CREATE = """
    mutation {
      createTicket(input: {
        subject: "S", description: "", customerName: "N", customerEmail: "n@example.com"
      }) { ticket { id } }
    }
"""


async def create(graphql: GraphQL) -> str:
    """Create a ticket and return its id."""
    ticket_id: str = (await graphql(CREATE))["data"]["createTicket"]["ticket"]["id"]
    return ticket_id
