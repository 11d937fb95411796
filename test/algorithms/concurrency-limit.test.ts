import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  type ConcurrencyState,
  firstLimit,
  type LimitWindow,
  MIN_LIMIT,
  nextLimit,
} from "../../src/algorithms/concurrency-limit.ts";

const MOST = 200;
const STEADY: LimitWindow = { calls: 20, shortMs: 100, dropped: 0, peak: 1_000, lastedMs: 1_000 };
const WELL: ConcurrencyState = { limit: 10, baseMs: 100, measuredMs: 60_000, before: null };

function after(windows: number, window: LimitWindow, from: ConcurrencyState): ConcurrencyState {
  let state = from;
  for (let n = 0; n < windows; n += 1) state = nextLimit(state, window, MOST);
  return state;
}

describe("nextLimit", () => {
  it("stays between 1 and the most, and moves a tenth down and a queue up at most, whatever happens", () => {
    const window = fc.record({
      calls: fc.integer({ min: 1, max: 1_000 }),
      shortMs: fc.option(fc.double({ min: 0.1, max: 60_000, noNaN: true })),
      dropped: fc.nat({ max: 1_000 }),
      peak: fc.nat({ max: 1_000 }),
      lastedMs: fc.integer({ min: 1, max: 4_000 }),
    });
    fc.assert(
      fc.property(fc.array(window, { maxLength: 100 }), (windows) => {
        let state: ConcurrencyState = { limit: 20, baseMs: null, measuredMs: 0, before: null };
        for (const each of windows) {
          const { limit: was, before } = state;
          state = nextLimit(state, each, MOST);
          expect(state.limit).toBeGreaterThanOrEqual(MIN_LIMIT);
          expect(state.limit).toBeLessThanOrEqual(MOST);
          expect(state.limit).toBeGreaterThanOrEqual(Math.min(was, Math.max(1, was * 0.9 - 1e-9)));
          const grown = was + 0.2 * Math.max(2.5, Math.sqrt(was));
          expect(state.limit).toBeLessThanOrEqual(Math.max(grown, before?.limit ?? 0) + 1e-9);
        }
      }),
      { seed: 20_261_123, numRuns: 300 },
    );
  });

  it("grows while it is used and calls take what they take, and not while it is not used", () => {
    expect(after(100, STEADY, WELL).limit).toBeGreaterThan(50);
    expect(after(100, { ...STEADY, peak: 1 }, WELL).limit).toBe(10);
    expect(after(1, { ...STEADY, peak: 4 }, WELL).limit).toBe(10);
    expect(after(1, { ...STEADY, peak: 5 }, WELL).limit).toBeGreaterThan(10);
  });

  it("shrinks when calls get slower, and grows again when they are not", () => {
    const slow = after(5, { ...STEADY, shortMs: 300 }, { ...WELL, limit: 100 });
    expect(slow.limit).toBeLessThan(75);
    expect(after(5, STEADY, slow).limit).toBeGreaterThan(slow.limit);
  });

  it("does not take a queue for the new normal while it holds calls back", () => {
    const crowded = after(500, { ...STEADY, shortMs: 125 }, WELL);
    expect(crowded.baseMs).toBe(100);
    const full = { ...STEADY, shortMs: 125, peak: 10 };
    expect(nextLimit(WELL, full, MOST).baseMs).toBe(100);
    expect(nextLimit(WELL, { ...full, peak: 9 }, MOST).baseMs).toBeGreaterThan(100);
  });

  it("learns by experiment that the target itself is slower: half the calls, and just as slow", () => {
    const state = after(25, { ...STEADY, shortMs: 400 }, { ...WELL, limit: 20 });
    expect(state.baseMs).toBe(400);
    expect(state.limit).toBeGreaterThanOrEqual(20);
  });

  it("keeps its base when half the calls are quicker: their number was the reason", () => {
    let state: ConcurrencyState = { ...WELL, limit: 20 };
    for (let n = 0; n < 40; n += 1)
      state = nextLimit(state, { ...STEADY, shortMs: 20 * state.limit + 50 }, MOST);
    expect(state.baseMs).toBe(100);
    expect(state.limit).toBeLessThan(8);
  });

  it("lets five seconds pass before it judges, and begins again where calls got quicker meanwhile", () => {
    const before = { limit: 20, shortMs: 1_000, lastedMs: 4_000 };
    const state: ConcurrencyState = { ...WELL, limit: 20, before };
    const window = { ...STEADY, shortMs: 400 };
    expect(nextLimit(state, window, MOST)).toMatchObject({
      limit: 20,
      before: { limit: 20, shortMs: 400, lastedMs: 0 },
    });
    const sooner = nextLimit(state, { ...window, lastedMs: 999 }, MOST);
    expect(sooner.limit).toBeLessThan(20);
    expect(sooner.before).toEqual({ ...before, lastedMs: 4_999 });
  });

  it("takes for slow what takes more than two and a half times as long, and halves for an experiment", () => {
    const experiment = (shortMs: number, limit: number) => {
      const before = { limit: 20, shortMs, lastedMs: 4_000 };
      return nextLimit({ ...WELL, limit, before }, { ...STEADY, shortMs }, MOST);
    };
    expect(experiment(260, 10)).toMatchObject({ limit: 20, baseMs: 260, before: null });
    expect(experiment(260, 30)).toMatchObject({ limit: 30, baseMs: 260, before: null });
    expect(experiment(240, 10)).toMatchObject({ baseMs: 100, before: { limit: 20 } });
    expect(experiment(260, 11)).toMatchObject({ baseMs: 100, before: { limit: 20 } });
  });

  it("loses a tenth when more than a twentieth was dropped, and nothing for less", () => {
    expect(after(1, { ...STEADY, dropped: 2 }, WELL).limit).toBe(9);
    expect(after(1, { ...STEADY, dropped: 1 }, WELL).limit).toBeGreaterThan(10);
    expect(after(1, { ...STEADY, shortMs: null, dropped: 20 }, WELL).limit).toBe(9);
  });
});

describe("firstLimit", () => {
  it("is twice what the target holds by Little's law, at most what was in flight, at least 1", () => {
    // 20 answers a second of 100 ms each are two at a time.
    expect(firstLimit(100, 20, { ...STEADY, shortMs: 900 })).toBe(4);
    expect(firstLimit(100, 20, { ...STEADY, peak: 3 })).toBe(3);
    expect(firstLimit(null, 0, { ...STEADY, shortMs: null })).toBe(1);
  });
});
