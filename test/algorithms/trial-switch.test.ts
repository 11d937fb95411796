import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  DECAY,
  expectedShare,
  isOn,
  MAX_REST_MS,
  MIN_REST_MS,
  observe,
  OFF_BELOW,
  UNTRIED,
  type TrialSwitch,
} from "../../src/algorithms/trial-switch.ts";

const SEED = 20_261_122;

/** The switch after outcomes that all come at `nowMs`: `+` good, `-` bad. */
function after(outcomes: string, state: TrialSwitch = UNTRIED, nowMs = 0): TrialSwitch {
  return outcomes.split("").reduce((each, outcome) => observe(each, outcome === "+", nowMs), state);
}

describe("a trial switch", () => {
  it("remembers about twenty outcomes: whatever was well before, a dozen bad ones turn it off", () => {
    expect(isOn(after("+".repeat(500) + "-".repeat(7)), 0)).toBe(true);
    expect(isOn(after("+".repeat(500) + "-".repeat(12)), 0)).toBe(false);
  });

  it("expects what the decayed counts say, for any outcomes while it is on", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (outcomes) => {
        let state = UNTRIED;
        const seen: boolean[] = [];
        for (const outcome of outcomes) {
          state = observe(state, outcome, 0);
          seen.push(outcome);
          // The slow way: every outcome with the weight its age gives it.
          const weighted = (wanted: boolean) =>
            seen.reduce(
              (sum, each, at) => sum + (each === wanted ? DECAY ** (seen.length - 1 - at) : 0),
              0,
            );
          const share = (weighted(true) + 2) / (weighted(true) + weighted(false) + 3);
          expect(expectedShare(state)).toBeCloseTo(share, 9);
          expect(isOn(state, 0) || share < OFF_BELOW).toBe(true);
          if (!isOn(state, 0)) return;
        }
      }),
      { seed: SEED },
    );
  });

  it("stays on for a model that does well, and does not fall for one mistake", () => {
    expect(isOn(after("-"), 0)).toBe(true);
    expect(isOn(after("--"), 0)).toBe(true);
    expect(isOn(after("+++++++-+++++-+++++"), 0)).toBe(true);
  });

  it("goes off for a model that does badly, and comes back when it has rested", () => {
    const off = after("----");
    expect(off.offUntilMs).toBe(MIN_REST_MS);
    expect([0, MIN_REST_MS - 1, MIN_REST_MS].map((nowMs) => isOn(off, nowMs))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("counts nothing while it is off", () => {
    const off = after("----");
    expect(after("++++++", off, MIN_REST_MS - 1)).toBe(off);
  });

  it("begins a trial with nothing for or against it", () => {
    const off = after("----");
    expect(after("+", off, off.offUntilMs ?? 0)).toMatchObject({ good: 1, bad: 0 });
    expect(after("-", off, off.offUntilMs ?? 0)).toMatchObject({ good: 0, bad: 1 });
  });

  it("rests twice as long after each trial that fails, up to a day", () => {
    let state = after("----");
    let nowMs = 0;
    for (const rest of [2, 4, 8, 16, 32, 64, 128, 144, 144]) {
      nowMs = state.offUntilMs ?? 0;
      state = after("--", state, nowMs);
      expect((state.offUntilMs ?? 0) - nowMs).toBe(Math.min(rest * MIN_REST_MS, MAX_REST_MS));
    }
  });

  it("forgets failed trials only once it has proven itself", () => {
    const tried = after("++", after("----"), MIN_REST_MS);
    expect([tried.offUntilMs, tried.restMs]).toEqual([null, MIN_REST_MS]);
    expect(after("++++++++", tried, MIN_REST_MS).restMs).toBe(0);
  });

  it("goes on and off only so often, whatever happens", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 200, maxLength: 200 }), (outcomes) => {
        let state = UNTRIED;
        let changes = 0;
        for (const [minute, outcome] of outcomes.entries()) {
          const before = isOn(state, minute * 60_000);
          state = observe(state, outcome, minute * 60_000);
          if (isOn(state, minute * 60_000) !== before) changes += 1;
        }
        // Two hundred minutes hold no more rests than this, the first of ten minutes.
        expect(changes).toBeLessThanOrEqual(18);
      }),
      { seed: SEED },
    );
  });
});
