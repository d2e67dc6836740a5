import { graphql } from 'relay-runtime';

export const boardTickets = graphql`
  fragment board_tickets on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" })
  @refetchable(queryName: "boardPageQuery") {
    tickets(first: $first, after: $after, filter: { status: { in: [OPEN, PENDING] } })
      @connection(key: "board_tickets") {
      edges {
        node {
          id
          ...board_card
        }
      }
    }
  }
`;

export const boardCard = graphql`
  fragment board_card on Ticket
  @argumentDefinitions(first: { type: "Int", defaultValue: 5 }, after: { type: "String" })
  @refetchable(queryName: "boardCardQuery") {
    subject
    priority
    updatedAt
    metadata
    logEntries(first: $first, after: $after) @connection(key: "boardCard_logEntries") {
      edges { node { action status timestamp } }
    }
  }
`;

export const boardQuery = graphql`
  query boardQuery {
    ...board_tickets
  }
`;

export const boardUpdate = graphql`
  mutation boardUpdateMutation($input: UpdateTicketInput!) {
    updateTicket(input: $input) {
      ticket { ...board_card }
      errors { __typename message ... on ConflictError { current { ...board_card } } }
    }
  }
`;

export const boardDelete = graphql`
  mutation boardDeleteMutation($input: DeleteTicketInput!, $connections: [ID!]!) {
    deleteTicket(input: $input) {
      deletedId @deleteEdge(connections: $connections)
      errors { message }
    }
  }
`;

export const boardEvents = graphql`
  subscription boardSubscription($after: String) {
    ticketEvents(after: $after) {
      ticket { ...board_card }
    }
  }
`;
