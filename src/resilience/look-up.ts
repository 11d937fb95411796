/**
 * A look-up: a question that is asked once, such as what an MCP server offers, or for a document to import.
 *
 * It passes the guard's deadline and nothing else: it is nobody's call, so it neither opens a breaker nor waits for one.
 */

import { PLATFORM_CLOCK } from "../platform/clock.ts";
import type { Result } from "../platform/result.ts";
import { type DeadlineFailure, withDeadline } from "./deadline.ts";

/** Asks within `timeoutMs`; see `withDeadline`. */
export function lookUp<T, F>(
  timeoutMs: number,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<Result<T, F>>,
): Promise<Result<T, F | DeadlineFailure>> {
  return withDeadline({ clock: PLATFORM_CLOCK, timeoutMs, mayBeSent: () => true }, signal, ask);
}
