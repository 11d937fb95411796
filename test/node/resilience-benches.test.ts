/** One per cent of the campaigns on failing and on limited upstreams, from the seeds of the full ones. */

import { describe, expect, it } from "vitest";

import { backpressure } from "../../bench/backpressure.ts";
import { breaker } from "../../bench/breaker.ts";
import { faults } from "../../bench/faults.ts";

describe.each([backpressure, breaker, faults])("bench $name", ({ run, seed }) => {
  it("meets every bar but those of time", { timeout: 60_000 }, async () => {
    const rows = await run({ smoke: true, seed });
    const missed = rows.filter(({ ok, unit }) => ok === false && unit !== "µs");
    expect(missed).toEqual([]);
    expect(rows.some(({ ok }) => ok === true)).toBe(true);
  });
});
