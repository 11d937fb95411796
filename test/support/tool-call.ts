/** One tool and one call of it, with real requests to the fault origin. */

import { inject } from "vitest";

import type { PlannedCall } from "../../src/contract/planned-call.ts";
import type { ResultKey } from "../../src/tools/cache-key.ts";
import { executeCall } from "../../src/tools/execute-call.ts";
import type { ToolPorts } from "../../src/tools/tool-ports.ts";
import type { ResultCache } from "../../src/tools/result-cache.ts";
import { callMcpTool } from "../../src/upstream/mcp/call-tool.ts";
import { sendRequest } from "../../src/upstream/send.ts";
import { storedTool } from "./tools.ts";

/** Base URL of the fault origin. */
export const origin = inject("servers")["fault"] ?? "";

/** Generous wall time of one call. */
export const TIMEOUT_MS = 5000;

/** A cache in memory; expiry is the real one's business. */
export function memoryCache() {
  const kept = new Map<ResultKey, string>();
  const results: ResultCache = {
    get: (key) => Promise.resolve(kept.get(key) ?? null),
    put: (key, outputJson) => void kept.set(key, outputJson),
  };
  return { kept, results };
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
