/** Giving up a request early, so that another can follow. */

import { describe, expect, it } from "vitest";

import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { TIMED_OUT } from "../../src/resilience/deadline.ts";
import { askFor, GAVE_UP } from "../../src/resilience/give-up.ts";

const HERE = new AbortController().signal;

/** A request that is answered after `tookMs`, and what became of its signal. */
function request(clock: FakeClock, tookMs: number) {
  const seen: { reason: unknown } = { reason: null };
  const ask = async (signal: AbortSignal): Promise<string> => {
    await clock.sleep(tookMs, signal);
    if (!signal.aborted) return "answered";
    seen.reason = signal.reason;
    return "aborted";
  };
  return { seen, ask };
}

describe("askFor", () => {
  it("waits as long as it takes when no time is set", async () => {
    const clock = new FakeClock();
    const { ask } = request(clock, 90_000);
    expect(await clock.runUntil(askFor(null, clock, HERE, ask))).toBe("answered");
  });

  it("hands on an answer that comes in time, and leaves no timer", async () => {
    const clock = new FakeClock();
    const { ask, seen } = request(clock, 499);
    expect(await clock.runUntil(askFor(500, clock, HERE, ask))).toBe("answered");
    await clock.settle();
    expect([clock.pending, seen.reason]).toEqual([0, null]);
  });

  it("gives up after its time, ends the request and says why", async () => {
    const clock = new FakeClock();
    const { ask, seen } = request(clock, 501);
    const startMs = clock.now();
    expect(await clock.runUntil(askFor(500, clock, HERE, ask))).toBe(GAVE_UP);
    await clock.settle();
    expect([clock.now() - startMs, clock.pending, seen.reason]).toEqual([500, 0, TIMED_OUT]);
  });

  it("lets a late rejection of what was given up go", async () => {
    const clock = new FakeClock();
    const ask = async (): Promise<string> => {
      await clock.sleep(900, HERE);
      throw new Error("too late");
    };
    expect(await clock.runUntil(askFor(500, clock, HERE, ask))).toBe(GAVE_UP);
    await clock.advance(1_000);
    await expect(clock.runUntil(askFor(1_500, clock, HERE, ask))).rejects.toThrow("too late");
  });

  it("lets the request say how it ended when its caller leaves", async () => {
    const clock = new FakeClock();
    const caller = new AbortController();
    const { ask } = request(clock, 900);
    const asked = askFor(500, clock, caller.signal, ask);
    await clock.advance(100);
    caller.abort();
    expect(await asked).toBe("aborted");
    expect(clock.pending).toBe(0);
  });
});
