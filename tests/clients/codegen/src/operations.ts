import { graphql } from './gql/index.js';

export const createTicket = graphql(/* GraphQL */ `
  mutation CreateTicket($input: CreateTicketInput!) {
    createTicket(input: $input) {
      ticket { id version subject metadata }
      errors { __typename code message path }
    }
  }
`);

export const updateTicket = graphql(/* GraphQL */ `
  mutation UpdateTicket($input: UpdateTicketInput!) {
    updateTicket(input: $input) {
      ticket { id version subject priority assignedTo }
      errors {
        __typename
        code
        message
        path
        ... on ConflictError { current { version subject } }
        ... on NotFoundError { id }
      }
    }
  }
`);

export const sendToOps = graphql(/* GraphQL */ `
  mutation SendToOps($input: SendToOpsInput!) {
    sendToOps(input: $input) {
      ticket { opsState }
      delivery { id state reference }
      errors { __typename code ... on OpsError { retryable retryAfterMs } }
    }
  }
`);

export const ticketLog = graphql(/* GraphQL */ `
  query TicketLog($id: ID!, $first: Int) {
    ticket(id: $id) {
      subject
      logEntries(first: $first) {
        totalCount
        nodes { action status timestamp response }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);
