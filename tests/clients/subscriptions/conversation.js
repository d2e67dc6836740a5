// A query, a mutation, a subscription and what goes wrong, over one client; printed as JSON.
const { client } = await import(`./${process.env.CLIENT}.js`);

async function only(payload) {
  for await (const result of client.iterate(payload)) return result;
}

const said = {};
said.query = (await only({ query: '{ viewer { scopes } }' })).data.viewer.scopes;

const before = await only({ query: '{ tickets { totalCount } }' });
const events = client.iterate({ query: 'subscription { ticketEvents { type ticketId cursor } }' });
const heard = events.next();
// Nothing tells when a subscription stands: so tickets are made until one is heard of.
const input = { subject: 'S', description: '', customerName: 'N', customerEmail: 'n@example.com' };
const query = `mutation ($input: CreateTicketInput!) {
  createTicket(input: $input) { ticket { id } errors { code path } }
}`;
let event;
const made = [];
while (!event) {
  const { data } = await only({ query, variables: { input } });
  made.push(data.createTicket.ticket.id);
  event = await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 200))]);
}
said.event = event.value.data.ticketEvents.type;
said.heardOfOneThatWasMade = made.includes(event.value.data.ticketEvents.ticketId);
await events.return();

const wrong = await only({ query, variables: { input: { ...input, customerEmail: 'none' } } });
said.wrongInput = wrong.data.createTicket.errors;

const after = await only({ query: '{ tickets { totalCount } }' });
said.made = after.data.tickets.totalCount - before.data.tickets.totalCount === made.length;

async function failure(payload) {
  try {
    const { errors } = await only(payload);
    return errors[0].extensions.code;
  } catch (errors) {
    return errors[0].extensions.code;
  }
}

said.invalidDocument = await failure({ query: '{ nothing }' });
said.invalidCursor = await failure({
  query: 'subscription { ticketEvents(after: "none") { id } }',
});
console.log(JSON.stringify(said));
client.dispose();
