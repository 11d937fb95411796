/**
 * The fault campaign over real HTTP: the built gateway, a tenant with a tool for each class of fault, and an origin that
 * fails (`chaos-origin.ts`). What the platform cannot be made to do on one machine is on the simulation.
 */

import { startGateway } from "../../dev/gateway.ts";
import { isObject, listOf, numberOf, parseObject, textOf } from "../../dev/http/json.ts";
import { bootstrapOperator, createTenantForTests } from "../../dev/provision.ts";
import { inParallel, pause } from "../bench.ts";
import { ask, keepAlive } from "../http.ts";
import { row, type BenchRow } from "../report.ts";
import { type ChaosOrigin, HTTP_FAULTS, startChaosOrigin } from "./chaos-origin.ts";

/** Nobody listens there. */
const DEAD = "http://127.0.0.1:9";

const TIMEOUT_MS = 8_000;
const WRITE_TIMEOUT_MS = 300;
/** Reads come one by one, so that what hangs ends among others that do not, as in a tool's usual traffic. */
const GAP_MS = 25;
/** Where a fifth fails, so slowly that the budget of repeated requests is not what is measured. */
const MIXED_GAP_MS = 200;
/** Calls of each tool before anything fails, and after. */
const USUAL_BEFORE = 20;
const USUAL_AFTER = 20;
/** Classes that go on at once. */
const WIDTH = 10;
/** Writes of one run. */
const BATCH = 40;

/** How much is done. */
export interface HttpAmounts {
  readonly calls: number;
  readonly writes: number;
  readonly streams: number;
  /** Of requests that meet the fault of their class; a fifth of those of all classes mixed. */
  readonly share: number;
  /** Whether there is enough of everything for shares to mean something. */
  readonly isJudged: boolean;
}

/** Of requests that meet one of all the faults. */
const MIXED_SHARE = 0.2;

const LIMITS = { requests: [{ limit: 1_000_000, window_s: 1 }] };

interface Line {
  readonly isGood: boolean;
  readonly attempts: number;
}

/** Runs calls of one tool and says how each ended, in their order. */
type RunCalls = (tool: string, numbers: readonly string[]) => Promise<readonly Line[]>;

/** Every class of fault over HTTP; starts what it needs and leaves nothing. */
export async function httpFaults(amounts: HttpAmounts, seed: number): Promise<readonly BenchRow[]> {
  const origin = await startChaosOrigin(seed);
  const gateway = await startGateway({ onLog: () => undefined });
  const agent = keepAlive(32);
  try {
    const operator = await bootstrapOperator(gateway.baseUrl, gateway.secrets.BOOTSTRAP_SECRET);
    const tenant = await createTenantForTests(gateway.baseUrl, operator, {
      modelBaseUrl: `${origin.url}/v1`,
      tools: toolsOf(origin.url, amounts.share),
      policy: { limits: LIMITS },
    });
    const bare = await createTenantForTests(gateway.baseUrl, operator, {
      tools: toolsOf(origin.url, amounts.share),
      // Breakers would keep most of the writes from the origin; what is looked for is what retries do.
      policy: { resilience: { breaker: { enabled: false } }, limits: LIMITS },
    });
    const noisy = await createTenantForTests(gateway.baseUrl, operator, {
      tools: toolsOf(origin.url, amounts.share),
      // A tool that always fails so often is to be declared; else its breaker may take that for a change.
      policy: { resilience: { breaker: { baseline: MIXED_SHARE } }, limits: LIMITS },
    });
    const send = (key: string, path: string, body: unknown) =>
      ask(
        `http://127.0.0.1:${gateway.directPorts[0] ?? 0}${path}`,
        { method: "POST", headers: { authorization: `Bearer ${key}` }, body },
        agent,
      );
    const runWith =
      (key: string): RunCalls =>
      async (tool, numbers) => {
        const calls = numbers.map((n) => ({ tool, arguments: { n } }));
        return linesOf((await send(key, "/v1/runs", { calls, deadline_ms: 60_000 })).text);
      };
    return [
      ...(await classRows(
        { single: runWith(tenant.apiKey), mixed: runWith(noisy.apiKey) },
        origin,
        amounts,
      )),
      ...(await oneDown(runWith(tenant.apiKey), amounts)),
      ...(await writeRows(runWith(bare.apiKey), origin, amounts)),
      ...(await streamRows((body) => send(bare.apiKey, "/v1/chat/completions", body), {
        streams: amounts.streams,
        putModel: () => bare.call("PUT", "/v1/upstreams/model", upstreamAt(origin.url)),
      })),
    ];
  } finally {
    agent.destroy();
    await gateway.dispose();
    await origin.close();
  }
}

