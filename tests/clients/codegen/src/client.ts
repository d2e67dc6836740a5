import type { TypedDocumentString } from './gql/graphql.js';

export type Client = <Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
) => Promise<Result>;

/** A client of the server at this URL, in as few lines as it takes; by hash where it trusts them. */
export function client(url: string, token: string | undefined, isTrusted = false): Client {
  const headers: Record<string, string> = {
    accept: 'application/graphql-response+json',
    'content-type': 'application/json',
  };
  if (token) headers['authorization'] = `Bearer ${token}`;
  return async (query, variables) => {
    const document = isTrusted ? { documentId: query.__meta__?.['hash'] } : { query };
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ ...document, variables }),
    });
    const { data, errors } = await response.json();
    if (errors) throw new Error(`${response.status} ${JSON.stringify(errors)}`);
    return data;
  };
}
