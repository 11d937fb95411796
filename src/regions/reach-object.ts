/**
 * ReachObject: a call to a Durable Object whose platform faults are an expected failure.
 *
 * An object that is overloaded, moving or being replaced by a release rejects with `overloaded` or `retryable`; the
 * caller answers 503 and nobody here tries again, because the runtime already did. Any other rejection is a bug and
 * goes on.
 */

import type { GatewayError } from "../contract/error.ts";
import { fail, ok, type Result } from "../platform/result.ts";

/** When a client should come back after the platform lost or shed a call. */
const RETRY_AFTER_MS = 1000;

/** The call's answer, or `unavailable` when the platform could not carry it. */
export async function reachObject<T>(call: () => Promise<T>): Promise<Result<T, GatewayError>> {
  try {
    return ok(await call());
  } catch (error) {
    if (!isPlatformFault(error)) throw error;
    return fail({ code: "unavailable", retryAfterMs: RETRY_AFTER_MS });
  }
}

function isPlatformFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    ("overloaded" in error && error.overloaded === true) ||
    ("retryable" in error && error.retryable === true)
  );
}
