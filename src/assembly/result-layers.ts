/**
 * The layers that keep a tenant's tool results: this isolate's memory, then KV, or for a resident tenant objects in its
 * jurisdiction. Nothing of a resident tenant is ever written to KV.
 */

import { Doorkeeper } from "../algorithms/doorkeeper.ts";
import type { Residency } from "../contract/key.ts";
import { generationsObject, resultObject } from "../tenancy/objects.ts";
import { ElectionRule } from "../tools/cache/election-rule.ts";
import { type GenerationSource, GenerationViews } from "../tools/cache/generations.ts";
import { IsolateCache, MAX_ISOLATE_BYTES } from "../tools/cache/isolate-cache.ts";
import { kvStore } from "../tools/cache/kv-store.ts";
import type { IsolateMemory, ResultCache } from "../tools/cache/result-cache.ts";
import { createResultCache } from "../tools/cache/tenant-results.ts";
import type { Flights } from "../tools/cache/single-flight.ts";
import { tenantBox } from "./tenant-box.ts";
import type { ToolContext } from "./tool-ports.ts";

/** How long a result stays in an isolate's memory at most, ms. */
const ISOLATE_MS = 600_000;

/** The same for a resident tenant, whose isolate may run outside its jurisdiction: as long as it holds the data key. */
const RESIDENT_ISOLATE_MS = 60_000;

/** Results the doorkeeper remembers before it starts anew: 32 KiB. */
const SEEN_RESULTS = 16_384;

/** What this isolate remembers of the results of all its tenants. */
const memory: IsolateMemory = {
  results: new IsolateCache(MAX_ISOLATE_BYTES),
  seen: new Doorkeeper(SEEN_RESULTS),
  elections: new ElectionRule(),
  generations: new GenerationViews(),
};

/** The results of this tenant. `defer` takes work that may outlive the answer. */
export function resultsOf(
  env: Pick<Env, "RESULTS" | "RESULT_CACHE" | "MASTER_KEYS" | "ROLE">,
  context: ToolContext,
  defer: (work: Promise<unknown>) => void,
): ResultCache {
  const { tenantId, residency } = context;
  const isResident = residency !== "none";
  return createResultCache({
    tenantId,
    memory,
    isolateMs: isResident ? RESIDENT_ISOLATE_MS : ISOLATE_MS,
    store: isResident ? null : kvStore(env.RESULTS),
    flights: flightsOf(env, residency, tenantId),
    generations: generationsOf(env, residency, tenantId),
    sealer: {
      seal: async (name, text) => (await tenantBox(env, context)).seal(name, text),
      open: async (name, sealed) => (await tenantBox(env, context)).open(name, sealed),
    },
    now: () => Date.now(),
    random: () => Math.random(),
    defer,
  });
}

/** Invalidates results of a tenant: at once in this isolate, within `VIEW_MS` in all. Rejects when it could not be counted. */
export async function invalidateResults(
  env: Pick<Env, "RESULT_CACHE" | "ROLE">,
  { tenantId, residency }: Pick<ToolContext, "tenantId" | "residency">,
  scopes: readonly string[],
): Promise<void> {
  const source = generationsOf(env, residency, tenantId);
  await memory.generations.advance(tenantId, source, scopes, () => Date.now());
}

/** Makes this isolate look again for what was invalidated before it uses another result of this tenant. */
export function lookAgain(tenantId: string): void {
  memory.generations.forget(tenantId);
}

/** Forgets all that this isolate holds of a tenant's results. */
export function forgetResults(tenantId: string): void {
  memory.results.forget(tenantId);
  memory.generations.forget(tenantId);
}

function generationsOf(
  env: Pick<Env, "RESULT_CACHE" | "ROLE">,
  residency: Residency,
  tenantId: string,
): GenerationSource {
  const object = () => generationsObject(env, residency, tenantId);
  return {
    read: async () => object().generations(),
    advance: async (scopes) => object().invalidate(scopes),
  };
}

function flightsOf(
  env: Pick<Env, "RESULT_CACHE" | "ROLE">,
  residency: Residency,
  tenantId: string,
): Flights {
  const shard = (key: string) => resultObject(env, residency, tenantId, key);
  const isDurable = residency !== "none";
  return {
    ask: async (key, asked) => shard(key).ask(key, asked),
    wait: async (key, ticket) => shard(key).wait(key, ticket),
    leave: async (key, ticket, everyone) => shard(key).leave(key, ticket, everyone),
    post: async (key, sealed, times) => shard(key).post(key, sealed, times, isDurable),
  };
}
