/**
 * `npm run bench -- soak`: whether the gateway holds many streams at once and stays the size it is.
 *
 * First a thousand streamed runs are held open for a minute; then a long mix of ordinary traffic goes through: chats with and
 * without tools, batches, cached calls, refused requests. Memory is the resident size of the runtime's own process. Where
 * the system does not tell it (no /proc), the rows about memory are left out and that is said.
 */

import type { Bench, BenchOptions } from "./bench.ts";
import { inParallel, pause, until } from "./bench.ts";
import { open, type Exchange } from "./http.ts";
import { row, type BenchRow } from "./report.ts";
import { residentMib } from "./resident.ts";
import { median, seededRandom } from "./statistics.ts";
import { openWorld, type World } from "./world.ts";

const STREAMS = 1_000;
const HELD_MS = 60_000;
const OPENED_AT_ONCE = 50;
/** Between two comments on a held stream; the preset of a deployed gateway. */
const HEARTBEAT_MS = 2_000;

const REQUESTS = 100_000;
const SMOKE_REQUESTS = 300;
const WIDTH = 16;
const TENTHS = 10;
/** The last tenth's memory over the second's: the first still fills caches. */
const MAX_GROWTH = 1.05;

/** A stream that is being read to its end. */
interface Held {
  readonly exchange: Exchange;
  readonly text: Promise<string>;
}

function hold(world: World, ms: number, n: number): Held {
  const exchange = open(`${world.baseUrl}/v1/runs`, {
    method: "POST",
    headers: world.headers,
    body: { stream: true, calls: [{ tool: "held", arguments: { ms, k: "held", n } }] },
  });
  return { exchange, text: read(exchange) };
}

async function read({ response }: Exchange): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of await response) if (chunk instanceof Uint8Array) parts.push(chunk);
  return Buffer.concat(parts).toString("utf8");
}

/** Opens all streams, waits in their midst, and reads them to their end. */
async function heldStreams(world: World, count: number, heldMs: number): Promise<BenchRow[]> {
  const label = `${count} streamed runs at once, each held for ${heldMs / 1000} s`;
  await world.send("PATCH", "/v1/policy", { runs: { heartbeat_ms: HEARTBEAT_MS } });
  await world.send("PUT", "/v1/tools/held", {
    description: "Answers after the given time",
    input: {
      type: "object",
      properties: { ms: { type: "number" }, k: { type: "string" }, n: { type: "integer" } },
    },
    effect: "read",
    http: { method: "GET", url: `${world.toolsUrl}/sleep/{ms}`, query: { k: "{k}", n: "{n}" } },
    timeout_ms: 110_000,
  });
  await world.resetTraffic();
  const before = residentMib(world.gateway.processIds);
  const held: Held[] = [];
  await inParallel(count, OPENED_AT_ONCE, async (n) => {
    const one = hold(world, heldMs, n);
    held.push(one);
    await one.exchange.response.catch(() => undefined);
  });
  await until(() => world.traffic().open >= count, heldMs / 2, 50);
  const atOnce = world.traffic().open;
  const during = residentMib(world.gateway.processIds);
  const texts = await Promise.all(held.map(({ text }) => text.catch(() => "")));
  const whole = texts.filter((text) => /event: run\.completed[^]*"status":"completed"/.test(text));
  await pause(500);
  const rows = [
    row(label, "errors", count - whole.length, "errors", "== 0"),
    row(
      label,
      "requests open at the tool server in their midst",
      atOnce,
      "requests",
      `== ${count}`,
    ),
    row(
      label,
      "requests open at the tool server afterwards",
      world.traffic().open,
      "requests",
      "== 0",
    ),
  ];
  if (before === null || during === null) return rows;
  return [...rows, row(label, "memory a stream", ((during - before) * 1024) / count, "KiB")];
}

type Kind = (n: number) => {
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
};

