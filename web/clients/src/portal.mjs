// What each client here has of the server: where it is, its schema, the operations of a portal, and a fetch that counts.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { getIntrospectionQuery, parse } from 'graphql';

export const endpoint = process.argv[2];
assert.ok(endpoint, 'usage: node PROGRAM ENDPOINT');

const folder = new URL('operations/', import.meta.url);
const definitions = readdirSync(folder).flatMap((name) => parse(readFileSync(new URL(name, folder), 'utf8')).definitions);

// fragments are the names of those that a definition spreads, and that these spread.
function fragments(definition, found = new Set()) {
  JSON.stringify(definition, (_, node) => {
    if (node?.kind === 'FragmentSpread' && !found.has(node.name.value)) {
      found.add(node.name.value);
      fragments(definitions.find((d) => d.kind === 'FragmentDefinition' && d.name.value === node.name.value), found);
    }
    return node;
  });
  return found;
}

// operation is a document of one operation and of the fragments that it needs, as bundlers make it.
export function operation(name) {
  const own = definitions.find((d) => d.kind === 'OperationDefinition' && d.name.value === name);
  assert.ok(own, `there is no operation ${name}`);
  const spread = fragments(own);
  return { kind: 'Document', definitions: [own, ...definitions.filter((d) => d.kind === 'FragmentDefinition' && spread.has(d.name.value))] };
}

// network is a fetch that notes the operations it was asked for.
export function network() {
  const requests = [];
  const count = async (input, init) => {
    requests.push(init.body ? JSON.parse(init.body).operationName : new URL(input).searchParams.get('operationName'));
    return fetch(input, init);
  };
  return { requests, fetch: count };
}

// ask is a request without a client.
export async function ask(query, variables) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

export const introspection = () => ask(getIntrospectionQuery());

// schema is the server's, in GraphQL's own language.
export async function schema() {
  const response = await fetch(new URL('/schema.graphql', endpoint));
  assert.equal(response.status, 200);
  return response.text();
}

// twoAccounts are the global ids of two accounts of three, so that a filter that does nothing is found out.
export async function twoAccounts() {
  const { accounts } = await ask('{ accounts { id } }');
  assert.equal(accounts.length, 3);
  return [accounts[0].id, accounts[2].id];
}

// checkRows wants so many rows, none twice, of each of these accounts some and of no other, newest first.
export function checkRows(rows, count, accounts) {
  assert.equal(rows.length, count);
  assert.equal(new Set(rows.map((row) => row.id)).size, count, 'a row comes twice');
  assert.deepEqual(new Set(rows.map((row) => row.account.id)), new Set(accounts), 'the rows are not of the accounts asked for');
  const times = rows.map((row) => Date.parse(row.createdAt));
  assert.ok(times.every((time, i) => i === 0 || time <= times[i - 1]), 'the rows are not newest first');
}

// twice is the first of the values that comes again.
export const twice = (values) => values.find((value, i) => values.includes(value, i + 1));

// promoter is the global id of an affiliate, of two accounts as above, with more than one referral.
export async function promoter(accounts) {
  const { referrals } = await ask('query ($accounts: [ID!]) { referrals(first: 100, filter: { accounts: $accounts }) { nodes { affiliate { id } } } }', { accounts });
  return twice(referrals.nodes.map(({ affiliate }) => affiliate.id));
}

// tool runs a program of a package, wants it to succeed, and is the lines that it printed, without their colours.
export function tool(program, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`node_modules/${program}`, ...args], { encoding: 'utf8' });
  const text = stripVTControlCharacters(stdout + stderr);
  assert.equal(status, 0, `${program}: ${text}`);
  return text.split('\n').filter(Boolean);
}
