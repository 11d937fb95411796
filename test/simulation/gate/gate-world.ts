/**
 * A simulated world of one tenant's limits: isolates with the real holder of leases, their gate with the real decisions over
 * rows that survive its restarts, a network, clocks that are wrong. A storm of faults, then calm: every guarantee is
 * checked at every event, and after the storm everything must drain and work as before. The same seed is the same world.
 */

import { BinaryHeap } from "../../../src/algorithms/binary-heap.ts";
import type { AdmissionRequest } from "../../../src/contract/admission.ts";
import { Dice } from "../dice.ts";
import type { SimGate } from "../leases/sim-gate.ts";
import type { SimIsolate, SimNetwork, SimOutcome } from "../leases/sim-isolate.ts";
import type { GateCore } from "./gate-core.ts";
import { newGateCounts, type GateCounts } from "./gate-counts.ts";
import { allowedPerS, gatePlan, type GatePlan } from "./gate-plan.ts";
import {
  DRAINED_AFTER_MS,
  PERMIT_TTL_MS,
  type GateViolation,
  type ShareRecord,
} from "./gate-rules.ts";
import { GateWitness, type Resident } from "./gate-witness.ts";
import { GateWire } from "./gate-wire.ts";

/** After the storm full load is offered; what passes counts once leases and demands have settled. */
const CALM_MS = 6_000;
const SETTLED_MS = 3_000;
/** Of what limits allow, so much passes again; small leases leave a little unused. */
const FULL_SHARE = 0.7;
/** Requests that may be missing from that, and more for each isolate that holds some of the last lease. */
const FULL_SLACK = 4;
const LINGER_MS = 1200;
/** A world is cut short after so many. */
const MAX_VIOLATIONS = 3;

/** What came of a world. */
export interface GateWorldReport {
  readonly violations: readonly GateViolation[];
  readonly counts: GateCounts;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

/** One isolate. */
interface Living extends Resident {
  readonly isolate: SimIsolate;
  readonly clock: { offsetMs: number };
  readonly runs: Set<object>;
}

/** Lives through the world of a seed. */
export function liveGate(seed: number, core: GateCore): GateWorldReport {
  return new GateWorld(gatePlan(seed), core).live();
}

class GateWorld {
  readonly #plan: GatePlan;
  readonly #core: GateCore;
  readonly #dice: Dice;
  readonly #events = new BinaryHeap<Event>(
    (a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order),
  );
  readonly #gate: SimGate;
  readonly #wire: GateWire;
  readonly #residents: Living[] = [];
  readonly #witness: GateWitness;
  readonly #counts = newGateCounts();
  #nowMs = 1_000_000;
  #order = 0;
  #born = 0;
  #running = 0;
  #isStorm = true;
  #isLimitingRuns = true;
  #passedInCalm = 0;

