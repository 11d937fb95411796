/**
 * The ledger of a campaign of kills: what was said to be admitted under one limit, held against what the limit allows and
 * against what the gate says is left. It lives in the campaign's own process, which nobody kills.
 */

import type { BreakerWatch } from "./breaker-watch.ts";

/** A limit that is killed at. */
export interface KilledLimit {
  readonly name: string;
  readonly burst: number;
  readonly perMs: number;
}

/** A gate that can be killed while it is asked. */
export interface GateUnderFire {
  readonly limits: readonly KilledLimit[];
  /** Asks for one admission: passed, refused, or no answer. */
  take(limit: KilledLimit): Promise<"passed" | "refused" | "unknown">;
  /** What the gate says is left, null where what is lent blurs it. */
  left(limit: KilledLimit): Promise<number | null>;
  /** Breakers that are opened before each kill. Absent: it has none. */
  readonly breakers?: BreakerWatch;
  /** Kills it, this instant. */
  kill(): void;
  /** Starts it again on the same state. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** What a refill may be ahead of the ledger's clock, milliseconds. */
const CLOCK_SLACK_MS = 5;

/** Admissions of one limit. */
export class KillLedger {
  readonly #limit: KilledLimit;
  readonly #startMs: number;
  passed = 0;
  refused = 0;
  /** The most that was admitted beyond burst + rate × elapsed. */
  overGranted = 0;
  /** Admissions that were told and not remembered, at the worst look; what was charged and never told makes up for some. */
  lost = 0;

  /** `startMs` is when the limit came to be. */
  constructor(limit: KilledLimit, startMs: number) {
    this.#limit = limit;
    this.#startMs = startMs;
  }

  /** An admission was told. */
  ack(nowMs: number): void {
    this.passed += 1;
    this.overGranted = Math.max(this.overGranted, this.passed - this.#allowed(nowMs));
  }

  /** A request was refused. */
  refuse(): void {
    this.refused += 1;
  }

  /** Answers so far. */
  get answered(): number {
    return this.passed + this.refused;
  }

  /** The gate says that so much is left, with nothing under way. */
  look(left: number, nowMs: number): void {
    this.lost = Math.max(this.lost, Math.floor(left - (this.#allowed(nowMs) - this.passed)));
  }

  #allowed(nowMs: number): number {
    const elapsedMs = nowMs - this.#startMs + CLOCK_SLACK_MS;
    return Math.floor(this.#limit.burst + this.#limit.perMs * elapsedMs);
  }
}
