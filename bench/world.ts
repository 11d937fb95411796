/**
 * The surroundings of a benchmark: the built gateway on a direct socket, a tool server and a scripted model server on
 * loopback, and a tenant whose tools sleep for as long as they are told.
 */

import { startGateway, type ExtraWorker, type Gateway } from "../dev/gateway.ts";
import type { TrafficStats } from "../dev/http/traffic.ts";
import { startModelServer, type ModelServer } from "../dev/model-server.ts";
import { startToolServer, type ToolServer } from "../dev/tool-server.ts";
import { ask, keepAlive, type Answer } from "./http.ts";

/** Connections the benchmarks keep open to the gateway. */
const SOCKETS = 256;

/** Largest cap a policy may set; the runs of a benchmark ask for less where they want less. */
const MAX_PARALLEL = 155;

/** One call of a benchmark's run. */
export interface SleepCall {
  readonly tool: string;
  readonly arguments: { readonly ms: number; readonly k: string; readonly n: number };
}

/** One call's line in the answer of `POST /v1/runs`, as far as benchmarks read it. */
export interface CallLine {
  readonly status: string;
}

/** The answer of `POST /v1/runs`, as far as benchmarks read it. */
export interface RunAnswer {
  readonly id: string;
  readonly status: string;
  readonly shards: number;
  readonly results: readonly CallLine[];
}

/** Everything a benchmark talks to. */
export interface World {
  readonly gateway: Gateway;
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Base URL of the tool server. */
  readonly toolsUrl: string;
  /** Base URL of the model server the tenant's upstream points at. */
  readonly modelUrl: string;
  /** The scripted model server, whether the tenant's upstream points at it or not; without `/v1`. */
  readonly scriptedModelUrl: string;
  /** What the tool server saw since the last `resetTraffic`. */
  readonly traffic: () => TrafficStats;
  readonly resetTraffic: () => Promise<void>;
  /** One request with the tenant's key. */
  readonly send: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** How a world is set up. */
export interface WorldOptions {
  /** Base URL of another model server instead of the scripted one. */
  readonly modelUrl?: string;
  readonly extraWorkers?: readonly ExtraWorker[];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The text at a path of keys of a JSON answer; throws with the answer when it is not there. */
export function textAt(answer: Answer, ...path: readonly string[]): string {
  let value: unknown = JSON.parse(answer.text);
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  if (typeof value !== "string")
    throw new Error(`${answer.status} without ${path.join(".")}: ${answer.text.slice(0, 500)}`);
  return value;
}

function isRunAnswer(value: unknown): value is RunAnswer {
  return isObject(value) && Array.isArray(value["results"]) && typeof value["shards"] === "number";
}

/** Reads the answer of a run; throws when it is an error, because no benchmark may measure one. */
export function runAnswerOf(answer: Answer): RunAnswer {
  const value: unknown = JSON.parse(answer.text);
  if (!isRunAnswer(value)) throw new Error(`${answer.status}: ${answer.text.slice(0, 500)}`);
  return value;
}

/** Starts everything. `close` stops it again. */
export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const tools = await startToolServer();
  const model = await startModelServer();
  const gateway = await startGateway({ extraWorkers: options.extraWorkers ?? [] });
  const agent = keepAlive(SOCKETS);
  const close = async (): Promise<void> => {
    agent.destroy();
    await gateway.dispose();
    await Promise.all([tools.close(), model.close()]);
  };
  try {
    const modelUrl = options.modelUrl ?? `${model.url}/v1`;
    const authorization = await provision(gateway, tools, modelUrl);
    return world({ gateway, tools, model, agent, authorization, modelUrl, close });
  } catch (error) {
    await close();
    throw error;
  }
}

interface Parts {
  readonly gateway: Gateway;
  readonly tools: ToolServer;
  readonly model: ModelServer;
  readonly agent: ReturnType<typeof keepAlive>;
  readonly authorization: string;
  readonly modelUrl: string;
  readonly close: () => Promise<void>;
}

function world({ gateway, tools, model, agent, authorization, modelUrl, close }: Parts): World {
  const headers = { authorization };
  return {
    gateway,
    baseUrl: gateway.baseUrl,
    toolsUrl: tools.url,
    headers,
    modelUrl,
    scriptedModelUrl: model.url,
    traffic: () => tools.stats(),
    resetTraffic: async () => {
      await ask(`${tools.url}/_stats`, { method: "DELETE" }, agent);
    },
    send: (method, path, body, more) =>
      ask(`${gateway.baseUrl}${path}`, { method, body, headers: { ...headers, ...more } }, agent),
    close,
  };
}

/** Makes the operator, a tenant without tight limits, its tools and its upstream; returns the tenant's authorization. */
async function provision(gateway: Gateway, tools: ToolServer, modelUrl: string): Promise<string> {
  const agent = keepAlive(1);
  let authorization = "";
  const send = async (method: string, path: string, body: unknown): Promise<Answer> => {
    const headers: Record<string, string> = authorization === "" ? {} : { authorization };
    const answer = await ask(`${gateway.baseUrl}${path}`, { method, body, headers }, agent);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 500)}`);
    return answer;
  };
  const operator = await send("POST", "/v1/bootstrap", {
    secret: gateway.secrets.BOOTSTRAP_SECRET,
  });
  authorization = `Bearer ${textAt(operator, "key")}`;
  const tenant = await send("POST", "/v1/tenants", { name: "bench" });
  authorization = `Bearer ${textAt(tenant, "key", "key")}`;
  await send("PATCH", "/v1/policy", {
    limits: { requests: [{ limit: 1_000_000, window_s: 1 }], concurrent_runs: 10_000 },
    runs: { max_parallel: MAX_PARALLEL, deadline_ms: 120_000, heartbeat_ms: 100 },
  });
  const sleeper = {
    description: "Answers after the given time",
    input: {
      type: "object",
      // Identical reads would be one: `n` tells the calls of a run apart.
      properties: { ms: { type: "number" }, k: { type: "string" }, n: { type: "integer" } },
      required: ["ms", "k", "n"],
    },
    effect: "read",
    http: { method: "GET", url: `${tools.url}/sleep/{ms}`, query: { k: "{k}" } },
    timeout_ms: 60_000,
  };
  await send("PUT", "/v1/tools/sleep", sleeper);
  await send("PUT", "/v1/tools/cached", { ...sleeper, cache: { ttl_s: 3_600 } });
  await send("PUT", "/v1/tools/capped", { ...sleeper, max_parallel: 3 });
  await send("PUT", "/v1/upstreams/model", {
    kind: "openai",
    models: "*",
    targets: [{ id: "only", base_url: modelUrl }],
  });
  agent.destroy();
  return authorization;
}
