/**
 * A fleet: the built gateway in several Worker instances that share one gate object per tenant, under an open load. What was
 * admitted is judged by the time it was admitted: every run calls the built-in clock, and its answer tells the instance's own time at
 * that moment. When an answer arrives says nothing of windows: a busy machine delivers the answers of two seconds in one.
 * How long leases live follows from round trips to the gate, so these are watched from outside, where they are never shorter.
 */

import type { Agent } from "node:http";

import { startGateway, type Gateway } from "../../dev/gateway.ts";
import { bootstrapOperator, createTenantForTests } from "../../dev/provision.ts";
import { epochMs, pause } from "../bench.ts";
import { ask, keepAlive } from "../http.ts";
import { seededRandom } from "../statistics.ts";

/** Connections to each instance. */
const SOCKETS = 200;

/** A limit under load. */
export interface Cell {
  readonly limit: { readonly limit: number; readonly window_s: number; readonly burst: number };
  /** Instances used. */
  readonly instances: number;
  /** Requests offered, as a multiple of the limit's rate. */
  readonly load: number;
  readonly durationMs: number;
  readonly seed: number;
}

/** What came of it, in requests. */
export interface CellTally {
  readonly offered: number;
  readonly admitted: number;
  readonly overAdmitted: number;
  readonly worstWindow: number;
  readonly utilisation: number;
  /** Refused for another reason than the limit. */
  readonly failed: number;
  /** The longest that instances can have taken a round trip to the gate for, ms. */
  readonly roundTripMs: number;
}

