/**
 * A tenant's gate in a simulated world: the decisions of the real one over a disk that survives its crashes. What is on the disk is what
 * the object writes before it answers, no more.
 */

import { decide } from "../../../durable-objects/tenant-gate/decide.ts";
import { GateMemory } from "../../../durable-objects/tenant-gate/gate-memory.ts";
import type { BucketDebit, SavedBundle } from "../../../durable-objects/tenant-gate/lease-table.ts";
import type { SavedSlot } from "../../../durable-objects/tenant-gate/permit-pool.ts";
import type { Bucket } from "../../../src/algorithms/token-bucket.ts";
import type { Admission, AdmissionRequest } from "../../../src/contract/admission.ts";
import type { ExchangeAnswer, ExchangeRequest } from "../../../src/contract/exchange.ts";
import { fail, ok } from "../../../src/platform/result.ts";

/** The row that says when the last lease ends is written so much ahead. */
const LEASE_END_SLACK_MS = 1000;

/** What a simulated gate is made of: the real parts, or some with a planted fault. */
export interface GateParts {
  readonly newMemory: () => GateMemory;
  readonly decide: typeof decide;
  /** Whether a question is older than one that was answered. */
  readonly isOld: (serial: number, last: number) => boolean;
}

/** The gate as it is. */
export const REAL_GATE: GateParts = {
  newMemory: () => new GateMemory(),
  decide,
  isOld: (serial, last) => serial <= last,
};

export class SimGate {
  readonly #parts: GateParts;
  readonly #buckets = new Map<string, Bucket>();
  readonly #slots = new Map<string, SavedSlot>();
  readonly #bundles = new Map<string, SavedBundle>();
  #leaseEndMs = 0;
  #serials = new Map<string, number>();
  #memory: GateMemory;
  #slotNumber = 0;
  /** Rows written so far. */
  writes = 0;

  constructor(parts = REAL_GATE) {
    this.#parts = parts;
    this.#memory = parts.newMemory();
  }

  /** A bucket as last debited. */
  bucket(id: string): Bucket | undefined {
    return this.#memory.bucket(id);
  }

  /** Permits of a limit that count as used now, one by one and lent. */
  inUse(limit: string, nowMs: number): number {
    this.#expire(nowMs);
    return this.#memory.permits.held(limit) + this.#memory.leases.lent(limit);
  }

  /** Memory is lost; what is on disk is read again. */
  crash(nowMs: number): void {
    this.#memory = this.#parts.newMemory();
    this.#serials = new Map();
    this.#memory.leases.learnUntil(this.#leaseEndMs);
    const gainsFromMs = this.#leaseEndMs > nowMs ? this.#leaseEndMs : 0;
    for (const [id, bucket] of this.#buckets) {
      this.#memory.load(id, { ...bucket, atMs: Math.max(bucket.atMs, gainsFromMs) });
    }
    for (const slot of this.#slots.values()) this.#memory.permits.load(slot);
    for (const bundle of this.#bundles.values()) this.#memory.leases.load(bundle);
  }

  admit(request: AdmissionRequest, nowMs: number): Admission {
    this.#expire(nowMs);
    const decision = this.#parts.decide(this.#memory, request, nowMs);
    if (!decision.ok) return fail(decision.error);
    this.#debit(decision.value.buckets);
    return ok({ permit: this.#permit(request, nowMs), rates: decision.value.rates });
  }

  release(permit: string): void {
    const slot = this.#memory.permits.release(permit);
    if (slot !== null) this.#slots.delete(slot);
  }

  exchange({ isolate, serial, leases }: ExchangeRequest, nowMs: number): ExchangeAnswer {
    if (this.#parts.isOld(serial, this.#serials.get(isolate) ?? 0)) return { nowMs };
    this.#serials.set(isolate, serial);
    this.#expire(nowMs);
    if (leases === undefined) return { nowMs };
    const lending = this.#memory.leases.lend(this.#memory, isolate, leases, nowMs);
    this.#debit(lending.buckets);
    for (const row of lending.bundles) this.#saveBundle(row);
    const { endsMs } = this.#memory.leases;
    if (endsMs > this.#leaseEndMs) this.#leaseEndMs = endsMs + LEASE_END_SLACK_MS;
    return { nowMs, leases: lending.answer };
  }

  #debit(debits: readonly BucketDebit[]): void {
    for (const { id, bucket } of debits) {
      const row = this.#memory.debit(id, bucket);
      if (row === null) continue;
      this.writes += 1;
      this.#buckets.set(id, row);
    }
  }

  #permit(request: AdmissionRequest, nowMs: number): string | null {
    if (request.concurrency.length === 0) return null;
    const endsMs = nowMs + request.permitTtlMs;
    const { permit, write } = this.#memory.permits.hold(request.concurrency, endsMs, () => {
      this.#slotNumber += 1;
      return `slot${this.#slotNumber}`;
    });
    if (write !== null) {
      this.writes += 1;
      this.#slots.set(write.id, write);
    }
    return permit;
  }

  #saveBundle(row: SavedBundle): void {
    this.writes += 1;
    const key = `${row.isolate} ${row.limit}`;
    if (row.lent === 0) this.#bundles.delete(key);
    else this.#bundles.set(key, row);
  }

  #expire(nowMs: number): void {
    for (const id of this.#memory.permits.expire(nowMs)) this.#slots.delete(id);
    for (const row of this.#memory.leases.expire(nowMs)) this.#saveBundle(row);
  }
}
