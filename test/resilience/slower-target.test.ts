import { describe, expect, it } from "vitest";

import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { ConcurrencyLimit } from "../../src/resilience/concurrency.ts";

const NEVER = new AbortController().signal;

/** Runs of ten calls at once, one run after the other; how many of their calls were turned away. */
async function turnedAway(
  clock: FakeClock,
  limit: ConcurrencyLimit,
  runs: number,
  tookMs: number,
): Promise<number> {
  let refused = 0;
  for (let run = 0; run < runs; run += 1) {
    const calls = Array.from({ length: 10 }, async () => {
      const endsAtMs = clock.now() + 60_000;
      const entrant = { mode: "adaptive", tier: "interactive", run: `r${run}`, endsAtMs } as const;
      const leave = await limit.enter(entrant, NEVER);
      if (leave === null) refused += 1;
      await clock.sleep(tookMs, NEVER);
      leave?.("answered");
    });
    await clock.runUntil(Promise.all(calls));
  }
  return refused;
}

describe("the adaptive limit, at a target that takes longer and refuses nothing", () => {
  it.each([2, 3.2, 8])(
    "turns nobody away when its answers take %s times as long",
    async (times) => {
      const clock = new FakeClock();
      const limit = new ConcurrencyLimit(clock);
      expect(await turnedAway(clock, limit, 20, 280)).toBe(0);
      expect(await turnedAway(clock, limit, 20, 280 * times)).toBe(0);
      expect(limit.limit("adaptive")).toBe(Infinity);
    },
  );
});
