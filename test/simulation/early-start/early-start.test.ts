import { describe, expect, it } from "vitest";

import type { ToolBox } from "../../../src/orchestration/ports.ts";
import { earlyCampaign } from "./early-campaign.ts";
import { fiveCalls } from "./five-calls.ts";

/** One per cent of `npm run bench -- early-start`. */
const STREAMS = 100;

/** Tools that all claim to read only. */
function claimingToRead(tools: ToolBox): ToolBox {
  return {
    ...tools,
    plan: (...written) => {
      const planned = tools.plan(...written);
      return planned.ok ? { ok: true, value: { ...planned.value, effect: "read" } } : planned;
    },
  };
}

/** Tools of which the world sees nothing, that nobody counts and nobody is asked about. */
function claimingToBeHarmless(tools: ToolBox): ToolBox {
  return {
    ...tools,
    plan: (...written) => {
      const planned = tools.plan(...written);
      if (!planned.ok) return planned;
      const { observable: _seen, isCounted: _counted, approval: _asked, ...call } = planned.value;
      return { ok: true, value: call };
    },
  };
}

describe("early start in fuzzed streams", () => {
  it("starts what only reads, takes back what was wrong, and changes nothing else", async () => {
    const tally = await earlyCampaign(1, STREAMS);
    expect(tally).toMatchObject({
      earlyWrites: 0,
      earlyForbidden: 0,
      differing: 0,
      miscounted: 0,
      leftOpen: 0,
      faults: [],
    });
    expect(Math.min(tally.committed, tally.wrong, tally.aborted)).toBeGreaterThan(0);
  });

  it("is seen to start a write early when planning is spoiled", async () => {
    expect((await earlyCampaign(1, STREAMS, claimingToRead)).earlyWrites).toBeGreaterThan(0);
  });

  it("is seen to start what it may not when planning is spoiled otherwise", async () => {
    const tally = await earlyCampaign(1, STREAMS, claimingToBeHarmless);
    expect(tally.earlyForbidden).toBeGreaterThan(0);
    expect(tally.earlyWrites).toBe(0);
  });

  it("begins the first of five calls before the model has finished the second", async () => {
    const { firstStartMs, secondWrittenMs, starts } = await fiveCalls();
    expect(starts).toBe(5);
    expect(firstStartMs).toBeLessThan(secondWrittenMs);
  });
});
