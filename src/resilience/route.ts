/**
 * Route: to which target a request goes, and whether its breaker lets it.
 *
 * Of several targets the balancer chooses one that was not tried yet; when all were, the round begins anew. While more than half of several targets are held back by their breakers,
 * the breakers are not obeyed (panic): they may well be wrong together, and nothing would be asked at all. What was forced
 * open by hand stays so.
 */

import type { BalanceTarget, ChoiceRecord, Strategy } from "../contract/balance.ts";
import type { Held, UpstreamSession } from "../contract/upstream-session.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import { type Balancer, recordOf } from "./balancer.ts";

/** How one of several targets is chosen. */
export interface Balance {
  readonly balancer: Balancer;
  readonly strategy: Strategy;
  /** What calls that should meet at one target have in common. */
  readonly key: string;
  /** Told each choice. Absent: nobody wants to know. */
  readonly onChoice?: (choice: ChoiceRecord) => void;
}

/** What a route is chosen by. */
export interface RouteWorld {
  readonly session: UpstreamSession;
  readonly nowMs: number;
  readonly random: () => number;
}

/** No target may be asked. */
export interface RouteFailure extends Held {
  readonly kind: "held";
  readonly target: string;
  readonly sent: false;
}

/** Of so many targets at least one is always asked. */
const PANIC_SHARE = 0.5;

/** Where a request goes. */
export interface Route<Target> {
  /** The target to ask, or why none may be. */
  readonly chosen: Result<Target, RouteFailure>;
  /** A target that is held and may have a probe: whoever gets one tries it first. Null: there is none. */
  readonly probeable: Target | null;
}

/** The route of a request. `tried` are the ids of targets asked before by the same call. */
export function route<Target extends BalanceTarget>(
  targets: readonly Target[],
  tried: ReadonlySet<string>,
  balance: Balance,
  { session, nowMs, random }: RouteWorld,
): Route<Target> {
  const [only] = targets;
  if (only !== undefined && targets.length === 1 && tried.size === 0) {
    // Nothing to choose: the way of most requests.
    if (session.held(only.id) === null) return { chosen: ok(only), probeable: null };
  }
  const looked = targets.map((target) => ({ target, held: session.held(target.id) }));
  const held = looked.filter((one) => one.held !== null);
  const isPanic = targets.length > 1 && held.length > targets.length * PANIC_SHARE;
  const closed = new Set(
    held.flatMap((one) => (isPanic && one.held?.isForced !== true ? [] : [one.target.id])),
  );
  const probed = held.find((one) => one.held?.mayProbe === true && !tried.has(one.target.id));
  const probeable = probed?.target ?? null;
  const { balancer, strategy, key, onChoice } = balance;
  const loads = targets.length > 1 ? session.loads?.() : undefined;
  const inputs = { strategy, nowMs, random, isOpen: (id: string) => closed.has(id), key, loads };
  for (const asked of tried.size === 0 ? [[]] : [[...tried], []]) {
    const choice = balancer.choose(targets, { ...inputs, tried: asked });
    if (choice === null || closed.has(choice.target.id)) continue;
    if (targets.length > 1) onChoice?.(recordOf(strategy, choice));
    return { chosen: ok(choice.target), probeable };
  }
  return { chosen: fail(soonest(held)), probeable };
}

/** Of targets that are held back, the one that may be asked first. */
function soonest(
  looked: readonly { readonly target: BalanceTarget; readonly held: Held | null }[],
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
