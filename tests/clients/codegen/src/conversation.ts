// A client with generated types talks with a real server: URL, TOKEN where it needs one, and
// TRUSTED where documents shall be sent by their hash.
import { client } from './client.js';
import type { UpdateTicketMutation } from './gql/graphql.js';
import { createTicket, sendToOps, ticketLog, updateTicket } from './operations.js';

declare const process: { env: { URL: string; TOKEN?: string; TRUSTED?: string } };
const { URL: url, TOKEN: token, TRUSTED: trusted } = process.env;
const ask = client(url, token, trusted !== undefined);

type Outcome = UpdateTicketMutation['updateTicket'];

/** What a user is told of an update; the compiler knows whether a kind of error is left out. */
function tell({ ticket, errors }: Outcome): string {
  const [error] = errors;
  if (!error) return ticket ? `updated to ${ticket.version}` : 'nothing happened';
  switch (error.__typename) {
    case 'ConflictError':
      return `conflict with ${error.current?.version ?? 'a deletion'}`;
    case 'NotFoundError':
      return `no ticket ${error.id}`;
    case 'InvalidInputError':
      return `${error.path.join('.')}: ${error.code}`;
    case 'OpsError':
      return error.message;
  }
}

const { createTicket: created } = await ask(createTicket, {
  input: {
    subject: 'Printer on fire',
    description: '',
    customerName: 'Ada Lovelace',
    customerEmail: 'ada@example.com',
    metadata: { floor: 3 },
  },
});
if (!created.ticket) throw new Error(JSON.stringify(created.errors));
const { id, version: expectedVersion } = created.ticket;

const told: string[] = [];
for (const input of [
  { id, expectedVersion, priority: 'HIGH', assignedTo: null },
  { id, expectedVersion, subject: 'Printer is out' },
  { id: 'none', subject: 'Nothing' },
  { id, subject: '' },
] as const) {
  const { updateTicket: outcome } = await ask(updateTicket, { input });
  told.push(tell(outcome));
}

const { sendToOps: sent } = await ask(sendToOps, { input: { ticketId: id } });
const { ticket: read } = await ask(ticketLog, { id, first: 10 });
console.log(
  JSON.stringify({
    told,
    opsState: sent.ticket?.opsState,
    log: read?.logEntries.nodes.map(({ action, status }) => `${action} ${status}`),
  }),
);
