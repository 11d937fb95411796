/** One per cent of the campaign of kills, from the seed of the full one; and its checker of breakers, which must notice a gate that forgets. */

import { describe, expect, it } from "vitest";

import { gateKills } from "../../bench/gate-kills.ts";
import { BreakerWatch } from "../../bench/gate-kills/breaker-watch.ts";

/** A gate that says so of its breakers, whatever is asked of it. */
function watchOf(states: { dead: string; waitMs: number | null; held: string }) {
  const said = { ...states };
  const watch = new BreakerWatch((path) => {
    const data = [
      { name: "tool:dead", state: said.dead, retry_after_ms: said.waitMs },
      { name: "tool:held", state: said.held, retry_after_ms: null },
    ];
    const text = path === "/v1/breakers" ? JSON.stringify({ data }) : "{}";
    return Promise.resolve({ status: 200, text, tookMs: 1 });
  });
  return { watch, said };
}

const OPEN = { dead: "open", waitMs: 4_000, held: "forced_open" };

describe("bench gate-kills", () => {
  it(
    "loses no debit and no breaker over a kill, and catches the twin that does",
    { timeout: 60_000 },
    async () => {
      const rows = await gateKills.run({ smoke: true, seed: gateKills.seed });
      expect(rows.filter(({ ok }) => ok === false)).toEqual([]);
      expect(rows.some(({ ok }) => ok === true)).toBe(true);
    },
  );
});

describe("BreakerWatch", () => {
  it("counts nothing lost of a gate that remembers", async () => {
    const { watch, said } = watchOf(OPEN);
    expect(await watch.open()).toBe(true);
    said.waitMs = 3_500;
    await watch.look();
    expect([watch.told, watch.lost]).toEqual([2, 0]);
  });

  it.each([
    ["closed", 1, { dead: "closed", waitMs: null }],
    ["half open before its time", 1, { dead: "half_open", waitMs: null }],
    ["open for longer than it was", 1, { waitMs: 9_000 }],
    ["no longer forced", 1, { held: "closed" }],
    ["forgotten altogether", 2, { dead: "closed", waitMs: null, held: "closed" }],
  ])("sees a breaker that is %s after the restart", async (_, lost, change) => {
    const { watch, said } = watchOf(OPEN);
    await watch.open();
    Object.assign(said, change);
    await watch.look();
    expect(watch.lost).toBe(lost);
  });
});
