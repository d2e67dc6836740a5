// npm @urql/core.
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { pipe, take, toPromise } from 'wonka';
import { websocket } from './websocket.js';

const { URL: url, TOKEN: token } = process.env;
const client = new Client({
  url,
  fetchOptions: { headers: { authorization: `Bearer ${token}` } },
  preferGetMethod: false,
  exchanges: [
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({ unsubscribe: websocket.subscribe(request, sink) }),
      }),
    }),
  ],
});

function dataOf({ data, error }) {
  if (error) throw error;
  return data;
}

export async function execute(text, variables) {
  const run = text.startsWith('mutation') ? client.mutation : client.query;
  return dataOf(await run.call(client, text, variables).toPromise());
}

export async function subscribe(text, variables) {
  return dataOf(await pipe(client.subscription(text, variables), take(1), toPromise));
}

export const close = () => websocket.dispose();
