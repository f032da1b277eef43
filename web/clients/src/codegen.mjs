// graphql-codegen's client preset over the operations, then the TypeScript compiler over what a portal does with the types.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { endpoint, tool } from './portal.mjs';

process.env.ENDPOINT = endpoint;
const said = tool('@graphql-codegen/cli/cjs/bin.js', '--config', 'codegen.yml');
assert.ok(said.every((line) => /^(\[(STARTED|SUCCESS)\]|❯|✔) /.test(line)), said.join('\n'));
assert.ok(existsSync('generated/graphql.ts'));
assert.deepEqual(tool('typescript/bin/tsc', '--project', 'tsconfig.json'), []);
