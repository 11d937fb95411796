import { array, assert, constantFrom, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";

import {
  accepted,
  type AimdRate,
  LEAST_PER_MS,
  refused,
  UNBOUNDED,
} from "../../src/algorithms/aimd-rate.ts";

const ANSWERS = array(
  record({
    kind: constantFrom("accepted" as const, "refused" as const),
    // Multiples of seven below a second never hit a bound of the careful steps exactly, where rounding would decide.
    gapMs: integer({ min: 0, max: 142 }).map((n) => 7 * n),
    agoMs: integer({ min: 0, max: 800 }),
    sentPerS: integer({ min: 1, max: 500 }),
  }),
  { maxLength: 80 },
);

interface Seen {
  readonly kind: "accepted" | "refused";
  readonly sentAtMs: number;
  readonly nowMs: number;
  readonly sentPerS: number;
}

/** The same by the words of the description: a second, millisecond by millisecond, with the whole history before its eyes. */
function slowRate(history: readonly Seen[]): number {
  let perS = Infinity;
  let fromPerS = 0;
  for (const [n, { kind, sentAtMs, nowMs, sentPerS }] of history.entries()) {
    const earlier = history.slice(0, n);
    const fall = falls(earlier).at(-1) ?? null;
    if (fall !== null && sentAtMs <= fall.nowMs) continue;
    const since = fall === null ? earlier : earlier.slice(earlier.indexOf(fall) + 1);
    const counted = since.filter((one) => one.kind === "accepted" && isAfter(one, fall));
    if (kind === "refused") {
      const from = perS === Infinity ? sentPerS : Math.min(perS, 1.3 * sentPerS);
      const isFirst = fall === null || counted.length > 0;
      if (isFirst) fromPerS = from;
      perS = Math.max(0.1, from * 0.85);
    } else if (perS < Infinity && fall !== null) {
      const last = counted.at(-1)?.nowMs ?? fall.nowMs;
      let step = 0.5 * perS;
      if (perS < 1.05 * fromPerS) step = 0.02 * fromPerS;
      if (perS < 0.97 * fromPerS) step = 0.1 * fromPerS;
      const most = Math.max(perS, 2 * sentPerS);
      for (let ms = last; ms < Math.min(nowMs, last + 1000); ms += 1)
        perS = Math.min(most, perS + step / 1000);
    }
  }
  return perS;
}

function isAfter({ sentAtMs }: Seen, fall: Seen | null): boolean {
  return fall === null || sentAtMs > fall.nowMs;
}

/** The refusals that counted, in order. */
function falls(history: readonly Seen[]): readonly Seen[] {
  const counted: Seen[] = [];
  for (const one of history)
    if (one.kind === "refused" && isAfter(one, counted.at(-1) ?? null)) counted.push(one);
  return counted;
}

function sampleOf({ sentAtMs, nowMs, sentPerS }: Seen) {
  return { sentAtMs, nowMs, sentPerMs: sentPerS / 1000 };
}

describe("the AIMD rate", () => {
  it("is what a slow reading of its description gives, and never below a request in ten seconds", () => {
    assert(
      property(ANSWERS, (answers) => {
        let nowMs = 1_000;
        let rate: AimdRate = UNBOUNDED;
        const history: Seen[] = [];
        for (const { kind, gapMs, agoMs, sentPerS } of answers) {
          nowMs += gapMs;
          const seen = { kind, nowMs, sentAtMs: nowMs - agoMs, sentPerS };
          history.push(seen);
          rate = (kind === "accepted" ? accepted : refused)(rate, sampleOf(seen));
          const slow = slowRate(history) / 1000;
          expect(rate.perMs === slow ? 1 : rate.perMs / slow).toBeCloseTo(1, 6);
          expect(rate.perMs).toBeGreaterThanOrEqual(LEAST_PER_MS);
        }
      }),
      { seed: 20_261_123, numRuns: 200 },
    );
  });

  it("falls once for all that was sent before it fell", () => {
    const at = (sentAtMs: number, nowMs: number) => ({ sentAtMs, nowMs, sentPerMs: 0.1 });
    const once = refused(UNBOUNDED, at(100, 200));
    expect(once.perMs).toBeCloseTo(0.085);
    expect(refused(once, at(200, 250))).toEqual(once);
    expect(accepted(once, at(200, 250))).toEqual(once);
    expect(refused(once, at(201, 250)).perMs).toBeCloseTo(0.07225);
  });

  it("grows no further than twice what is sent", () => {
    let rate: AimdRate = refused(UNBOUNDED, { sentAtMs: 0, nowMs: 0, sentPerMs: 0.1 });
    for (let nowMs = 100; nowMs < 60_000; nowMs += 100)
      rate = accepted(rate, { sentAtMs: nowMs - 50, nowMs, sentPerMs: 0.06 });
    expect(rate.perMs).toBeCloseTo(0.12);
  });

  it("grows for a second at most between two answers", () => {
    const fell = refused(UNBOUNDED, { sentAtMs: 0, nowMs: 0, sentPerMs: 0.1 });
    const after = (nowMs: number) =>
      accepted(fell, { sentAtMs: nowMs - 1, nowMs, sentPerMs: 0.1 }).perMs;
    expect(after(1_000)).toBeCloseTo(0.095);
    expect(after(60_000)).toBe(after(1_000));
  });

  it("follows a server whose limit halves, then doubles, within a quarter of a minute", () => {
    const limits = [50, 25, 50];
    let rate: AimdRate = UNBOUNDED;
    let tokens = 1;
    let due = 0;
    const delayed: Seen[] = [];
    const counts = limits.map(() => ({ sent: 0, accepted: 0 }));
    for (let nowMs = 0; nowMs < limits.length * 20_000; nowMs += 1) {
      const phase = Math.floor(nowMs / 20_000);
      const perS = limits[phase] ?? 0;
      tokens = Math.min(5, tokens + perS / 1000);
      for (; delayed[0] !== undefined && delayed[0].nowMs <= nowMs; delayed.shift())
        rate = (delayed[0].kind === "accepted" ? accepted : refused)(rate, sampleOf(delayed[0]));
      const perMs = Math.min(rate.perMs, 0.15);
      due = Math.min(5, due + perMs);
      if (due < 1) continue;
      due -= 1;
      const kind = tokens >= 1 ? "accepted" : "refused";
      if (kind === "accepted") tokens -= 1;
      delayed.push({ kind, sentAtMs: nowMs, nowMs: nowMs + 60, sentPerS: perMs * 1000 });
      const count = counts[phase];
      if (count === undefined || nowMs % 20_000 < 15_000) continue;
      count.sent += 1;
      if (kind === "accepted") count.accepted += 1;
    }
    for (const [n, count] of counts.entries()) {
      expect(count.accepted / 5).toBeGreaterThan(0.9 * (limits[n] ?? 0));
      expect(count.accepted / count.sent).toBeGreaterThan(0.9);
    }
  });
});
