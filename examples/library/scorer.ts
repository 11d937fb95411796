/**
 * A scorer of one's own: of two searches the better is kept, by a measure no pointer could name. Written against the
 * package alone.
 *
 *     node examples/library/scorer.ts     (once `npm run build:library` has been run)
 */

import { defineTool, run, type Scorer } from "toolformer-edge";

const search = defineTool({
  name: "search",
  description: "Finds texts",
  input: { type: "object", properties: { in: { type: "string" } }, required: ["in"] },
  effect: "read",
  handler: ({ in: where }) =>
    where === "archive" ? ["rain", "rain again", "more rain"] : ["tea ceremony in Kyoto"],
});

const WANTED = ["tea", "Kyoto"];

/** The share of the wanted words that the results of a branch speak of. */
const coverage: Scorer = (results) => {
  const text = results.map(({ output }) => JSON.stringify(output)).join(" ");
  return WANTED.filter((word) => text.includes(word)).length / WANTED.length;
};

const group = { group: "search", policy: "top_n", keep: 1, score: coverage } as const;
const { branches, aggregate } = await run(
  [
    { id: "old", tool: search, arguments: { in: "archive" }, branch: "archive" },
    { id: "new", tool: search, arguments: { in: "web" }, branch: "web" },
  ],
  { tools: [search], branches: { archive: group, web: group }, aggregate: "best" },
).report();

for (const [name, { status, score }] of Object.entries(branches ?? {}))
  console.log(`${name}: ${status}, score ${score}`);
console.log(aggregate?.outputJson);
