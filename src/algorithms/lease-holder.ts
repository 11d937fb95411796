/**
 * LeaseHolder: everything one isolate holds of one tenant's limits. It answers at once whether a request may pass, and says what to
 * ask the tenant's gate for; who sends the question is not its business.
 *
 * All limits of a request are checked before any is spent, so a refused request consumes nothing. Where one is not held,
 * nothing is spent and the gate decides about all of them.
 */

import { PermitBundle, type BundledPermit } from "./permit-bundle.ts";
import { RateHolding, type LentTokens } from "./rate-holding.ts";

/** Limits one isolate keeps an eye on for one tenant; the one used longest ago is forgotten first. */
export const MAX_HELD_LIMITS = 512;

/** Tokens of a limit that was not used for this long are given back. */
const GIVE_UP_MS = 250;

/** A limit that was not used for this long is not asked for. */
const IDLE_MS = 1000;

/** A rate limit and what a request spends of it. */
export interface RateDraw<Limit> {
  readonly id: string;
  readonly limit: Limit;
  readonly cost: number;
}

/** A concurrency limit a request holds a permit of. */
export interface PermitDraw {
  readonly id: string;
  readonly max: number;
}

/** What was decided here: passed, refused by a limit, or a question for the gate. */
export type Drawn =
  | { readonly kind: "passed"; readonly giveBack: () => void }
  | { readonly kind: "refused"; readonly limit: string; readonly waitMs: number }
  | { readonly kind: "unknown" };

interface Held<Limit> {
  readonly limit: Limit;
  /** The limit as text: another one of the same id starts from nothing known. */
  readonly terms: string;
  readonly holding: RateHolding;
  usedAtMs: number;
}

interface Bundled {
  readonly max: number;
  readonly bundle: PermitBundle;
  usedAtMs: number;
}

/** A question for the gate. */
export interface LeaseQuestion<Limit> {
  readonly ttlMs: number;
  readonly rates: readonly {
    readonly id: string;
    readonly limit: Limit;
    readonly left: number;
    readonly wants: number;
    readonly cost: number;
    readonly owed: number;
  }[];
  readonly permits: readonly {
    readonly id: string;
    readonly max: number;
    readonly keep: number;
    readonly wants: number;
  }[];
}

/** What an isolate holds of one tenant's limits. */
export class LeaseHolder<Limit> {
  readonly #rates = new Map<string, Held<Limit>>();
  readonly #permits = new Map<string, Bundled>();
  readonly #termsOf: (limit: Limit) => string;
  #isDue = false;
  #asked: LeaseQuestion<Limit> | null = null;

  /** `termsOf` tells limits apart whose id is the same. */
  constructor(termsOf: (limit: Limit) => string) {
    this.#termsOf = termsOf;
  }

