// breaking.mjs OLD NEW CHANGELOG compares two schemas (files of SDL). It prints each breaking change that
// the Unreleased section of the changelog does not name, as the line to add there, and exits with 1 for any.
import { readFileSync } from "node:fs";
import { buildSchema, findBreakingChanges } from "graphql";

const [oldFile, newFile, changelog] = process.argv.slice(2);
const load = (file) => buildSchema(readFileSync(file, "utf8"));
const unreleased = readFileSync(changelog, "utf8").split(/^## /m).find((s) => s.startsWith("[Unreleased]")) ?? "";
// The changelog may set names in code font, and break lines.
const plain = (text) => text.replaceAll("`", "").replaceAll(/\s+/g, " ");
const missing = findBreakingChanges(load(oldFile), load(newFile))
  .map((change) => `- **Breaking**: ${change.description}`)
  .filter((line) => !plain(unreleased).includes(plain(line)));
if (missing.length > 0) {
  console.error(`These changes break clients of the last release. Undo them, or name them in ${changelog} under Unreleased:`);
  missing.forEach((line) => console.error(line));
  process.exit(1);
}
