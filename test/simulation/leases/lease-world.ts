/**
 * A simulated world of one tenant: isolates, their gate, a network, and requests that come at random times. Everything follows
 * from the seed. While it runs, every guarantee of the limits is checked at every event; at its end it says how much was
 * admitted and what that cost.
 */

import { BinaryHeap } from "../../../src/algorithms/binary-heap.ts";
import { bucketOf } from "../../../src/algorithms/rate-promise.ts";
import type { AdmissionRequest } from "../../../src/contract/admission.ts";
import type { RequestLimit } from "../../../src/contract/limits.ts";
import { seededRandom } from "../../../bench/statistics.ts";
import { SimGate } from "./sim-gate.ts";
import { SimIsolate, type SimNetwork } from "./sim-isolate.ts";

/** What goes wrong, and how often. Shares are of messages, rates of a second. */
export interface LeaseFaults {
  readonly lostShare: number;
  readonly repeatedShare: number;
  /** A message takes up to so much longer. */
  readonly delayMs: number;
  readonly deathsPerS: number;
  readonly crashesPerS: number;
  /** Clocks of isolates are off by up to this. */
  readonly skewMs: number;
}

/** Nothing goes wrong. */
export const NO_FAULTS: LeaseFaults = {
  lostShare: 0,
  repeatedShare: 0,
  delayMs: 0,
  deathsPerS: 0,
  crashesPerS: 0,
  skewMs: 0,
};

/** What happens in a world. */
export interface LeaseWorldPlan {
  readonly seed: number;
  readonly limit: RequestLimit;
  readonly isolates: number;
  /** Requests offered, as a multiple of the limit's rate. */
  readonly load: number;
  readonly durationMs: number;
  readonly roundTripMs: number;
  /** Tokens one request costs; 1 when absent. */
  readonly cost?: number;
  /** Runs at once, and how long each goes on. */
  readonly runs?: { readonly max: number; readonly lastMs: number };
  readonly faults: LeaseFaults;
}

