/** The deadline of every outgoing call. */

import { describe, expect, it } from "vitest";

import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { fail, ok } from "../../src/platform/result.ts";
import type { Result } from "../../src/platform/result.ts";
import { TIMED_OUT, withDeadline } from "../../src/resilience/deadline.ts";
import { lookUp } from "../../src/resilience/look-up.ts";

function rules(clock: FakeClock, mayBeSent = true) {
  return { clock, timeoutMs: 10_000, mayBeSent: () => mayBeSent };
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
    if (parameters[0] === "abort") listeners.count -= 1;
    remove(...parameters);
  };
  return { controller, signal, listeners };
}

function never(): Promise<Result<string, never>> {
  return new Promise(() => {});
}

describe("withDeadline", () => {
  it("hands on what the call gives and leaves neither timer nor listener", async () => {
    const clock = new FakeClock();
    const { signal, listeners } = countedSignal();
    expect(await withDeadline(rules(clock), signal, async () => ok("done"))).toEqual(ok("done"));
    expect(await withDeadline(rules(clock), signal, async () => fail("refused"))).toEqual(
      fail("refused"),
    );
    expect(clock.pending).toBe(0);
    expect(listeners.count).toBe(0);
  });

  it("ends at the deadline although the call ignores its signal, and says why it aborts", async () => {
    const clock = new FakeClock();
    const { signal, listeners } = countedSignal();
    let inner: AbortSignal | undefined;
    const ended = withDeadline(rules(clock), signal, (given) => {
      inner = given;
      return never();
    });
    await clock.advance(9_999);
    expect(inner?.aborted).toBe(false);
    await clock.advance(1);
    expect(await ended).toEqual(fail({ kind: "timeout", sent: true }));
    expect(inner?.reason).toBe(TIMED_OUT);
    expect(clock.pending).toBe(0);
    expect(listeners.count).toBe(0);
  });

  it("says timeout, not what the aborted call then says", async () => {
    const clock = new FakeClock();
    const ended = withDeadline(
      rules(clock, false),
      new AbortController().signal,
      (given) =>
        new Promise<Result<string, { kind: "cancelled" }>>((settle) => {
          given.addEventListener("abort", () => settle(fail({ kind: "cancelled" })));
        }),
    );
    await clock.advance(10_000);
    expect(await ended).toEqual(fail({ kind: "timeout", sent: false }));
  });

  it("ends when the caller aborts and aborts the call", async () => {
    const clock = new FakeClock();
    const { controller, signal } = countedSignal();
    let inner: AbortSignal | undefined;
    const ended = withDeadline(rules(clock), signal, (given) => {
      inner = given;
      return never();
    });
    controller.abort();
    expect(await ended).toEqual(fail({ kind: "aborted", sent: true }));
    expect(inner?.aborted).toBe(true);
    expect(inner?.reason).not.toBe(TIMED_OUT);
    expect(clock.pending).toBe(0);
  });

  it("starts nothing when the caller has aborted already", async () => {
    let calls = 0;
    const call = () => {
      calls += 1;
      return never();
    };
    expect(await withDeadline(rules(new FakeClock()), AbortSignal.abort(), call)).toEqual(
      fail({ kind: "aborted", sent: false }),
    );
    expect(calls).toBe(0);
  });

  it("throws on what the call throws, and still leaves no timer", async () => {
    const clock = new FakeClock();
    const bug = new Error("bug");
    const call = () => Promise.reject<Result<string, never>>(bug);
    await expect(withDeadline(rules(clock), new AbortController().signal, call)).rejects.toBe(bug);
    expect(clock.pending).toBe(0);
  });

  it("lets a late rejection of an abandoned call go", async () => {
    const { promise, reject } = Promise.withResolvers<Result<string, never>>();
    const clock = new FakeClock();
    const ended = withDeadline(rules(clock), new AbortController().signal, () => promise);
    await clock.advance(10_000);
    await ended;
    reject(new Error("late"));
    await expect(promise).rejects.toThrow("late");
  });

  it("keeps real time by itself", async () => {
    expect(await lookUp(5, new AbortController().signal, never)).toEqual(
      fail({ kind: "timeout", sent: true }),
    );
  });
});
