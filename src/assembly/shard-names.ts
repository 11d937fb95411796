/**
 * Names of `ToolShard` objects, lent to one run at a time.
 *
 * A shard keeps nothing, so its name means nothing; but an object that was just used answers at once, and a new one has
 * to be started first. So an isolate hands the names its runs have given back to the next runs, the last one first. Two
 * runs never hold one name together: they would share its connections. This is the isolate's only state here; losing it
 * costs cold starts.
 */

import type { Residency } from "../contract/key.ts";
import { newId } from "../platform/id.ts";

/** Names an isolate keeps of each residency: what eight of the widest runs need at once. */
export const MAX_FREE_NAMES = 248;

/** Isolate cache by residency; an object of one jurisdiction is never asked for in another. */
const free = new Map<Residency, string[]>();

/** A name nobody else holds. Give it back when the run has ended and the shard's session is dropped. */
export function takeShardName(residency: Residency): string {
  return free.get(residency)?.pop() ?? newId("shard");
}

/** Lends the name to a later run. */
export function giveShardName(residency: Residency, name: string): void {
  const names = free.get(residency) ?? [];
  if (names.length < MAX_FREE_NAMES) names.push(name);
  free.set(residency, names);
}
