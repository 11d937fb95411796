/**
 * An isolate in a simulated world: it decides requests from its leases and asks the gate, over a network that delays, loses and
 * repeats messages. Its clock may be off. When it dies, everything it held is gone.
 */

import { LeaseHolder } from "../../../src/algorithms/lease-holder.ts";
import { LEAST_DENIAL_MS, leaseLifeMs } from "../../../src/algorithms/lease-size.ts";
import type { Admission, AdmissionRequest } from "../../../src/contract/admission.ts";
import type { ExchangeAnswer, ExchangeRequest } from "../../../src/contract/exchange.ts";
import type { RequestLimit } from "../../../src/contract/limits.ts";

/** A question whose answer has not come by then is given up. */
const ANSWER_MS = 2000;

/** A gate that failed is left alone for this long. */
const REST_MS = 250;

/** How an isolate reaches the gate: an answer that is lost never comes, or the isolate is told that the call failed. */
export interface SimNetwork {
  admit(
    request: AdmissionRequest,
    answered: (admission: Admission, atMs: number) => void,
    failed: () => void,
  ): void;
  /** `answered` says whether the answer was taken over. */
  exchange(
    request: ExchangeRequest,
    answered: (answer: ExchangeAnswer) => boolean,
    failed: () => void,
  ): void;
  release(permit: string): void;
}

/** What became of a request. */
export interface SimOutcome {
  readonly passed: boolean;
  /** True when the gate decided, so that the request waited for it. */
  readonly waited: boolean;
  /** True when it passed on what was lent before, while the gate could not be reached. */
  readonly onCredit?: true;
  /** When it was debited, world time. */
  readonly atMs: number;
  /** Ends the run. */
  readonly end: () => void;
}

export class SimIsolate {
  readonly #id: string;
  readonly #network: SimNetwork;
  readonly #now: () => number;
  readonly #holder: LeaseHolder<RequestLimit>;
  #isDead = false;
  #serial = 0;
  #sentAtMs: number | null = null;
  #roundTripMs = 0;
  #restsUntilMs = 0;
  /** Questions sent for leases. */
  exchanges = 0;

  /** `now` is this isolate's own clock. */
  constructor(id: string, network: SimNetwork, now: () => number, holder = newHolder()) {
    this.#id = id;
    this.#network = network;
    this.#now = now;
    this.#holder = holder;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  die(): void {
    this.#isDead = true;
  }

