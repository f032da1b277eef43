// Apollo Client with the links that docs/frontend.md shows: an intention has one key and comes to one end, whatever gets lost on the way. Before this
// program the test has PromoteKit cut its first connection that writes, and UpPromote all of them, after the work.
import assert from 'node:assert/strict';
import { CombinedGraphQLErrors, gql } from '@apollo/client';
import { loadDevMessages, loadErrorMessages } from '@apollo/client/dev';
import { filter, firstValueFrom } from 'rxjs';
import { ask, endpoint, network, operation, twoAccounts } from './portal.mjs';
import { connect } from './retry.mjs';

loadDevMessages();
loadErrorMessages();

const { accounts } = await ask('{ accounts { id providerId } }');
const account = (name) => accounts.find(({ providerId }) => providerId === name).id;
const { requests, fetch } = network();
let lost = 0; // how many answers are still to get lost between the server and the client
const client = connect(endpoint, {
  fetch: async (...request) => {
    const response = await fetch(...request);
    if (lost > 0) {
      lost--;
      throw new TypeError('Failed to fetch');
    }
    return response;
  },
});

// join makes an affiliate, and is what comes back.
async function join(email) {
  requests.length = 0;
  const input = { idempotencyKey: crypto.randomUUID(), account: account('promotekit'), email, firstName: 'Kim', lastName: 'Lee' };
  const { data } = await client.mutate({ mutation: operation('CreateAffiliate'), variables: { input } });
  return data.createAffiliate;
}

// PromoteKit does it and does not answer: the server says OUTCOME_UNKNOWN and when to ask, and then has found it.
const first = await join('first@example.com');
assert.deepEqual(first.userErrors, []);
assert.equal(first.affiliate.email, 'first@example.com');
assert.ok(requests.length >= 2, 'it was not unknown at first');

// The answer gets lost on the way here: the second attempt is given the outcome of the first.
lost = 1;
const second = await join('second@example.com');
assert.equal(second.affiliate.email, 'second@example.com');
assert.deepEqual(requests, ['CreateAffiliate', 'CreateAffiliate']);

// What is wrong with the input is no error, and is not sent again.
const wrong = await join('nobody');
assert.equal(wrong.affiliate, null);
assert.deepEqual(wrong.userErrors.map(({ field, code }) => [...field, code]), [['email', 'INVALID']]);
assert.deepEqual(requests, ['CreateAffiliate']);

// Where nobody can ever tell, a person is told where to look.
const { affiliates } = await ask('query ($accounts: [ID!]) { affiliates(first: 1, filter: { accounts: $accounts, statuses: [ACTIVE] }) { nodes { id } } }', {
  accounts: [account('uppromote')],
});
const input = {
  idempotencyKey: crypto.randomUUID(),
  commission: { custom: { affiliate: affiliates.nodes[0].id, amount: { amount: '12.34', currencyCode: 'USD' } } },
};
await assert.rejects(client.mutate({ mutation: operation('CreateCommission'), variables: { input } }), (error) => {
  assert.ok(CombinedGraphQLErrors.is(error));
  const [{ message, extensions }] = error.errors;
  assert.deepEqual([extensions.code, extensions.retryable], ['OUTCOME_UNKNOWN', false]);
  assert.match(message, /look at the affiliate's newest referrals at UpPromote/);
  return true;
});

// A read shows what there is beside what is wrong, and is sent once. The read is watched, as by a component, and asked for.
const { affiliates: some } = await ask('query ($accounts: [ID!]) { affiliates(first: 1, filter: { accounts: $accounts }) { nodes { id } } }', {
  accounts: await twoAccounts(),
});
const linked = {
  query: gql`query Linked($id: ID!, $other: ID!) { node: affiliate(id: $id) { id } other: affiliate(id: $other) { id } }`,
  variables: { id: some.nodes[0].id, other: 'no id' },
};
const beside = ({ data, error }) => {
  assert.equal(data.node.id, some.nodes[0].id);
  assert.equal(data.other, null);
  assert.deepEqual(error.errors.map(({ path, extensions }) => [path[0], extensions.code]), [['other', 'BAD_USER_INPUT']]);
};
requests.length = 0;
beside(await client.query(linked));
beside(await firstValueFrom(client.watchQuery({ ...linked, fetchPolicy: 'network-only' }).pipe(filter(({ loading }) => !loading))));
assert.deepEqual(requests, ['Linked', 'Linked']);

// An answer that gets lost is no reason to ask for it again: whoever reads may decide that.
lost = 1;
requests.length = 0;
const unread = await client.query({ ...linked, fetchPolicy: 'network-only' });
assert.match(unread.error.message, /Failed to fetch/);
assert.equal(lost, 0);
assert.deepEqual(requests, ['Linked']);
client.stop();
