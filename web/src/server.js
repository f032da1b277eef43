// What the page says to the server.
import { createClient } from 'graphql-sse';

const keyName = 'partnergraph:key';

// The API key is kept until the browser's tab is closed, and in that tab only.
export const savedKey = () => sessionStorage.getItem(keyName) ?? '';

export function saveKey(key) {
  if (key) sessionStorage.setItem(keyName, key);
  else sessionStorage.removeItem(keyName);
}

// credentials are the header of the API key; none without one.
function credentials() {
  const key = savedKey();
  return key && { Authorization: `Bearer ${key}` };
}

// post sends a GraphQL request, and answers the HTTP status (0: no answer at all) and a GraphQL response, whatever came back.
export async function post(request, headers) {
  try {
    return await read(await fetch('graphql', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/graphql-response+json, application/json;q=0.9',
        ...credentials(),
        ...headers,
      },
      body: JSON.stringify(request),
    }));
  } catch (error) {
    return failed(0, `The server does not answer: ${error.message}`);
  }
}

async function read(response) {
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) };
  } catch {
    return failed(response.status, `The answer is no JSON (HTTP ${response.status}): ${text.slice(0, 200)}`);
  }
}

// subscribe opens an event stream, and tells each answer as post does: a refusal, too. It does not connect again by itself, as only
// whoever subscribed knows the last position. The result ends it.
export function subscribe(request, headers, { next, complete }) {
  const client = createClient({ url: 'graphql', headers: { ...credentials(), ...headers }, retryAttempts: 0 });
  return client.subscribe(request, {
    next: (body) => next({ status: 200, body }),
    error: async (error) => {
      next(error.response ? await read(error.response) : failed(0, `The stream ended: ${error.message}`));
      complete();
    },
    complete,
  });
}

const failed = (status, message) => ({ status, body: { errors: [{ message }] } });

// refusal is why a request was not even tried, in words for whoever sits before the page; empty when it was.
export function refusal({ status, body }) {
  const said = body.errors?.[0]?.message ?? '';
  if (status === 401) {
    return savedKey() ? `The API key was refused (401): ${said}` : 'This server wants an API key (401): enter one above.';
  }
  return status === 200 || body.data ? '' : said;
}
