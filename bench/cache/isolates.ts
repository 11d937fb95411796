/** Five instances of the built gateway that share their objects and KV, a tool server behind them, and tenants with cached tools. */

import { startGateway, type Gateway } from "../../dev/gateway.ts";
import { bootstrapOperator, createTenantForTests } from "../../dev/provision.ts";
import { startToolServer, type ToolServer } from "../../dev/tool-server.ts";
import { inParallel, pause, until } from "../bench.ts";
import { ask, keepAlive, open } from "../http.ts";
import { seededRandom } from "../statistics.ts";
import { zipfDraw } from "./zipf.ts";

/** Instances of the gateway. */
export const ISOLATES = 5;

/** How long the tool takes, ms: most of a burst is there by then. */
const SLOW_MS = 400;

/** The scene of one benchmark. */
export interface IsolateScene {
  /** Identical calls at once, spread over all instances: how often their tool was asked. */
  readonly burst: (calls: number) => Promise<number>;
  /** The same; the client of the one who asks is reset midway. */
  readonly burstWithoutLeader: (calls: number) => Promise<number>;
  /** Zipf(1.0) over so many results: where each answer came from. */
  readonly live: (results: number, calls: number, seed: number) => Promise<LiveLayers>;
  readonly close: () => Promise<void>;
}

/** Answers by where they came from. */
export type LiveLayers = Readonly<Record<"isolate" | "kv" | "object" | "flight" | "tool", number>>;

const POLICY = {
  limits: { requests: [{ limit: 1_000_000, window_s: 1 }], concurrent_runs: 10_000 },
};

/** Starts everything. `close` stops it again. */
export async function openIsolates(): Promise<IsolateScene> {
  const tools = await startToolServer();
  const gateway = await startGateway({ workers: ISOLATES });
  const operatorKey = await bootstrapOperator(gateway.baseUrl, gateway.secrets.BOOTSTRAP_SECRET);
  const world: Parts = { tools, gateway, agent: keepAlive(128), operatorKey, tenants: 0 };
  return {
    burst: (calls) => burst(world, calls),
    burstWithoutLeader: (calls) => burstWithoutLeader(world, calls),
    live: (results, calls, seed) => live(world, results, calls, seed),
    async close() {
      world.agent.destroy();
      await gateway.dispose();
      await tools.close();
    },
  };
}

interface Parts {
  readonly tools: ToolServer;
  readonly gateway: Gateway;
  readonly agent: ReturnType<typeof keepAlive>;
  readonly operatorKey: string;
  tenants: number;
}

/** A tenant of its own, whose tool is counted under `mark`. */
interface Caller {
  readonly authorization: string;
  readonly mark: string;
}

async function tenantWith(world: Parts, path: string): Promise<Caller> {
  world.tenants += 1;
  const mark = `tenant-${world.tenants}`;
  const cached = {
    description: "A slow read",
    input: { type: "object", properties: { q: { type: "string" } } },
    effect: "read",
    http: { method: "GET", url: `${world.tools.url}${path}`, query: { q: "{q}", k: mark } },
    cache: { ttl_s: 300 },
  };
  const setup = { tools: { cached }, policy: POLICY };
  const { apiKey } = await createTenantForTests(world.gateway.baseUrl, world.operatorKey, setup);
  return { authorization: `Bearer ${apiKey}`, mark };
}

function started({ tools }: Parts, { mark }: Caller): number {
  return tools.stats().keys[mark]?.started ?? 0;
}

function sent({ authorization }: Caller, q: string) {
  const body = { calls: [{ tool: "cached", arguments: { q } }] };
  return { method: "POST", headers: { authorization }, body };
}

async function runCall(world: Parts, caller: Caller, worker: number, q: string): Promise<string> {
  const answer = await ask(urlOf(world.gateway, worker), sent(caller, q), world.agent);
  if (answer.status !== 200 || !answer.text.includes('"status":"completed"'))
    throw new Error(`${answer.status}: ${answer.text.slice(0, 300)}`);
  return answer.text;
}

async function burst(world: Parts, calls: number): Promise<number> {
  const caller = await tenantWith(world, `/sleep/${SLOW_MS}`);
  await inParallel(calls, calls, async (n) => void (await runCall(world, caller, n, "same")));
  return started(world, caller);
}

async function burstWithoutLeader(world: Parts, calls: number): Promise<number> {
  const caller = await tenantWith(world, `/sleep/${SLOW_MS}`);
  const leader = open(urlOf(world.gateway, 0), sent(caller, "same"));
  if (!(await until(() => started(world, caller) === 1, 10_000))) throw new Error("nobody asked");
  const others = inParallel(
    calls - 1,
    calls,
    async (n) => void (await runCall(world, caller, n, "same")),
  );
  await pause(SLOW_MS / 3);
  leader.reset();
  await others;
  return started(world, caller);
}

async function live(
  world: Parts,
  results: number,
  calls: number,
  seed: number,
): Promise<LiveLayers> {
  const caller = await tenantWith(world, "/sleep/5");
  const draw = zipfDraw(results, seededRandom(seed));
  const layers = { isolate: 0, kv: 0, object: 0, flight: 0, tool: 0 };
  await inParallel(calls, 20, async (n) => {
    const text = await runCall(world, caller, n, String(draw()));
    const layer = /"cache_layers":\{"(\w+)":1\}/.exec(text)?.[1] ?? "tool";
    if (isLayer(layer)) layers[layer] += 1;
  });
  return layers;
}

function isLayer(word: string): word is keyof LiveLayers {
  return ["isolate", "kv", "object", "flight", "tool"].includes(word);
}

function urlOf(gateway: Gateway, worker: number): string {
  return `http://127.0.0.1:${gateway.directPorts[worker % ISOLATES]}/v1/runs`;
}