/** A running fleet. */
export interface Fleet {
  readonly gateway: Gateway;
  readonly operatorKey: string;
  /** Lives through one cell with a tenant of its own. */
  readonly run: (cell: Cell) => Promise<CellTally>;
  readonly ask: (
    instance: number,
    key: string,
    path: string,
    body: unknown,
  ) => Promise<FleetAnswer>;
  /** Lets every instance know the key: unknown keys are shielded against, and a burst of a new one looks like a guesser. */
  readonly greet: (key: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** True for the refusal of a limit; others have the same status. */
export function isOverLimit({ status, text }: FleetAnswer): boolean {
  return status === 429 && !text.includes("too_many_unknown_keys");
}

/** An answer. */
export interface FleetAnswer {
  readonly status: number;
  readonly text: string;
}

/** Starts so many instances. */
export async function startFleet(instances: number): Promise<Fleet> {
  const gateway = await startGateway({ workers: instances });
  const agent = keepAlive(SOCKETS);
  const operatorKey = await bootstrapOperator(gateway.baseUrl, gateway.secrets.BOOTSTRAP_SECRET);
  const askAt = (instance: number, key: string, path: string, body: unknown) =>
    ask(
      `http://127.0.0.1:${gateway.directPorts[instance % instances] ?? 0}${path}`,
      { method: "POST", body, headers: { authorization: `Bearer ${key}` } },
      agent,
    );
  const greet = async (key: string): Promise<void> => {
    for (const port of gateway.directPorts) {
      const headers = { authorization: `Bearer ${key}` };
      await ask(`http://127.0.0.1:${port}/v1/limits`, { headers }, agent);
    }
  };
  const lookAt = async (instance: number, key: string): Promise<void> => {
    const headers = { authorization: `Bearer ${key}` };
    const port = gateway.directPorts[instance % instances] ?? 0;
    await ask(`http://127.0.0.1:${port}/v1/limits`, { headers }, agent);
  };
  return {
    gateway,
    operatorKey,
    ask: askAt,
    run: (cell) => runCell(gateway.baseUrl, operatorKey, { askAt, lookAt, greet }, cell),
    greet,
    close: () => close(gateway, agent),
  };
}

async function close(gateway: Gateway, agent: Agent): Promise<void> {
  agent.destroy();
  await gateway.dispose();
}

const CALL = { calls: [{ tool: "clock", arguments: {} }] };

const TOOLS = {
  clock: {
    description: "Tells the time",
    input: { type: "object", properties: { time_zone: { type: "string" } } },
    builtin: "current_time",
    effect: "read",
  },
};

/** The time the run's clock told, epoch ms; an answer without one is a bug of the bench. */
function admittedAt({ text }: FleetAnswer): number {
  const at = Date.parse(/"utc":"([^"]+)"/.exec(text)?.[1] ?? "");
  if (Number.isNaN(at)) throw new Error(`The run told no time: ${text.slice(0, 200)}`);
  return at;
}

/** Ways to the instances. */
interface Ways {
  readonly askAt: Fleet["ask"];
  readonly greet: Fleet["greet"];
  /** Asks an instance what the gate says. */
  readonly lookAt: (instance: number, key: string) => Promise<void>;
}

/** Round trips are watched this often, and averaged as an instance averages them. */
const LOOK_MS = 250;
const LOOK_WEIGHT = 0.2;

/** Watches round trips to the gate until it is told to stop; then says the longest that they were on average. */
function watchRoundTrips(look: (n: number) => Promise<void>): () => Promise<number> {
  const over = new AbortController();
  const watch = async (): Promise<number> => {
    let average = 0;
    let longest = 0;
    for (let n = 0; !over.signal.aborted; n += 1) {
      const sentMs = epochMs();
      await look(n);
      average += (epochMs() - sentMs - average) * LOOK_WEIGHT;
      longest = Math.max(longest, average);
      await pause(LOOK_MS);
    }
    return longest;
  };
  const watched = watch();
  return () => {
    over.abort();
    return watched;
  };
}

async function runCell(
  baseUrl: string,
  operatorKey: string,
  { askAt, greet, lookAt }: Ways,
  cell: Cell,
): Promise<CellTally> {
  const { limit, instances, load, durationMs } = cell;
  const { apiKey } = await createTenantForTests(baseUrl, operatorKey, {
    tools: TOOLS,
    policy: { limits: { requests: [limit], concurrent_runs: null } },
  });
  const random = seededRandom(cell.seed);
  const perMs = (limit.limit * load) / (limit.window_s * 1000);
  const admitted: number[] = [];
  const open: Promise<void>[] = [];
  let failed = 0;
  let offered = 0;
  await greet(apiKey);
  const roundTrip = watchRoundTrips((n) => lookAt(n % instances, apiKey));
  const startedAt = performance.now();
  const startedMs = Math.floor(epochMs());
  const one = async (instance: number): Promise<void> => {
    const answer = await askAt(instance, apiKey, "/v1/runs", CALL);
    if (answer.status === 200) admitted.push(admittedAt(answer) - startedMs);
    else if (!isOverLimit(answer)) failed += 1;
  };
  let nextMs = 0;
  for (let nowMs = 0; nowMs < durationMs; nowMs = performance.now() - startedAt) {
    for (; nextMs <= nowMs; nextMs -= Math.log(1 - random()) / perMs) {
      open.push(one(Math.floor(random() * instances)));
      offered += 1;
    }
    await pause(2);
  }
  await Promise.all(open);
  // A machine that is busy answers late; what it admitted meanwhile it was allowed to.
  const elapsedMs = performance.now() - startedAt;
  const inOrder = admitted.toSorted((a, b) => a - b);
  const roundTripMs = await roundTrip();
  return { ...judge(limit, inOrder, elapsedMs, offered), offered, failed, roundTripMs };
}

function judge(
  { limit, window_s, burst }: Cell["limit"],
  admittedMs: readonly number[],
  elapsedMs: number,
  offered: number,
): Omit<CellTally, "offered" | "failed" | "roundTripMs"> {
  const perMs = limit / (window_s * 1000);
  let overAdmitted = 0;
  let worstWindow = 0;
  let first = 0;
  for (const [index, atMs] of admittedMs.entries()) {
    // The gate's clock counts whole milliseconds, so it may be one ahead.
    overAdmitted = Math.max(overAdmitted, index + 1 - (burst + perMs * (atMs + 1)));
    while ((admittedMs[first] ?? atMs) <= atMs - window_s * 1000) first += 1;
    worstWindow = Math.max(worstWindow, index - first + 1);
  }
  const admitted = admittedMs.length;
  const could = Math.min(offered, burst + perMs * elapsedMs);
  return { admitted, overAdmitted, worstWindow, utilisation: admitted / could };
}
