/** Invalidates kept results of a tenant by hand. */

import type { CacheInvalidate } from "../contract/cache.ts";
import type { GatewayError } from "../contract/error.ts";
import type { KeyRecord } from "../contract/key.ts";
import { fail, type Result } from "../platform/result.ts";
import { reachObject } from "../regions/reach-object.ts";
import { ALL, tagScope, toolScope, VIEW_MS } from "../tools/cache/generations.ts";
import { invalidateResults } from "./result-layers.ts";

/** What was invalidated, and when no isolate shows it any more. */
export interface Invalidated extends CacheInvalidate {
  readonly object: "cache_invalidation";
  /** Where it was asked for it holds at once. */
  readonly everywhere_within_ms: number;
}

/** Makes results disappear; a name that nothing is kept under is no mistake. */
export async function invalidateCache(
  env: Pick<Env, "RESULT_CACHE" | "ROLE">,
  { tenantId, residency }: KeyRecord,
  body: CacheInvalidate,
): Promise<Result<Invalidated, GatewayError>> {
  if (tenantId === null) return fail({ code: "not_found" });
  const scope = scopeOf(body);
  const reached = await reachObject(() => invalidateResults(env, { tenantId, residency }, [scope]));
  if (!reached.ok) return reached;
  const value = { object: "cache_invalidation", ...body, everywhere_within_ms: VIEW_MS } as const;
  return { ok: true, value };
}

function scopeOf({ tool, tag }: CacheInvalidate): string {
  if (tool !== undefined) return toolScope(tool);
  return tag === undefined ? ALL : tagScope(tag);
}
