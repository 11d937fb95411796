import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  QueueWatch,
  type QueueWord,
  type WatchedWindow,
} from "../../src/algorithms/queue-watch.ts";

/** A window of so long; `slow`: even its quickest call took three times the usual time. */
interface Told {
  readonly lastedMs: number;
  readonly slow: boolean;
  readonly meanMs: number;
  readonly peak: number;
  readonly isLimited: boolean;
}

const SLOW: Told = { lastedMs: 500, slow: true, meanMs: 400, peak: 20, isLimited: false };

function windowOf(told: Told, startedAtMs: number): WatchedWindow {
  const { slow, meanMs, peak, isLimited } = told;
  return { quickestMs: slow ? 300 : 200, meanMs, baseMs: 100, peak, isLimited, startedAtMs };
}

function words(told: readonly Told[]): readonly QueueWord[] {
  const watch = new QueueWatch();
  let nowMs = 1_000;
  return told.map((each) => {
    const startedAtMs = nowMs;
    nowMs += each.lastedMs;
    return watch.see(windowOf(each, startedAtMs), nowMs);
  });
}

function meanOf(told: readonly Told[]): number {
  return told.reduce((sum, { meanMs }) => sum + meanMs, 0) / told.length;
}

function lasted(told: readonly Told[]): number {
  return told.reduce((sum, { lastedMs }) => sum + lastedMs, 0);
}

/** The rule spelled out over the whole history, window by window. */
function slowWords(told: readonly Told[]): readonly QueueWord[] {
  const said: QueueWord[] = [];
  let trial: { from: number; partMs: number; beforeMs: number } | null = null;
  let rowFrom = 0;
  for (const [at, { slow, meanMs, peak, isLimited }] of told.entries()) {
    if (!isLimited) trial = null;
    if (trial !== null) {
      const { from, partMs, beforeMs } = trial;
      const judged = told
        .slice(from, at + 1)
        .filter((_, n) => lasted(told.slice(from, from + n)) >= partMs);
      const isOver = judged.length > 0 && lasted(told.slice(from, at + 1)) >= 2 * partMs;
      const isAsSlow = meanOf(judged) >= 0.8 * beforeMs;
      said.push(isOver && isAsSlow ? "slower" : null);
      if (isOver) trial = null;
      rowFrom = at + 1;
      continue;
    }
    if (isLimited || !slow || peak < 10) rowFrom = at + 1;
    const row = told.slice(rowFrom, at + 1);
    const isQueue = row.length > 0 && lasted(row) >= 2_000;
    said.push(isQueue ? "queue" : null);
    if (!isQueue) continue;
    rowFrom = at + 1;
    trial = { from: rowFrom, partMs: Math.max(2_500, 4 * meanMs), beforeMs: meanOf(row) };
  }
  return said;
}

describe("QueueWatch", () => {
  it("says what the rule spelled out says", () => {
    const window = fc.record({
      lastedMs: fc.integer({ min: 100, max: 1_500 }),
      slow: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.boolean()),
      meanMs: fc.constantFrom(300, 400, 900),
      peak: fc.oneof({ weight: 9, arbitrary: fc.constant(20) }, fc.constantFrom(9, 10)),
      isLimited: fc.boolean(),
    });
    const rows = fc.array(fc.array(window, { maxLength: 12 }), { maxLength: 6 });
    const seen = { queue: 0, slower: 0 };
    fc.assert(
      fc.property(rows, (all) => {
        // Stretches with a limit and without one.
        const told = all.flatMap((row, n) =>
          row.map((each) => ({ ...each, isLimited: n % 2 === 1 })),
        );
        const said = words(told);
        expect(said).toEqual(slowWords(told));
        for (const word of said) if (word !== null) seen[word] += 1;
      }),
      { seed: 20_261_123, numRuns: 500 },
    );
    expect(Math.min(seen.queue, seen.slower)).toBeGreaterThan(10);
  });

  it("tells a queue after two seconds of slow windows, and later whether fewer calls helped", () => {
    const found = [SLOW, SLOW, SLOW, SLOW];
    const limited = { ...SLOW, isLimited: true, lastedMs: 1_000 };
    // The first 2.5 s are answers to what was sent before, and the window in which they end is passed over too.
    const after = (meanMs: number) => {
      const old = { ...limited, meanMs: 2_000 };
      return [old, old, old, { ...limited, meanMs }, { ...limited, meanMs }];
    };
    expect(words([...found, ...after(320)])).toEqual([
      null,
      null,
      null,
      "queue",
      null,
      null,
      null,
      null,
      "slower",
    ]);
    expect(words([...found, ...after(319)])).toEqual([
      null,
      null,
      null,
      "queue",
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  it("finds no queue where a window has one quick call, few are in flight or nothing is known", () => {
    const quick = { ...SLOW, slow: false };
    expect(words([SLOW, SLOW, SLOW, quick, SLOW, SLOW, SLOW])).not.toContain("queue");
    expect(words(Array.from({ length: 20 }, () => ({ ...SLOW, peak: 9 })))).not.toContain("queue");
    const watch = new QueueWatch();
    const one = windowOf(SLOW, 0);
    expect(watch.see({ ...one, baseMs: null }, 10_000)).toBeNull();
    expect(watch.see({ ...one, quickestMs: 250 }, 10_000)).toBeNull();
    expect(watch.see({ ...one, quickestMs: 250.1 }, 10_000)).toBe("queue");
  });
});
