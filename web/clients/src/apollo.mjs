// Apollo Client: a list that grows by fetchMore, one cache object a record, and failures beside data.
import assert from 'node:assert/strict';
import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client';
import { loadDevMessages, loadErrorMessages } from '@apollo/client/dev';
import { relayStylePagination } from '@apollo/client/utilities';
import { filter, firstValueFrom } from 'rxjs';
import { ask, checkRows, endpoint, introspection, network, operation, promoter, twice, twoAccounts } from './portal.mjs';

loadDevMessages();
loadErrorMessages();

const { __schema } = await introspection();
const possibleTypes = Object.fromEntries(
  __schema.types.filter((type) => type.possibleTypes).map((type) => [type.name, type.possibleTypes.map(({ name }) => name)]),
);
assert.ok(possibleTypes.Node.includes('Commission'));

const { requests, fetch } = network();
const cache = new InMemoryCache({
  possibleTypes,
  typePolicies: {
    Query: { fields: { commissions: relayStylePagination(['filter']) } },
    Affiliate: { fields: { referrals: relayStylePagination() } },
  },
});
const link = new HttpLink({ uri: endpoint, fetch }); // behind PersistedQueryLink, where the server knows automatic persisted queries
const client = new ApolloClient({ cache, link });

// shown waits until a watched query shows so many rows.
const shown = (watched, count) => firstValueFrom(watched.pipe(filter(({ data }) => data?.commissions?.edges.length === count)));

// Three pages over two accounts.
const accounts = await twoAccounts();
const query = operation('Commissions');
const variables = { first: 20, filter: { accounts } };
const list = client.watchQuery({ query, variables });
const subscription = list.subscribe({});
await shown(list, 20);
const cursors = [];
for (let page = 1; ; page++) {
  const { edges, pageInfo } = client.readQuery({ query, variables }).commissions;
  checkRows(edges.map(({ node }) => node), 20 * page, accounts);
  assert.deepEqual(pageInfo, {
    __typename: 'PageInfo', hasNextPage: true, hasPreviousPage: false, startCursor: edges[0].cursor, endCursor: edges.at(-1).cursor,
  });
  cursors.push(pageInfo.endCursor);
  if (page === 3) break;
  await list.fetchMore({ variables: { after: pageInfo.endCursor } });
}
await shown(list, 60);
assert.equal(new Set(cursors).size, 3, 'the cursor stands still');
assert.deepEqual(requests, ['Commissions', 'Commissions', 'Commissions']);

// The pages are what one long page is.
const rows = client.readQuery({ query, variables }).commissions.edges.map(({ node }) => node);
const long = await ask('query ($accounts: [ID!]) { commissions(first: 60, filter: { accounts: $accounts }) { nodes { id } } }', { accounts });
assert.deepEqual(rows.map(({ id }) => id), long.commissions.nodes.map(({ id }) => id));
subscription.unsubscribe();

// Again: all sixty, and no request.
const again = await client.query({ query, variables });
assert.equal(again.data.commissions.edges.length, 60);
assert.equal(requests.length, 3, 'what is cached was asked for again');

// Another filter is another list.
const other = await client.query({ query, variables: { first: 5, filter: { accounts: accounts.slice(0, 1) } } });
checkRows(other.data.commissions.edges.map(({ node }) => node), 5, accounts.slice(0, 1));

// An affiliate met in several rows is one object, and a change of it shows in each of them.
const id = twice(rows.map((row) => row.affiliate.id));
const mine = rows.filter((row) => row.affiliate.id === id);
const objects = Object.keys(cache.extract()).filter((key) => key.startsWith('Affiliate:'));
assert.deepEqual(new Set(objects), new Set([...rows, ...other.data.commissions.edges.map(({ node }) => node)].map((row) => `Affiliate:${row.affiliate.id}`)));
cache.modify({ id: `Affiliate:${id}`, fields: { name: () => 'Renamed' } });
const renamed = client.readQuery({ query, variables }).commissions.edges.filter(({ node }) => node.affiliate.id === id);
assert.equal(renamed.length, mine.length);
assert.ok(renamed.every(({ node }) => node.affiliate.name === 'Renamed'));
cache.modify({ id: `Affiliate:${id}`, fields: { name: () => mine[0].affiliate.name } });

// node(id) of a row is that row: through fragments on the interface and on the types, into the same object.
const before = structuredClone(cache.extract()[`Commission:${rows[0].id}`]);
const record = await client.query({ query: operation('Record'), variables: { id: rows[0].id } });
assert.deepEqual(record.data.node, rows[0]);
assert.deepEqual(cache.extract()[`Commission:${rows[0].id}`], before);
assert.equal(requests.at(-1), 'Record');

// nodes(ids) keeps the order.
const ids = [rows[1].id, id, rows[0].id];
const records = await client.query({ query: operation('Records'), variables: { ids } });
assert.deepEqual(records.data.nodes.map((node) => node.id), ids);
assert.equal(records.data.nodes[1].name, mine[0].affiliate.name);

// A list inside a record grows too.
const page = { query: operation('AffiliatePage'), variables: { id: await promoter(accounts), referrals: 1 } };
const { data } = await client.query(page);
const { edges, pageInfo } = data.affiliate.referrals;
assert.equal(edges.length, 1);
assert.ok(pageInfo.hasNextPage);
await client.query({ ...page, variables: { ...page.variables, after: pageInfo.endCursor }, fetchPolicy: 'network-only' });
const both = client.readQuery(page).affiliate.referrals.edges.map(({ node }) => node.id);
assert.equal(new Set(both).size, 2);

// A failure stands beside what did not fail; without errorPolicy it is thrown.
const broken = { query: operation('Linked'), variables: { id, other: 'no id' } };
const half = await client.query({ ...broken, errorPolicy: 'all' });
assert.equal(half.data.node.id, id);
assert.equal(half.data.other, null);
assert.equal(half.error.errors[0].extensions.code, 'BAD_USER_INPUT');
assert.equal(half.error.errors[0].path[0], 'other');
await assert.rejects(client.query({ ...broken, fetchPolicy: 'network-only' }), CombinedGraphQLErrors);
client.stop();
