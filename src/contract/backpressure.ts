/** Backpressure: what becomes of a request for which its tenant's limits have no room now. */

import * as z from "zod/mini";

import { wholeNumber } from "./names.ts";

/**
 * `fail_fast` refuses it. `queue` lets it wait its turn, so many at once in an isolate and each for so long at most. `adaptive` does the
 * same, also for requests to each upstream, at a rate that follows what the upstream takes. `drop` keeps room
 * for what matters more: requests of low priority are refused while less than half of a limit is left, those of normal
 * priority while less than a tenth is.
 */
export const Backpressure = z.strictObject({
  strategy: z.enum(["fail_fast", "queue", "adaptive", "drop"]),
  max_queue: wholeNumber(1, 10_000),
  max_wait_ms: wholeNumber(1, 60_000),
});
/** What becomes of a request for which there is no room. */
export type Backpressure = z.infer<typeof Backpressure>;

/** How much a request matters, as its `x-gw-priority` says; `normal` when it says nothing. */
export const Priority = z.enum(["high", "normal", "low"]);
/** How much a request matters. */
export type Priority = z.infer<typeof Priority>;
