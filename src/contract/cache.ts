/** Caching: how the results of a tool are kept, and where an answer came from. */

import * as z from "zod/mini";

import { GroupName, ToolName, wholeNumber } from "./names.ts";

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
  /** Names under which results are invalidated: by hand, and by calls of tools that write and have the same tag. */
  tags: z.optional(z.array(GroupName).check(z.maxLength(16))),
});
/** How results of a tool are kept. */
export type ToolCache = z.infer<typeof ToolCache>;

/** The body of `POST /v1/cache/invalidate`: whose results are not to be found any more. Exactly one of them. */
export const CacheInvalidate = z
  .strictObject({
    tool: z.optional(ToolName),
    tag: z.optional(GroupName),
    all: z.optional(z.literal(true)),
  })
  .check(
    z.refine(
      (body) => Object.values(body).filter((one) => one !== undefined).length === 1,
      "Exactly one of tool, tag and all is needed.",
    ),
  );
/** Whose results are not to be found any more. */
export type CacheInvalidate = z.infer<typeof CacheInvalidate>;

/**
 * What the cache did for a call. `stale`: its time was over and it is asked for anew. `revalidated`: the tool was asked and
 * said that what was kept still holds.
 */
export type CacheUse = "hit" | "stale" | "revalidated" | "miss" | "bypass";

/** Where an answer was found: in this isolate in KV, in an object of the tenant, or with somebody who was asking already. */
export type CacheLayer = "isolate" | "kv" | "object" | "flight";

/** Why a kept value could not be used: it does not open, cannot be read, or an older release wrote it in another shape. */
export type CacheFault = "foreign" | "corrupt" | "other_shape";

/** True when the tool was not asked. */
export function isFromCache(cache: CacheUse): boolean {
  return cache === "hit" || cache === "stale";
}
