// Types without generated files for each operation: the compiler works them out.
import { initGraphQLTada, type ResultOf, type VariablesOf } from 'gql.tada';
import type { introspection } from './graphql-env.js';

const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { DateTime: string; JSON: unknown };
  disableMasking: true;
}>();

const updateTicket = graphql(`
  mutation UpdateTicket($input: UpdateTicketInput!) {
    updateTicket(input: $input) {
      ticket { id version priority updatedAt metadata }
      errors {
        __typename
        code
        path
        ... on ConflictError { current { version subject } }
        ... on NotFoundError { id }
      }
    }
  }
`);

export const variables: VariablesOf<typeof updateTicket> = {
  input: { id: '1', priority: 'HIGH', assignedTo: null, metadataPatch: { floor: 3 } },
};

// @ts-expect-error  there is no priority of this name
export const wrong: VariablesOf<typeof updateTicket> = { input: { id: '1', priority: 'URGENT' } };

export function tell({ ticket, errors }: ResultOf<typeof updateTicket>['updateTicket']): string {
  const [error] = errors;
  if (!error) return ticket ? `updated to ${ticket.version} at ${ticket.updatedAt}` : '';
  switch (error.__typename) {
    case 'ConflictError':
      return `conflict with ${error.current?.version ?? 'a deletion'}`;
    case 'NotFoundError':
      return `no ticket ${error.id}`;
    case 'InvalidInputError':
    case 'OpsError':
      return `${error.path.join('.')}: ${error.code}`;
  }
}
