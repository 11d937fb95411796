/**
 * The layers that keep a tenant's tool results: this isolate's memory, then KV.
 */

import { IsolateCache, MAX_ISOLATE_BYTES } from "../tools/cache/isolate-cache.ts";
import { kvStore } from "../tools/cache/kv-store.ts";
import { createResultCache, type ResultCache } from "../tools/cache/result-cache.ts";
import { tenantBox } from "./tenant-box.ts";
import type { ToolContext } from "./tool-ports.ts";

/** How long a result stays in an isolate's memory at most, ms. */
const ISOLATE_MS = 600_000;

/** What this isolate holds of the results of all its tenants. */
const isolate = new IsolateCache(MAX_ISOLATE_BYTES);

/** The results of this tenant. `defer` takes work that may outlive the answer. */
export function resultsOf(
  env: Pick<Env, "RESULTS" | "MASTER_KEYS">,
  context: ToolContext,
  defer: (work: Promise<unknown>) => void,
): ResultCache {
  return createResultCache({
    tenantId: context.tenantId,
    isolate,
    isolateMs: ISOLATE_MS,
    store: kvStore(env.RESULTS),
    sealer: {
      seal: async (name, text) => (await tenantBox(env, context)).seal(name, text),
      open: async (name, sealed) => (await tenantBox(env, context)).open(name, sealed),
    },
    now: () => Date.now(),
    random: () => Math.random(),
    defer,
  });
}
