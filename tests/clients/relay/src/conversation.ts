// A client of Relay talks with a real server, at URL, that trusts the compiled documents.
// Relay's plugin of a bundler puts an artifact where a graphql`...` stands; here they are imported.
import { fetchQuery } from 'relay-runtime';
import { waitForFragmentData } from 'relay-runtime/experimental';
import card, { type board_card$key } from './__generated__/board_card.graphql';
import tickets, { type board_tickets$key } from './__generated__/board_tickets.graphql';
import again, { type boardCardQuery } from './__generated__/boardCardQuery.graphql';
import create, { type boardCreateMutation } from './__generated__/boardCreateMutation.graphql';
import remove, { type boardDeleteMutation } from './__generated__/boardDeleteMutation.graphql';
import nextPage, { type boardPageQuery } from './__generated__/boardPageQuery.graphql';
import firstPage, { type boardQuery } from './__generated__/boardQuery.graphql';
import send, { type boardSendMutation } from './__generated__/boardSendMutation.graphql';
import update, { type boardUpdateMutation } from './__generated__/boardUpdateMutation.graphql';
import { commit, environmentOf } from './client';

declare const process: { env: { URL: string } };
const environment = environmentOf(process.env.URL);

type Outcome = boardUpdateMutation['response']['updateTicket'];

/** What a user is told of an update, by the kind of its first error. */
function tell({ ticket, errors }: Outcome): string {
  const [error] = errors;
  if (!error) return ticket ? `updated to ${ticket.version}` : 'nothing happened';
  switch (error.__typename) {
    case 'ConflictError':
      return `conflict with ${error.current?.version ?? 'a deletion'}`;
    case 'NotFoundError':
      return `no ticket ${error.id}`;
    case 'InvalidInputError':
      return `${error.path.join('.')}: ${error.code}`;
    case 'OpsError':
      return error.message;
    case '%other':
      return 'what a later schema may know';
  }
}

async function created(subject: string): Promise<{ id: string; version: number }> {
  const { createTicket } = await commit<boardCreateMutation>(environment, create, {
    input: {
      subject,
      description: '',
      customerName: 'Ada Lovelace',
      customerEmail: 'ada@example.com',
      metadata: { floor: 3 },
    },
  });
  if (!createTicket.ticket) throw new Error(JSON.stringify(createTicket.errors));
  return createTicket.ticket;
}

/** What the store knows of a card, whichever answer it came with. */
function read(of: board_card$key | null | undefined) {
  if (!of) throw new Error('there is no ticket');
  return waitForFragmentData(environment, card, of);
}

async function talk() {
  const lamp = await created('Lamp is dark');
  const { id, version: expectedVersion } = await created('Printer on fire');

  // Two pages of one ticket each, which the store makes one list of.
  const board = await fetchQuery<boardQuery>(environment, firstPage, { first: 1 }).toPromise();
  const readBoard = async () =>
    (await waitForFragmentData(environment, tickets, board as board_tickets$key)).tickets;
  const { __id: connection, pageInfo } = await readBoard();
  const after = pageInfo.endCursor;
  await fetchQuery<boardPageQuery>(environment, nextPage, { first: 1, after }).toPromise();
  const subjects = async () =>
    Promise.all((await readBoard()).edges.map(async ({ node }) => (await read(node)).subject));
  const paged = await subjects();

  const told: string[] = [];
  for (const input of [
    { id, expectedVersion, priority: 'HIGH', subject: 'Printer is out' },
    { id, expectedVersion, subject: 'Printer is lost' },
    { id: 'none', subject: 'Nothing' },
    { id, subject: '' },
  ] as const) {
    const { updateTicket } = await commit<boardUpdateMutation>(environment, update, { input });
    told.push(tell(updateTicket));
  }
  const updated = await subjects();

  const { sendToOps } = await commit<boardSendMutation>(environment, send, {
    input: { ticketId: id },
  });
  const { opsState } = await read(sendToOps.ticket);
  const printer = await fetchQuery<boardCardQuery>(environment, again, { id }).toPromise();
  const { logEntries } = await read(printer?.node);
  const log = logEntries.edges.map(({ node: { action, status } }) => `${action} ${status}`);

  await commit<boardDeleteMutation>(environment, remove, {
    input: { id: lamp.id },
    connections: [connection],
  });
  return { told, opsState, log, board: { paged, updated, deleted: await subjects() } };
}

void talk().then((said) => console.log(JSON.stringify(said)));
