import {
  commitMutation,
  type ConcreteRequest,
  Environment,
  type FetchFunction,
  type MutationParameters,
  Network,
  RecordSource,
  Store,
} from 'relay-runtime';

/** An environment that asks the server at this URL, by the hashes that relay-compiler wrote. */
export function environmentOf(url: string): Environment {
  const headers = {
    accept: 'application/graphql-response+json',
    'content-type': 'application/json',
  };
  const ask: FetchFunction = async ({ id, operationKind }, variables) => {
    const body = { documentId: id ?? '', variables: JSON.stringify(variables) };
    // What changes nothing may be kept by a cache.
    const response = await (operationKind === 'query'
      ? fetch(`${url}?${new URLSearchParams(body)}`, { headers })
      : fetch(url, { method: 'POST', headers, body: JSON.stringify({ ...body, variables }) }));
    return response.json();
  };
  return new Environment({ network: Network.create(ask), store: new Store(new RecordSource()) });
}

/** Run a mutation, as a promise. */
export function commit<Mutation extends MutationParameters>(
  environment: Environment,
  mutation: ConcreteRequest,
  variables: Mutation['variables'],
): Promise<Mutation['response']> {
  return new Promise((onCompleted, onError) =>
    commitMutation<Mutation>(environment, { mutation, variables, onCompleted, onError }),
  );
}
