/**
 * A limiter of one's own: one call every tenth of a second for each tool, in the order in which they ask, and a tool that
 * failed is left alone for a while. Written against the package alone.
 *
 *     node examples/library/limiter.ts     (once `npm run build:library` has been run)
 */

import {
  type Admission,
  defineTool,
  type LimitedCall,
  type LimitedEnd,
  type Limiter,
  run,
} from "toolformer-edge";

const GAP_MS = 100;
const PAUSE_MS = 60_000;

/** One call every `GAP_MS` for each tool; after a failure none for `PAUSE_MS`. */
class Pacer implements Limiter {
  readonly #nextMs = new Map<string, number>();
  readonly #pausedUntilMs = new Map<string, number>();

  async enter({ tool }: LimitedCall, signal: AbortSignal): Promise<Admission> {
    const nowMs = Date.now();
    const pauseMs = (this.#pausedUntilMs.get(tool) ?? 0) - nowMs;
    if (pauseMs > 0) return { retryAfterMs: pauseMs };
    const atMs = Math.max(nowMs, this.#nextMs.get(tool) ?? 0);
    this.#nextMs.set(tool, atMs + GAP_MS);
    await wait(atMs - nowMs, signal);
    return { leave: (end) => this.#left(tool, end) };
  }

  #left(tool: string, { status }: LimitedEnd): void {
    if (status === "failed") this.#pausedUntilMs.set(tool, Date.now() + PAUSE_MS);
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const tools = [
  defineTool({
    name: "quote",
    description: "Looks up a price",
    input: { type: "object", properties: { item: { type: "string" } }, required: ["item"] },
    effect: "read",
    handler: ({ item }) => ({ item, price: JSON.stringify(item).length }),
  }),
  defineTool({
    name: "broken",
    description: "Never works",
    input: { type: "object", properties: { n: { type: "number" } } },
    effect: "read",
    handler: () => {
      throw new Error("It is out of order.");
    },
  }),
];

const limiter = new Pacer();
const calls = ["tea", "bread", "cheese"].map((item) => ({ tool: "quote", arguments: { item } }));
const paced = await run(calls, { tools, limiter }).report();
for (const [index, { id, status, startedMs, durationMs }] of paced.results.entries()) {
  const gaps = Math.round((startedMs + durationMs) / GAP_MS);
  console.log(`${id} ${status} ${gaps >= index ? "in its turn" : "too soon"}`);
}

for (const n of [1, 2]) {
  const { results } = await run([{ tool: "broken", arguments: { n } }], {
    tools,
    limiter,
  }).report();
  console.log(`broken ${results[0]?.status}`);
}
