/** The calls of one model turn: linked by label, or refused one by one with what the model can repair. */

import { describe, expect, it } from "vitest";

import type { CallResult } from "../../../src/contract/run.ts";
import {
  LabelledResults,
  MAX_KEPT_LENGTH,
  MAX_LABELS,
} from "../../../src/orchestration/plan/labelled-results.ts";
import { TurnPlanner } from "../../../src/orchestration/plan/plan-turn.ts";
import { referenceBox } from "../../../src/orchestration/plan/reference-box.ts";
import type { Json, JsonObject } from "../../../src/platform/canonical-json.ts";
import { createToolBox } from "../../../src/tools/tool-box.ts";
import { storedTool } from "../../support/tools.ts";

const NUMBERS: JsonObject = {
  type: "object",
  properties: { a: { type: "number" }, b: { type: "number" } },
  additionalProperties: false,
};
const TOOLS = createToolBox([
  storedTool("math.add", {
    input: NUMBERS,
    output: {
      type: "object",
      properties: { sum: { type: "number" } },
      additionalProperties: false,
    },
  }),
  storedTool("any", {}),
  storedTool("pay", { requires_approval: true }),
]);

function planner(): TurnPlanner {
  return new TurnPlanner(referenceBox(TOOLS, true));
}

type Written = readonly [id: string, name: string, values: Json];

/** Plans calls; of each its arguments and needs, or the error as `<status> <code> <message>`. */
function plan(plans: TurnPlanner, calls: readonly Written[], callsLeft = 99) {
  const written = calls.map(([id, name, values]) => ({
    id,
    name,
    argumentsJson: JSON.stringify(values),
  }));
  const { planned, refused, isOverLimit } = plans.plan(written, callsLeft);
  const refusals = [...refused].map(
    ([id, { status, error }]) => `${id} ${status} ${error.code} ${error.message}`,
  );
  return { planned, refusals, isOverLimit };
}

function ended(id: string, value: Json): CallResult {
  const outcome = { status: "succeeded", cache: "miss", attempts: 1 } as const;
  const times = { queuedMs: 0, startedMs: 0, durationMs: 1 };
  return { id, tool: "any", outputJson: JSON.stringify(value), ...outcome, ...times };
}

