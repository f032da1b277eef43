async (base, key) => {
  const graphql = base + '/graphql';
  const mutation = way => JSON.stringify({ query: `mutation ${way} { __typename }` });
  const query = way => `${graphql}?query=${encodeURIComponent(`query ${way} { __typename }`)}`;
  const auth = { Authorization: 'Bearer ' + key, 'X-API-Key': key };
  const json = { 'Content-Type': 'application/json' };
  const post = (way, options) => fetched(graphql, { method: 'POST', body: mutation(way), ...options });
  const fetched = async (url, options) => (await fetch(url, options)).text();

  // What an element could load, if the page may look into it.
  const loaded = (tag, attributes) => new Promise(resolve => {
    const element = Object.assign(document.createElement(tag), attributes);
    const read = () => {
      try {
        resolve(element.contentDocument?.body?.textContent ?? (element.naturalWidth || element.sheet?.cssRules.length || ''));
      } catch {
        resolve('');
      }
    };
    element.onload = read;
    element.onerror = () => resolve('');
    document.body.append(element);
  });

  // What a form gets in a frame.
  const submitted = (way, method, enctype, name, value) => {
    const form = Object.assign(document.createElement('form'), { method, enctype, action: graphql, target: way });
    form.append(Object.assign(document.createElement('input'), { name, value }));
    const frame = Object.assign(document.createElement('iframe'), { name: way });
    document.body.append(frame, form);
    return new Promise(resolve => {
      frame.onload = () => resolve(frame.contentDocument?.body?.textContent);
      form.submit();
    });
  };

  const ways = {
    textByFetch: way => post(way, { headers: { 'Content-Type': 'text/plain' } }),
    textUnread: way => post(way, { headers: { 'Content-Type': 'text/plain' }, mode: 'no-cors' }),
    textAsJSON: way => post(way, { headers: { 'Content-Type': 'text/plain; application/json' } }),
    textAndKept: way => post(way, { mode: 'no-cors', keepalive: true }),
    bytesByFetch: way => post(way, { body: new Blob([mutation(way)]) }),
    jsonByFetch: way => post(way, { headers: json }),
    jsonUnread: way => post(way, { body: new Blob([mutation(way)], { type: 'application/json' }), mode: 'no-cors' }),
    jsonWithKey: way => post(way, { headers: { ...json, ...auth } }),
    jsonWithCookies: way => post(way, { headers: json, credentials: 'include' }),
    formAsText: way => submitted(way, 'post', 'text/plain', `{"query":"mutation ${way} { __typename }","operationName":"${way}","x":"`, '"}'),
    formEncoded: way => submitted(way, 'post', 'application/x-www-form-urlencoded', 'query', `mutation ${way} { __typename }`),
    formMultipart: way => submitted(way, 'post', 'multipart/form-data', 'query', `mutation ${way} { __typename }`),
    formByGet: way => submitted(way, 'get', '', 'query', `query ${way} { __typename }`),
    getByFetch: way => fetched(query(way)),
    getUnread: way => fetched(query(way), { mode: 'no-cors' }),
    getWithKey: way => fetched(query(way), { headers: auth }),
    getByPicture: way => loaded('img', { src: query(way) }),
    getByScript: way => loaded('script', { src: query(way) }),
    getByStyle: way => loaded('link', { rel: 'stylesheet', href: query(way) }),
    getByFrame: way => loaded('iframe', { src: query(way) }),
    withoutOrigin: way => new Promise(resolve => {
      addEventListener('message', event => resolve(event.data), { once: true });
      const script = `fetch(${JSON.stringify(query(way))}).then(r => r.text()).catch(() => '').then(text => parent.postMessage(text, '*'))`;
      document.body.append(Object.assign(document.createElement('iframe'), { sandbox: 'allow-scripts', srcdoc: `<script>${script}</script>` }));
    }),
    socket: way => new Promise(resolve => {
      const socket = new WebSocket(query(way).replace('http', 'ws'), 'graphql-transport-ws');
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('');
    }),
  };
  const read = {};
  for (const [way, attack] of Object.entries(ways)) {
    try {
      read[way] = String((await attack(way)) ?? '');
    } catch {
      read[way] = '';
    }
  }
  return read;
}
