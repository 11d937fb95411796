/** Caching: how the results of a tool are kept, and where an answer came from. */

import * as z from "zod/mini";

import { wholeNumber } from "./names.ts";

/** Thirty days. */
const MAX_KEPT_S = 2_592_000;

/** How results of a tool are kept. Only for `pure` and `read`. */
export const ToolCache = z.strictObject({
  /** How long a result answers, to the second; less when its server says so. */
  ttl_s: wholeNumber(1, MAX_KEPT_S),
  /** How long after that it still answers while it is asked for anew, and `degraded` while that fails. Absent: 0. */
  stale_s: z.optional(wholeNumber(0, MAX_KEPT_S)),
  /** How long a refusal of the arguments (400, 404, 410, 414, 422) answers. Absent: not at all. */
  negative_ttl_s: z.optional(wholeNumber(1, 86_400)),
  /** What besides arguments and credentials a result depends on. Absent: the caller's language. */
  vary: z.optional(z.array(z.enum(["locale"])).check(z.maxLength(1))),
});
/** How results of a tool are kept. */
export type ToolCache = z.infer<typeof ToolCache>;

/**
 * What the cache did for a call. `stale`: its time was over and it is asked for anew. `revalidated`: the tool was asked and
 * said that what was kept still holds.
 */
export type CacheUse = "hit" | "stale" | "revalidated" | "miss" | "bypass";

/** Where an answer was found: in this isolate in KV, in an object of the tenant, or with somebody who was asking already. */
export type CacheLayer = "isolate" | "kv" | "object" | "flight";

/** True when the tool was not asked. */
export function isFromCache(cache: CacheUse): boolean {
  return cache === "hit" || cache === "stale";
}
