/** What the gate decides on, and what is left of it when its memory is lost. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decide } from "../../../durable-objects/tenant-gate/decide.ts";
import { GateMemory, MAX_BUCKETS } from "../../../durable-objects/tenant-gate/gate-memory.ts";
import type { SavedSlot } from "../../../durable-objects/tenant-gate/permit-pool.ts";
import type { Bucket } from "../../../src/algorithms/token-bucket.ts";
import type { AdmissionRequest } from "../../../src/contract/admission.ts";

const SEED = 20_261_122;

/** A gate with a disk of its own, which can lose its memory at any moment. */
class CrashingGate {
  readonly buckets = new Map<string, Bucket>();
  readonly slots = new Map<string, SavedSlot>();
  writes = 0;
  #memory = new GateMemory();
  #serial = 0;

  crash(): void {
    this.#memory = new GateMemory();
    for (const [id, bucket] of this.buckets) this.#memory.load(id, bucket);
    for (const slot of this.slots.values()) this.#memory.permits.load(slot);
  }

  admit(request: AdmissionRequest, nowMs: number) {
    for (const id of this.#memory.permits.expire(nowMs)) this.slots.delete(id);
    const decision = decide(this.#memory, request, nowMs);
    if (!decision.ok) return null;
    for (const { id, bucket } of decision.value.buckets) {
      const row = this.#memory.debit(id, bucket);
      if (row === null) continue;
      this.writes += 1;
      this.buckets.set(id, row);
    }
    if (request.concurrency.length === 0) return "granted";
    const endsMs = nowMs + request.permitTtlMs;
    const { permit, write } = this.#memory.permits.hold(
      request.concurrency,
      endsMs,
      () => `slot${(this.#serial += 1)}`,
    );
    if (write !== null) {
      this.writes += 1;
      this.slots.set(write.id, write);
    }
    return permit;
  }

  release(permit: string): void {
    const slot = this.#memory.permits.release(permit);
    if (slot !== null) this.slots.delete(slot);
  }
}

const step = fc.record({
  waitMs: fc.integer({ min: 0, max: 400 }),
  act: fc.constantFrom("admit", "admit", "admit", "release", "crash"),
});

describe("a gate that loses its memory at any moment", () => {
  it("never admits more than burst + rate × elapsed, nor holds more runs than allowed", () => {
    const limits = fc.record({
      limit: fc.integer({ min: 1, max: 500 }),
      window_s: fc.integer({ min: 1, max: 5 }),
      burst: fc.integer({ min: 1, max: 200 }),
      max: fc.integer({ min: 1, max: 60 }),
      steps: fc.array(step, { minLength: 20, maxLength: 200 }),
    });
    fc.assert(
      fc.property(limits, ({ limit, window_s, burst, max, steps }) => {
        const gate = new CrashingGate();
        const request: AdmissionRequest = {
          rates: [{ id: "r", limit: { limit, window_s, burst } }],
          concurrency: [{ id: "c", max }],
          permitTtlMs: 5000,
        };
        const open: { permit: string; endsMs: number }[] = [];
        let nowMs = 0;
        let granted = 0;
        for (const { waitMs, act } of steps) {
          nowMs += waitMs;
          if (act === "crash") gate.crash();
          if (act === "release") gate.release(open.shift()?.permit ?? "none");
          if (act !== "admit") continue;
          const permit = gate.admit(request, nowMs);
          if (permit === null) continue;
          granted += 1;
          open.push({ permit, endsMs: nowMs + 5000 });
          const inFlight = open.filter(({ endsMs }) => endsMs > nowMs);
          expect(inFlight.length).toBeLessThanOrEqual(max);
          expect(granted * window_s * 1000).toBeLessThanOrEqual(
            burst * window_s * 1000 + limit * nowMs,
          );
        }
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  it("keeps its promise when the limit changes up and down in between", () => {
    const changes = fc.array(
      fc.record({
        limit: fc.integer({ min: 1, max: 400 }),
        waitMs: fc.integer({ min: 0, max: 500 }),
      }),
      { minLength: 5, maxLength: 60 },
    );
    fc.assert(
      fc.property(changes, (steps) => {
        const gate = new CrashingGate();
        const highest = Math.max(...steps.map(({ limit }) => limit));
        let nowMs = 0;
        let granted = 0;
        for (const { limit, waitMs } of steps) {
          nowMs += waitMs;
          gate.crash();
          const rates = [{ id: "r", limit: { limit, window_s: 1, burst: 100 } }];
          const request = { rates, concurrency: [], permitTtlMs: 1 };
          while (gate.admit(request, nowMs) !== null) granted += 1;
          expect(granted * 1000).toBeLessThanOrEqual(100_000 + highest * nowMs);
        }
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("loses not one request of a small or slow limit", () => {
    const gate = new CrashingGate();
    const rates = [
      { id: "small", limit: { limit: 10, window_s: 60 } },
      { id: "slow", limit: { limit: 10, window_s: 86_400, burst: 100 } },
    ];
    const request = { rates, concurrency: [{ id: "c", max: 19 }], permitTtlMs: 1000 };
    for (let n = 0; n < 10; n += 1) {
      const permit = gate.admit(request, n);
      expect(permit).not.toBeNull();
      gate.crash();
      gate.release(permit ?? "");
      gate.crash();
    }
    expect(gate.admit(request, 10)).toBeNull();
    expect(gate.slots.size).toBe(0);
  });

  it("loses at most two seconds' worth of a fast limit, and that comes back", () => {
    const gate = new CrashingGate();
    const rates = [{ id: "r", limit: { limit: 6000, window_s: 60, burst: 1000 } }];
    const request = { rates, concurrency: [], permitTtlMs: 1 };
    gate.admit(request, 0);
    gate.crash();
    let granted = 0;
    while (gate.admit(request, 0) !== null) granted += 1;
    expect(granted).toBeGreaterThanOrEqual(999 - 200);
    expect(granted).toBeLessThanOrEqual(999);
  });

  it("writes a row for few of the requests of a steady flow", () => {
    const gate = new CrashingGate();
    const request: AdmissionRequest = {
      rates: [{ id: "r", limit: { limit: 6000, window_s: 60, burst: 1000 } }],
      concurrency: [{ id: "c", max: 200 }],
      permitTtlMs: 70_000,
    };
    for (let n = 0; n < 1000; n += 1) {
      const permit = gate.admit(request, n * 10);
      expect(permit).not.toBeNull();
      gate.release(permit ?? "");
    }
    expect(gate.writes).toBeLessThan(60);
  });
});

describe("GateMemory", () => {
  it("forgets full buckets only, and only beyond its bound", () => {
    const memory = new GateMemory();
    const limit = { limit: 1, windowMs: 1000, burst: 2 };
    memory.load("empty", { ...limit, tokens: 0, parts: 0, atMs: 0 });
    for (let n = 1; n < MAX_BUCKETS; n += 1) {
      memory.load(`full ${n}`, { ...limit, tokens: 2, parts: 0, atMs: 0 });
    }
    expect(memory.forgetFull(1000)).toEqual([]);
    memory.load("one more", { ...limit, tokens: 1, parts: 0, atMs: 0 });
    expect(memory.forgetFull(1000)).toHaveLength(MAX_BUCKETS);
    expect(memory.bucket("empty")).toBeDefined();
    expect(memory.bucket("one more")).toBeUndefined();
  });

  it("writes a limit that was changed at once, and nothing while the disk is strict enough", () => {
    const memory = new GateMemory();
    const bucket = { limit: 6000, windowMs: 60_000, burst: 1000, tokens: 999, parts: 0, atMs: 5 };
    expect(memory.debit("r", bucket)).not.toBeNull();
    expect(memory.debit("r", { ...bucket, tokens: 949 })).toBeNull();
    expect(memory.debit("r", { ...bucket, tokens: 948 })).not.toBeNull();
    expect(memory.debit("r", { ...bucket, tokens: 948, limit: 3000 })).not.toBeNull();
    expect(memory.debit("r", { ...bucket, tokens: 948, limit: 3000, burst: 999 })).not.toBeNull();
  });

  it("writes a fast limit with a reserve, a second ahead, and a small one as it is", () => {
    const fast = { limit: 6000, windowMs: 60_000, burst: 1000, parts: 0, atMs: 5 };
    const small = { limit: 10, windowMs: 60_000, burst: 10, parts: 0, atMs: 5 };
    const memory = new GateMemory();
    expect(memory.debit("fast", { ...fast, tokens: 999 })).toEqual({
      ...fast,
      tokens: 949,
      atMs: 1005,
    });
    expect(memory.debit("in debt", { ...fast, tokens: -7 })).toMatchObject({ tokens: -7 });
    expect(memory.debit("low", { ...fast, tokens: 20 })).toMatchObject({ tokens: 0 });
    expect(memory.debit("slow", { ...fast, burst: 9999, tokens: 500 })).toMatchObject({
      tokens: 400,
    });
    expect(memory.debit("small", { ...small, tokens: 9 })).toEqual({ ...small, tokens: 9 });
    // Not even parts of a token are there again after a restart.
    expect(memory.debit("small", { ...small, tokens: 9, parts: 50 })).toBeNull();
    expect(memory.debit("part", { ...small, tokens: 9, parts: 50 })).not.toBeNull();
    expect(memory.debit("part", { ...small, tokens: 9, parts: 49 })).not.toBeNull();
  });
});
