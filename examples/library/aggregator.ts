/**
 * An aggregator of one's own: the median of what several sources say, and who was left out. Written against the package
 * alone.
 *
 *     node examples/library/aggregator.ts     (once `npm run build:library` has been run)
 */

import { type Aggregator, defineTool, run, ToolFailure } from "toolformer-edge";

const PRICES: Readonly<Record<string, number>> = { a: 12, b: 14, c: 900 };

const price = defineTool({
  name: "price",
  description: "Asks a shop for a price",
  input: { type: "object", properties: { shop: { type: "string" } }, required: ["shop"] },
  effect: "read",
  handler: ({ shop }) => {
    const found = typeof shop === "string" ? PRICES[shop] : undefined;
    if (found === undefined) throw new ToolFailure("The shop is closed.");
    return found;
  },
});

/** The middle one of all prices; one shop that is far off does not move it. */
const median: Aggregator = (results) => {
  const prices = results
    .map(({ output }) => output)
    .filter((output) => typeof output === "number")
    .toSorted((left, right) => left - right);
  const missing = results.filter(({ status }) => status !== "succeeded").map(({ id }) => id);
  return { median: prices[Math.floor(prices.length / 2)] ?? null, missing };
};

const shops = ["a", "b", "c", "d"];
const { aggregate, status } = await run(
  shops.map((shop) => ({ id: shop, tool: price, arguments: { shop } })),
  { tools: [price], aggregate: median },
).report();

console.log(`${status}: ${aggregate?.outputJson}`);
