/**
 * Erases the durable runs of a tenant that is deleted. What is not reached here cannot be read any more, because the data
 * key went with the tenant, and goes by its own alarm.
 */

import type { Residency } from "../contract/key.ts";
import { runObject } from "./objects.ts";

/** Runs erased in one deletion. */
export const MAX_ERASED_RUNS = 500;

/** Objects asked at once. */
const AT_ONCE = 20;

/** Asks each run's object to forget it; counts those that had something. */
export async function eraseRuns(
  env: Pick<Env, "RUN_JOURNAL" | "ROLE">,
  residency: Residency,
  tenantId: string,
  runIds: readonly string[],
): Promise<number> {
  let erased = 0;
  for (let start = 0; start < runIds.length; start += AT_ONCE) {
    const some = runIds.slice(start, start + AT_ONCE);
    const answers = await Promise.allSettled(
      some.map(async (runId) => runObject(env, residency, tenantId, runId).erase()),
    );
    erased += answers.filter((answer) => answer.status === "fulfilled" && answer.value).length;
  }
  return erased;
}
