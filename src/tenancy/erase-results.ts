/**
 * EraseResults: deletes a tenant's cached tool results from KV and from its objects. They are sealed with the tenant's data key, so they are
 * unreadable from the moment that key is erased; this removes the bytes too.
 */

import type { Residency } from "../contract/key.ts";
import { generationsObject, RESULT_SHARDS, resultShard } from "./objects.ts";

/** Every cached result of a tenant lies below this. Only tenants without residency have any. */
export function resultPrefix(tenantId: string): string {
  return `r1:${tenantId}:`;
}

/** One request may use 1,000 KV operations; the rest of an erasure needs none, but other code may. */
const MAX_DELETIONS = 900;

/** KV operations at once; a request has six connections. */
const AT_ONCE = 5;

/** How many entries were deleted, and whether that was all of them. */
export async function eraseResults(
  results: Pick<KVNamespace, "list" | "delete">,
  tenantId: string,
): Promise<{ readonly deleted: number; readonly complete: boolean }> {
  const listed = await results.list({ prefix: resultPrefix(tenantId), limit: MAX_DELETIONS });
  const names = listed.keys.map((key) => key.name);
  for (let start = 0; start < names.length; start += AT_ONCE) {
    const batch = names.slice(start, start + AT_ONCE);
    await Promise.all(batch.map((name) => results.delete(name)));
  }
  return { deleted: names.length, complete: listed.list_complete };
}

/** Erases the objects that keep a resident tenant's results; how many results they held on disk. */
export async function eraseResultShards(
  env: Pick<Env, "RESULT_CACHE" | "ROLE">,
  residency: Residency,
  tenantId: string,
): Promise<number> {
  const shards = Array.from({ length: RESULT_SHARDS }, (_, shard) => shard);
  await generationsObject(env, residency, tenantId).erase();
  const held = await Promise.all(
    shards.map(async (shard) => resultShard(env, residency, tenantId, shard).erase()),
  );
  return held.reduce((sum, results) => sum + results, 0);
}
