/** The part of the policy that says how a failing upstream is met. docs/resilience.md explains each field's effect. */

import * as z from "zod/mini";

import { wholeNumber } from "./names.ts";

/** Requests that one call may become, hedges not counted. More would triple an outage's load. */
export const MAX_ATTEMPTS = 3;

/** Sending a failed request again. */
const RetryPolicy = z.strictObject({
  /** Requests in all; 1 never repeats one. */
  max_attempts: wholeNumber(1, MAX_ATTEMPTS),
  /** Repeated requests allowed, as a share of those that succeed. One a second is always allowed. */
  budget: z.number().check(z.gte(0), z.lte(1)),
});

/** Not asking an upstream that fails. */
const BreakerPolicy = z.strictObject({
  enabled: z.boolean(),
  /** An answer that takes longer counts as a failure of its upstream. Absent: only failures do. */
  slow_ms: z.optional(wholeNumber(1, 300_000)),
  /** Share of requests that fail when all is well, for upstreams that always fail a lot. Absent: it is measured. */
  baseline: z.optional(z.number().check(z.gte(0), z.lte(0.5))),
});

/** A second request beside one that takes unusually long. */
const HedgePolicy = z.strictObject({
  enabled: z.boolean(),
  /** A request slower than this share of its tool's is hedged. */
  quantile: z.number().check(z.gte(0.5), z.lte(0.999)),
  /** Hedges allowed, as a share of the requests. */
  budget: z.number().check(z.gte(0), z.lte(0.5)),
});

/** How failing upstreams are met. */
export const ResiliencePolicy = z.strictObject({
  retry: RetryPolicy,
  hedge: HedgePolicy,
  breaker: BreakerPolicy,
  /**
   * Requests in flight at once at one target, for each isolate: a number, or `adaptive`, which follows a target that is
   * overloaded, and gives up attempts that take far longer than usual while others may follow.
   */
  concurrency: z.union([z.enum(["adaptive", "off"]), wholeNumber(1, 1_000)]),
});
/** How failing upstreams are met. */
export type ResiliencePolicy = z.infer<typeof ResiliencePolicy>;
