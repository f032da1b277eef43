// Runs graphql-http's audits of a server over HTTP, https://github.com/graphql/graphql-http, against the URL given, and prints
// what came of each as JSON.
import { auditServer } from 'graphql-http';

const results = await auditServer({ url: process.argv[2] });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
