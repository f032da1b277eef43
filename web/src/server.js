// What the page says to the server.

const keyName = 'partnergraph:key';

// The API key is kept until the browser's tab is closed, and in that tab only.
export const savedKey = () => sessionStorage.getItem(keyName) ?? '';

export function saveKey(key) {
  if (key) sessionStorage.setItem(keyName, key);
  else sessionStorage.removeItem(keyName);
}

// post sends a GraphQL request, and answers the HTTP status (0: no answer at all) and a GraphQL response, whatever came back.
export async function post(request, headers) {
  const key = savedKey();
  try {
    const response = await fetch('graphql', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/graphql-response+json, application/json;q=0.9',
        ...(key && { Authorization: `Bearer ${key}` }),
        ...headers,
      },
      body: JSON.stringify(request),
    });
    const text = await response.text();
    try {
      return { status: response.status, body: JSON.parse(text) };
    } catch {
      return failed(response.status, `The answer is no JSON (HTTP ${response.status}): ${text.slice(0, 200)}`);
    }
  } catch (error) {
    return failed(0, `The server does not answer: ${error.message}`);
  }
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
