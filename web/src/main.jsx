import { explorerPlugin } from '@graphiql/plugin-explorer';
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { getOperationAST, parse } from 'graphql';
import { useCallback, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

import accounts from '../../internal/playground/examples/accounts.graphql';
import changes from '../../internal/playground/examples/changes.graphql';
import owed from '../../internal/playground/examples/owed.graphql';
import walk from '../../internal/playground/examples/walk.graphql';
import { post, refusal, saveKey, savedKey, subscribe } from './server.js';

import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './page.css';

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(new URL(WORKERS[label] ?? WORKERS.editor, document.baseURI)), // WORKERS: see build.mjs
};

// GraphiQL's history is left out: it would keep headers beyond the session, and a key may be among them.
const plugins = [explorerPlugin({ showAttribution: false })];
const examples = [walk, owed, accounts, changes].map((query) => ({ query }));

function Page() {
  const [key, setKey] = useState(savedKey);
  const [viewer, setViewer] = useState(null);
  const [problem, setProblem] = useState('');
  const [cost, setCost] = useState(null);

  const askViewer = useCallback(async () => {
    const answer = await post({ query: '{ viewer { name accounts { name status } } }' });
    setProblem(refusal(answer));
    setViewer(answer.body.data?.viewer ?? null);
  }, []);
  useEffect(() => void askViewer(), [askViewer, key]);

  const fetcher = useCallback(async (sent, { headers } = {}) => {
    const request = named(sent);
    const show = (answer) => {
      setCost(answer.body.extensions?.cost ?? null);
      setProblem(refusal(answer));
      return answer.body;
    };
    if (isSubscription(request)) {
      // An observable, since GraphiQL can stop one at once: an async iterator ends with its next result only.
      return {
        subscribe: ({ next, complete }) => ({
          unsubscribe: subscribe(request, headers, { next: (answer) => next(show(answer)), complete }),
        }),
      };
    }
    const answer = await post(request, headers);
    if (sent.operationName !== 'IntrospectionQuery') {
      show(answer);
      if (answer.status === 200) askViewer(); // an account may do better or worse now
    }
    return answer.body;
  }, [askViewer]);

  return (
    <>
      <header className="pg-bar">
        <h1>partnergraph</h1>
        <Viewer viewer={viewer} />
        <Cost cost={cost} />
        <Key value={key} onUse={(key) => { saveKey(key); setKey(key); setCost(null); }} />
      </header>
      {problem && <p className="pg-problem" role="alert">{problem}</p>}
      <main className="pg-main">
        <GraphiQL fetcher={fetcher} plugins={plugins} defaultTabs={examples} showPersistHeadersSettings={false} shouldPersistHeaders={false}>
          <GraphiQL.Logo><a href="/schema.graphql" target="_blank" rel="noreferrer">schema</a></GraphiQL.Logo>
          <Introspect on={key} />
          <FollowScheme />
        </GraphiQL>
      </main>
    </>
  );
}

// named is a request without the name of an operation that its document does not hold. Just after a change of tabs GraphiQL still names the
// operation of the tab before.
function named({ operationName, ...request }) {
  const holds = new RegExp(`\\b(query|mutation|subscription)\\s+${operationName}\\b`).test(request.query);
  return holds ? { operationName, ...request } : request;
}

// isSubscription reads the document that is sent: GraphiQL's own reading of it may still be that of the tab before, like the name.
function isSubscription({ query, operationName }) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === 'subscription';
  } catch {
    return false; // the server says what is wrong with it
  }
}

// Viewer says whose accounts the answers come from.
function Viewer({ viewer }) {
  if (!viewer) return <p className="pg-viewer" />;
  return (
    <p className="pg-viewer">
      <b>{viewer.name}</b> sees{viewer.accounts.length === 0 && ' no account'}
      {viewer.accounts.map(({ name, status }) => (
        <span key={name} className={`pg-account pg-${status.toLowerCase()}`} title={`${name}: ${status}`}>
          {name}{status !== 'OK' && ` (${status.toLowerCase()})`}
        </span>
      ))}
    </p>
  );
}

// Cost says what the last query cost upstream.
function Cost({ cost }) {
  const calls = (n) => `${n} ${n === 1 ? 'call' : 'calls'}`;
  return <p className="pg-cost" role="status">{cost && `Last query: ${calls(cost.spent)} to vendors, ${cost.planned} planned`}</p>;
}

// Key takes the API key.
function Key({ value, onUse }) {
  const [text, setText] = useState(value);
  return (
    <form className="pg-key" onSubmit={(event) => { event.preventDefault(); onUse(text.trim()); }}>
      <input type="password" aria-label="API key" placeholder="API key" title="Kept in this browser tab only, until it is closed"
        autoComplete="off" spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} />
      <button type="submit">Use</button>
    </form>
  );
}

// Introspect reads the schema again when the key is another. GraphiQL reads it the first time by itself.
function Introspect({ on }) {
  const { introspect } = useGraphiQLActions();
  const [read, setRead] = useState(on);
  useEffect(() => {
    if (on === read) return;
    setRead(on);
    introspect();
  }, [on, read, introspect]);
  return null;
}

// FollowScheme colours the editors anew when the system changes between light and dark. GraphiQL's own style sheet follows by itself.
function FollowScheme() {
  const { setTheme } = useGraphiQLActions();
  const theme = useGraphiQL((state) => state.theme);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => setTheme(theme);
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [theme, setTheme]);
  return null;
}

createRoot(document.getElementById('root')).render(<Page />);