describe("a turn", () => {
  it("links calls by label and takes the label out of the arguments", () => {
    const { planned, refusals } = plan(planner(), [
      ["c2", "math_add", { a: { $ref: "first#/sum" }, b: 1 }],
      ["c1", "math_add", { a: 1, b: 2, gw_label: "first" }],
    ]);
    expect(refusals).toEqual([]);
    expect(planned).toMatchObject([
      {
        id: "c2",
        needs: ["c1"],
        references: [{ at: "/a", source: { label: "first", pointer: "/sum", call: "c1" } }],
      },
      { id: "c1", label: "first", arguments: { a: 1, b: 2 } },
    ]);
  });

  it("refuses exactly what is wrong, skips what needs it, and plans the rest", () => {
    const { planned, refusals } = plan(planner(), [
      ["c1", "math_add", { a: "x", gw_label: "broken" }],
      ["c2", "math_add", { a: { $ref: "broken#/sum" }, gw_label: "next" }],
      ["c3", "any", { v: { $ref: "next#" } }],
      ["c4", "any", { v: { $ref: "nobody#/x" } }],
      ["c5", "math_add", { a: { $ref: "good#/total" } }],
      ["c6", "math_add", { a: 1, gw_label: "good" }],
      ["c7", "any", { v: { $ref: "good#sum" } }],
      ["c8", "any", { gw_label: "two words" }],
      ["c9", "any", {}],
    ]);
    expect(planned.map(({ id }) => id)).toEqual(["c6", "c9"]);
    expect(refusals).toEqual([
      "c1 failed arguments_invalid The arguments do not fit the tool's schema. /a: Must be of type number.",
      'c2 skipped dependency_failed It needs "broken", which was not made.',
      'c3 skipped dependency_failed It needs "next", which was not made.',
      'c4 failed reference_invalid The arguments refer to a result that cannot be used. /v/$ref: No call of this reply or an earlier one is labelled "nobody".',
      'c5 failed reference_invalid The arguments refer to a result that cannot be used. /a/$ref: The result of "good" never has /total: the output schema of its tool rules it out.',
      'c7 failed reference_invalid The arguments refer to a result that cannot be used. /v/$ref: What follows "#" must be a JSON pointer: empty, or "/" before each member.',
      'c8 failed arguments_invalid /gw_label: Must be 1 to 64 letters, digits or any of "_.:-".',
    ]);
  });

  it("refuses every call on a cycle, shows it, and skips what waits for it", () => {
    const { planned, refusals } = plan(planner(), [
      ["c1", "any", { v: { $ref: "b#" }, gw_label: "a" }],
      ["c2", "any", { v: { $ref: "a#" }, gw_label: "b" }],
      ["c3", "any", { v: { $ref: "b#" } }],
    ]);
    expect(planned).toEqual([]);
    expect(refusals.map((text) => text.slice(0, 40))).toEqual([
      "c1 failed reference_invalid The argument",
      "c2 failed reference_invalid The argument",
      'c3 skipped dependency_failed It needs "b',
    ]);
    expect(refusals[0]).toContain("/v/$ref: These calls wait for each other: a -> b -> a.");
  });

  it("refuses a reference to a label that two calls of the turn have, and runs both", () => {
    const { planned, refusals } = plan(planner(), [
      ["c1", "any", { gw_label: "x" }],
      ["c2", "any", { gw_label: "x" }],
      ["c3", "any", { v: { $ref: "x#" } }],
    ]);
    expect(planned.map(({ id }) => id)).toEqual(["c1", "c2"]);
    expect(refusals[0]).toContain('More than one call of this reply is labelled "x".');
  });

  it("binds at once what refers to earlier turns alone, and later what also refers to this one", () => {
    const plans = planner();
    const { planned } = plan(plans, [["c1", "any", { gw_label: "old" }]]);
    plans.keep(planned, [ended("c1", { n: 5 })]);
    const next = plan(plans, [
      ["d1", "math_add", { a: { $ref: "old#/n" } }],
      ["d2", "math_add", { a: { $ref: "old#/n" }, b: { $ref: "new#/n" } }],
      ["d3", "any", { gw_label: "new" }],
      ["d4", "any", { v: { $ref: "old#/missing" } }],
    ]);
    expect(next.planned[0]).toMatchObject({ id: "d1", arguments: { a: 5 } });
    expect(next.planned[0]).not.toHaveProperty("references");
    expect(next.refusals).toEqual([
      'd4 failed reference_unresolved /v/$ref: the result of "old" has no /missing.',
    ]);
    const second = next.planned[1];
    if (second === undefined) throw new Error("not planned");
    expect(plans.bind(second, new Map([["d3", ended("d3", { n: 7 })]]))).toMatchObject({
      ok: true,
      value: { arguments: { a: 5, b: 7 } },
    });
  });

  it("makes no more calls than are left, and none that needs one left out", () => {
    const { planned, refusals, isOverLimit } = plan(
      planner(),
      [
        ["c1", "any", {}],
        ["c2", "any", { v: { $ref: "last#" } }],
        ["c3", "any", { gw_label: "last" }],
      ],
      1,
    );
    expect([planned.map(({ id }) => id), isOverLimit]).toEqual([["c1"], true]);
    expect(refusals.map((text) => text.split(" ").slice(0, 3).join(" "))).toEqual([
      "c3 failed call_limit",
      "c2 skipped dependency_failed",
    ]);
  });

  it("does not ask anybody to approve of arguments that are not known yet", () => {
    const { refusals } = plan(planner(), [
      ["c1", "any", { gw_label: "a" }],
      ["c2", "pay", { amount: { $ref: "a#/n" } }],
    ]);
    expect(refusals).toEqual([
      'c2 failed reference_invalid A call of "pay" needs approval, so its arguments must be written out.',
    ]);
  });

  it("counts references that could be followed, and those that were the model's mistake", () => {
    const plans = planner();
    const { planned } = plan(plans, [
      ["c1", "any", { gw_label: "a" }],
      ["c2", "any", { v: { $ref: "a#/n" }, w: { $tmpl: "${a#/n}" } }],
      ["c3", "any", { v: { $ref: "nobody#" } }],
      ["c4", "any", { v: { $ref: "a#n" } }],
      ["c5", "any", { v: { $ref: "a#/missing" } }],
    ]);
    const results = new Map([["c1", ended("c1", { n: 1 })]]);
    for (const call of planned) if (call.references !== undefined) plans.bind(call, results);
    expect(plans.takeUse()).toEqual({ good: 2, bad: 3 });
    expect(plans.takeUse()).toEqual({ good: 0, bad: 0 });
  });
});

describe("a box without references", () => {
  it("takes what looks like one as data", () => {
    const plans = new TurnPlanner(TOOLS);
    const { planned } = plan(plans, [["c1", "any", { v: { $ref: "a#/n" }, gw_label: "a" }]]);
    expect(planned[0]?.arguments).toEqual({ v: { $ref: "a#/n" }, gw_label: "a" });
  });

  it("offers the tools as they are, and still understands what a model has learnt to write", () => {
    const box = referenceBox(TOOLS, false);
    expect([box.offered, box.instruct]).toEqual([TOOLS.offered, undefined]);
    expect(plan(new TurnPlanner(box), [["c1", "any", { gw_label: "a" }]]).planned).toMatchObject([
      { label: "a", arguments: {} },
    ]);
  });
});

describe("the labels of a run", () => {
  it("belong to the last call that had them, and only so many are kept", () => {
    const kept = new LabelledResults();
    for (let n = 0; n <= MAX_LABELS; n += 1) kept.keep(`l${n}`, ended(`c${n}`, n));
    kept.keep("l5", ended("again", 5));
    expect([kept.get("l0"), kept.get("l1")?.id, kept.get("l5")?.id, kept.byId("c5")]).toEqual([
      undefined,
      "c1",
      "again",
      undefined,
    ]);
  });

  it("hold only so much text", () => {
    const kept = new LabelledResults();
    const large = "x".repeat(MAX_KEPT_LENGTH / 2 - 2);
    kept.keep("a", ended("a", large));
    kept.keep("b", ended("b", large));
    expect(kept.get("a")?.id).toBe("a");
    kept.keep("c", ended("c", 1));
    expect([kept.get("a"), kept.get("b")?.id]).toEqual([undefined, "b"]);
  });
});