function upstreamAt(url: string): object {
  return { kind: "openai", models: "*", targets: [{ id: "main", base_url: `${url}/v1` }] };
}

function failing(http: object, extra: object = {}): object {
  return {
    description: "Fails sometimes",
    input: { type: "object", properties: { n: { type: "string" } }, required: ["n"] },
    output: { type: "object", required: ["ok"] },
    effect: "read",
    timeout_ms: TIMEOUT_MS,
    http: { method: "GET", ...http },
    ...extra,
  };
}

function toolsOf(url: string, share: number): Record<string, object> {
  const targets = [
    { id: "dead", url: `${DEAD}/{n}` },
    { id: "alive", url: `${url}/read/none/0/{n}` },
  ];
  return {
    ...Object.fromEntries(
      HTTP_FAULTS.map((fault) => [
        `f_${fault}`,
        failing({ url: `${url}/read/${fault}/${share}/{n}` }),
      ]),
    ),
    f_mixed: failing({ url: `${url}/read/any/${MIXED_SHARE}/{n}` }),
    down: failing({ targets }),
    write: failing(
      { method: "POST", url: `${url}/write/${MIXED_SHARE}/{n}`, body: null },
      { effect: "write", timeout_ms: WRITE_TIMEOUT_MS },
    ),
  };
}

/** Of the calls whose first request met a fault, those that ended well in their time. */
async function classRows(
  runs: { readonly single: RunCalls; readonly mixed: RunCalls },
  origin: ChaosOrigin,
  { calls, share, isJudged }: HttpAmounts,
): Promise<readonly BenchRow[]> {
  const kinds = [
    ...HTTP_FAULTS.map((fault) => ({
      name: `${fault}, ${share * 100} %`,
      tool: `f_${fault}`,
      fault,
      share,
    })),
    {
      name: "all classes mixed, 20 % (declared)",
      tool: "f_mixed",
      fault: "any",
      share: MIXED_SHARE,
    },
  ];
  const rows: BenchRow[][] = kinds.map(() => []);
  await inParallel(kinds.length, WIDTH, async (index) => {
    const kind = kinds[index];
    if (kind === undefined) return;
    const isMixed = kind.fault === "any";
    const count = isMixed ? Math.ceil(calls / 2) : calls;
    const numbers = numbered(count, "c");
    const run = isMixed ? runs.mixed : runs.single;
    const lines = await oneByOne(run, kind.tool, numbers, isMixed ? MIXED_GAP_MS : GAP_MS);
    const isHit = (n: string) => origin.hit.has(`/read/${kind.fault}/${kind.share}/${n}`);
    const hit = lines.filter((_, n) => isHit(numbers[n] ?? ""));
    const good = hit.filter(({ isGood }) => isGood).length;
    const all = lines.filter(({ isGood }) => isGood).length;
    const requests = lines.reduce((sum, { attempts }) => sum + attempts, 0) / lines.length;
    const subject = `over HTTP: ${kind.name} of ${count} reads`;
    rows[index] = [
      row(
        subject,
        "faults that ended in success",
        (100 * good) / hit.length,
        "% of faults",
        isJudged ? ">= 95" : undefined,
      ),
      row(subject, "calls that ended in success", (100 * all) / lines.length, "% of reads"),
      row(subject, "requests for a call", requests, "requests"),
    ];
  });
  return rows.flat();
}

