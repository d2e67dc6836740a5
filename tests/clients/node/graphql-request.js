// npm graphql-request.
import { GraphQLClient } from 'graphql-request';

const { URL: url, TOKEN: token } = process.env;
const client = new GraphQLClient(url, { headers: { authorization: `Bearer ${token}` } });

export const execute = (query, variables) => client.request(query, variables);
