/**
 * `npm run bench -- results`: what becomes of results that are too long.
 *
 * The cut is timed against one `JSON.parse` of the same bytes in the same run, in this process (the run core is portable).
 * The rest goes through the gateway: a run of many huge results, how much of them an invocation held at once, whether
 * every one can be read, whether they are gone when their time is over, and a reader that takes a kilobyte a second.
 */

import { estimateTokens } from "../src/algorithms/token-estimate.ts";
import { recordsText } from "../dev/tool-apis/records.ts";
import { queryResult } from "../src/orchestration/results/query-result.ts";
import { shapeResults } from "../src/orchestration/results/shape-results.ts";
import { inParallel, pause, type Bench, type BenchOptions } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";
import { slowReader } from "./slow-reader.ts";
import { median } from "./statistics.ts";
import { openWorld, type World } from "./world.ts";

const BYTES = 5_000_000;
const TURN_TOKENS = 8_000;
const ROUNDS = 15;
/** Shaping may take this many times one JSON.parse of the same bytes. */
const MAX_RATIO = 3;

/** Results of the wide run. */
const CALLS = 200;
/** Five short answers and one long one: see `src/assembly/place-result.ts`. */
const HELD_MIB = 9.25;
const KEEP_S = 3;
/** The longest the policy's own bound allows. */
const DEADLINE_MS = 300_000;

const ITEM = 31_234;

async function shaping(rounds: number): Promise<BenchRow[]> {
  const label = "one JSON result of 5 MB for a model";
  const json = recordsText(BYTES) ?? "";
  const parseMs: number[] = [];
  const shapeMs: number[] = [];
  let content = "";
  let kept = "";
  const results = {
    maxTokensPerTurn: TURN_TOKENS,
    keep: (_handle: string, text: string) => {
      kept = text;
      return Promise.resolve(true);
    },
    read: () => Promise.resolve(null),
  };
  const ports = { results, newId: () => "res_0000000000000000000000" };
  const raw = { id: "c", json, handle: null, maxTokens: null, isError: false, isKept: true };
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    JSON.parse(json);
    const parsedAt = performance.now();
    content = (await shapeResults([raw], TURN_TOKENS, ports)).get("c") ?? "";
    shapeMs.push(performance.now() - parsedAt);
    parseMs.push(parsedAt - startedAt);
  }
  const filter = { field: "id", op: "equals", value: ITEM } as const;
  const handle = "res_0000000000000000000000";
  const found = queryResult(kept, { handle, pointer: "/items", offset: 0, filter });
  const isFound = found.ok && found.value.includes(`"name":"Record ${ITEM}"`);
  return [
    row(label, "JSON.parse, median", median(parseMs), "ms"),
    row(label, "shaping, median", median(shapeMs), "ms"),
    row(
      label,
      "shaping ÷ JSON.parse, first round, cold",
      (shapeMs[0] ?? 0) / (parseMs[0] ?? 1),
      "×",
    ),
    row(label, "shaping ÷ JSON.parse", median(shapeMs) / median(parseMs), "×", `<= ${MAX_RATIO}`),
    row(label, "estimated tokens", estimateTokens(content), "tokens", `<= ${TURN_TOKENS}`),
    row(label, "asked-for items found", isFound ? 1 : 0, "items", "== 1"),
  ];
}

async function putRecords(world: World, bytes: number): Promise<void> {
  await world.send("PUT", "/v1/tools/records", {
    description: "Answers with many records",
    input: { type: "object", properties: { n: { type: "number" } } },
    effect: "read",
    http: { method: "GET", url: `${world.toolsUrl}/records/${bytes}`, query: { n: "{n}" } },
    timeout_ms: 120_000,
  });
}

interface KeptLine {
  readonly status: string;
  readonly kept?: { readonly handle: string; readonly bytes: number; readonly held_bytes: number };
}

async function keptRun(world: World, count: number): Promise<readonly KeptLine[]> {
  const calls = Array.from({ length: count }, (_, n) => ({ tool: "records", arguments: { n } }));
  const answer = await world.send("POST", "/v1/runs", { calls, deadline_ms: DEADLINE_MS });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text.slice(0, 500)}`);
  const { results }: { results: readonly KeptLine[] } = JSON.parse(answer.text);
  return results;
}

async function wideRun(count: number, bytes: number): Promise<BenchRow[]> {
  const world = await openWorld();
  const label = `${count} results of ${bytes / 1e6} MB in one run`;
  try {
    await world.send("PATCH", "/v1/policy", { runs: { deadline_ms: DEADLINE_MS } });
    await putRecords(world, bytes);
    const startedAt = performance.now();
    const lines = await keptRun(world, count);
    const seconds = (performance.now() - startedAt) / 1000;
    const held = Math.max(...lines.map(({ kept }) => kept?.held_bytes ?? 0));
    const expected = Buffer.byteLength(recordsText(bytes) ?? "");
    let readable = 0;
    await inParallel(count, 4, async (index) => {
      const handle = lines[index]?.kept?.handle ?? "none";
      const read = await world.send("GET", `/v1/results/${handle}`);
      if (read.status === 200 && Buffer.byteLength(read.text) === expected) readable += 1;
    });
    return [
      row(
        label,
        "calls that succeeded",
        lines.filter(({ status }) => status === "succeeded").length,
        "calls",
        `== ${count}`,
      ),
      row(label, "most held by one invocation", held / 2 ** 20, "MiB", `<= ${HELD_MIB}`),
      row(label, "handles read back whole", readable, "handles", `== ${count}`),
      row(label, "time of the run", seconds, "s"),
    ];
  } finally {
    await world.close();
  }
}

/** In a world of its own, because a policy takes up to half a minute to reach an isolate that knows an older one. */
async function timeOver(count: number): Promise<BenchRow[]> {
  const world = await openWorld();
  const label = `${count} results kept for ${KEEP_S} s`;
  try {
    await world.send("PATCH", "/v1/policy", {
      runs: { deadline_ms: DEADLINE_MS },
      results: { keep_s: KEEP_S },
    });
    await putRecords(world, 1_000_000);
    const lines = await keptRun(world, count);
    const statuses = async (): Promise<number[]> => {
      const seen: number[] = [];
      await inParallel(count, 4, async (index) => {
        const handle = lines[index]?.kept?.handle ?? "none";
        seen.push((await world.send("GET", `/v1/results/${handle}?pointer=/total`)).status);
      });
      return seen;
    };
    await pause(KEEP_S * 1000 + 500);
    const after = await statuses();
    return [
      row(
        label,
        "kept",
        lines.filter(({ kept }) => kept !== undefined).length,
        "handles",
        `== ${count}`,
      ),
      row(
        label,
        "gone when their time was over",
        after.filter((status) => status === 404).length,
        "handles",
        `== ${count}`,
      ),
    ];
  } finally {
    await world.close();
  }
}

async function run({ smoke }: BenchOptions): Promise<readonly BenchRow[]> {
  return [
    ...(await shaping(smoke ? 3 : ROUNDS)),
    ...(await wideRun(smoke ? 20 : CALLS, smoke ? 1_000_000 : BYTES)),
    ...(await timeOver(20)),
    ...(await slowReader(smoke)),
  ];
}

/** The benchmark of long results. */
export const results: Bench = { name: "results", seed: 20_261_122, run };
