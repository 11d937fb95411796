import {
  array,
  assert,
  constant,
  constantFrom,
  integer,
  oneof,
  property,
  record,
} from "fast-check";
import { describe, expect, it } from "vitest";

import {
  Breaker,
  FIRST_OPEN_MS,
  FIRST_PARK_MS,
  MOST_OPEN_MS,
  MOST_PARK_MS,
  PROBES,
} from "../../src/algorithms/breaker.ts";

/** One thing that may happen to a breaker. */
const STEP = oneof(
  record({ kind: constant("wait" as const), ms: integer({ min: 0, max: 20_000 }) }),
  record({ kind: constant("count" as const), bad: integer({ min: 0, max: 6 }) }),
  record({ kind: constant("lease" as const), ttlMs: constantFrom(500, 5_000) }),
  record({ kind: constant("answer" as const), end: constantFrom("good", "bad", "ignored") }),
);

/** Fails until it is open; the time does not move. */
function opened(random = () => 0.5): Breaker {
  const breaker = new Breaker(random);
  for (let n = 0; n < 5; n += 1) breaker.count(0, 1, null, 0);
  expect(breaker.state(0).phase).toBe("open");
  return breaker;
}

/** Answers all probes of all stages. */
function pass(breaker: Breaker, nowMs: number): void {
  for (const places of PROBES) {
    const probes = Array.from({ length: 50 }, () => breaker.lease(1_000, nowMs)).filter(
      (probe) => probe !== null,
    );
    expect(probes).toHaveLength(places);
    for (const probe of probes) breaker.answer(probe, "good", nowMs);
  }
}

