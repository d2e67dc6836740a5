// Configuration of the gateway: it forwards the credential of each request.
export const gatewayConfig = {
  host: '127.0.0.1',
  propagateHeaders: {
    fromClientToSubgraphs: ({ request }) => ({
      authorization: request.headers.get('authorization'),
    }),
  },
};
