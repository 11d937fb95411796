import {
  array,
  assert,
  boolean,
  constantFrom,
  float,
  integer,
  option,
  property,
  record,
  type Arbitrary,
} from "fast-check";
import { describe, expect, it } from "vitest";

import {
  decideGroup,
  type BranchView,
  type GroupDecision,
  type GroupRules,
} from "../../../src/orchestration/branches/decide-group.ts";

function rules(changes: Partial<GroupRules> = {}): GroupRules {
  return { policy: "first_success", keep: 1, threshold: 0, minShare: 0.5, graceMs: 0, ...changes };
}

function open(name: string, slowAfterMs: number | null = null): BranchView {
  return { name, state: "open", endedAtMs: null, score: null, slowAfterMs };
}

function good(name: string, endedAtMs: number, score: number | null = null): BranchView {
  return { name, state: "succeeded", endedAtMs, score, slowAfterMs: null };
}

function bad(name: string, endedAtMs: number): BranchView {
  return { name, state: "failed", endedAtMs, score: null, slowAfterMs: null };
}

describe("a group of branches", () => {
  it("first_success: is won by the first that succeeded; the others lose at once", () => {
    const views = [open("a"), good("b", 50), bad("c", 10), open("d")];
    expect(decideGroup(rules(), views, 0, 50)).toEqual({
      state: "won",
      winners: ["b"],
      losers: ["a", "d"],
      cut: [],
      wakeAtMs: null,
    });
  });

  it("first_success: takes as many as there are when fewer than keep succeed, and none is a failure", () => {
    const two = rules({ keep: 2 });
    expect(decideGroup(two, [good("a", 5), bad("b", 9)], 0, 9)).toMatchObject({
      state: "won",
      winners: ["a"],
    });
    expect(decideGroup(two, [good("a", 5), open("b")], 0, 9).state).toBe("open");
    expect(decideGroup(two, [bad("a", 5), bad("b", 9)], 0, 9)).toMatchObject({
      state: "failed",
      winners: [],
    });
  });

  it("first_good: passes over what scores below the threshold or not at all", () => {
    const policy = rules({ policy: "first_good", threshold: 4 });
    const views = [good("low", 1, 3.9), good("none", 2), good("right", 4, 4), open("late")];
    expect(decideGroup(policy, views.toSpliced(2, 1), 0, 3).state).toBe("open");
    expect(decideGroup(policy, views, 0, 4)).toMatchObject({
      winners: ["right"],
      losers: ["late"],
    });
  });

  it("top_n: waits for all, then keeps the best; a branch without a score is never kept", () => {
    const policy = rules({ policy: "top_n", keep: 2 });
    const views = [good("a", 1, 5), good("b", 2, 9), good("c", 3), good("d", 4, 9)];
    expect(decideGroup(policy, [...views, open("e")], 0, 4).state).toBe("open");
    expect(decideGroup(policy, views, 0, 4)).toMatchObject({ state: "won", winners: ["b", "d"] });
  });

  it("quorum: all of them or none, and it gives up as soon as it cannot be reached", () => {
    const policy = rules({ policy: "quorum", keep: 2 });
    expect(decideGroup(policy, [good("a", 1), good("b", 2), open("c")], 0, 2)).toMatchObject({
      state: "won",
      winners: ["a", "b"],
      losers: ["c"],
    });
    expect(decideGroup(policy, [bad("a", 1), good("b", 2), open("c")], 0, 2).state).toBe("open");
    expect(decideGroup(policy, [bad("a", 1), bad("b", 2), open("c")], 0, 2)).toMatchObject({
      state: "failed",
      losers: ["c"],
    });
  });

  it("all: waits for every branch and aborts none, failed or not", () => {
    const policy = rules({ policy: "all" });
    expect(decideGroup(policy, [bad("a", 1), open("b")], 0, 1)).toMatchObject({
      state: "open",
      losers: [],
    });
    expect(decideGroup(policy, [bad("a", 1), good("b", 2)], 0, 2).state).toBe("failed");
    expect(decideGroup(policy, [good("a", 1), good("b", 2)], 0, 2).winners).toEqual(["a", "b"]);
  });
});