describe("Breaker", () => {
  it("holds its promises whatever happens in whatever order", () => {
    assert(
      property(array(STEP, { maxLength: 60 }), integer({ min: 0, max: 9 }), (steps, tenth) => {
        const breaker = new Breaker(() => tenth / 10);
        const leased = new Set<number>();
        let nowMs = 0;
        let broken = 0;
        /** Good probes since it was last open. */
        let good = 0;
        for (const step of steps) {
          const before = breaker.state(nowMs);
          const free = breaker.freeProbes(nowMs);
          if (step.kind === "wait") nowMs += step.ms;
          if (step.kind === "count") {
            breaker.count(1, step.bad, null, nowMs);
            const changed = breaker.state(nowMs).epoch > before.epoch;
            broken += Number(before.phase !== "closed" && changed);
          }
          if (step.kind === "lease") {
            const probe = breaker.lease(step.ttlMs, nowMs);
            broken += Number((probe === null) !== (free === 0));
            if (probe !== null) leased.add(probe);
          }
          const [probe] = leased;
          if (step.kind === "answer" && probe !== undefined) {
            leased.delete(probe);
            breaker.answer(probe, step.end, nowMs);
            if (before.phase === "half_open" && step.end === "good") good += 1;
          }
          const after = breaker.state(nowMs);
          expect(after.epoch).toBeGreaterThanOrEqual(before.epoch);
          // Only a full pass through the stages closes it.
          const hasClosed = before.phase === "half_open" && after.phase === "closed";
          broken += Number(hasClosed && good !== 14);
          // Between two looks it may have opened and be half-open again, which is another epoch.
          if (after.phase !== "half_open" || after.epoch > before.epoch) {
            good = 0;
            leased.clear();
          }
          expect(breaker.freeProbes(nowMs)).toBeGreaterThanOrEqual(0);
          expect(leased.size).toBeLessThanOrEqual(Math.max(...PROBES));
        }
        expect(broken).toBe(0);
      }),
      { seed: 15, numRuns: 500 },
    );
  });

  it("opens for half to all of its time, twice alike, then twice as long after each failed probe, up to five minutes", () => {
    for (const drawn of [0, 0.999]) {
      const breaker = opened(() => drawn);
      let nowMs = 0;
      for (
        let openMs = FIRST_OPEN_MS;
        nowMs < 3_000_000;
        openMs = Math.min(MOST_OPEN_MS, 2 * openMs)
      ) {
        const { untilMs } = breaker.state(nowMs);
        const mostMs = openMs === 2 * FIRST_OPEN_MS ? FIRST_OPEN_MS : openMs;
        expect(untilMs - nowMs).toBe(Math.ceil(mostMs / 2 + (drawn * mostMs) / 2));
        nowMs = untilMs;
        const probe = breaker.lease(1_000, nowMs);
        breaker.answer(probe ?? -1, "bad", nowMs);
        expect(breaker.state(nowMs).phase).toBe("open");
      }
    }
  });

  it("asks again at the latest five seconds after an outage of five seconds, however its times are drawn", () => {
    for (const drawn of [0, 0.3, 0.7, 0.999]) {
      const breaker = opened(() => drawn);
      const firstMs = breaker.state(0).untilMs;
      breaker.answer(breaker.lease(1_000, firstMs) ?? -1, "bad", firstMs);
      const secondMs = breaker.state(firstMs).untilMs;
      expect(secondMs).toBeGreaterThanOrEqual(5_000);
      expect(secondMs).toBeLessThanOrEqual(10_000);
    }
  });

  it("closes after 1, 3 and 10 good probes, exactly so many at once, and starts short again", () => {
    const breaker = opened();
    pass(breaker, 5_000);
    expect(breaker.state(5_000)).toMatchObject({ phase: "closed", openMs: 0 });
    for (let n = 0; n < 10; n += 1) breaker.count(0, 1, null, 5_000);
    expect(breaker.state(5_000)).toMatchObject({ phase: "open", openMs: FIRST_OPEN_MS });
  });

  it("takes a probe without an answer in its time for a failure, and gives back one that says nothing", () => {
    const breaker = opened();
    expect(breaker.lease(1_000, 5_000)).not.toBeNull();
    expect(breaker.state(5_999).phase).toBe("half_open");
    expect(breaker.state(6_000)).toMatchObject({ phase: "open", openMs: 10_000 });
    const again = opened();
    const probe = again.lease(1_000, 5_000) ?? -1;
    expect(again.lease(1_000, 5_000)).toBeNull();
    again.answer(probe, "ignored", 5_000);
    again.answer(probe, "bad", 5_000);
    expect(again.lease(1_000, 5_000)).not.toBeNull();
  });

  it("is open from the end of a lost probe's time on, whenever somebody looks", () => {
    const [soon, later] = [opened(), opened()];
    for (const breaker of [soon, later]) breaker.lease(1_000, 5_000);
    expect(soon.state(9_749)).toMatchObject({ phase: "open", openMs: 10_000, untilMs: 9_750 });
    const { epoch } = soon.state(9_750);
    expect(later.state(160_000)).toMatchObject({ phase: "half_open", openMs: 10_000, epoch });
    expect(later.freeProbes(160_000)).toBe(1);
  });

  it("has nothing new to say of a word it knows", () => {
    const breaker = new Breaker(() => 0.5);
    breaker.hold(2_000, 0);
    const { epoch } = breaker.state(0);
    breaker.hold(2_000, 10);
    breaker.hold(1_999, 10);
    expect(breaker.state(10).epoch).toBe(epoch);
    breaker.hold(2_001, 10);
    expect(breaker.state(10)).toMatchObject({ epoch: epoch + 1, untilMs: 2_001 });
    const other = new Breaker(() => 0.5);
    other.hold(50, 50);
    expect(other.state(50)).toMatchObject({ epoch: 0, phase: "closed" });
  });

  it("waits as long as an upstream asks for, and closes without probes", () => {
    const breaker = new Breaker(() => 0.5);
    breaker.hold(2_000, 0);
    breaker.hold(1_000, 0);
    expect(breaker.state(1_999)).toMatchObject({ phase: "open", cause: "retry_after" });
    expect(breaker.state(2_000).phase).toBe("closed");
    breaker.hold(1_500, 2_000);
    expect(breaker.state(2_000).phase).toBe("closed");
    const failing = opened();
    failing.hold(60_000, 0);
    expect(failing.state(0).cause).toBe("failures");
  });

  it("obeys force until it is let go, and then knows nothing", () => {
    const breaker = opened();
    breaker.force("closed");
    for (let n = 0; n < 50; n += 1) breaker.count(0, 1, null, 0);
    expect(breaker.state(0).forced).toBe("closed");
    breaker.force("open");
    expect(breaker.state(9_999_999).forced).toBe("open");
    expect(breaker.lease(1_000, 9_999_999)).toBeNull();
    breaker.force(null);
    expect(breaker.state(9_999_999)).toMatchObject({ phase: "closed", forced: null });
    breaker.count(0, 3, null, 9_999_999);
    expect(breaker.state(9_999_999).phase).toBe("closed");
  });

  it("leaves a refused key alone, twice as long each time in a row, up to fifteen minutes, with one probe between", () => {
    const breaker = new Breaker(() => 0.999);
    breaker.park("one", 0);
    let nowMs = 0;
    for (
      let parkMs = FIRST_PARK_MS;
      nowMs < 5_000_000;
      parkMs = Math.min(MOST_PARK_MS, 2 * parkMs)
    ) {
      // Refused once more before it was open: nothing new.
      breaker.park("one", nowMs);
      const { phase, cause, untilMs } = breaker.state(nowMs);
      expect([phase, cause]).toEqual(["open", "credential"]);
      expect(untilMs - nowMs).toBe(Math.ceil(parkMs / 2 + (0.999 * parkMs) / 2));
      nowMs = untilMs;
      const probe = breaker.lease(1_000, nowMs);
      expect(breaker.lease(1_000, nowMs)).toBeNull();
      breaker.answer(probe ?? -1, "ignored", nowMs);
      breaker.park("one", nowMs);
    }
  });

  it("closes with the first answer to the key it had parked, or with an answer to another", () => {
    const breaker = new Breaker(() => 0.5);
    breaker.park("one", 0);
    breaker.unpark("one", 1);
    expect(breaker.isParked(1)).toBe(true);
    breaker.answer(breaker.lease(1_000, 30_000) ?? -1, "good", 30_000);
    expect(breaker.state(30_000)).toMatchObject({ phase: "closed", credential: "one" });
    breaker.park("one", 40_000);
    breaker.unpark("two", 40_001);
    expect(breaker.isParked(40_001)).toBe(false);
    // A new key that is refused as well is a new refusal.
    breaker.park("one", 50_000);
    breaker.park("two", 60_000);
    expect(breaker.state(60_000)).toMatchObject({ phase: "open", credential: "two" });
  });

  it("is open by failures whatever becomes of its key, and for its usual time when a parked one then fails", () => {
    const breaker = opened();
    breaker.park("one", 0);
    expect(breaker.state(0)).toMatchObject({ cause: "failures", openMs: FIRST_OPEN_MS });
    const parked = new Breaker(() => 0.5);
    parked.park("one", 0);
    parked.answer(parked.lease(1_000, 30_000) ?? -1, "bad", 30_000);
    expect(parked.state(30_000)).toMatchObject({
      phase: "open",
      cause: "failures",
      openMs: FIRST_OPEN_MS,
      credential: null,
    });
  });

  it("is what it was when it was saved, and begins half-open anew", () => {
    const breaker = opened();
    const saved = breaker.state(100);
    expect(new Breaker(() => 0.5, saved).state(100)).toEqual(saved);
    breaker.lease(1_000, 5_000);
    const restored = new Breaker(() => 0.5, breaker.state(5_000));
    expect(restored.freeProbes(5_000)).toBe(1);
  });
});
