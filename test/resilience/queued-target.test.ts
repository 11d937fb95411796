/** A target at which calls wait: the adaptive limit wakes, and finds out whether it was the number of calls. */

import { expect, it } from "vitest";

import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { ConcurrencyLimit } from "../../src/resilience/concurrency.ts";

const HERE = new AbortController().signal;

function scene() {
  const clock = new FakeClock();
  const limit = new ConcurrencyLimit(clock);
  const enter = () => {
    const endsAtMs = clock.now() + 60_000;
    return limit.enter({ mode: "adaptive", tier: "agent_step", run: "r", endsAtMs }, HERE);
  };
  /** So many calls, one after the other, that take so long. */
  const answer = async (count: number, tookMs: number) => {
    for (let n = 0; n < count; n += 1) {
      const leave = await enter();
      await clock.advance(tookMs);
      leave?.("answered");
    }
  };
  return { limit, enter, answer };
}

it("wakes for a queue, and sleeps again when fewer calls take as long", async () => {
  const { limit, enter, answer } = scene();
  await answer(30, 50);
  const held = await Promise.all(Array.from({ length: 20 }, enter));
  await answer(12, 500);
  expect(limit.limit("adaptive")).toBeLessThanOrEqual(21);
  for (const leave of held) leave?.("ignored");
  await answer(30, 500);
  expect(limit.limit("adaptive")).toBe(Infinity);
  // What it takes now is usual.
  const again = await Promise.all(Array.from({ length: 20 }, enter));
  await answer(40, 500);
  expect(limit.limit("adaptive")).toBe(Infinity);
  for (const leave of again) leave?.("ignored");
});

it("stays awake when fewer calls are answered sooner: it was their queue", async () => {
  const { limit, enter, answer } = scene();
  await answer(30, 50);
  const held = await Promise.all(Array.from({ length: 20 }, enter));
  await answer(12, 500);
  for (const leave of held) leave?.("ignored");
  await answer(60, 200);
  expect(limit.limit("adaptive")).toBeLessThan(Infinity);
});
