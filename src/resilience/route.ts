/**
 * Route: to which target a request goes, and whether its breaker lets it.
 *
 * Targets that were tried already come last. While more than half of several targets are held back by their breakers,
 * the breakers are not obeyed (panic): they may well be wrong together, and nothing would be asked at all. What was forced
 * open by hand stays so.
 */

import type { Held, UpstreamSession } from "../contract/upstream-session.ts";
import { type Result, fail, ok } from "../platform/result.ts";

/** Where a request may go. */
export interface GuardTarget {
  /** Name of its breaker; see `UpstreamSession`. */
  readonly id: string;
}

/** No target may be asked. */
export interface RouteFailure extends Held {
  readonly kind: "held";
  readonly target: string;
  readonly sent: false;
}

/** Of so many targets at least one is always asked. */
const PANIC_SHARE = 0.5;

/** The target to ask, or why none may be. `tried` are the ids of those asked before by the same call. */
export function route<Target extends GuardTarget>(
  targets: readonly Target[],
  tried: ReadonlySet<string>,
  session: UpstreamSession,
): Result<Target, RouteFailure> {
  const looked = targets.map((target) => ({ target, held: session.held(target.id) }));
  const held = looked.filter((one) => one.held !== null);
  const isPanic = targets.length > 1 && held.length > targets.length * PANIC_SHARE;
  const open = looked.filter((one) => one.held === null || (isPanic && !one.held.isForced));
  const chosen = open.find(({ target }) => !tried.has(target.id)) ?? open[0];
  if (chosen !== undefined) return ok(chosen.target);
  return fail(soonest(held));
}

/** Of targets that are held back, the one that may be asked first. */
function soonest(
  looked: readonly { readonly target: GuardTarget; readonly held: Held | null }[],
): RouteFailure {
  let best: RouteFailure | null = null;
  for (const { target, held } of looked) {
    if (held === null) continue;
    if (best === null || held.retryAfterMs < best.retryAfterMs)
      best = { ...held, kind: "held", target: target.id, sent: false };
  }
  if (best === null) throw new Error("A guarded call needs a target.");
  return best;
}
