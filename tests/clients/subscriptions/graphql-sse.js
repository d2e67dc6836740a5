// npm graphql-sse as an application sets it up: a connection for each operation.
import { createClient } from 'graphql-sse';

const { URL: url, TOKEN: token } = process.env;

export const client = createClient({
  url,
  headers: token ? { authorization: `Bearer ${token}` } : undefined,
  retryAttempts: 1000,
  retry: () => new Promise((resolve) => setTimeout(resolve, 100)),
});