  constructor(plan: GatePlan, core: GateCore) {
    this.#plan = plan;
    this.#core = core;
    this.#dice = new Dice("gate world", plan.seed);
    this.#gate = core.newGate();
    const world = { now: () => this.#nowMs, after: this.#after.bind(this), counts: this.#counts };
    this.#wire = new GateWire(plan, world);
    this.#witness = new GateWitness(this.#gate, plan.limits, this.#counts, () => this.#nowMs);
    for (let n = 0; n < plan.isolates; n += 1) this.#residents.push(this.#newResident());
  }

  live(): GateWorldReport {
    const { faults, stormMs, load, isBursty } = this.#plan;
    this.#every(faults.deathsPerS, () => this.#kill());
    this.#every(faults.restartsPerS, () => this.#restart());
    this.#every(faults.stepsPerS, () => this.#step());
    this.#every(faults.outagesPerS, () => this.#wire.breakFor(faults.outageMs));
    this.#offer(load, isBursty, this.#nowMs + stormMs);
    this.#run(stormMs);
    this.#isStorm = false;
    this.#wire.heal();
    this.#run(DRAINED_AFTER_MS);
    this.#checkDrained();
    this.#isLimitingRuns = false;
    this.#offer(1.5, false, this.#nowMs + CALM_MS);
    this.#run(SETTLED_MS);
    this.#passedInCalm = 0;
    this.#run(CALM_MS - SETTLED_MS);
    this.#checkThroughput();
    return { violations: this.#witness.violations, counts: this.#counts };
  }

  /** Lets time pass, event by event, until so much of it is over. */
  #run(forMs: number): void {
    const endMs = this.#nowMs + forMs;
    for (;;) {
      const next = this.#events.peek();
      if (next === undefined || next.atMs > endMs) break;
      if (this.#isCutShort()) break;
      this.#events.pop();
      this.#nowMs = next.atMs;
      next.act();
      this.#counts.events += 1;
    }
    this.#nowMs = endMs;
  }

  #offer(load: number, isBursty: boolean, untilMs: number): void {
    const gapMs = 1000 / (allowedPerS(this.#plan) * load);
    const arrive = (): void => {
      if (this.#nowMs >= untilMs) return;
      this.#arrive();
      const isPause = isBursty && this.#dice.chance(0.03);
      this.#after(isPause ? gapMs * 30 : this.#dice.wait(isBursty ? gapMs / 2 : gapMs), arrive);
    };
    this.#after(0, arrive);
  }

  #arrive(): void {
    const { limits, runs } = this.#plan;
    const resident = this.#dice.pick(this.#residents);
    const request: AdmissionRequest = {
      rates: limits.map(({ id, limit, cost }) => ({ id, limit, cost })),
      concurrency: runs === null || !this.#isLimitingRuns ? [] : [{ id: "tenant", max: runs.max }],
      permitTtlMs: PERMIT_TTL_MS,
    };
    resident.isolate.request(request, this.#nowMs, (outcome) => this.#passed(resident, outcome));
  }

  #passed(resident: Living, { passed, waited, onCredit, end }: SimOutcome): void {
    if (!passed) {
      this.#counts[waited ? "refused by the gate" : "refused by an isolate"] += 1;
      return;
    }
    this.#passedInCalm += 1;
    if (!waited) this.#witness.spent(resident, onCredit === true);
    const kind = onCredit
      ? "passed on credit"
      : waited
        ? "passed by the gate"
        : "passed on a lease";
    this.#counts[kind] += 1;
    if (this.#plan.runs === null || !this.#isLimitingRuns) return end();
    this.#start(resident, this.#plan.runs, end);
  }

  #start(
    resident: Living,
    { max, longestMs }: { readonly max: number; readonly longestMs: number },
    end: () => void,
  ): void {
    const run = {};
    resident.runs.add(run);
    this.#running += 1;
    if (this.#running > max)
      this.#witness.break("no more run at once than may", `${this.#running} of ${max}`);
    if (this.#running === max) this.#counts["as many runs as may"] += 1;
    this.#after(this.#dice.int(1, longestMs), () => {
      // An isolate that died took its runs with it.
      if (!resident.runs.delete(run)) return;
      this.#running -= 1;
      end();
      this.#after(LINGER_MS, () => resident.isolate.settle(PERMIT_TTL_MS));
    });
  }

  #newResident(): Living {
    this.#born += 1;
    const skew = this.#plan.faults.skewMs;
    const clock = { offsetMs: skew === 0 ? 0 : this.#dice.int(-skew, skew) };
    if (clock.offsetMs !== 0) this.#counts["clocks that are off"] += 1;
    const known = {
      clock,
      shares: new Map<string, ShareRecord>(),
      leaseEnds: new Map<string, number>(),
      runs: new Set<object>(),
      jumpedMs: 0,
    };
    const now = (): number => Math.round(this.#nowMs + clock.offsetMs);
    const network = this.#network(known);
    const isolate = this.#core.newIsolate(`isolate ${this.#born}`, network, now);
    return Object.assign(known, { isolate });
  }

  #kill(): void {
    const at = this.#dice.int(0, this.#residents.length - 1);
    const dead = this.#residents[at];
    if (dead === undefined) return;
    dead.isolate.die();
    this.#running -= dead.runs.size;
    dead.runs.clear();
    const holdsLease = [...dead.leaseEnds.values()].some((endMs) => endMs > this.#nowMs);
    this.#counts[holdsLease ? "isolates that died with a lease" : "isolates that died"] += 1;
    this.#residents[at] = this.#newResident();
  }

  #restart(): void {
    this.#gate.crash(Math.round(this.#nowMs));
    this.#witness.restarted();
  }

  #step(): void {
    const resident = this.#dice.pick(this.#residents);
    const jumpMs = this.#dice.int(-5000, 5000);
    resident.clock.offsetMs += jumpMs;
    resident.jumpedMs += Math.abs(jumpMs);
    this.#counts["jumps of a clock"] += 1;
  }

  #network(resident: Resident): SimNetwork {
    return {
      admit: (request, answered, failed) =>
        this.#wire.call(() => {
          const admission = this.#witness.admit(request);
          const atMs = this.#nowMs;
          return () => answered(admission, atMs);
        }, failed),
      exchange: (request, answered, failed) =>
        this.#wire.call(() => {
          const answer = this.#witness.exchange(request, resident);
          const atMs = this.#nowMs;
          return () => {
            if (answered(answer)) this.#witness.tookOver(resident, request, answer, atMs);
          };
        }, failed),
      release: (permit) =>
        this.#wire.call(
          () => {
            this.#gate.release(permit);
            return () => {};
          },
          () => {},
        ),
    };
  }

  /** Of a world that was cut short the end is not known, so nothing that must come at the end is missing. */
  #isCutShort(): boolean {
    return this.#witness.violations.length >= MAX_VIOLATIONS;
  }

  #checkDrained(): void {
    if (this.#isCutShort()) return;
    const inUse = this.#gate.inUse("tenant", Math.round(this.#nowMs));
    if (inUse > 0 || this.#running > 0)
      this.#witness.break("everything drains once faults are over", `${inUse} permits in use`);
  }

  #checkThroughput(): void {
    if (this.#isCutShort()) return;
    // A bucket that holds few requests, or less than comes in a round trip, runs over before anybody can ask for it.
    const runsOver = this.#witness.limits.some(({ bucket, planned }) => {
      const comes = (bucket.limit * this.#plan.roundTripMs) / bucket.windowMs;
      return bucket.burst < Math.max(5 * planned.cost, comes);
    });
    if (runsOver) return;
    const could = (allowedPerS(this.#plan) * (CALM_MS - SETTLED_MS)) / 1000;
    const least = FULL_SHARE * could - FULL_SLACK - this.#plan.isolates / 2;
    if (this.#passedInCalm < least)
      this.#witness.break(
        "full throughput returns once faults are over",
        `${this.#passedInCalm} of ${could.toFixed(1)}`,
      );
  }

  #every(perS: number, act: () => void): void {
    if (perS === 0) return;
    this.#after(this.#dice.wait(1000 / perS), () => {
      if (!this.#isStorm) return;
      act();
      this.#every(perS, act);
    });
  }

  #after(delayMs: number, act: () => void): void {
    this.#order += 1;
    this.#events.push({ atMs: this.#nowMs + delayMs, order: this.#order, act });
  }
}
