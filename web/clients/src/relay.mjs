// Relay: the compiler over relay/, and then its runtime, whose store grows by the pages of two connections.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import runtime from 'relay-runtime';
import { checkRows, endpoint, promoter, schema, tool, twoAccounts } from './portal.mjs';

const { Environment, Network, RecordSource, Store, createOperationDescriptor, fetchQuery, getSingularSelector } = runtime;

writeFileSync('schema.graphql', await schema());
mkdirSync('artifacts');
const said = tool('relay-compiler/cli.js', '--noWatchman', 'relay.config.json');
assert.ok(said.every((line) => line.startsWith('[INFO]')), said.join('\n'));

const require = createRequire(import.meta.url);
const artifact = (name) => require(`./artifacts/${name}.graphql.js`);

let requests = 0;
const environment = new Environment({
  network: Network.create(async ({ text }, variables) => {
    requests++;
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json' },
      body: JSON.stringify({ query: text, variables }),
    });
    return response.json();
  }),
  store: new Store(new RecordSource()),
});

// load reads a query into the store, keeps it there, and is what its own selection shows.
async function load(name, variables) {
  const operation = createOperationDescriptor(artifact(name), variables);
  environment.retain(operation);
  await fetchQuery(environment, artifact(name), variables).toPromise();
  return environment.lookup(operation.fragment).data;
}

// read is what a fragment shows of the store, with nothing missing.
function read(fragment, ref) {
  const { data, isMissingData } = environment.lookup(getSingularSelector(artifact(fragment), ref));
  assert.equal(isMissingData, false, `${fragment} lacks data`);
  return data;
}

// Three pages over two accounts, the second and third by the query that @refetchable makes.
const accounts = await twoAccounts();
const variables = { first: 20, filter: { accounts } };
const ref = await load('CommissionListQuery', variables);
let list = read('CommissionList_query', ref).commissions;
for (let page = 1; ; page++) {
  checkRows(list.edges.map(({ node }) => node), 20 * page, accounts);
  assert.equal(list.pageInfo.hasNextPage, true);
  assert.equal(list.pageInfo.endCursor, list.edges.at(-1).cursor);
  if (page === 3) break;
  await load('CommissionListPaginationQuery', { ...variables, after: list.pageInfo.endCursor });
  list = read('CommissionList_query', ref).commissions;
}
assert.equal(requests, 3);

// What a link leads to: by node(id), which is how Relay reads any record again.
const row = list.edges[0].node;
const link = await load('AffiliateScreenLinkQuery', { id: row.id });
assert.equal(link.node.__typename, 'Commission');
assert.deepEqual(read('CommissionRow_commission', link.node.commission), (({ __typename, ...rest }) => rest)(row));

// A list inside a record, whose next page is read by node(id).
const { affiliate } = await load('AffiliateScreenQuery', { id: await promoter(accounts) });
const { referrals } = read('AffiliateScreen_referrals', affiliate);
assert.equal(referrals.edges.length, 1);
assert.ok(referrals.pageInfo.hasNextPage);
await load('AffiliateScreenReferralsQuery', { id: affiliate.id, first: 1, after: referrals.pageInfo.endCursor });
const both = read('AffiliateScreen_referrals', affiliate).referrals.edges.map(({ node }) => node.id);
assert.equal(new Set(both).size, 2);
