// Subscriptions: each client gets changes, and goes on behind the last position without a gap or a repetition.
import assert from 'node:assert/strict';
import { ApolloClient, InMemoryCache, gql } from '@apollo/client';
import { loadDevMessages, loadErrorMessages } from '@apollo/client/dev';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient as createUrql, fetchExchange, subscriptionExchange } from '@urql/core';
import relay from 'relay-runtime';
import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';
import WebSocket from 'ws'; // which browsers have, and Node from 22 on

loadDevMessages();
loadErrorMessages();

const endpoint = process.argv[2];
const query = `subscription Changes($after: ChangeCursor, $filter: ChangeFilter) {
  changes(after: $after, filter: $filter) { id kind noun nodeId position at node { __typename id } }
}`;

// happen makes so many changes in the server's log.
const happen = async (n) => assert.equal((await fetch(`${endpoint}/happen?n=${n}`, { method: 'POST' })).status, 200);

// take resolves with the next n changes of a subscription. It makes changes until the first one comes, where it begins now.
function take(n, subscribe, after) {
  return new Promise((resolve, reject) => {
    const changes = [];
    let timer;
    const stop = subscribe({ after }, (result) => {
      clearInterval(timer);
      if (result.error || result.errors || !result.data) return reject(new Error(JSON.stringify(result)));
      if (changes.length === n) return;
      changes.push(result.data.changes);
      if (changes.length === n) {
        resolve(changes);
        setTimeout(() => stop());
      }
    }, reject);
    if (!after) timer = setInterval(() => happen(n).catch(reject), 50);
  });
}

const ws = (options) => createWs({ url: endpoint.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0, ...options });
const sink = (next, error) => ({ next, error: (e) => error(e instanceof Error ? e : new Error(JSON.stringify(e))), complete() {} });

const clients = {
  'graphql-ws'() {
    const client = ws();
    return [(variables, next, error) => client.subscribe({ query, variables }, sink(next, error)), () => client.dispose()];
  },
  'graphql-sse, distinct connections'() {
    const client = createSse({ url: endpoint, retryAttempts: 0 });
    return [(variables, next, error) => client.subscribe({ query, variables }, sink(next, error)), () => client.dispose()];
  },
  'graphql-sse, single connection'() {
    const client = createSse({ url: endpoint, singleConnection: true, retryAttempts: 0 });
    return [(variables, next, error) => client.subscribe({ query, variables }, sink(next, error)), () => client.dispose()];
  },
  'Apollo Client'() {
    const socket = ws();
    const client = new ApolloClient({ cache: new InMemoryCache(), link: new GraphQLWsLink(socket) });
    const document = gql(query);
    return [(variables, next, error) => {
      const subscription = client.subscribe({ query: document, variables }).subscribe({ next, error });
      return () => subscription.unsubscribe();
    }, () => { client.stop(); return socket.dispose(); }];
  },
  'urql over graphql-ws'() {
    const socket = ws();
    const client = createUrql({ url: endpoint, preferGetMethod: false, exchanges: [subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (observer) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? '' }, observer) }),
      }),
    })] });
    return [(variables, next) => client.subscription(query, variables).subscribe(next).unsubscribe, () => socket.dispose()];
  },
  'urql over server-sent events'() {
    const client = createUrql({ url: endpoint, preferGetMethod: false, fetchSubscriptions: true, exchanges: [fetchExchange] });
    return [(variables, next) => client.subscription(query, variables).subscribe(next).unsubscribe, () => {}];
  },
  Relay() {
    const socket = ws();
    const network = relay.Network.create(() => assert.fail('a query'), (operation, variables) =>
      relay.Observable.create((observer) => socket.subscribe({ query: operation.text, variables }, observer)));
    return [(variables, next, error) => {
      const subscription = network.execute({ operationKind: 'subscription', text: query, name: 'Changes' }, variables, {}).subscribe({ next, error });
      return () => subscription.unsubscribe();
    }, () => socket.dispose()];
  },
};

for (const [name, make] of Object.entries(clients)) {
  const [subscribe, dispose] = make();
  const first = await take(4, subscribe);
  const again = await take(3, subscribe, first[0].position);
  assert.deepEqual(again, first.slice(1), name);
  assert.equal(new Set(first.map(({ id }) => id)).size, 4, name);
  assert.ok(first.every(({ kind, node, nodeId }) => (kind === 'DELETED' ? node === null : node.id === nodeId)), name);
  await dispose();
}
process.exit(0); // clients keep idle connections
