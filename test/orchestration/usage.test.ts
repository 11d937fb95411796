import { describe, expect, it } from "vitest";

import { addUsage } from "../../src/orchestration/usage.ts";

describe("addUsage", () => {
  it("adds numbers in nested objects", () => {
    expect(
      addUsage(
        { prompt_tokens: 10, details: { cached: 4 }, only_before: 1 },
        { prompt_tokens: 5, details: { cached: 1, audio: 2 }, only_after: 3 },
      ),
    ).toEqual({
      prompt_tokens: 15,
      details: { cached: 5, audio: 2 },
      only_before: 1,
      only_after: 3,
    });
  });

  it("tolerates missing usage on either side", () => {
    expect(addUsage({}, { total_tokens: 3 })).toEqual({ total_tokens: 3 });
    expect(addUsage({ total_tokens: 3 }, {})).toEqual({ total_tokens: 3 });
  });

  it("keeps what was counted when a later turn has null, and takes what is not a number from the later turn", () => {
    expect(
      addUsage(
        { details: { cached: 4 }, tier: "a", x: null },
        { details: null, tier: "b", x: null },
      ),
    ).toEqual({
      details: { cached: 4 },
      tier: "b",
      x: null,
    });
  });

  it("is not confused by names every object has", () => {
    expect(addUsage({}, { constructor: null, toString: 1 })).toEqual({
      constructor: null,
      toString: 1,
    });
  });
});
