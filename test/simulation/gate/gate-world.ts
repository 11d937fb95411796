/**
 * A simulated world of one tenant's limits: isolates with the real holder of leases, their gate with the real decisions over
 * rows that survive its restarts, a network, clocks that are wrong. A storm of faults, then calm: every guarantee is
 * checked at every event, and after the storm everything must drain and work as before. The same seed is the same world.
 */

import { BinaryHeap } from "../../../src/algorithms/binary-heap.ts";
import type { AdmissionRequest } from "../../../src/contract/admission.ts";
import type { ExchangeAnswer, ExchangeRequest } from "../../../src/contract/exchange.ts";
import { Dice } from "../dice.ts";
import type { SimGate } from "../leases/sim-gate.ts";
import type { SimIsolate, SimNetwork, SimOutcome } from "../leases/sim-isolate.ts";
import type { GateCore } from "./gate-core.ts";
import { newGateCounts, type GateCounts } from "./gate-counts.ts";
import { allowedPerS, gatePlan, type GatePlan } from "./gate-plan.ts";
import { type GateGuarantee, type GateViolation, LimitRecord, ShareRecord } from "./gate-rules.ts";
import { GateWire } from "./gate-wire.ts";

/** A permit that is not given back ends after this; longer than any run and any jump of a clock. */
const PERMIT_TTL_MS = 12_000;
/** Rows of permits last longer than permits by this, and a question is given up after this. */
const DRAINED_AFTER_MS = PERMIT_TTL_MS + 30_000 + 7_000;
/** After the storm full load is offered; what passes counts once leases and demands have settled. */
const CALM_MS = 6_000;
const SETTLED_MS = 3_000;
/** Of what limits allow, so much passes again; small leases leave a little unused. */
const FULL_SHARE = 0.8;
/** Requests that may be missing from that, and more for each isolate that holds some of the last lease. */
const FULL_SLACK = 4;
const LINGER_MS = 1200;
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

/** One isolate and what the world knows of it. */
interface Resident {
  readonly isolate: SimIsolate;
  readonly clock: { offsetMs: number };
  readonly shares: Map<string, ShareRecord>;
  readonly leaseEnds: Map<string, number>;
  readonly runs: Set<object>;
  /** By how much its clock has jumped in all. */
  jumpedMs: number;
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
  readonly #residents: Resident[] = [];
  readonly #limits: readonly LimitRecord[];
  readonly #counts = newGateCounts();
  readonly #violations: GateViolation[] = [];
  #nowMs = 1_000_000;
  #order = 0;
  #born = 0;
  #running = 0;
  #isStorm = true;
  #isLimitingRuns = true;
  /** When the last lease given so far ends, and those of before the last restart. */
  #leaseEndMs = 0;
  #oldLeaseEndMs = 0;
  #passedInCalm = 0;

