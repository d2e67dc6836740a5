// Query, create, update, cause a conflict, and subscribe, with one client; printed as JSON.
import { readFileSync } from 'node:fs';

const { execute, subscribe, close } = await import(`./${process.env.CLIENT}.js`);
const read = (name) => readFileSync(new URL(`./${name}.graphql`, import.meta.url), 'utf8');

const results = {};
results.viewer = (await execute(read('viewer'))).viewer.name;

const input = { subject: 'Ä 日本', description: '', customerName: 'N', customerEmail: 'n@example.com' };
const { ticket } = (await execute(read('create'), { input })).createTicket;
results.created = ticket.version;

const change = { input: { id: ticket.id, expectedVersion: 1, priority: 'HIGH' } };
results.updated = (await execute(read('update'), change)).updateTicket.ticket.version;
results.conflict = (await execute(read('update'), change)).updateTicket.errors[0].code;

if (subscribe) {
  const after = ticket.history.nodes[0].cursor;
  const event = await subscribe(read('events'), { after, ticketId: ticket.id });
  results.event = event.ticketEvents.type;
}
console.log(JSON.stringify(results));
await close?.();
