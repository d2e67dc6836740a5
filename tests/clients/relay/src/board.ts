// What is compiled: relay-compiler writes an artifact for each of them, by its name.
import { graphql } from 'relay-runtime';

export const boardTickets = graphql`
  fragment board_tickets on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" })
  @refetchable(queryName: "boardPageQuery") {
    tickets(first: $first, after: $after, filter: { status: { in: [OPEN, PENDING] } })
      @connection(key: "board_tickets") {
      __id
      edges {
        node {
          id
          ...board_card
        }
      }
      pageInfo { endCursor hasNextPage }
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
    opsState
    logEntries(first: $first, after: $after) @connection(key: "boardCard_logEntries") {
      edges { node { action status timestamp } }
    }
  }
`;

export const boardQuery = graphql`
  query boardQuery($first: Int) {
    ...board_tickets @arguments(first: $first)
  }
`;

export const boardCreate = graphql`
  mutation boardCreateMutation($input: CreateTicketInput!) {
    createTicket(input: $input) {
      ticket { id version }
      errors { code message }
    }
  }
`;

// Where nothing but __typename stands beside the kinds of errors, the type tells them apart by it.
export const boardUpdate = graphql`
  mutation boardUpdateMutation($input: UpdateTicketInput!) {
    updateTicket(input: $input) {
      ticket { version ...board_card }
      errors {
        __typename
        ... on ConflictError { current { version ...board_card } }
        ... on NotFoundError { id }
        ... on InvalidInputError { code path }
        ... on OpsError { message }
      }
    }
  }
`;

export const boardSend = graphql`
  mutation boardSendMutation($input: SendToOpsInput!) {
    sendToOps(input: $input) {
      ticket { ...board_card }
      errors { code message }
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