  constructor(plan: GatePlan, core: GateCore) {
    this.#plan = plan;
    this.#core = core;
    this.#dice = new Dice("gate world", plan.seed);
    this.#gate = core.newGate();
    const world = { now: () => this.#nowMs, after: this.#after.bind(this), counts: this.#counts };
    this.#wire = new GateWire(plan, world);
    this.#limits = plan.limits.map((limit) => new LimitRecord(limit, this.#nowMs));
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
    return { violations: this.#violations, counts: this.#counts };
  }

  /** Lets time pass, event by event, until so much of it is over. */
  #run(forMs: number): void {
    const endMs = this.#nowMs + forMs;
    for (;;) {
      const next = this.#events.peek();
      if (next === undefined || next.atMs > endMs) break;
      if (this.#violations.length >= MAX_VIOLATIONS) break;
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
      concurrency:
        runs === null || !this.#isLimitingRuns ? [] : [{ id: "tenant", max: runs.max }],
      permitTtlMs: PERMIT_TTL_MS,
    };
    resident.isolate.request(request, this.#nowMs, (outcome) => this.#passed(resident, outcome));
  }

  #passed(resident: Resident, { passed, waited, onCredit, end }: SimOutcome): void {
    if (!passed) {
      this.#counts[waited ? "refused by the gate" : "refused by an isolate"] += 1;
      return;
    }
    this.#passedInCalm += 1;
    for (const record of this.#limits) {
      const { id, cost } = record.planned;
      if (onCredit) {
        const slackMs = resident.jumpedMs + 1;
        const share = resident.shares.get(id) ?? new ShareRecord();
        this.#note(share.take(cost, slackMs, this.#nowMs));
      } else if (!waited) {
        this.#note(record.admit(cost, this.#nowMs));
        this.#checkLease(resident, id);
      }
    }
    const kind = onCredit ? "passed on credit" : waited ? "passed by the gate" : "passed on a lease";
    this.#counts[kind] += 1;
    if (this.#plan.runs === null || !this.#isLimitingRuns) return end();
    this.#start(resident, this.#plan.runs, end);
  }

  #checkLease({ leaseEnds, jumpedMs }: Resident, id: string): void {
    const endMs = leaseEnds.get(id) ?? 0;
    if (jumpedMs > 0 || this.#nowMs <= endMs + 1) return;
    this.#break("a lease is not spent after its end", `${id}: ${this.#nowMs - endMs} ms late`);
  }

  #start(
    resident: Resident,
    { max, longestMs }: { readonly max: number; readonly longestMs: number },
    end: () => void,
  ): void {
    const run = {};
    resident.runs.add(run);
    this.#running += 1;
    if (this.#running > max)
      this.#break("no more run at once than may", `${this.#running} of ${max}`);
    if (this.#running === max) this.#counts["as many runs as may"] += 1;
    this.#after(this.#dice.int(1, longestMs), () => {
      // An isolate that died took its runs with it.
      if (!resident.runs.delete(run)) return;
      this.#running -= 1;
      end();
      this.#after(LINGER_MS, () => resident.isolate.settle(PERMIT_TTL_MS));
    });
  }

  #newResident(): Resident {
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
    this.#oldLeaseEndMs = this.#leaseEndMs;
    this.#counts["restarts of the gate"] += 1;
    if (this.#oldLeaseEndMs > this.#nowMs) this.#counts["restarts while leases were out"] += 1;
  }

  #step(): void {
    const resident = this.#dice.pick(this.#residents);
    const jumpMs = this.#dice.int(-5000, 5000);
    resident.clock.offsetMs += jumpMs;
    resident.jumpedMs += Math.abs(jumpMs);
    this.#counts["jumps of a clock"] += 1;
  }

  #network(resident: Pick<Resident, "shares" | "leaseEnds">): SimNetwork {
    return {
      admit: (request, answered, failed) =>
        this.#wire.call(() => {
          const admission = this.#admit(request);
          const atMs = this.#nowMs;
          return () => answered(admission, atMs);
        }, failed),
      exchange: (request, answered, failed) =>
        this.#wire.call(() => {
          const answer = this.#exchange(request);
          const atMs = this.#nowMs;
          return () => {
            if (answered(answer)) this.#lent(resident, request, answer, atMs);
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

  /** At the gate. */
  #admit(request: AdmissionRequest) {
    const before = request.rates.map(({ id }) => this.#gate.bucket(id));
    const admission = this.#gate.admit(request, Math.round(this.#nowMs));
    if (admission.ok) {
      for (const record of this.#limits)
        this.#note(record.admit(record.planned.cost, this.#nowMs));
    } else {
      const { code } = admission.error;
      this.#counts[code === "quota_exceeded" ? "rate limits met" : "concurrency limits met"] += 1;
      if (request.rates.some(({ id }, at) => this.#gate.bucket(id) !== before[at]))
        this.#break("a refusal consumes nothing", code);
    }
    this.#checkBalances();
    return admission;
  }

  /** At the gate. */
  #exchange(request: ExchangeRequest): ExchangeAnswer {
    const answer = this.#gate.exchange(request, Math.round(this.#nowMs));
    const { leases: wishes } = request;
    if (answer.leases === undefined || wishes === undefined) {
      this.#counts["questions that came too late"] += 1;
      return answer;
    }
    for (const wish of wishes.rates) {
      if (wish.owed > 0) this.#payDebt(wish.id);
      const lent = answer.leases.rates.find(({ id }) => id === wish.id);
      if (lent === undefined) continue;
      const isLearning = this.#nowMs < this.#oldLeaseEndMs;
      if (isLearning) this.#counts["questions while the gate learns"] += 1;
      if (isLearning && lent.tokens > 0)
        this.#break(
          "a gate that lost its memory lends nothing until old leases are over",
          `${lent.tokens} of ${wish.id}`,
        );
      if (lent.tokens + wish.left > 0)
        this.#leaseEndMs = Math.max(this.#leaseEndMs, this.#nowMs + wishes.ttlMs);
      if (lent.isExact) this.#counts["limits too small to lend"] += 1;
      else if (lent.tokens > 0) this.#counts["leases of tokens"] += 1;
      else if (wish.wants > 0) this.#counts["leases denied"] += 1;
    }
    for (const wish of wishes.permits) {
      const lent = answer.leases.permits.find(({ id }) => id === wish.id)?.lent ?? 0;
      if (lent > 0) this.#counts["leases of permits"] += 1;
      if (wish.keep === 0) this.#counts["permits given back"] += 1;
    }
    this.#checkBalances();
    return answer;
  }

  #payDebt(id: string): void {
    this.#counts["credit told to the gate"] += 1;
    const record = this.#limits.find(({ planned }) => planned.id === id);
    if (record !== undefined) record.hasDebt = true;
  }

  /** The isolate has taken over what it was lent. */
  #lent(
    { shares, leaseEnds }: Pick<Resident, "shares" | "leaseEnds">,
    { leases: wishes }: ExchangeRequest,
    { leases }: ExchangeAnswer,
    atMs: number,
  ): void {
    if (wishes === undefined || leases === undefined) return;
    for (const { id, tokens, isExact } of leases.rates) {
      if (isExact) continue;
      if ((leaseEnds.get(id) ?? Infinity) < this.#nowMs) this.#counts["leases that ended"] += 1;
      leaseEnds.set(id, atMs + wishes.ttlMs);
      const share = shares.get(id) ?? new ShareRecord();
      shares.set(id, share);
      share.lease(tokens, wishes.ttlMs, this.#nowMs);
    }
  }

  #checkBalances(): void {
    for (const { planned, hasDebt } of this.#limits) {
      const tokens = this.#gate.bucket(planned.id)?.tokens ?? 0;
      if (tokens < 0 && !hasDebt) this.#break("no balance is negative", `${planned.id}: ${tokens}`);
    }
  }

  #checkDrained(): void {
    const inUse = this.#gate.inUse("tenant", Math.round(this.#nowMs));
    if (inUse > 0 || this.#running > 0)
      this.#break("everything drains once faults are over", `${inUse} permits in use`);
  }

  #checkThroughput(): void {
    const could = (allowedPerS(this.#plan) * (CALM_MS - SETTLED_MS)) / 1000;
    const least = FULL_SHARE * could - FULL_SLACK - this.#plan.isolates / 2;
    if (this.#passedInCalm < least)
      this.#break(
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

  #break(guarantee: GateGuarantee, what: string): void {
    this.#note({ guarantee, what });
  }

  #note(violation: GateViolation | null): void {
    if (violation !== null) this.#violations.push(violation);
  }
}
