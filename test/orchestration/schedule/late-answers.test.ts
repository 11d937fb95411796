/** Calls whose time is over while others still run: what they answer then is not lost for the model. */

import { describe, expect, it } from "vitest";

import { OVERDUE_GRACE_MS } from "../../../src/orchestration/schedule/outcomes.ts";
import { call, ChatScene, finish, type ModelScript, says } from "../../support/chat-scene.ts";
import { durations, scene } from "../../support/execute-scene.ts";
import { plannedCall, succeeded } from "../../support/fake-lanes.ts";

const keepsLate = true as const;
const late = (id: string, more = {}) => plannedCall(id, { timeoutMs: 50, ...more });

describe("a call whose own time is over", () => {
  it("ends as a timeout at that moment and hands over what it answers before the last call ends", async () => {
    const { clock, lanes, events, start } = scene(durations({ late: 80, slow: 200, never: 500 }));
    const begin = clock.now();
    const calls = [late("late"), late("never"), plannedCall("slow")];
    const { results } = await clock.runUntil(start(calls, { keepsLate }));
    expect(clock.now() - begin).toBe(200);
    expect(results).toMatchObject([
      {
        status: "timeout",
        error: { code: "tool_timeout" },
        durationMs: 50,
        lateOutputJson: '"late"',
      },
      { status: "timeout", durationMs: 50 },
      { status: "succeeded" },
    ]);
    expect(results[1]).not.toHaveProperty("lateOutputJson");
    await clock.settle();
    expect(lanes.aborted).toEqual(["never"]);
    expect([lanes.inFlight, clock.pending]).toEqual([0, 0]);
    expect(events.filter(({ type }) => type === "call.failed")).toHaveLength(2);
  });

  it.each(["pure", "read"] as const)("may be late when it is a %s", async (effect) => {
    const { clock, start } = scene(durations({ late: 80, slow: 200 }));
    const calls = [late("late", { effect }), plannedCall("slow")];
    const { results } = await clock.runUntil(start(calls, { keepsLate }));
    expect(results).toMatchObject([{ status: "timeout", lateOutputJson: '"late"' }, {}]);
  });

  it("is aborted as soon as anything else wants to start, and keeps its caps and its slot until then", async () => {
    const { clock, lanes, open } = scene(durations({ late: 500, slow: 100, next: 10 }), 2);
    const scheduler = open({ keepsLate, maxParallel: 2 });
    scheduler.submit([late("late", { maxParallel: 1 }), plannedCall("slow")]);
    await clock.advance(60);
    expect(lanes.aborted).toEqual([]);
    scheduler.submit([plannedCall("next", { maxParallel: 1 })]);
    scheduler.seal();
    await clock.settle();
    expect(lanes.aborted).toEqual(["late"]);
    const { results } = await clock.runUntil(scheduler.finish());
    expect(results).toMatchObject([
      { status: "timeout" },
      { status: "succeeded" },
      { status: "succeeded", startedMs: 60 },
    ]);
    expect(lanes.maxInFlightByTool.get("tool")).toBeLessThanOrEqual(3);
  });

  it.each([
    ["it writes", { effect: "write" as const }, { keepsLate }, "outcome_unknown"],
    ["late answers are not kept", {}, {}, "timeout"],
  ])("is aborted when %s", async (_, more, options, status) => {
    const { clock, lanes, start } = scene((planned) => ({
      durationMs: planned.id === "late" ? 5_000 : 2_000,
      outcome: succeeded(),
      onAbort: "ignore",
    }));
    const { results } = await clock.runUntil(
      start([late("late", more), plannedCall("slow")], options),
    );
    expect(results[0]).toMatchObject({ status, durationMs: 50 + OVERDUE_GRACE_MS });
    expect(results[0]).not.toHaveProperty("lateOutputJson");
    expect(lanes.starts[0]?.timeoutMs).toBe(50);
  });

  it("is aborted at once when a call waits for its slot", async () => {
    const { clock, lanes, start } = scene(durations({ late: 500, next: 10 }));
    const { results } = await clock.runUntil(
      start([late("late"), plannedCall("next")], { keepsLate, maxParallel: 1 }),
    );
    expect(lanes.aborted).toEqual(["late"]);
    expect(results).toMatchObject([{ status: "timeout" }, { startedMs: 50 }]);
  });

  it("leaves nothing open when the run is cancelled or its deadline comes", async () => {
    for (const end of ["cancel", "deadline"]) {
      const { clock, lanes, controller, start } = scene(durations({ late: 900, slow: 800 }));
      const run = start([late("late"), plannedCall("slow")], {
        keepsLate,
        deadlineAtMs: clock.now() + 300,
      });
      await clock.advance(100);
      if (end === "cancel") controller.abort();
      const { results } = await clock.runUntil(run);
      await clock.settle();
      expect(results[0]).toMatchObject({ status: "timeout", error: { code: "tool_timeout" } });
      expect([lanes.inFlight, clock.pending]).toEqual([0, 0]);
    }
  });
});

describe("a chat whose tool answers after its time limit", () => {
  it("shows the model in its next turn that the answer came late, and everybody else a timeout", async () => {
    const turn: ModelScript = {
      steps: [
        ...call(0, "weather", '{"city":"late"}'),
        ...call(1, "weather", '{"city":"never"}'),
        ...call(2, "weather", '{"city":"Paris"}'),
        // The first two have begun; the last one begins when the turn is complete.
        { type: "wait", ms: 5_000 },
        finish("tool_calls"),
      ],
    };
    const took: Readonly<Record<string, number>> = { late: 12_000, never: 90_000, Paris: 9_000 };
    const chat = new ChatScene({
      model: [turn, says("Done.")],
      isObservable: true,
      tool: ({ arguments: { city } }) => ({
        durationMs: took[String(city)] ?? 0,
        outcome: succeeded({ city: city ?? null }),
      }),
    });
    const end = await chat.run();
    expect(end).toMatchObject({ type: "finished", finishReason: "stop" });
    expect(chat.toolContents(1)).toEqual([
      { late: "The tool answered after its time limit.", output: { city: "late" } },
      { error: { code: "tool_timeout", message: expect.any(String), status: "timeout" } },
      { city: "Paris" },
    ]);
    const told = chat.events.flatMap((event) => (event.type === "tool" ? [event.activity] : []));
    expect(told.filter(({ type }) => type === "tool.error")).toHaveLength(2);
    expect([chat.lanes.inFlight, chat.clock.pending]).toEqual([0, 0]);
  });
});
