// Bundles the page into ../internal/playground/dist, where the Go program embeds it: index.html and assets/, each file gzipped and each asset's
// name with a hash of its content.
import { build } from 'esbuild';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(here, '../internal/playground/dist');
let bytes = 0;
let zipped = 0;

function write(path, content) {
  const gz = gzipSync(content, { level: 9 });
  writeFileSync(path + '.gz', gz);
  bytes += content.length;
  zipped += gz.length;
}

// bundle writes the bundles of the entries and answers, by their names, the URLs of their script and style sheet.
async function bundle(entryPoints, options) {
  const { metafile, outputFiles } = await build({
    absWorkingDir: here,
    bundle: true,
    minify: true,
    target: 'es2022',
    outdir: dist,
    entryPoints,
    entryNames: 'assets/[name]-[hash]',
    chunkNames: 'assets/[name]-[hash]',
    assetNames: 'assets/[name]-[hash]',
    publicPath: '../', // of what style sheets load, which lie in assets/
    loader: { '.ttf': 'file', '.graphql': 'text' },
    legalComments: 'linked',
    logLevel: 'warning',
    metafile: true,
    write: false,
    ...options,
  });
  for (const file of outputFiles) write(file.path, file.contents);
  // Relative to the page, so that a proxy may serve it under any path.
  const url = (path) => relative(dist, resolve(here, path));
  const urls = {};
  for (const [path, output] of Object.entries(metafile.outputs)) {
    const name = output.entryPoint && Object.keys(entryPoints).find((name) => url(path).startsWith(`assets/${name}-`));
    if (name) urls[name] = { script: url(path), style: output.cssBundle && url(output.cssBundle) };
  }
  return urls;
}

for (const name of readdirSync(dist)) {
  if (name !== '.gitkeep') rmSync(resolve(dist, name), { recursive: true });
}
mkdirSync(resolve(dist, 'assets'));

// Monaco's workers are files of their own, so that the page's policy needs no blob: for them.
const workers = await bundle(
  {
    editor: 'monaco-editor/esm/vs/editor/editor.worker.js',
    json: 'monaco-editor/esm/vs/language/json/json.worker.js',
    graphql: 'monaco-graphql/esm/graphql.worker.js',
  },
  { format: 'iife' },
);
const scripts = Object.fromEntries(Object.entries(workers).map(([name, { script }]) => [name, script]));
const { main } = await bundle(
  { main: 'src/main.jsx' },
  { format: 'esm', splitting: true, jsx: 'automatic', define: { WORKERS: JSON.stringify(scripts) } },
);

// The page comes last: where it is there, all of it is.
const html = readFileSync(resolve(here, 'src/index.html'), 'utf8').replace('MAIN.css', main.style).replace('MAIN.js', main.script);
write(resolve(dist, 'index.html'), Buffer.from(html));
console.log(`playground: ${bytes} bytes, ${zipped} gzipped`);
