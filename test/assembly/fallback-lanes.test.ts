/** A tool that stands in for another whose server fails. */

import { describe, expect, it } from "vitest";

import { fallbackLanes } from "../../src/assembly/fallback-lanes.ts";
import type { CallOutcome } from "../../src/contract/run.ts";
import { type Effect, type Tool, ToolDefinition } from "../../src/contract/tool.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { FAILED, FakeLanes, plannedCall, succeeded } from "../support/fake-lanes.ts";

const OPEN: CallOutcome = {
  status: "circuit_open",
  error: { code: "circuit_open", message: "Not now." },
  cache: "bypass",
  attempts: 0,
};

function tools(definitions: Record<string, object>): ReadonlyMap<string, Tool> {
  return new Map(
    Object.entries(definitions).map(([name, extra]) => [
      name,
      {
        name,
        version: 1,
        definition: ToolDefinition.parse({
          description: "Looks",
          input: { type: "object" },
          effect: "read",
          http: { method: "GET", url: "https://api.example.com/look" },
          ...extra,
        }),
      },
    ]),
  );
}

/** What a call of `first` comes to, by what each tool answers after how many milliseconds. */
async function callFirst(
  definitions: Record<string, object>,
  answers: Record<string, readonly [CallOutcome, number]>,
  { effect = "read", timeoutMs = 20_000 }: { effect?: Effect; timeoutMs?: number } = {},
) {
  const clock = new FakeClock();
  const lanes = new FakeLanes(clock, ({ tool }) => {
    const [outcome, durationMs] = answers[tool] ?? [FAILED, 0];
    return { outcome, durationMs };
  });
  const [lane] = fallbackLanes(lanes, tools(definitions), clock).lanes(1);
  const call = plannedCall("c1", {
    tool: "first",
    effect,
    arguments: { city: "Paris" },
    group: "of-first",
    idempotencyKey: "key",
  });
  const running = lane?.run(call, timeoutMs, new AbortController().signal);
  const outcome = await clock.runUntil(running ?? Promise.reject(new Error("no lane")));
  return { outcome, lanes };
}

const STAND_IN = { fallback: { tool: "second" } };

describe("fallbackLanes", () => {
  it("are the same lanes when no tool stands in for another", () => {
    const lanes = new FakeLanes(new FakeClock(), () => ({ durationMs: 0, outcome: succeeded() }));
    const definitions = tools({ first: { fallback: { value: 1 } } });
    expect(fallbackLanes(lanes, definitions, new FakeClock())).toBe(lanes);
  });

  it("make a call that failed with the other tool, and say so", async () => {
    const { outcome, lanes } = await callFirst(
      { first: STAND_IN, second: { rate_limit_group: "of-second" } },
      { second: [succeeded({ ok: 1 }), 0] },
    );
    expect(outcome).toEqual({ ...succeeded({ ok: 1 }), status: "degraded", attempts: 2 });
    expect(lanes.made[1]).toMatchObject({
      id: "c1",
      tool: "second",
      arguments: { city: "Paris" },
      group: "of-second",
      idempotencyKey: "key",
    });
  });

  it("leave a call that succeeded, and one whose own fault it was, alone", async () => {
    const fault: CallOutcome = { ...FAILED, error: { code: "tool_error", message: "No." } };
    for (const own of [succeeded(), fault]) {
      const { outcome, lanes } = await callFirst(
        { first: STAND_IN, second: {} },
        { first: [own, 0] },
      );
      expect(outcome).toEqual(own);
      expect(lanes.made).toHaveLength(1);
    }
  });

  it("give the first failure when nothing that stands in has a result, each asked once", async () => {
    const { outcome, lanes } = await callFirst(
      { first: STAND_IN, second: { fallback: { tool: "third" } }, third: STAND_IN },
      { first: [OPEN, 0] },
    );
    expect(outcome).toEqual({ ...OPEN, attempts: 2 });
    expect(lanes.made.map(({ tool }) => tool)).toEqual(["first", "second", "third"]);
  });

  it("pass over a tool that does not take the arguments, may not stand in any more, or is gone", async () => {
    for (const second of [
      { input: { type: "object", required: ["place"] } },
      { effect: "write" },
      { requires_approval: true },
      null,
    ]) {
      const definitions = second === null ? { first: STAND_IN } : { first: STAND_IN, second };
      const { outcome, lanes } = await callFirst(definitions, {});
      expect(outcome).toEqual(FAILED);
      expect(lanes.made).toHaveLength(1);
    }
  });

  it("take only a result that the first tool might have given", async () => {
    const output = { type: "object", required: ["city"] };
    const first = { ...STAND_IN, output };
    for (const [answer, status] of [
      [succeeded({ city: "Paris" }), "degraded"],
      [succeeded({ town: "Paris" }), "failed"],
    ] as const) {
      const { outcome } = await callFirst({ first, second: {} }, { second: [answer, 0] });
      expect(outcome.status).toBe(status);
    }
  });

  it("give the first tool its own time and the other what is left", async () => {
    const first = { ...STAND_IN, timeout_ms: 1_000 };
    const { outcome, lanes } = await callFirst(
      { first, second: { timeout_ms: 5_000 } },
      { first: [succeeded(), 60_000], second: [succeeded(), 300] },
      { timeoutMs: 1_500 },
    );
    expect(outcome.status).toBe("degraded");
    expect(lanes.starts.map(({ timeoutMs }) => timeoutMs)).toEqual([1_000, 500]);
    const late = await callFirst(
      { first, second: {} },
      { first: [succeeded(), 60_000] },
      { timeoutMs: 1_000 },
    );
    expect(late.outcome.status).toBe("timeout");
    expect(late.lanes.made).toHaveLength(1);
  });

  it("end with a write of the other tool that may have happened", async () => {
    const lost: CallOutcome = { ...FAILED, status: "outcome_unknown" };
    const write = { effect: "write" };
    const { outcome } = await callFirst(
      { first: { ...STAND_IN, ...write }, second: write },
      { first: [OPEN, 0], second: [lost, 0] },
      { effect: "write" },
    );
    expect(outcome).toEqual(lost);
    // A first one that may have happened is never made elsewhere.
    const first = await callFirst(
      { first: { ...STAND_IN, ...write }, second: write },
      { first: [lost, 0] },
      { effect: "write" },
    );
    expect(first.lanes.made).toHaveLength(1);
  });
});
