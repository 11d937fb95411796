import { describe, expect, it } from "vitest";

import {
  MAX_TRUSTED_TOOLS,
  PredictorTrust,
  REST_TURNS,
} from "../../../src/orchestration/speculation/predictor-trust.ts";

describe("PredictorTrust", () => {
  it("begins with credit, loses it with misses and wins it back with hits", () => {
    const trust = new PredictorTrust();
    expect(trust.chanceOf("a")).toBe(0.8);
    trust.observe("a", false);
    expect(trust.chanceOf("a")).toBeCloseTo(4 / 6, 9);
    for (let n = 0; n < 200; n += 1) trust.observe("a", false);
    expect(trust.chanceOf("a")).toBeLessThan(0.1);
    for (let n = 0; n < 200; n += 1) trust.observe("a", true);
    expect(trust.chanceOf("a")).toBeGreaterThan(0.9);
    expect(trust.chanceOf("b")).toBe(0.8);
  });

  it("remembers so many tools; the one foretold the longest time ago leaves", () => {
    const trust = new PredictorTrust();
    for (let n = 0; n < MAX_TRUSTED_TOOLS; n += 1) trust.observe(`tool_${n}`, false);
    expect(trust.chanceOf("tool_0")).toBeLessThan(0.8);
    trust.observe("one_more", false);
    expect(trust.chanceOf("tool_0")).toBe(0.8);
    expect(trust.chanceOf("tool_1")).toBeLessThan(0.8);
  });

  it("is asked again after a rest when it is trusted with nothing", () => {
    const trust = new PredictorTrust();
    expect(trust.isWorthAsking(0.9)).toBe(true);
    for (let n = 0; n < 8; n += 1) trust.observe("a", false);
    const asked = Array.from({ length: 2 * (REST_TURNS + 1) }, () => trust.isWorthAsking(0.7));
    expect(asked.filter(Boolean)).toHaveLength(2);
    expect(asked[REST_TURNS]).toBe(true);
    trust.observe("b", true);
    expect(trust.isWorthAsking(0.7)).toBe(true);
  });
});