  request(request: AdmissionRequest, worldMs: number, done: (outcome: SimOutcome) => void): void {
    const nowMs = this.#now();
    const draws = request.rates.map((rate) => ({ cost: 1, ...rate }));
    const life = { permitTtlMs: request.permitTtlMs, ttlMs: leaseLifeMs(this.#roundTripMs) };
    const drawn = this.#holder.draw(draws, request.concurrency, life, nowMs);
    if (drawn.kind === "passed") {
      done({ passed: true, waited: false, atMs: worldMs, end: drawn.giveBack });
    } else if (drawn.kind === "refused") {
      done({ passed: false, waited: false, atMs: worldMs, end: () => {} });
    } else {
      this.#ask(request, draws, nowMs, done);
    }
    this.#exchangeIfDue(request.permitTtlMs);
  }

  /** What the lingering request of an isolate does. */
  settle(permitTtlMs: number): void {
    if (this.#holder.hasIdlePermits(this.#now())) this.#exchangeIfDue(permitTtlMs);
  }

  #ask(
    request: AdmissionRequest,
    draws: readonly { id: string; limit: RequestLimit; cost: number }[],
    sentAtMs: number,
    done: (outcome: SimOutcome) => void,
  ): void {
    const onShare = (atMs: number): boolean => {
      const { concurrency, permitTtlMs } = request;
      const end = this.#holder.drawShare(draws, concurrency, permitTtlMs, this.#now());
      if (end !== null) done({ passed: true, waited: false, onCredit: true, atMs, end });
      return end !== null;
    };
    if (sentAtMs < this.#restsUntilMs && onShare(sentAtMs)) return;
    const failed = (): void => {
      if (this.#isDead) return;
      this.#restsUntilMs = this.#now() + REST_MS;
      if (!onShare(this.#now())) done({ passed: false, waited: true, atMs: 0, end: () => {} });
    };
    const answered = (admission: Admission, atMs: number): void => {
      if (this.#isDead) return;
      const nowMs = this.#now();
      this.#noteRoundTrip(nowMs - sentAtMs);
      if (admission.ok) {
        const { permit } = admission.value;
        const end = () => {
          if (permit !== null && !this.#isDead) this.#network.release(permit);
        };
        done({ passed: true, waited: true, atMs, end });
      } else if (this.#drawAgain(request, draws, nowMs, atMs, done)) {
        return;
      } else {
        const { limit, retryAfterMs } = admission.error;
        const draw = draws.find(({ id }) => id === limit);
        if (draw !== undefined) this.#holder.refused(draw, retryAfterMs, LEAST_DENIAL_MS, nowMs);
        done({ passed: false, waited: true, atMs, end: () => {} });
      }
      this.#exchangeIfDue(request.permitTtlMs);
    };
    this.#network.admit(request, answered, failed);
  }

  /** A lease may have come while the gate was asked. It is spent now, whenever the gate refused. */
  #drawAgain(
    { concurrency, permitTtlMs }: AdmissionRequest,
    draws: readonly { id: string; limit: RequestLimit; cost: number }[],
    nowMs: number,
    atMs: number,
    done: (outcome: SimOutcome) => void,
  ): boolean {
    const life = { permitTtlMs, ttlMs: leaseLifeMs(this.#roundTripMs), isRepeat: true } as const;
    const drawn = this.#holder.draw(draws, concurrency, life, nowMs);
    if (drawn.kind !== "passed") return false;
    done({ passed: true, waited: true, atMs, end: drawn.giveBack });
    return true;
  }

  #exchangeIfDue(permitTtlMs: number): void {
    const sentAtMs = this.#now();
    if (!this.#holder.isDue && !this.#holder.hasIdlePermits(sentAtMs)) return;
    if (this.#sentAtMs !== null && sentAtMs - this.#sentAtMs < ANSWER_MS) return;
    if (sentAtMs < this.#restsUntilMs) return;
    this.#sentAtMs = sentAtMs;
    this.#serial += 1;
    this.exchanges += 1;
    const serial = this.#serial;
    const question = this.#holder.ask(leaseLifeMs(this.#roundTripMs), sentAtMs);
    const leases = { ...question, permitTtlMs };
    const isVoid = () => this.#isDead || serial !== this.#serial || this.#sentAtMs === null;
    const answered = (answer: ExchangeAnswer): boolean => {
      if (isVoid()) return false;
      const nowMs = this.#now();
      this.#sentAtMs = null;
      this.#noteRoundTrip(nowMs - sentAtMs);
      if (answer.leases === undefined) return false;
      this.#holder.accept(question, answer.leases, sentAtMs, nowMs);
      return true;
    };
    const failed = (): void => {
      if (isVoid()) return;
      this.#sentAtMs = null;
      this.#restsUntilMs = this.#now() + REST_MS;
    };
    this.#network.exchange({ isolate: this.#id, serial, leases }, answered, failed);
  }

  #noteRoundTrip(tookMs: number): void {
    this.#roundTripMs += (Math.max(0, tookMs) - this.#roundTripMs) * 0.2;
  }
}

/** What an isolate holds of its tenant's limits: nothing yet. */
export function newHolder(): LeaseHolder<RequestLimit> {
  return new LeaseHolder(
    ({ limit, window_s, burst, strict }) => `${limit} ${window_s} ${burst} ${strict}`,
  );
}
