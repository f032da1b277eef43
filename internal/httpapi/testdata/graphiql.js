// Stands for React, GraphiQL and its explorer in the test of the fallback page: a page that
// keeps what is typed wherever GraphiQL may keep it, unless its properties say otherwise.
window.React = { createElement: (type, props) => props };
window.GraphiQLPluginExplorer = { explorerPlugin: () => ({}) };
window.GraphiQL = {
  createFetcher: ({ url }) => (params, { headers }) =>
    fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(params) }).then((r) => r.json()),
};
window.ReactDOM = {
  render(props, at) {
    const storage = props.storage ?? localStorage;
    const field = (name, text, seen) => {
      const input = document.createElement('textarea');
      input.id = name;
      input.value = storage.getItem('graphiql:' + name) ?? text;
      input.oninput = () => {
        storage.setItem('graphiql:' + name, input.value);
        seen?.(input.value);
      };
      at.append(input);
      return input;
    };
    const query = field('query', props.defaultQuery, props.onEditQuery);
    const headers = field('headers', '', props.onEditHeaders);
    if (props.shouldPersistHeaders !== false) headers.addEventListener('input', () => localStorage.setItem('headers', headers.value));
    const answer = document.createElement('pre');
    const run = document.createElement('button');
    run.onclick = async () => {
      answer.textContent = JSON.stringify(await props.fetcher({ query: query.value }, { headers: JSON.parse(headers.value) }));
      answer.id = 'answer';
    };
    at.append(run, answer);
  },
};