const SCRIPT = JSON.stringify({
  turns: [
    { text: "Looking. ", calls: [{ name: "sleep", arguments: { ms: 2, k: "soak", n: 1 } }] },
    { text: "Done." },
  ],
});

/** Kinds of requests, the frequent ones more than once. */
const MIX: readonly Kind[] = [
  (n) => chat({ stream: false }, `Hello ${n}?`),
  (n) => chat({ stream: true }, `Hello ${n}?`),
  () => chat({ stream: true }, `#script ${SCRIPT}`),
  () => chat({ stream: false }, `#script ${SCRIPT}`),
  (n) => runs([1, 2, 3].map((k) => ({ tool: "sleep", arguments: { ms: k, k: "soak", n } }))),
  (n) => runs([{ tool: "cached", arguments: { ms: 1, k: "soak", n: n % 50 } }]),
  (n) => runs([{ tool: "cached", arguments: { ms: 1, k: "soak", n } }]),
  () => ({ ...runs([{ tool: "sleep", arguments: { ms: "soon" } }]), status: 422 }),
  () => ({ ...runs([{ tool: "nobody", arguments: {} }]), status: 422 }),
  () => ({ path: "/v1/chat/completions", body: { model: "scripted-1" }, status: 400 }),
];

function chat(how: { readonly stream: boolean }, content: string): ReturnType<Kind> {
  const body = { model: "scripted-1", ...how, messages: [{ role: "user", content }] };
  return { path: "/v1/chat/completions", body, status: 200 };
}

function runs(calls: readonly object[]): ReturnType<Kind> {
  return { path: "/v1/runs", body: { calls }, status: 200 };
}

async function mixedTraffic(world: World, count: number, seed: number): Promise<BenchRow[]> {
  const label = `${count} mixed requests, ${WIDTH} at once`;
  const random = seededRandom(seed);
  const memory: number[][] = Array.from({ length: TENTHS }, () => []);
  const wrong: string[] = [];
  const startedAt = performance.now();
  await world.resetTraffic();
  await inParallel(count, WIDTH, async (n) => {
    const kind = MIX[Math.floor(random() * MIX.length)];
    if (kind === undefined) return;
    const { path, body, status } = kind(n);
    const answer = await world.send("POST", path, body);
    if (answer.status !== status) wrong.push(`${answer.status} ${answer.text.slice(0, 200)}`);
    if (n % 20 !== 0) return;
    const resident = residentMib(world.gateway.processIds);
    if (resident !== null) memory[Math.floor((n * TENTHS) / count)]?.push(resident);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  if (wrong.length > 0) console.error(wrong.slice(0, 5).join("\n"));
  const rows = [
    row(label, "answers with another status than expected", wrong.length, "answers", "== 0"),
    row(label, "requests a second", count / seconds, "requests/s"),
    row(
      label,
      "requests open at the tool server afterwards",
      world.traffic().open,
      "requests",
      "== 0",
    ),
  ];
  const [, second = [], last = []] = [memory[0], memory[1], memory.at(-1)];
  if (second.length === 0) {
    console.log("soak: the system does not tell the memory of a process; its rows are left out");
    return rows;
  }
  return [
    ...rows,
    row(label, "memory in the second tenth, median", median(second), "MiB"),
    row(label, "memory in the last tenth, median", median(last), "MiB"),
    row(label, "last tenth ÷ second tenth", median(last) / median(second), "×", `<= ${MAX_GROWTH}`),
  ];
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const world = await openWorld();
  try {
    return [
      ...(await heldStreams(world, smoke ? STREAMS / 100 : STREAMS, smoke ? 1_000 : HELD_MS)),
      ...(await mixedTraffic(world, smoke ? SMOKE_REQUESTS : REQUESTS, seed)),
    ];
  } finally {
    await world.close();
  }
}

/** The long run. */
export const soak: Bench = { name: "soak", seed: 20_261_123, run };
