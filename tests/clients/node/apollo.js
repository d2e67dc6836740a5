// npm @apollo/client, with its cache, which adds __typename to each selection.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client/core';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { firstValueFrom } from 'rxjs';
import { websocket } from './websocket.js';

const { URL: url, TOKEN: token } = process.env;
const client = new ApolloClient({
  cache: new InMemoryCache(),
  clientAwareness: { name: 'conversation', version: '1.0' },
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(websocket),
    new HttpLink({ uri: url, headers: { authorization: `Bearer ${token}` } }),
  ),
});

export async function execute(text, variables) {
  const document = gql(text);
  const { data } = text.startsWith('mutation')
    ? await client.mutate({ mutation: document, variables })
    : await client.query({ query: document, variables });
  return data;
}

export async function subscribe(text, variables) {
  const { data } = await firstValueFrom(client.subscribe({ query: gql(text), variables }));
  return data;
}

export async function close() {
  client.stop();
  await websocket.dispose();
}
