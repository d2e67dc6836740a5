// What the compiler must refuse: each line below its @ts-expect-error is a mistake.
import { fetchQuery } from 'relay-runtime';
import { waitForFragmentData } from 'relay-runtime/experimental';
import card, { type board_card$key } from './__generated__/board_card.graphql';
import again, { type boardCardQuery } from './__generated__/boardCardQuery.graphql';
import create, { type boardCreateMutation } from './__generated__/boardCreateMutation.graphql';
import update, { type boardUpdateMutation } from './__generated__/boardUpdateMutation.graphql';
import { commit, environmentOf } from './client';

const environment = environmentOf('');

export async function mistakes(): Promise<void> {
  const wrong = { id: '1', priority: 'URGENT' } as const;
  // @ts-expect-error  there is no priority of this name
  await commit<boardUpdateMutation>(environment, update, { input: wrong });
  // @ts-expect-error  the subject is missing, and more
  await commit<boardCreateMutation>(environment, create, { input: { description: '' } });
  const { updateTicket } = await commit<boardUpdateMutation>(environment, update, {
    input: { id: '1' },
  });
  // @ts-expect-error  only a conflict has the ticket as it is now
  updateTicket.errors[0]?.current;

  const page = await fetchQuery<boardCardQuery>(environment, again, { id: '1' }).toPromise();
  // @ts-expect-error  the ticket may be null
  page?.node[' $fragmentSpreads'];
  // @ts-expect-error  only who has the fragment may see what it selects
  page?.node?.subject;

  const read = await waitForFragmentData(environment, card, page?.node as board_card$key);
  // @ts-expect-error  the description was not selected
  read.description;
  // @ts-expect-error  nothing is known of the metadata
  read.metadata.floor;
}
