// npm graphql-sse, which subscribes over server-sent events.
import { createClient } from 'graphql-sse';
import { execute } from './fetch.js';

const { URL: url, TOKEN: token } = process.env;
const client = createClient({ url, headers: { authorization: `Bearer ${token}` } });

export { execute };

export async function subscribe(query, variables) {
  const events = client.iterate({ query, variables });
  const { value } = await events.next();
  await events.return();
  return value.data;
}

export const close = () => client.dispose();
