// urql: the document cache, and Graphcache with the schema, which warns of whatever the schema and the cache do not agree on.
import assert from 'node:assert/strict';
import { cacheExchange as documentCache, createClient, fetchExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { checkRows, endpoint, introspection, network, operation, promoter, twoAccounts } from './portal.mjs';

// ask is a query that must succeed.
async function ask(client, name, variables, options) {
  const { data, error } = await client.query(operation(name), variables, options).toPromise();
  assert.equal(error, undefined, `${name}: ${error}`);
  return data;
}

const accounts = await twoAccounts();

// The document cache, with queries by GET, as a CDN wants them.
{
  const { requests, fetch } = network();
  const client = createClient({ url: endpoint, fetch, exchanges: [documentCache, fetchExchange], preferGetMethod: 'force' });
  const variables = { first: 5, filter: { accounts } };
  const data = await ask(client, 'Commissions', variables);
  assert.equal(data.commissions.edges.length, 5);
  assert.deepEqual(await ask(client, 'Commissions', variables), data);
  assert.deepEqual(requests, ['Commissions'], 'what is cached was asked for again');
}

const { requests, fetch } = network();
const none = () => null;
const client = createClient({
  url: endpoint,
  fetch,
  preferGetMethod: false,
  exchanges: [
    cacheExchange({
      schema: await introspection(),
      // The types without an id: they belong to the record that they stand in.
      keys: { AffiliateLink: none, Balance: none, Money: none, RateLimit: none, Reward: none, Viewer: none },
      resolvers: {
        Query: { campaigns: relayPagination(), commissions: relayPagination(), payouts: relayPagination() },
        Affiliate: { referrals: relayPagination() },
      },
    }),
    fetchExchange,
  ],
});

// Three pages over two accounts.
const filter = { accounts };
let list;
for (let page = 1, after; page <= 3; page++, after = list.pageInfo.endCursor) {
  list = (await ask(client, 'Commissions', { first: 20, after, filter })).commissions;
  checkRows(list.edges.map(({ node }) => node), 20 * page, accounts);
  assert.equal(list.pageInfo.hasNextPage, true);
  assert.equal(list.pageInfo.endCursor, list.edges.at(-1).cursor);
}
assert.equal(requests.length, 3);

// node(id) of a row is that row, through fragments on the interface and on the types.
const row = list.edges[0].node;
assert.deepEqual((await ask(client, 'Record', { id: row.id })).node, row);

// A list to its end: the last page says so, and no page before it.
let campaigns, pages = 0;
for (let after; ; after = campaigns.pageInfo.endCursor) {
  campaigns = (await ask(client, 'Campaigns', { first: 2, after, filter })).campaigns;
  pages++;
  if (!campaigns.pageInfo.hasNextPage) break;
  assert.equal(campaigns.edges.length, 2 * pages);
}
assert.equal(pages, 5);
checkRows(campaigns.edges.map(({ node }) => node), 10, accounts);

// The other operations: Graphcache can answer each again by itself, so it found a place for all that came.
const id = await promoter(accounts);
for (const [name, variables] of Object.entries({
  Accounts: {},
  AffiliatePage: { id },
  Linked: { id, other: row.id },
  Payouts: { statuses: ['PAID'] },
  Raw: { id },
  Records: { ids: [row.id, id] },
})) {
  const data = await ask(client, name, variables);
  const before = requests.length;
  assert.deepEqual(await ask(client, name, variables), data);
  assert.equal(requests.length, before, `${name} is asked for again`);
}
