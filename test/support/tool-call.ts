/** One tool and one call of it, with real requests to the fault origin. */

import { inject } from "vitest";

import type { PlannedCall } from "../../src/contract/planned-call.ts";
import { OPEN_SESSION } from "../../src/resilience/open-session.ts";
import type { ResultKey } from "../../src/tools/cache/cache-key.ts";
import { Doorkeeper } from "../../src/algorithms/doorkeeper.ts";
import { ElectionRule } from "../../src/tools/cache/election-rule.ts";
import { type GenerationSource, GenerationViews } from "../../src/tools/cache/generations.ts";
import { IsolateCache } from "../../src/tools/cache/isolate-cache.ts";
import type {
  IsolateMemory,
  ResultCache,
  ResultStore,
  Sealer,
} from "../../src/tools/cache/result-cache.ts";
import { createResultCache } from "../../src/tools/cache/tenant-results.ts";
import type { Flights } from "../../src/tools/cache/single-flight.ts";
import { executeCall } from "../../src/tools/execute-call.ts";
import type { ToolPorts } from "../../src/tools/tool-ports.ts";
import { callMcpTool } from "../../src/upstream/mcp/call-tool.ts";
import { sendRequest } from "../../src/upstream/send.ts";
import { storedTool } from "./tools.ts";

/** Base URL of the fault origin. */
export const origin = inject("servers")["fault"] ?? "";

/** Generous wall time of one call. */
export const TIMEOUT_MS = 5000;

/** A seal that binds the name like the real one does. */
export const PLAIN_SEALER: Sealer = {
  seal: (name, text) => Promise.resolve(`${name}|${encodeURIComponent(text)}`),
  open: (name, sealed) =>
    Promise.resolve(
      sealed.startsWith(`${name}|`) ? decodeURIComponent(sealed.slice(name.length + 1)) : null,
    ),
};

/** What an isolate remembers, fresh. */
export function freshMemory(maxBytes = 1_000_000): IsolateMemory {
  return {
    results: new IsolateCache(maxBytes),
    seen: new Doorkeeper(1024),
    elections: new ElectionRule(),
    generations: new GenerationViews(),
  };
}

/** Objects in which nobody ever meets anybody. */
export const NO_FLIGHTS: Flights = {
  ask: () => Promise.resolve({ kind: "alone" }),
  wait: () => Promise.resolve({ kind: "alone" }),
  leave: () => Promise.resolve(),
  post: () => Promise.resolve(0),
};

/** Nothing was ever invalidated. */
export const NO_GENERATIONS: GenerationSource = {
  read: () => Promise.resolve({ count: 0, scopes: {} }),
  advance: () => Promise.resolve({ count: 0, scopes: {} }),
};

/** A cache over a store in memory. `kept` is what lies in the store; `settled` waits for all that was deferred. */
export function memoryCache(
  now: () => number = () => Date.now(),
  random: () => number = () => 0,
): {
  readonly kept: Map<ResultKey, string>;
  readonly results: ResultCache;
  readonly settled: () => Promise<unknown>;
} {
  const kept = new Map<ResultKey, string>();
  const work: Promise<unknown>[] = [];
  const store: ResultStore = {
    layer: "kv",
    read: (key) => Promise.resolve(kept.get(key) ?? null),
    write: (key, sealed) => Promise.resolve(void kept.set(key, sealed)),
  };
  const results = createResultCache({
    tenantId: "tenant",
    // Kept at the first miss already, so that tests see what is kept at all.
    memory: { ...freshMemory(), seen: { admit: () => true } },
    flights: NO_FLIGHTS,
    generations: NO_GENERATIONS,
    isolateMs: 600_000,
    store,
    sealer: PLAIN_SEALER,
    now,
    random,
    defer: (one) => work.push(one),
  });
  return { kept, results, settled: () => Promise.all(work) };
}

/** Ports with one tool named "tool" that reads the fault origin. */
export function portsFor(
  http: object,
  definition: object = {},
  overrides: Partial<ToolPorts> = {},
): ToolPorts {
  const tool = storedTool("tool", {
    effect: "read",
    http: { method: "GET", url: origin, ...http },
    ...definition,
  });
  return {
    tools: new Map([["tool", tool]]),
    send: sendRequest,
    openSecret: () => Promise.resolve(null),
    credentials: new Map(),
    cache: null,
    mcp: {
      tenantId: "tenant",
      servers: new Map(),
      call: callMcpTool,
      defer: () => undefined,
      onListChanged: () => undefined,
    },
    upstreams: OPEN_SESSION,
    allowLoopback: true,
    locale: "en",
    traceparent: null,
    now: () => Date.now(),
    ...overrides,
  };
}

/** A call of that tool. */
export function planned(overrides: Partial<PlannedCall> = {}): PlannedCall {
  return {
    id: "c",
    tool: "tool",
    arguments: {},
    effect: "read",
    timeoutMs: TIMEOUT_MS,
    maxParallel: null,
    ...overrides,
  };
}

/** Runs the call. */
export function run(
  ports: ToolPorts,
  call = planned(),
  timeoutMs = TIMEOUT_MS,
  signal = new AbortController().signal,
) {
  return executeCall(ports, call, timeoutMs, signal);
}

/** An http template for a path of the fault origin. */
export function at(path: string): object {
  return { url: origin + path };
}
