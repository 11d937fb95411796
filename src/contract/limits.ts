/**
 * Limits of a tenant or a key. The same shape serves as the operator's ceiling, the tenant's own policy and a key's
 * limits; a request must pass all of them.
 */

import * as z from "zod/mini";

import { wholeNumber } from "./names.ts";

/** At most `limit` requests a window on average, with bursts of up to `burst` (default: `limit`). */
export const RequestLimit = z.strictObject({
  limit: wholeNumber(1, 1_000_000_000),
  window_s: wholeNumber(1, 86_400),
  burst: z.optional(wholeNumber(1, 1_000_000_000)),
});
/** One rate limit: `limit` requests every `window_s` seconds. */
export type RequestLimit = z.infer<typeof RequestLimit>;

/** Rate limits (at most four windows) and the number of runs at once. Absent means: not limited here. */
export const Limits = z.strictObject({
  requests: z.optional(z.array(RequestLimit).check(z.maxLength(4))),
  concurrent_runs: z.optional(wholeNumber(1, 100_000)),
});
/** Limits of one level: operator's ceiling, tenant or key. */
export type Limits = z.infer<typeof Limits>;
