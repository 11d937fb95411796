/**
 * The isolate's calls in flight, shared fairly between its tenants.
 *
 * An isolate serves many tenants at once, and a call in flight costs it memory. While there is room a place is two
 * additions; when there is none, runs wait, and each place that becomes free goes to the tenant whose turn it is (deficit
 * round robin by expected time), so a tenant with a thousand waiting calls gets no more than one with ten.
 *
 * A grant only notes the place and wakes the run by a promise, because code of one request must not do the work of
 * another. A run that is torn down without a word loses its places at its own latest end, so none is lost for good.
 */

import { DeficitRoundRobin } from "../algorithms/deficit-round-robin.ts";
import type { CallShare } from "../orchestration/ports.ts";

/**
 * Calls an isolate has in flight, all tenants together: half of its 128 MB at 64 KiB a call for request, answer and
 * bookkeeping. Answers are read one piece at a time and mostly smaller; the rare big ones have the other half.
 */
export const MAX_CALLS_IN_FLIGHT = 1_024;

/** What one turn of a tenant is worth: one short call, so that nobody waits for long turns of others. */
const TURN_MS = 100;

/** Between two searches for runs that were torn down, while there is no room. */
const SWEEP_EVERY_MS = 1_000;

interface Member {
  readonly tenantId: string;
  readonly endsAtMs: number;
  /** Places it has, those granted and not collected included. */
  held: number;
  granted: number;
  wanted: number;
  wake: PromiseWithResolvers<void>;
}

/** The places of one isolate. */
export class IsolateShare {
  readonly #limit: number;
  readonly #now: () => number;
  /** Those who hold places. */
  readonly #members = new Set<Member>();
  readonly #waiting = new DeficitRoundRobin<Member>(TURN_MS);
  #taken = 0;
  #sweptAtMs = -Infinity;

  /** `limit` places; `now` is a clock in ms. */
  constructor(limit: number, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Places taken now. */
  get taken(): number {
    return this.#taken;
  }

  /** True when nobody waits for a place. */
  get isIdle(): boolean {
    return this.#waiting.isEmpty;
  }

  /** Joins a run of `tenantId`, which has ended by `endsAtMs` whatever happens. */
  join(tenantId: string, endsAtMs: number): CallShare {
    const wake = Promise.withResolvers<void>();
    const member: Member = { tenantId, endsAtMs, held: 0, granted: 0, wanted: 0, wake };
    return {
      take: () => this.#take(member),
      give: () => this.#give(member),
      want: (calls, costMs) => this.#want(member, calls, costMs),
      async granted() {
        await member.wake.promise;
        member.wake = Promise.withResolvers<void>();
        const { granted } = member;
        member.granted = 0;
        return granted;
      },
    };
  }

  #take(member: Member): boolean {
    // What was granted already comes first: asking for more would hold places nobody uses.
    if (member.granted > 0) {
      member.granted -= 1;
      return true;
    }
    if (this.#taken >= this.#limit) this.#sweep();
    if (this.#taken >= this.#limit || !this.isIdle) return false;
    this.#hold(member, 1);
    return true;
  }

  #give(member: Member): void {
    if (member.held === 0) return;
    this.#hold(member, -1);
    this.#grant();
  }

  #want(member: Member, calls: number, costMs: number): void {
    member.wanted = calls;
    if (calls > 0) return this.#waiting.set(member.tenantId, member, costMs);
    this.#waiting.delete(member.tenantId, member);
    // Nobody may come to collect these any more.
    this.#hold(member, -member.granted);
    member.granted = 0;
    this.#grant();
    member.wake.resolve();
  }

  #hold(member: Member, change: number): void {
    this.#taken += change;
    member.held += change;
    if (member.held > 0) this.#members.add(member);
    else this.#members.delete(member);
  }

  #grant(): void {
    while (this.#taken < this.#limit) {
      const member = this.#waiting.next();
      if (member === null) return;
      this.#hold(member, 1);
      member.granted += 1;
      member.wanted -= 1;
      if (member.wanted === 0) this.#waiting.delete(member.tenantId, member);
      member.wake.resolve();
    }
  }

  /** Takes back what runs hold that must have ended before. */
  #sweep(): void {
    const nowMs = this.#now();
    if (nowMs - this.#sweptAtMs < SWEEP_EVERY_MS) return;
    this.#sweptAtMs = nowMs;
    for (const member of this.#members) {
      if (member.endsAtMs > nowMs) continue;
      this.#waiting.delete(member.tenantId, member);
      this.#taken -= member.held;
      member.held = 0;
      this.#members.delete(member);
    }
    this.#grant();
  }
}

/** This isolate's own. */
const own = new IsolateShare(MAX_CALLS_IN_FLIGHT, () => Date.now());

/** How the runs of a tenant join the isolate's share. */
export function isolateShare(tenantId: string): (endsAtMs: number) => CallShare {
  return (endsAtMs) => own.join(tenantId, endsAtMs);
}
