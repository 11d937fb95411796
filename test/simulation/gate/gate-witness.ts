/** The witness of a simulated world: sees every decision of the gate and of its isolates as it is made, and says what broke. */

import type { Admission, AdmissionRequest } from "../../../src/contract/admission.ts";
import type {
  ExchangeAnswer,
  ExchangeRequest,
  LentLimits,
} from "../../../src/contract/exchange.ts";
import type { SimGate } from "../leases/sim-gate.ts";
import type { GateCounts } from "./gate-counts.ts";
import type { PlannedLimit } from "./gate-plan.ts";
import { type GateGuarantee, type GateViolation, LimitRecord, ShareRecord } from "./gate-rules.ts";

/** What the world knows of one isolate. */
export interface Resident {
  readonly shares: Map<string, ShareRecord>;
  /** When the lease of each limit ends, by the gate's clock. */
  readonly leaseEnds: Map<string, number>;
  /** By how much its clock has jumped in all. */
  jumpedMs: number;
}

export class GateWitness {
  readonly violations: GateViolation[] = [];
  readonly limits: readonly LimitRecord[];
  readonly #gate: SimGate;
  readonly #counts: GateCounts;
  readonly #now: () => number;
  /** The last question of each isolate that the gate has heard since its last restart. */
  readonly #heard = new Map<string, number>();
  /** When the last lease given so far ends, and those of before the last restart. */
  #leaseEndMs = 0;
  #oldLeaseEndMs = 0;

  constructor(
    gate: SimGate,
    limits: readonly PlannedLimit[],
    counts: GateCounts,
    now: () => number,
  ) {
    this.#gate = gate;
    this.#counts = counts;
    this.#now = now;
    this.limits = limits.map((limit) => new LimitRecord(limit, now()));
  }

  break(guarantee: GateGuarantee, what: string): void {
    this.violations.push({ guarantee, what });
  }

  /** Lets the gate decide about a request. */
  admit(request: AdmissionRequest): Admission {
    const before = request.rates.map(({ id }) => this.#gate.bucket(id));
    const admission = this.#gate.admit(request, Math.round(this.#now()));
    if (admission.ok) {
      for (const record of this.limits) this.#note(record.admit(record.planned.cost, this.#now()));
    } else {
      const { code } = admission.error;
      this.#counts[code === "quota_exceeded" ? "rate limits met" : "concurrency limits met"] += 1;
      if (request.rates.some(({ id }, at) => this.#gate.bucket(id) !== before[at]))
        this.break("a refusal consumes nothing", code);
    }
    this.#checkBalances();
    return admission;
  }

  /** Lets the gate answer a question for leases. */
  exchange(request: ExchangeRequest, { leaseEnds }: Resident): ExchangeAnswer {
    const answer = this.#gate.exchange(request, Math.round(this.#now()));
    const { leases: wishes, isolate, serial } = request;
    const last = this.#heard.get(isolate) ?? 0;
    if (serial <= last && answer.leases !== undefined)
      this.break("a question that comes too late is not answered", isolate);
    this.#heard.set(isolate, Math.max(serial, last));
    if (answer.leases === undefined || wishes === undefined) {
      this.#counts["questions that came too late"] += 1;
      return answer;
    }
    for (const wish of wishes.rates) this.#lentTokens(wish, wishes.ttlMs, answer.leases, leaseEnds);
    for (const wish of wishes.permits) {
      const lent = answer.leases.permits.find(({ id }) => id === wish.id)?.lent ?? 0;
      if (lent > 0) this.#counts["leases of permits"] += 1;
      if (wish.keep === 0) this.#counts["permits given back"] += 1;
    }
    this.#checkBalances();
    return answer;
  }

  /** An isolate has taken over what it was lent at `atMs`. */
  tookOver(
    { shares, leaseEnds, jumpedMs }: Resident,
    { leases: wishes }: ExchangeRequest,
    { leases }: ExchangeAnswer,
    atMs: number,
  ): void {
    if (wishes === undefined || leases === undefined) return;
    for (const { id, tokens, isExact } of leases.rates) {
      if (isExact) continue;
      if ((leaseEnds.get(id) ?? Infinity) < this.#now()) this.#counts["leases that ended"] += 1;
      leaseEnds.set(id, atMs + wishes.ttlMs);
      const share = shares.get(id) ?? new ShareRecord();
      shares.set(id, share);
      share.lease(tokens, wishes.ttlMs, jumpedMs, this.#now());
    }
  }

  /** A request has passed at an isolate without the gate: on a lease, or on credit. */
  spent({ shares, leaseEnds, jumpedMs }: Resident, onCredit: boolean): void {
    const nowMs = this.#now();
    for (const record of this.limits) {
      const { id, cost } = record.planned;
      if (onCredit) {
        const share = shares.get(id) ?? new ShareRecord();
        this.#note(share.take(cost, jumpedMs, nowMs));
        continue;
      }
      this.#note(record.admit(cost, nowMs));
      const endMs = leaseEnds.get(id) ?? 0;
      if (jumpedMs === 0 && nowMs > endMs + 1)
        this.break("a lease is not spent after its end", `${id}: ${nowMs - endMs} ms late`);
    }
  }

  /** The gate has lost its memory. */
  restarted(): void {
    this.#oldLeaseEndMs = this.#leaseEndMs;
    this.#heard.clear();
    this.#counts["restarts of the gate"] += 1;
    if (this.#oldLeaseEndMs > this.#now()) this.#counts["restarts while leases were out"] += 1;
  }

  #lentTokens(
    wish: NonNullable<ExchangeRequest["leases"]>["rates"][number],
    ttlMs: number,
    { rates }: LentLimits,
    leaseEnds: ReadonlyMap<string, number>,
  ): void {
    const nowMs = this.#now();
    const { id, left, owed, wants } = wish;
    const { tokens = 0, isExact = true } = rates.find((rate) => rate.id === id) ?? {};
    if (owed > 0) {
      this.#counts["credit told to the gate"] += 1;
      for (const record of this.limits) record.hasDebt ||= record.planned.id === id;
    }
    if (nowMs < this.#oldLeaseEndMs) {
      this.#counts["questions while the gate learns"] += 1;
      if (tokens > 0)
        this.break(
          "a gate that lost its memory lends nothing until old leases are over",
          `${tokens} of ${id}`,
        );
    }
    // What is left of a lease lives on with it; a clock that jumped back may claim more than that.
    const livesOn = left > 0 && !isExact && (leaseEnds.get(id) ?? 0) > nowMs;
    if (tokens > 0 || livesOn) this.#leaseEndMs = Math.max(this.#leaseEndMs, nowMs + ttlMs);
    if (isExact) this.#counts["limits too small to lend"] += 1;
    else if (tokens > 0) this.#counts["leases of tokens"] += 1;
    else if (wants > 0) this.#counts["leases denied"] += 1;
  }

  #checkBalances(): void {
    for (const { planned, hasDebt } of this.limits) {
      const tokens = this.#gate.bucket(planned.id)?.tokens ?? 0;
      if (tokens < 0 && !hasDebt) this.break("no balance is negative", `${planned.id}: ${tokens}`);
    }
  }

  #note(violation: GateViolation | null): void {
    if (violation !== null) this.violations.push(violation);
  }
}
