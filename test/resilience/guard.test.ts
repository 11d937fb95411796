/** The deadline of every outgoing call. */

import { describe, expect, it } from "vitest";

import { fail, ok } from "../../src/platform/result.ts";
import type { Result } from "../../src/platform/result.ts";
import { guard } from "../../src/resilience/guard.ts";

const POLICY = { timeoutMs: 10_000 };

/** Timers fired by hand, so no test waits for a clock. */
function handTimers() {
  const armed = new Map<symbol, () => void>();
  const delays: number[] = [];
  return {
    delays,
    get pending() {
      return armed.size;
    },
    start: (callback: () => void, delayMs: number): (() => void) => {
      const id = Symbol("timer");
      armed.set(id, callback);
      delays.push(delayMs);
      return () => armed.delete(id);
    },
    fire: (): void => {
      for (const callback of armed.values()) callback();
    },
  };
}

/** A signal that counts its listeners. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = { count: 0 };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...parameters: Parameters<typeof add>) => {
    listeners.count += 1;
    add(...parameters);
  };
  signal.removeEventListener = (...parameters: Parameters<typeof remove>) => {
    listeners.count -= 1;
    remove(...parameters);
  };
  return { controller, signal, listeners };
}

function never(): Promise<Result<string, never>> {
  return new Promise(() => {});
}

describe("guard", () => {
  it("hands on what the attempt gives and leaves neither timer nor listener", async () => {
    const timers = handTimers();
    const { signal, listeners } = countedSignal();
    expect(await guard(POLICY, signal, async () => ok("done"), timers.start)).toEqual(ok("done"));
    expect(await guard(POLICY, signal, async () => fail("refused"), timers.start)).toEqual(
      fail("refused"),
    );
    expect(timers.pending).toBe(0);
    expect(timers.delays).toEqual([10_000, 10_000]);
    expect(listeners.count).toBe(0);
  });

  it("ends at the deadline although the attempt ignores its signal", async () => {
    const timers = handTimers();
    const { signal, listeners } = countedSignal();
    let attemptSignal: AbortSignal | undefined;
    const guarded = guard(
      POLICY,
      signal,
      (given) => {
        attemptSignal = given;
        return never();
      },
      timers.start,
    );
    timers.fire();
    expect(await guarded).toEqual(fail({ kind: "timeout", sent: true }));
    expect(attemptSignal?.aborted).toBe(true);
    expect(timers.pending).toBe(0);
    expect(listeners.count).toBe(0);
  });

  it("says timeout, not what the aborted attempt then says", async () => {
    const timers = handTimers();
    const guarded = guard(
      POLICY,
      new AbortController().signal,
      (given) =>
        new Promise<Result<string, { kind: "cancelled" }>>((settle) => {
          given.addEventListener("abort", () => settle(fail({ kind: "cancelled" })));
        }),
      timers.start,
    );
    timers.fire();
    expect(await guarded).toEqual(fail({ kind: "timeout", sent: true }));
  });

  it("ends when the caller aborts and aborts the attempt", async () => {
    const timers = handTimers();
    const { controller, signal } = countedSignal();
    let attemptSignal: AbortSignal | undefined;
    const guarded = guard(
      POLICY,
      signal,
      (given) => {
        attemptSignal = given;
        return never();
      },
      timers.start,
    );
    controller.abort();
    expect(await guarded).toEqual(fail({ kind: "aborted", sent: true }));
    expect(attemptSignal?.aborted).toBe(true);
    expect(timers.pending).toBe(0);
  });

  it("starts nothing when the caller has aborted already", async () => {
    let attempts = 0;
    const attempt = () => {
      attempts += 1;
      return never();
    };
    expect(await guard(POLICY, AbortSignal.abort(), attempt)).toEqual(
      fail({ kind: "aborted", sent: false }),
    );
    expect(attempts).toBe(0);
  });

  it("throws on what the attempt throws, and still leaves no timer", async () => {
    const timers = handTimers();
    const bug = new Error("bug");
    const attempt = () => Promise.reject<Result<string, never>>(bug);
    await expect(guard(POLICY, new AbortController().signal, attempt, timers.start)).rejects.toBe(
      bug,
    );
    expect(timers.pending).toBe(0);
  });

  it("lets a late rejection of an abandoned attempt go", async () => {
    const { promise, reject } = Promise.withResolvers<Result<string, never>>();
    const timers = handTimers();
    const guarded = guard(POLICY, new AbortController().signal, () => promise, timers.start);
    timers.fire();
    await guarded;
    reject(new Error("late"));
    await expect(promise).rejects.toThrow("late");
  });

  it("keeps real time by itself", async () => {
    expect(await guard({ timeoutMs: 5 }, new AbortController().signal, never)).toEqual(
      fail({ kind: "timeout", sent: true }),
    );
  });
});
