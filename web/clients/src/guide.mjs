// The files that docs/frontend.md shows: the cache covers every list of the schema, a list grows and is read again, amounts stay exact.
import assert from 'node:assert/strict';
import { loadDevMessages, loadErrorMessages } from '@apollo/client/dev';
import { filter, firstValueFrom } from 'rxjs';
import { createCache } from './cache.mjs';
import { refresh, showMore, watchCommissions } from './list.mjs';
import { formatMoney, totals } from './money.mjs';
import { endpoint, introspection, network } from './portal.mjs';
import { connect } from './retry.mjs';

loadDevMessages();
loadErrorMessages();

// The cache's policies and types are the schema's.
const { __schema } = await introspection();
const { typePolicies, possibleTypes } = createCache().policies.cache.config;
const lists = {};
for (const { name, fields } of __schema.types) {
  if (name === 'Subscription') continue; // a stream is not in the cache
  for (const field of fields ?? []) {
    if (field.args.some((arg) => arg.name === 'after')) (lists[name] ??= []).push(field.name);
  }
}
assert.deepEqual(Object.fromEntries(Object.entries(typePolicies).map(([name, { fields }]) => [name, Object.keys(fields).sort()])), sorted(lists));
assert.deepEqual(possibleTypes.Node, __schema.types.find(({ name }) => name === 'Node').possibleTypes.map(({ name }) => name).sort());

function sorted(object) {
  return Object.fromEntries(Object.entries(object).map(([name, names]) => [name, names.sort()]));
}

// A list grows by pages, and begins again with its first.
const { requests, fetch } = network();
const client = connect(endpoint, { fetch });
const list = watchCommissions(client);
const subscription = list.subscribe({});
const rows = () => list.getCurrentResult().data.commissions.edges;
const shown = (count) => firstValueFrom(list.pipe(filter(({ data }) => data?.commissions?.edges.length === count)));
await shown(20);
assert.equal(await showMore(list), true);
await shown(40);
assert.equal(new Set(rows().map(({ node }) => node.id)).size, 40);
await refresh(list);
await shown(20);
assert.equal(requests.length, 3);
assert.ok(rows().every(({ node }) => Date.parse(node.fetchedAt) <= Date.now()));
subscription.unsubscribe();
client.stop();

// Amounts are strings, and stay exact.
assert.equal(formatMoney({ amount: '9007199254740993.10', currencyCode: 'USD' }, 'en-US'), '$9,007,199,254,740,993.10');
assert.equal(formatMoney({ amount: '-12.00', currencyCode: 'points' }, 'en-US'), '-12.00 points');
assert.deepEqual(
  totals([
    { amount: '9.80', currencyCode: 'USD' },
    { amount: '0.1', currencyCode: 'USD' },
    { amount: '-9.905', currencyCode: 'USD' },
    { amount: '3', currencyCode: 'JPY' },
  ]),
  { USD: '-0.005', JPY: '3' },
);