  /** True once a lease should be asked for. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /**
   * Spends all of it, or nothing. A run holds its permits for `permitTtlMs` at most, or until `giveBack`. One that
   * asks again is not counted again as demand.
   */
  draw(
    rates: readonly RateDraw<Limit>[],
    permits: readonly PermitDraw[],
    life: { readonly permitTtlMs: number; readonly ttlMs: number; readonly isRepeat?: true },
    nowMs: number,
  ): Drawn {
    const held = rates.map((rate) => ({ ...rate, at: this.#rate(rate.id, rate.limit, nowMs) }));
    const bundles = permits.map((permit) => this.#bundle(permit, nowMs));
    if (life.isRepeat !== true) {
      for (const { at, cost } of held) at.holding.note(cost, nowMs);
      for (const { bundle } of bundles) bundle.note(nowMs);
    }
    let isKnown = bundles.every(({ bundle }) => bundle.hasRoom(nowMs));
    let refused: { limit: string; waitMs: number } | null = null;
    for (const { id, cost, at } of held) {
      const standing = at.holding.standing(cost, nowMs);
      if (standing === "unknown") isKnown = false;
      else if (standing !== "held" && standing.waitMs > (refused?.waitMs ?? 0)) {
        refused = { limit: id, waitMs: standing.waitMs };
      }
    }
    if (refused === null && isKnown) for (const { at, cost } of held) at.holding.take(cost);
    this.#isDue ||=
      held.some(({ at }) => at.holding.isDue(life.ttlMs, nowMs)) ||
      bundles.some(({ bundle }) => bundle.isDue(life.ttlMs, nowMs));
    if (refused !== null) return { kind: "refused", ...refused };
    if (!isKnown) return { kind: "unknown" };
    return { kind: "passed", giveBack: start(bundles, nowMs + life.permitTtlMs) };
  }

  /** Passes the request on what the last leases would have given, while the gate cannot be reached; null when they give no more. */
  drawShare(
    rates: readonly RateDraw<Limit>[],
    permits: readonly PermitDraw[],
    permitTtlMs: number,
    nowMs: number,
  ): (() => void) | null {
    const held = rates.map((rate) => ({ ...rate, at: this.#rate(rate.id, rate.limit, nowMs) }));
    const bundles = permits.map((permit) => this.#bundle(permit, nowMs));
    if (!bundles.every(({ bundle }) => bundle.hasShare(permitTtlMs, nowMs))) return null;
    if (!held.every(({ at, cost }) => at.holding.hasShare(cost, nowMs))) return null;
    for (const { at, cost } of held) at.holding.owe(cost);
    return start(bundles, nowMs + permitTtlMs);
  }

  /** Takes `cost` whatever is there, or gives it back when it is negative; the gate is told later. */
  owe(draw: RateDraw<Limit>, nowMs: number): void {
    const { holding } = this.#rate(draw.id, draw.limit, nowMs);
    holding.owe(draw.cost);
    this.#isDue ||= holding.owesSince(nowMs);
  }

  /** Notes a refusal of the gate; answers how long it holds, at least `leastMs`. */
  refused(draw: RateDraw<Limit>, waitMs: number, leastMs: number, nowMs: number): number {
    const { holding } = this.#rate(draw.id, draw.limit, nowMs);
    return holding.refused(draw.cost, waitMs, leastMs, nowMs);
  }

  /** Notes how the gate said a limit stands. */
  view(id: string, stands: { remaining: number; resetMs: number }, nowMs: number): void {
    this.#rates.get(id)?.holding.view(stands.remaining, stands.resetMs, nowMs);
  }

  /** How a limit stands as far as is known here. */
  known(id: string, nowMs: number): ReturnType<RateHolding["known"]> {
    const unknown = { isKnown: false, remaining: 0, resetMs: 0, sinceMs: 0 };
    return this.#rates.get(id)?.holding.known(nowMs) ?? unknown;
  }

  /** Gives back the tokens of limits that nothing was asked of for a moment: an idle isolate keeps nobody waiting. */
  giveUpIdle(nowMs: number): void {
    for (const { holding, usedAtMs } of this.#rates.values()) {
      if (nowMs - usedAtMs >= GIVE_UP_MS && holding.holds(nowMs)) holding.giveUp(nowMs);
    }
    for (const { holding } of this.#rates.values()) this.#isDue ||= holding.owesSince(nowMs);
  }

  /** True when permits are held that nobody uses. */
  holdsPermits(nowMs: number): boolean {
    for (const { bundle } of this.#permits.values()) if (bundle.hasSpare(nowMs)) return true;
    return false;
  }

  /** True when tokens are held of any limit. */
  holdsTokens(nowMs: number): boolean {
    for (const { holding } of this.#rates.values()) if (holding.holds(nowMs)) return true;
    return false;
  }

  /** True when permits are held though nothing was asked of late. */
  hasIdlePermits(nowMs: number): boolean {
    for (const { bundle, usedAtMs } of this.#permits.values()) {
      if (nowMs - usedAtMs >= IDLE_MS && bundle.hasSpare(nowMs)) return true;
    }
    return false;
  }

  /** The question to send now. A later one makes the answer to this one void. */
  ask(ttlMs: number, nowMs: number): LeaseQuestion<Limit> {
    this.#isDue = false;
    const isFresh = ({ usedAtMs }: { usedAtMs: number }) => nowMs - usedAtMs < IDLE_MS;
    const rates = [...this.#rates].flatMap(([id, { limit, holding, usedAtMs }]) => {
      const wish = { id, limit, ...holding.wish(ttlMs, nowMs) };
      if (isFresh({ usedAtMs }) && holding.isDue(ttlMs, nowMs)) return [wish];
      return wish.owed === 0 ? [] : [{ ...wish, wants: 0 }];
    });
    const permits = [...this.#permits].flatMap(([id, { max, bundle, ...used }]) => {
      if (isFresh(used) || bundle.hasSpare(nowMs)) {
        return [{ id, max, ...bundle.wish(!isFresh(used), nowMs) }];
      }
      if (bundle.isEmpty(nowMs)) this.#permits.delete(id);
      return [];
    });
    this.#asked = { ttlMs, rates, permits };
    return this.#asked;
  }

  /** Takes over the answer to `question`, which was sent at `sentAtMs`; nothing when another was sent since. */
  accept(
    question: LeaseQuestion<Limit>,
    lent: {
      readonly rates: readonly (LentTokens & { readonly id: string })[];
      readonly permits: readonly { id: string; lent: number; isExact: boolean }[];
    },
    sentAtMs: number,
    nowMs: number,
  ): void {
    if (question !== this.#asked) return;
    const { ttlMs } = question;
    for (const one of lent.rates) {
      const owed = question.rates.find(({ id }) => id === one.id)?.owed ?? 0;
      this.#rates.get(one.id)?.holding.accept(one, owed, sentAtMs, nowMs);
    }
    for (const { id, lent: permits, isExact } of lent.permits) {
      this.#permits.get(id)?.bundle.accept(permits, isExact, sentAtMs, ttlMs, nowMs);
    }
  }

  #rate(id: string, limit: Limit, nowMs: number): Held<Limit> {
    const known = this.#rates.get(id);
    const isSame =
      known !== undefined && (known.limit === limit || known.terms === this.#termsOf(limit));
    const held: Held<Limit> = isSame
      ? known
      : { limit, terms: this.#termsOf(limit), holding: new RateHolding(), usedAtMs: nowMs };
    held.usedAtMs = nowMs;
    this.#rates.delete(id);
    this.#rates.set(id, held);
    if (this.#rates.size > MAX_HELD_LIMITS) {
      const oldest = this.#rates.keys().next();
      if (oldest.done !== true) this.#rates.delete(oldest.value);
    }
    return held;
  }

  #bundle({ id, max }: PermitDraw, nowMs: number): Bundled {
    const known = this.#permits.get(id);
    const bundled = { max, bundle: known?.bundle ?? new PermitBundle(), usedAtMs: nowMs };
    // A bundle may be in use, so none is pushed out: beyond the bound a limit is simply asked for each time.
    if (known !== undefined || this.#permits.size < MAX_HELD_LIMITS) this.#permits.set(id, bundled);
    return bundled;
  }
}

function start(bundles: readonly Bundled[], endsMs: number): () => void {
  const taken: readonly (readonly [PermitBundle, BundledPermit])[] = bundles.map(({ bundle }) => [
    bundle,
    bundle.take(endsMs),
  ]);
  return () => {
    for (const [bundle, permit] of taken) bundle.giveBack(permit);
  };
}
