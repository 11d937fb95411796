import { describe, expect, it } from "vitest";

import type { Aggregate, Branches } from "../../../src/contract/branch.ts";
import { planBranches } from "../../../src/orchestration/branches/plan-branches.ts";
import { branchCall } from "../../support/branch-scene.ts";

const CALLS = [branchCall("a", "one"), branchCall("b", "two")];

function wrongWith(branches: Branches, aggregate: Aggregate = "all", calls = CALLS) {
  const plan = planBranches({ branches, aggregate }, calls, new Set(["judge"]));
  return plan.ok ? [] : plan.error.map(({ pointer, message }) => `${pointer}: ${message}`);
}

const both = (one: object, two: object = {}): Branches => ({
  one: { group: "g", ...one },
  two: { group: "g", ...two },
});

describe("branches that cannot be", () => {
  it("are named: a call of an undeclared branch, a branch without calls", () => {
    expect(wrongWith({ one: {} })).toEqual(['/calls/1/branch: There is no branch "two".']);
    expect(wrongWith({ one: {}, two: {}, three: {} })).toEqual([
      "/branches/three: No call belongs to this branch.",
    ]);
  });

  it("are named: a policy without what it needs", () => {
    expect(wrongWith(both({ policy: "first_good" }))).toEqual([
      "/branches/one/score: The policy first_good needs this.",
      "/branches/one/threshold: first_good needs this.",
    ]);
    expect(wrongWith(both({}, { policy: "top_n" }))).toEqual([
      "/branches/two/score: The policy top_n needs this.",
      "/branches/two/keep: The policy top_n needs this.",
    ]);
    expect(wrongWith(both({ policy: "quorum" }))).toEqual([
      "/branches/one/keep: The policy quorum needs this.",
    ]);
    expect(wrongWith(both({ policy: "quorum", keep: 3 }))).toEqual([
      "/branches/one/keep: The group has 2 branches only.",
    ]);
  });

  it("are named: what a policy or a lone branch has no use for", () => {
    expect(wrongWith(both({ threshold: 1, keep: 1 }))).toEqual([
      "/branches/one/threshold: Only first_good has this.",
      "/branches/one/keep: The policy all keeps every branch.",
    ]);
    expect(wrongWith({ one: { policy: "all", slow_after_ms: 5 }, two: {} })).toEqual([
      "/branches/one/policy: Only a group has this.",
      "/branches/one/slow_after_ms: Only a group has this.",
    ]);
  });

  it("are named: branches of one group that disagree", () => {
    expect(wrongWith(both({ policy: "first_success" }, { policy: "all" }))).toEqual([
      '/branches/two/policy: Another branch of the group "g" says something else.',
    ]);
  });

  it("are named: a scorer or an aggregate that is no tool, best without a score", () => {
    expect(wrongWith({ one: { score: "nobody" }, two: {} }, "nothing")).toEqual([
      '/branches/one/score: There is no tool "nobody".',
      '/aggregate: There is no tool "nothing".',
    ]);
    expect(wrongWith({ one: {}, two: {} }, "best")).toEqual([
      "/aggregate: best needs a branch with a score, or a score of its own.",
    ]);
    expect(wrongWith({ one: { score: "judge" }, two: {} }, "best")).toEqual([]);
  });

  it("are at most 64", () => {
    const names = Array.from({ length: 65 }, (_, n) => `b${n}`);
    const calls = names.map((name) => branchCall(name, name));
    const all = Object.fromEntries(names.map((name) => [name, {}]));
    expect(wrongWith(all, "all", calls)).toEqual(["/branches: Must have at most 64 members."]);
    delete all["b64"];
    expect(wrongWith(all, "all", calls.slice(0, 64))).toEqual([]);
  });
});

describe("the plan", () => {
  it("completes a group from whichever of its branches says something", () => {
    const branches = both(
      { score: "#/r", slow_after_ms: 9 },
      { policy: "top_n", keep: 2, score: "judge" },
    );
    const plan = planBranches({ branches, aggregate: "all" }, CALLS, new Set(["judge"]));
    expect(plan).toMatchObject({
      ok: true,
      value: {
        branches: [
          { name: "one", calls: ["a"], score: "#/r", slowAfterMs: 9 },
          { name: "two", calls: ["b"], score: "judge", slowAfterMs: 9 },
        ],
        groups: [{ name: "g", rules: { policy: "top_n", keep: 2, minShare: 0.5, graceMs: 0 } }],
      },
    });
  });
});