async function oneDown(run: RunCalls, { calls }: HttpAmounts): Promise<readonly BenchRow[]> {
  const lines = await oneByOne(run, "down", numbered(calls, "d"));
  const good = (100 * lines.filter(({ isGood }) => isGood).length) / lines.length;
  const subject = `over HTTP: ${calls} reads, one of two targets down`;
  return [row(subject, "success", good, "% of reads", ">= 99.9")];
}

async function writeRows(
  run: RunCalls,
  origin: ChaosOrigin,
  { writes, isJudged }: HttpAmounts,
): Promise<readonly BenchRow[]> {
  const lines = await inBatches(run, "write", numbered(writes, "w"));
  const twice = [...origin.ledger.values()].filter((times) => times > 1).length;
  const again = lines.filter(({ attempts }) => attempts > 1).length;
  const subject = `over HTTP: ${writes} writes, 20 % of all classes`;
  return [
    row(subject, "done twice", twice, "writes", "== 0"),
    row(subject, "done", origin.ledger.size, "writes", ">= 1"),
    row(
      subject,
      "sent again, because they were refused",
      again,
      "writes",
      isJudged ? ">= 1" : undefined,
    ),
  ];
}

/** A stream whose end is lost cannot be begun anew; it must never look whole. */
async function streamRows(
  send: (body: object) => Promise<{ readonly text: string }>,
  { streams, putModel }: { readonly streams: number; readonly putModel: () => Promise<unknown> },
): Promise<readonly BenchRow[]> {
  await putModel();
  let whole = 0;
  let broken = 0;
  let untold = 0;
  for (let n = 0; n < streams; n += 1) {
    const messages = [{ role: "user", content: String(n) }];
    const { text } = await send({ model: "m", stream: true, messages });
    const isWhole = text.includes(" and whole") && text.includes('"finish_reason":"stop"');
    const saysSo = text.includes("upstream_invalid_response");
    if (isWhole && !saysSo) whole += 1;
    else if (saysSo) broken += 1;
    else untold += 1;
  }
  const subject = `over HTTP: ${streams} streams of a model, every second one cut`;
  return [
    row(subject, "whole", whole, "streams", `== ${Math.ceil(streams / 2)}`),
    row(subject, "cut, and said so", broken, "streams", `== ${Math.floor(streams / 2)}`),
    row(subject, "cut, and looked whole", untold, "streams", "== 0"),
  ];
}

function numbered(count: number, mark: string): readonly string[] {
  return Array.from({ length: count }, (_, n) => `${mark}${n}`);
}

/** How calls of these numbers ended, among others that meet no fault. */
async function oneByOne(
  run: RunCalls,
  tool: string,
  numbers: readonly string[],
  gapMs = GAP_MS,
): Promise<readonly Line[]> {
  const running: Promise<readonly Line[]>[] = [];
  const all = [...numbered(USUAL_BEFORE, "ub"), ...numbers, ...numbered(USUAL_AFTER, "ua")];
  for (const n of all) {
    running.push(run(tool, [n]));
    await pause(n.startsWith("u") ? GAP_MS : gapMs);
  }
  const lines = (await Promise.all(running)).flat();
  return lines.slice(USUAL_BEFORE, USUAL_BEFORE + numbers.length);
}

async function inBatches(
  run: RunCalls,
  tool: string,
  numbers: readonly string[],
): Promise<readonly Line[]> {
  const lines: Line[] = [];
  for (let from = 0; from < numbers.length; from += BATCH)
    lines.push(...(await run(tool, numbers.slice(from, from + BATCH))));
  return lines;
}

function linesOf(text: string): readonly Line[] {
  return listOf(parseObject(text), "results")
    .filter(isObject)
    .map((line) => ({
      isGood: textOf(line, "status") === "succeeded",
      attempts: numberOf(line, "attempts") ?? 0,
    }));
}