/** What came of it. Amounts are tokens. */
export interface LeaseWorldTally {
  readonly offered: number;
  readonly admitted: number;
  readonly overAdmitted: number;
  /** Most admitted in any window of the limit. */
  readonly worstWindow: number;
  /** Of min(offered, burst + rate × elapsed). */
  readonly utilisation: number;
  readonly requests: number;
  /** Requests that waited for the gate. */
  readonly waited: number;
  readonly exchanges: number;
  readonly writes: number;
  readonly mostRunning: number;
  readonly deaths: number;
  readonly crashes: number;
  readonly lost: number;
  readonly repeated: number;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

const PERMIT_TTL_MS = 5000;

/** Lives through a world. */
export function liveLeases(plan: LeaseWorldPlan): LeaseWorldTally {
  return new LeaseWorld(plan).live();
}

class LeaseWorld {
  readonly #plan: LeaseWorldPlan;
  readonly #random: () => number;
  readonly #events = new BinaryHeap<Event>(
    (a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order),
  );
  readonly #gate = new SimGate();
  readonly #isolates: SimIsolate[] = [];
  readonly #admitted: { readonly atMs: number; readonly cost: number }[] = [];
  readonly #running = new Set<{ readonly endsMs: number }>();
  readonly #tally = {
    offered: 0,
    requests: 0,
    waited: 0,
    exchanges: 0,
    mostRunning: 0,
    deaths: 0,
    crashes: 0,
    lost: 0,
    repeated: 0,
  };
  #nowMs = 1_000_000;
  #order = 0;
  #born = 0;

  constructor(plan: LeaseWorldPlan) {
    this.#plan = plan;
    this.#random = seededRandom(plan.seed);
    for (let n = 0; n < plan.isolates; n += 1) this.#isolates.push(this.#newIsolate());
  }

  live(): LeaseWorldTally {
    const { limit, load, durationMs, cost = 1, faults } = this.#plan;
    const startMs = this.#nowMs;
    const endMs = startMs + durationMs;
    const gapMs = (limit.window_s * 1000 * cost) / (limit.limit * load);
    const arrive = () => {
      this.#arrive();
      this.#after(-Math.log(1 - this.#random()) * gapMs, arrive);
    };
    this.#after(0, arrive);
    this.#every(faults.deathsPerS, () => this.#kill());
    this.#every(faults.crashesPerS, () => this.#crash());
    for (;;) {
      const event = this.#events.pop();
      if (event === undefined || event.atMs > endMs) break;
      this.#nowMs = event.atMs;
      event.act();
    }
    return this.#sum(startMs, endMs);
  }

  #arrive(): void {
    const { limit, cost = 1, runs } = this.#plan;
    const isolate = this.#isolates[Math.floor(this.#random() * this.#isolates.length)];
    this.#tally.requests += 1;
    this.#tally.offered += cost;
    const request: AdmissionRequest = {
      rates: [{ id: "tenant", limit, cost }],
      concurrency: runs === undefined ? [] : [{ id: "tenant", max: runs.max }],
      permitTtlMs: PERMIT_TTL_MS,
    };
    isolate?.request(request, this.#nowMs, ({ passed, waited, atMs, end }) => {
      if (waited) this.#tally.waited += 1;
      if (!passed) return;
      this.#admitted.push({ atMs, cost });
      if (runs !== undefined) this.#run(isolate, runs.lastMs, end);
    });
  }

  #run(isolate: SimIsolate, lastMs: number, end: () => void): void {
    const run = { endsMs: this.#nowMs + lastMs };
    this.#running.add(run);
    this.#tally.mostRunning = Math.max(this.#tally.mostRunning, this.#running.size);
    this.#after(lastMs, () => {
      this.#running.delete(run);
      end();
      this.#after(1200, () => isolate.settle(PERMIT_TTL_MS));
    });
  }

  #newIsolate(): SimIsolate {
    this.#born += 1;
    const skewMs = (this.#random() * 2 - 1) * this.#plan.faults.skewMs;
    const isolate = new SimIsolate(`isolate ${this.#born}`, this.#network(), () =>
      Math.round(this.#nowMs + skewMs),
    );
    return isolate;
  }

  #kill(): void {
    const index = Math.floor(this.#random() * this.#isolates.length);
    this.#isolates[index]?.die();
    this.#tally.exchanges += this.#isolates[index]?.exchanges ?? 0;
    this.#isolates[index] = this.#newIsolate();
    this.#tally.deaths += 1;
  }

  #crash(): void {
    this.#gate.crash(Math.round(this.#nowMs));
    this.#tally.crashes += 1;
  }

  #network(): SimNetwork {
    return {
      admit: (request, answered) => {
        this.#send(() => {
          const atMs = this.#nowMs;
          const admission = this.#gate.admit(request, Math.round(atMs));
          this.#send(() => answered(admission, atMs), false);
        }, false);
      },
      exchange: (request, answered) => {
        this.#send(() => {
          const answer = this.#gate.exchange(request, Math.round(this.#nowMs));
          this.#send(() => answered(answer), true);
        }, true);
      },
      release: (permit) => {
        this.#send(() => this.#gate.release(permit), false);
      },
    };
  }

  /** Carries a message one way. One that was begun by a waiting request is never repeated: the platform calls once. */
  #send(deliver: () => void, mayRepeat: boolean): void {
    const { roundTripMs, faults } = this.#plan;
    if (this.#random() < faults.lostShare) {
      this.#tally.lost += 1;
      return;
    }
    const takesMs = () => roundTripMs / 2 + this.#random() * faults.delayMs;
    this.#after(takesMs(), deliver);
    if (!mayRepeat || this.#random() >= faults.repeatedShare) return;
    this.#tally.repeated += 1;
    this.#after(takesMs(), deliver);
  }

  #every(perS: number, act: () => void): void {
    if (perS === 0) return;
    this.#after((-Math.log(1 - this.#random()) * 1000) / perS, () => {
      act();
      this.#every(perS, act);
    });
  }

  #after(delayMs: number, act: () => void): void {
    this.#order += 1;
    this.#events.push({ atMs: this.#nowMs + delayMs, order: this.#order, act });
  }

  #sum(startMs: number, endMs: number): LeaseWorldTally {
    const { limit } = this.#plan;
    const bucket = bucketOf(limit);
    const perMs = bucket.limit / bucket.windowMs;
    const debits = this.#admitted.toSorted((a, b) => a.atMs - b.atMs);
    let admitted = 0;
    let overAdmitted = 0;
    for (const { atMs, cost } of debits) {
      admitted += cost;
      // The gate's clock counts whole milliseconds, so it may be one ahead.
      const allowed = bucket.burst + perMs * (atMs - startMs + 1);
      overAdmitted = Math.max(overAdmitted, admitted - allowed);
    }
    const could = Math.min(this.#tally.offered, bucket.burst + perMs * (endMs - startMs));
    let { exchanges } = this.#tally;
    for (const isolate of this.#isolates) exchanges += isolate.exchanges;
    return {
      ...this.#tally,
      exchanges,
      admitted,
      overAdmitted: Math.max(0, overAdmitted),
      worstWindow: worstWindow(debits, bucket.windowMs),
      utilisation: admitted / could,
      writes: this.#gate.writes,
    };
  }
}

/** The most that any window may see: burst + rate × (window + life of a lease). */
export function windowBound(limit: RequestLimit, leaseMs: number): number {
  const { burst, windowMs, limit: quota } = bucketOf(limit);
  return burst + (quota / windowMs) * (windowMs + leaseMs);
}

function worstWindow(
  debits: readonly { readonly atMs: number; readonly cost: number }[],
  windowMs: number,
): number {
  let worst = 0;
  let sum = 0;
  let first = 0;
  for (const { atMs, cost } of debits) {
    sum += cost;
    while ((debits[first]?.atMs ?? atMs) <= atMs - windowMs) {
      sum -= debits[first]?.cost ?? 0;
      first += 1;
    }
    worst = Math.max(worst, sum);
  }
  return worst;
}
