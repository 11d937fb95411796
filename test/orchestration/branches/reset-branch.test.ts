import { expect, it } from "vitest";

import type { PlannedCall } from "../../../src/orchestration/ports.ts";
import { branchCall, branchScene, statuses } from "../../support/branch-scene.ts";
import { type CallScript, plannedCall, succeeded } from "../../support/fake-lanes.ts";

const after = (durationMs: number, output: unknown = {}): CallScript => ({
  durationMs,
  outcome: succeeded(output),
});

it("has failed beside a write that was under way, whatever of the branch runs again after its reset", async () => {
  const scripts: Readonly<Record<string, CallScript>> = {
    pay: { durationMs: 9_000, outcome: succeeded(), onAbort: "ignore" },
    b: after(100),
    x: after(300),
  };
  const { clock, control, start } = branchScene(({ id }) => scripts[id] ?? after(10));
  const calls: readonly PlannedCall[] = [
    branchCall("pay", "one", { effect: "write" }),
    branchCall("b", "one"),
    plannedCall("x"),
  ];
  const run = start(calls, { one: {} });
  await clock.advance(20);
  control.cancel({ branch: "one", reset: false });
  await clock.advance(60);
  expect(control.cancel({ branch: "one", reset: true })).toBe(true);
  const report = await clock.runUntil(run);
  expect(statuses(report)).toEqual({ pay: "outcome_unknown", b: "succeeded", x: "succeeded" });
  expect(report.branches).toEqual({ one: { status: "failed" } });
});

it("is what it came to when only its scorer was open as it was cancelled and reset", async () => {
  const { clock, control, start } = branchScene(({ id, tool }) =>
    tool === "judge" ? after(100, 7) : after(id === "x" ? 400 : 10),
  );
  const run = start([branchCall("a", "one"), plannedCall("x")], { one: { score: "judge" } });
  await clock.advance(50);
  control.cancel({ branch: "one", reset: false });
  await clock.advance(150);
  expect(control.cancel({ branch: "one", reset: true })).toBe(true);
  const report = await clock.runUntil(run);
  expect(report.branches).toEqual({ one: { status: "succeeded", score: 7 } });
});
