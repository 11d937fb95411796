/** The breakers of a tenant, as all its isolates see them. */

import { describe, expect, it } from "vitest";

import {
  type BreakerWord,
  MAX_BREAKER_WORDS,
  type TargetWord,
} from "../../../src/contract/breaker.ts";
import { BreakerTable, MAX_BREAKERS } from "../../../durable-objects/tenant-gate/breaker-table.ts";

const T0 = 1_000_000;

function seen(target: string, news: Partial<TargetWord> = {}): TargetWord {
  const none = { good: 0, bad: 0, timedOut: 0, limited: 0, baseline: null, holdMs: 0 };
  return { target, ...none, answers: [], ...news };
}

function word(...targets: TargetWord[]): BreakerWord {
  return { targets };
}

function table(): BreakerTable {
  return new BreakerTable(() => 0.5);
}

/** A table whose breaker "a" is open since T0, until T0 + 3,750. */
function opened(): BreakerTable {
  const breakers = table();
  breakers.take(word(seen("a", { bad: 5 })), T0);
  return breakers;
}

describe("BreakerTable", () => {
  it("opens on what several isolates have seen together, and tells all of them", () => {
    const breakers = table();
    for (let n = 0; n < 5; n += 1) breakers.take(word(seen("a", { bad: 1 })), T0 + n);
    const { answer } = breakers.take(word(), T0 + 5);
    expect(answer.shared).toMatchObject([
      { target: "a", phase: "open", cause: "failures", forced: null },
    ]);
  });

  it("stays closed while one isolate fails alone among others that do not", () => {
    const breakers = table();
    for (let n = 0; n < 5; n += 1) {
      breakers.take(word(seen("a", { bad: 1 })), T0);
      for (let other = 0; other < 9; other += 1) breakers.take(word(seen("a", { good: 1 })), T0);
    }
    expect(breakers.take(word(), T0).answer.shared).toEqual([]);
  });

  it("leases exactly 1, 3 and 10 probes to fifty isolates that race for them", () => {
    const breakers = opened();
    const nowMs = T0 + 4_000;
    for (const places of [1, 3, 10]) {
      const probes = Array.from(
        { length: 50 },
        () =>
          breakers.take({ targets: [], probe: { target: "a", ttlMs: 1_000 } }, nowMs).answer.probe,
      ).filter((probe) => probe !== null);
      expect(probes).toHaveLength(places);
      for (const probe of probes)
        breakers.take(word(seen("a", { answers: [{ probe, end: "good" }] })), nowMs);
    }
    expect(breakers.take(word(), nowMs).answer.shared).toEqual([]);
  });

  it("knows nothing of targets that never failed, and forgets a closed one before it holds too many", () => {
    const breakers = table();
    breakers.take(word(seen("fine", { good: 100 })), T0);
    expect(breakers.list(T0)).toEqual([]);
    for (let n = 0; n <= MAX_BREAKERS; n += 1) breakers.take(word(seen(`t${n}`, { bad: 1 })), T0);
    expect(breakers.list(T0)).toHaveLength(MAX_BREAKERS);
  });

  it("writes a row at a transition, none for counts", () => {
    const breakers = table();
    expect(breakers.take(word(seen("a", { good: 9, bad: 1 })), T0).rows).toEqual([]);
    expect(breakers.take(word(seen("a", { bad: 9 })), T0).rows).toMatchObject([
      { target: "a", state: { phase: "open" }, record: { openings: 1, downSinceMs: T0 } },
    ]);
    expect(breakers.take(word(seen("a", { bad: 9 })), T0).rows).toEqual([]);
  });

  it("tells how often and for how long a target fails", () => {
    const breakers = opened();
    let nowMs = T0 + 4_000;
    for (const places of [1, 3, 10]) {
      for (let n = 0; n < places; n += 1) {
        const ask = { targets: [], probe: { target: "a", ttlMs: 1_000 } };
        const { probe } = breakers.take(ask, nowMs).answer;
        breakers.take(word(seen("a", { answers: [{ probe: probe ?? -1, end: "good" }] })), nowMs);
      }
    }
    nowMs += 16_000;
    expect(breakers.list(nowMs)).toMatchObject([
      { name: "a", state: "closed", openings: 1, mttr_s: 4, mtbf_s: 16, pattern: null },
    ]);
  });

  it("labels failures by their shape", () => {
    const cascading = table();
    for (const name of ["a", "b", "c"]) cascading.take(word(seen(name, { bad: 5 })), T0);
    expect(cascading.list(T0).map(({ pattern }) => pattern)).toEqual(
      Array.from({ length: 3 }, () => "cascading"),
    );
    const two = table();
    for (let n = 0; n < 3; n += 1) {
      two.take(word(seen("a", { bad: 30 })), T0 + n);
      two.force("a", "auto", T0 + n);
    }
    two.take(word(seen("b", { bad: 5 })), T0 + 9);
    expect(two.list(T0 + 9).find(({ name }) => name === "b")?.pattern).toBeNull();
    const slow = table();
    slow.take(word(seen("a", { bad: 5, timedOut: 5 })), T0);
    expect(slow.list(T0)[0]?.pattern).toBe("timeout_spiral");
    const half = table();
    half.take(word(seen("a", { bad: 10, timedOut: 5 })), T0);
    expect(half.list(T0)[0]?.pattern).toBe("timeout_spiral");
    const spent = table();
    spent.take(word(seen("a", { bad: 5, limited: 20 })), T0);
    expect(spent.list(T0)[0]?.pattern).toBe("exhaustion");
    expect(opened().list(T0)[0]?.pattern).toBeNull();
  });

  it("tells which key was refused, and that it is of no account once another is taken", () => {
    const breakers = table();
    const of = (id: string, isRefused: boolean) =>
      word(seen("a", { good: 1, credential: { id, isRefused } }));
    expect(breakers.take(of("v1", false), T0).answer.shared).toEqual([]);
    const { answer, rows } = breakers.take(of("v1", true), T0);
    expect(answer.shared).toMatchObject([{ target: "a", cause: "credential", credential: "v1" }]);
    expect(rows).toMatchObject([{ state: { credential: "v1" }, record: { openings: 0 } }]);
    expect(breakers.list(T0)).toMatchObject([{ cause: "credential", retry_after_ms: 22_500 }]);
    expect(breakers.take(of("v1", false), T0).answer.shared).toHaveLength(1);
    expect(breakers.take(of("v2", false), T0).answer.shared).toEqual([]);
  });

  it("obeys force, and lets go", () => {
    const breakers = opened();
    breakers.force("a", "closed", T0);
    expect(breakers.list(T0)).toMatchObject([{ state: "forced_closed" }]);
    breakers.force("b", "open", T0);
    expect(breakers.take(word(), T0).answer.shared).toMatchObject([
      { target: "a", forced: "closed" },
      { target: "b", forced: "open" },
    ]);
    for (const name of ["a", "b"]) breakers.force(name, "auto", T0);
    expect(breakers.take(word(), T0).answer.shared).toEqual([]);
  });

  it("says for how long an open breaker stays open, to isolates and to people", () => {
    const breakers = opened();
    const untilMs = T0 + 3_750;
    expect(breakers.take(word(), T0 + 1_000).answer.shared).toEqual([
      {
        target: "a",
        phase: "open",
        forced: null,
        cause: "failures",
        epoch: 1,
        openMs: 5_000,
        credential: null,
        openForMs: untilMs - T0 - 1_000,
      },
    ]);
    expect(breakers.list(T0 + 1_000)).toMatchObject([
      { name: "a", state: "open", cause: "failures", retry_after_ms: 2_750, mttr_s: null },
    ]);
    expect(breakers.take(word(), untilMs).answer.shared).toMatchObject([
      { phase: "half_open", openForMs: 0 },
    ]);
    expect(breakers.list(untilMs)).toMatchObject([{ state: "half_open", retry_after_ms: null }]);
    breakers.force("a", "open", untilMs);
    expect(breakers.list(untilMs)).toMatchObject([
      { state: "forced_open", cause: null, retry_after_ms: null },
    ]);
  });

  it("holds a target that asked to be left alone until then, which is no failure", () => {
    const breakers = table();
    breakers.take(word(seen("a", { holdMs: 700 })), T0);
    expect(breakers.list(T0 + 699)).toMatchObject([
      { state: "open", cause: "retry_after", retry_after_ms: 1, openings: 0, mtbf_s: null },
    ]);
    expect(breakers.list(T0 + 700)).toMatchObject([{ state: "closed", cause: null }]);
  });

  it("takes an incident from its first opening to its end, through failed probes", () => {
    const breakers = opened();
    const nowMs = T0 + 4_000;
    const ask = { targets: [], probe: { target: "a", ttlMs: 1_000 } };
    const probe = breakers.take(ask, nowMs).answer.probe ?? -1;
    const bad = seen("a", { answers: [{ probe, end: "bad" }] });
    expect(breakers.take(word(bad), nowMs).rows).toMatchObject([
      { record: { openings: 1, downSinceMs: T0, downMs: 0 } },
    ]);
    expect(breakers.list(nowMs + 6_000)).toMatchObject([{ openings: 1, mttr_s: null, mtbf_s: 0 }]);
    // Forced by somebody, it is no longer down by itself.
    expect(breakers.force("a", "closed", nowMs + 6_000)).toMatchObject([
      { record: { openings: 1, downSinceMs: null, downMs: 10_000 } },
    ]);
    expect(breakers.list(nowMs + 16_000)).toMatchObject([{ mttr_s: 10, mtbf_s: 10 }]);
  });

  it("forgets what it counted a quarter of an hour before", () => {
    const late = 900_000;
    for (const [afterMs, pattern] of [
      [late - 1, "timeout_spiral"],
      [late, null],
    ] as const) {
      const breakers = table();
      breakers.take(word(seen("a", { bad: 20, timedOut: 20 })), T0);
      breakers.force("a", "auto", T0 + 1);
      breakers.take(word(seen("a", { bad: 8, timedOut: 0 })), T0 + afterMs);
      expect(breakers.list(T0 + afterMs)[0]?.pattern).toBe(pattern);
    }
  });

  it("remembers the last sixteen failures", () => {
    const breakers = table();
    let rows: ReturnType<BreakerTable["force"]> = [];
    for (let n = 0; n < 20; n += 1) {
      ({ rows } = breakers.take(word(seen("a", { bad: 50 })), T0 + n));
      breakers.force("a", "auto", T0 + n);
    }
    expect(rows[0]?.record.failuresMs).toEqual(Array.from({ length: 16 }, (_, n) => T0 + 4 + n));
  });

  it("forgets the closed one it has known longest, never one that is open or forced", () => {
    const breakers = opened();
    breakers.force("b", "closed", T0);
    for (let n = 0; n < MAX_BREAKERS; n += 1) breakers.take(word(seen(`t${n}`, { bad: 1 })), T0);
    const names = breakers.list(T0).map(({ name }) => name);
    expect(names).toHaveLength(MAX_BREAKERS);
    expect(names.slice(0, 3)).toEqual(["a", "b", "t2"]);
  });

  it("takes so many words at once and no more", () => {
    const breakers = table();
    const many = Array.from({ length: MAX_BREAKER_WORDS + 1 }, (_, n) => seen(`t${n}`, { bad: 1 }));
    breakers.take(word(...many), T0);
    expect(breakers.list(T0)).toHaveLength(Math.min(MAX_BREAKERS, MAX_BREAKER_WORDS));
  });

  it("stands as it was saved after a restart, and writes nothing for that", () => {
    const { rows } = table().take(word(seen("a", { bad: 5 })), T0);
    const again = table();
    for (const row of rows) again.load(row);
    expect(again.take(word(), T0 + 1)).toMatchObject({
      answer: { shared: [{ target: "a", phase: "open", epoch: 1 }] },
      rows: [],
    });
  });
});
