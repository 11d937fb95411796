/**
 * GateMemory: the gate's rows as it works with them: buckets by id, permits by id, and how many permits hold each limit.
 *
 * A copy of the tables, loaded once per life of the object and written through; losing it loses nothing.
 */

import { refill, type Bucket } from "../../src/algorithms/token-bucket.ts";

/** A hold on concurrency limits. */
export interface Permit {
  readonly limits: readonly string[];
  readonly expiresAtMs: number;
}

/** Buckets held before full ones are forgotten: a full bucket and an unknown one are the same. */
export const MAX_BUCKETS = 4096;

export class GateMemory {
  readonly #buckets = new Map<string, Bucket>();
  readonly #permits = new Map<string, Permit>();
  readonly #held = new Map<string, number>();
  /** No permit ends before this. */
  #nextEndMs = Infinity;

  /** The bucket as last written, or undefined when it was never used. */
  bucket(id: string): Bucket | undefined {
    return this.#buckets.get(id);
  }

  setBucket(id: string, bucket: Bucket): void {
    this.#buckets.set(id, bucket);
  }

  /** Forgets the full buckets once there are too many; returns their ids. */
  forgetFull(nowMs: number): readonly string[] {
    if (this.#buckets.size <= MAX_BUCKETS) return [];
    const full: string[] = [];
    for (const [id, bucket] of this.#buckets) {
      if (refill(bucket, bucket, nowMs).tokens >= bucket.burst) full.push(id);
    }
    for (const id of full) this.#buckets.delete(id);
    return full;
  }

  /** Permits that hold the limit `id`. */
  held(id: string): number {
    return this.#held.get(id) ?? 0;
  }

  /** When each permit on the limit `id` ends by itself, epoch ms. */
  permitEnds(id: string): readonly number[] {
    const ends: number[] = [];
    for (const permit of this.#permits.values()) {
      if (permit.limits.includes(id)) ends.push(permit.expiresAtMs);
    }
    return ends;
  }

  addPermit(id: string, permit: Permit): void {
    this.#permits.set(id, permit);
    this.#nextEndMs = Math.min(this.#nextEndMs, permit.expiresAtMs);
    for (const limit of permit.limits) this.#held.set(limit, this.held(limit) + 1);
  }

  /** Gives a permit back; false when it is unknown or has ended. */
  dropPermit(id: string): boolean {
    const permit = this.#permits.get(id);
    if (permit === undefined) return false;
    this.#permits.delete(id);
    for (const limit of permit.limits) {
      const left = this.held(limit) - 1;
      if (left > 0) this.#held.set(limit, left);
      else this.#held.delete(limit);
    }
    return true;
  }

  /** Drops the permits whose time has come; true when there were any. */
  expirePermits(nowMs: number): boolean {
    if (nowMs < this.#nextEndMs) return false;
    let nextEndMs = Infinity;
    let dropped = false;
    for (const [id, permit] of this.#permits) {
      if (permit.expiresAtMs <= nowMs) dropped = this.dropPermit(id);
      else nextEndMs = Math.min(nextEndMs, permit.expiresAtMs);
    }
    this.#nextEndMs = nextEndMs;
    return dropped;
  }
}