describe("the cut of a slow branch", () => {
  const policy = rules({ policy: "all", minShare: 0.5, graceMs: 30 });

  it("waits for its time, for the share of successes, and for the grace after that", () => {
    const views = (state: BranchView) => [state, open("slow", 100), open("never")];
    const half = [good("a", 90), good("b", 95), open("slow", 100), open("never")];
    expect(decideGroup(policy, views(good("a", 90)), 0, 500)).toMatchObject({
      cut: [],
      wakeAtMs: null,
    });
    expect(decideGroup(policy, half, 0, 110)).toMatchObject({ cut: [], wakeAtMs: 125 });
    expect(decideGroup(policy, half, 0, 125)).toMatchObject({ cut: ["slow"], wakeAtMs: null });
  });

  it("counts successes only: branches that fail fast cut nobody", () => {
    const views = [bad("a", 1), bad("b", 2), open("slow", 10), open("other", 10)];
    expect(decideGroup(policy, views, 0, 1000).cut).toEqual([]);
  });

  it("needs no success at a share of zero", () => {
    const none = rules({ policy: "all", minShare: 0 });
    expect(decideGroup(none, [open("slow", 10), open("b")], 5, 15).cut).toEqual(["slow"]);
    expect(decideGroup(none, [open("slow", 10), open("b")], 5, 14)).toMatchObject({ wakeAtMs: 15 });
  });
});

interface Story {
  readonly rules: GroupRules;
  readonly ends: readonly {
    readonly atMs: number;
    readonly succeeds: boolean;
    readonly score: number | null;
    readonly slowAfterMs: number | null;
  }[];
}

const STORY: Arbitrary<Story> = record({
  rules: record({
    policy: constantFrom("all", "first_success", "first_good", "top_n", "quorum"),
    keep: integer({ min: 1, max: 4 }),
    threshold: integer({ min: 0, max: 5 }),
    minShare: float({ min: 0, max: 1, noNaN: true }),
    graceMs: integer({ min: 0, max: 40 }),
  }),
  ends: array(
    record({
      atMs: integer({ min: 0, max: 100 }),
      succeeds: boolean(),
      score: option(integer({ min: 0, max: 6 })),
      slowAfterMs: option(integer({ min: 1, max: 60 })),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});

/** Lives through a story millisecond by millisecond as the director does, aborting what the decisions say. */
function live({ rules: own, ends }: Story): { decisions: GroupDecision[]; views: BranchView[] } {
  const cutAt = new Map<number, number>();
  const decisions: GroupDecision[] = [];
  let views: BranchView[] = [];
  for (let nowMs = 0; nowMs <= 200; nowMs += 1) {
    views = ends.map(({ atMs, succeeds, score, slowAfterMs }, index): BranchView => {
      const name = String(index);
      const cutMs = cutAt.get(index);
      if (cutMs !== undefined)
        return { name, state: "cut", endedAtMs: cutMs, score: null, slowAfterMs };
      if (atMs > nowMs) return { name, state: "open", endedAtMs: null, score: null, slowAfterMs };
      return succeeds
        ? { name, state: "succeeded", endedAtMs: atMs, score, slowAfterMs }
        : { name, state: "failed", endedAtMs: atMs, score: null, slowAfterMs };
    });
    const decision = decideGroup(own, views, 0, nowMs);
    for (const name of [...decision.losers, ...decision.cut]) cutAt.set(Number(name), nowMs);
    decisions.push(decision);
  }
  return { decisions, views };
}

describe("any group, whatever ends when", () => {
  it("never aborts a winner, never changes its mind, keeps at most keep, and always ends", () => {
    assert(
      property(STORY, (story) => {
        const { decisions } = live(story);
        const first = decisions.findIndex(({ state }) => state !== "open");
        expect(first).not.toBe(-1);
        const { state, winners } = decisions[first] ?? { state: "open", winners: [] };
        const later = decisions.slice(first).map((each) => `${each.state} ${each.winners.join()}`);
        expect([...new Set(later)]).toEqual([`${state} ${winners.join()}`]);
        const aborted = new Set(decisions.flatMap(({ losers, cut }) => [...losers, ...cut]));
        expect(winners.filter((winner) => aborted.has(winner))).toEqual([]);
        const most = story.rules.policy === "all" ? story.ends.length : story.rules.keep;
        expect(winners.length).toBeLessThanOrEqual(most);
        expect(state === "won").toBe(winners.length > 0);
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it("cuts only after the branch's own time, the share and the grace", () => {
    assert(
      property(STORY, (story) => {
        const { decisions } = live(story);
        const { minShare, graceMs } = story.rules;
        for (const [nowMs, { cut }] of decisions.entries()) {
          for (const name of cut) {
            const slowAfterMs = story.ends[Number(name)]?.slowAfterMs ?? Infinity;
            expect(nowMs).toBeGreaterThanOrEqual(slowAfterMs);
            const before = story.ends.filter(
              ({ succeeds, atMs }) => succeeds && atMs <= nowMs - graceMs,
            ).length;
            expect(before / story.ends.length).toBeGreaterThanOrEqual(minShare - 1e-6);
          }
        }
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});
