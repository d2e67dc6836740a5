// A client that npm @genql/cli generated from the schema, whose operations are objects.
import { createClient } from './generated/index.js';

const { URL: url, TOKEN: token } = process.env;
const client = createClient({ url, headers: { authorization: `Bearer ${token}` } });

const ticket = { id: true, version: true, history: { __args: { first: 1 }, nodes: { cursor: true } } };
const errors = { code: true, message: true };
const OPERATIONS = {
  Viewer: () => client.query({ viewer: { name: true } }),
  Create: ({ input }) => client.mutation({ createTicket: { __args: { input }, ticket, errors } }),
  Update: ({ input }) => client.mutation({ updateTicket: { __args: { input }, ticket, errors } }),
};

/** Run the operation of generated objects that has the name of the document. */
export const execute = (text, variables) => OPERATIONS[text.match(/\w+ (\w+)/)[1]](variables);
