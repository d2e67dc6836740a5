// What the compiler must refuse: each line below its @ts-expect-error is a mistake.
import { client } from './client.js';
import { createTicket, ticketLog, updateTicket } from './operations.js';

const ask = client('', undefined);

// @ts-expect-error  there is no priority of this name
await ask(updateTicket, { input: { id: '1', priority: 'URGENT' } });
// @ts-expect-error  the subject is missing, and more
await ask(createTicket, { input: { description: '' } });
// @ts-expect-error  only a conflict has the ticket as it is now
(await ask(updateTicket, { input: { id: '1' } })).updateTicket.errors[0]?.current;
// @ts-expect-error  the ticket may be null
(await ask(ticketLog, { id: '1' })).ticket.subject;
// @ts-expect-error  the description was not selected
(await ask(ticketLog, { id: '1' })).ticket?.description;
// @ts-expect-error  nothing is known of what OPS answered
(await ask(ticketLog, { id: '1' })).ticket?.logEntries.nodes[0]?.response.reference;
