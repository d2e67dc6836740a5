// Prints each change of a ticket as a line, also across servers that stop and start.
const { client } = await import(`./${process.env.CLIENT}.js`);

const payload = {
  query: `subscription ($after: String) {
    ticketEvents(after: $after) { cursor type ticketId ticket { subject } }
  }`,
  variables: { after: process.env.AFTER },
};

for await (const { data, errors } of client.iterate(payload)) {
  if (errors) throw new Error(JSON.stringify(errors));
  // A client that reconnects sends this payload again, and so resumes after this event.
  payload.variables.after = data.ticketEvents.cursor;
  console.log(JSON.stringify(data.ticketEvents));
}
