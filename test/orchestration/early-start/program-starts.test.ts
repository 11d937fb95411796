import { beforeAll, describe, expect, it } from "vitest";

import type { ModelEvent } from "../../../src/contract/chat.ts";
import {
  MAX_PROGRAM_STARTS,
  MAX_WAITING_CHARACTERS,
} from "../../../src/orchestration/early-start/program-starts.ts";
import { STOP_GRACE_MS } from "../../../src/orchestration/schedule/outcomes.ts";
import {
  call,
  ChatScene,
  type ChatSetup,
  finish,
  type ModelScript,
  type ModelStep,
  request,
  says,
  text,
} from "../../support/chat-scene.ts";
import { FAILED, succeeded } from "../../support/fake-lanes.ts";

const STARTED_AT_MS = 1_000;

function program(code: string): ModelEvent {
  const item = { type: "program", call_id: "p", code };
  return {
    type: "delta",
    delta: { reasoning_details: [{ type: "openai.program", format: "openai-responses-v1", item }] },
  };
}

const OVER: ModelEvent = {
  type: "delta",
  delta: { reasoning_details: [{ type: "openai.program_output", item: { result: "x" } }] },
};

/** A turn in which the provider asks for one call of the program. */
function asks(n: number, ...before: readonly ModelStep[]): ModelScript {
  return {
    steps: [
      ...before,
      wait(50),
      ...call(0, "weather", `{"n":${n}}`, `call_${n}`),
      finish("tool_calls"),
    ],
  };
}

function wait(ms: number): ModelStep {
  return { type: "wait", ms };
}

/** Call `n` takes that long, the others 100 ms. */
function slow(n: number, ms: number): NonNullable<ChatSetup["tool"]> {
  return (planned) => ({
    durationMs: planned.arguments["n"] === n ? ms : 100,
    outcome: succeeded(planned.arguments),
  });
}

const TWO = "await tools.weather({n: 1});\nconst b = await tools.weather({n: 2});";

function sceneOf(model: readonly ModelScript[], setup: Partial<ChatSetup> = {}): ChatScene {
  return new ChatScene({ model: [...model, says("Done.")], ...setup });
}

async function summaryOf(scene: ChatScene) {
  const end = await scene.run();
  return end?.type === "finished" ? end.summary : null;
}

/** Milliseconds from the run's beginning to each start. */
function starts(scene: ChatScene): readonly number[] {
  return scene.lanes.starts.map(({ atMs }) => atMs - STARTED_AT_MS);
}

// Loaded before any test, so that a run on the fake clock finds it at once.
beforeAll(() => import("../../../src/orchestration/early-start/program-calls.ts"));

describe("a program of the model's", () => {
  it("has its certain calls running at once; those the provider asks for later join them", async () => {
    const scene = sceneOf([asks(1, program(TWO)), asks(2)]);
    const summary = await summaryOf(scene);
    expect(starts(scene)).toEqual([0, 0]);
    expect(summary).toMatchObject({
      calls: 2,
      program: { launched: 2, hits: 2, wasted: 0, saved_ms: 150 },
    });
    expect(scene.toolContents(1)).toHaveLength(1);
    expect(scene.toolContents(2)).toHaveLength(2);
    expect(scene.lanes.aborted).toEqual([]);
  });

  it("has what nobody asked for aborted when it is over, and counted", async () => {
    const over = { steps: [OVER, wait(500), text("Over."), finish("stop")] };
    const scene = sceneOf([asks(1, program(TWO)), over], { tool: slow(2, 10_000) });
    const run = scene.start();
    await scene.clock.advance(200);
    expect(scene.lanes.inFlight).toBe(0);
    expect(scene.lanes.aborted).toEqual(["program~1"]);
    await scene.clock.runUntil(run);
    expect(scene.events.at(-1)).toMatchObject({
      summary: { calls: 1, program: { launched: 2, hits: 1, wasted: 1 } },
    });
  });

  it.each([
    ["under a branch", "if (x) { await tools.weather({n: 2}) }"],
    ["after a write", "await tools.shop_buy({n: 1}); await tools.weather({n: 2})"],
    ["of tools that are not the gateway's", "await tools.ask_user({n: 1})"],
    ["with arguments its tool does not take", "await tools.weather({bad: 1})"],
  ])("starts no call %s", async (_what, code) => {
    const scene = sceneOf([asks(1, program(code))]);
    const summary = await summaryOf(scene);
    expect(scene.lanes.starts).toHaveLength(1);
    expect(summary).not.toHaveProperty("program");
  });

  it.each([
    ["the policy says so", { bounds: { earlyStart: false } }],
    ["calls may only be made one by one", { request: request({ parallel_tool_calls: false }) }],
    ["the world can observe it", { isObservable: true }],
    [
      "a run may make so many calls of the tool only",
      { callsOf: () => ({ isCounted: true as const }) },
    ],
    ["the tool has a cap of its own", { maxParallelOfTool: 1 }],
    ["no further turn would read it", { bounds: { maxTurns: 1 } }],
  ] as const)("starts nothing when %s", async (_what, setup) => {
    const scene = sceneOf([asks(1, program(TWO))], setup);
    expect(await summaryOf(scene)).not.toHaveProperty("program");
  });

  it("makes a call anew whose start failed", async () => {
    let made = 0;
    const scene = sceneOf([asks(1, program(TWO)), asks(2)], {
      tool: ({ arguments: { n } }) => {
        if (n === 2) made += 1;
        return { durationMs: 10, outcome: n === 2 && made === 1 ? FAILED : succeeded({ n }) };
      },
    });
    await scene.run();
    expect(made).toBe(2);
    expect(JSON.stringify(scene.toolContents(2))).toContain('"n":2');
  });

  it("has at most so many in flight, the rest as they end", async () => {
    const code = [1, 2, 3, 4, 5, 6].map((n) => `await tools.weather({n: ${n}});`).join("\n");
    const scene = sceneOf([asks(1, program(code), wait(1_000)), asks(2)], {
      tool: () => ({ durationMs: 200, outcome: succeeded() }),
    });
    const run = scene.start();
    await scene.clock.advance(100);
    expect(scene.lanes.inFlight).toBe(MAX_PROGRAM_STARTS);
    await scene.clock.runUntil(run);
    expect(starts(scene)).toEqual([0, 0, 0, 0, 200, 200]);
  });

  it("gives its place up to what was asked for", async () => {
    const scene = sceneOf([asks(9, program(TWO))], {
      bounds: { maxParallel: 2 },
      tool: () => ({ durationMs: 1_000, outcome: succeeded() }),
    });
    await scene.run();
    expect(scene.lanes.maxInFlight).toBe(2);
    expect(scene.lanes.aborted).toEqual(["program~1"]);
  });

  it("starts nothing in the place of a call that was asked for until it has ended", async () => {
    const code = [1, 2, 3, 4].map((n) => `await tools.weather({n: ${n}});`).join("\n");
    const scene = sceneOf([asks(9, program(code))], {
      bounds: { maxParallel: 2 },
      tool: () => ({ durationMs: 1_000, outcome: succeeded() }),
    });
    await scene.run();
    expect(scene.lanes.maxInFlight).toBe(2);
  });

  it("has no more in flight after calls that were asked for have ended", async () => {
    const code = [1, 2, 3, 4].map((n) => `await tools.weather({n: ${n}});`).join("\n");
    const turns = [asks(7), asks(8), asks(9, program(code), wait(1_000))];
    const scene = sceneOf(turns, {
      bounds: { maxParallel: 2 },
      tool: () => ({ durationMs: 200, outcome: succeeded() }),
    });
    expect(await summaryOf(scene)).toMatchObject({ program: { launched: 4 } });
    expect(scene.lanes.maxInFlight).toBe(2);
  });

  it("starts nothing when other runs need the places, and what is asked for waits for its own", async () => {
    const share = {
      take: () => false,
      give: () => undefined,
      want: (calls: number) => granted.push(Promise.resolve(calls)),
      granted: () => granted.shift() ?? Promise.resolve(0),
    };
    const granted: Promise<number>[] = [];
    const scene = sceneOf([asks(1, program(TWO)), asks(2)], { share: () => share });
    const summary = await summaryOf(scene);
    expect(summary).toMatchObject({ calls: 2 });
    expect(summary).not.toHaveProperty("program");
    expect(scene.lanes.starts.map(({ id }) => id)).toEqual(["call_1", "call_2"]);
  });

  it("keeps results that wait to be asked for up to their bound, not one character more", async () => {
    for (const [length, made] of [
      [MAX_WAITING_CHARACTERS, 1],
      [MAX_WAITING_CHARACTERS + 1, 2],
    ] as const) {
      const outcome = { ...succeeded(), outputJson: `"${"x".repeat(length - 2)}"` };
      const scene = sceneOf([asks(1, program("tools.weather({n: 1})"), wait(500))], {
        tool: () => ({ durationMs: 10, outcome }),
      });
      await scene.run();
      expect(scene.lanes.starts).toHaveLength(made);
    }
  });

  it("has a start aborted with the call that joined it", async () => {
    const sorry = { steps: [wait(5_000), text("Sorry."), finish("stop")] };
    const scene = sceneOf([asks(1, program("tools.weather({n: 1})")), sorry], {
      tool: () => ({
        durationMs: 60_000,
        outcome: succeeded(),
        onAbort: { afterMs: 1, outcome: FAILED },
      }),
      callsOf: () => ({ timeoutMs: 1_000 }),
    });
    const run = scene.start();
    await scene.clock.advance(3_000);
    expect(scene.toolContents(1)).toMatchObject([{ error: { code: "tool_timeout" } }]);
    expect([scene.lanes.aborted, scene.lanes.inFlight]).toEqual([["program~0"], 0]);
    await scene.clock.runUntil(run);
  });

  it("leaves nothing in flight when the client goes", async () => {
    const slowToLeave = { afterMs: STOP_GRACE_MS - 1, outcome: FAILED };
    const scene = sceneOf([asks(1, program(TWO)), asks(2)], {
      tool: ({ arguments: { n } }) => ({
        durationMs: 60_000,
        outcome: succeeded(),
        onAbort: n === 2 ? slowToLeave : "report",
      }),
    });
    const run = scene.start();
    await scene.clock.advance(200);
    expect(scene.lanes.inFlight).toBe(2);
    scene.cancel();
    await scene.clock.runUntil(run);
    expect(scene.lanes.inFlight).toBe(0);
  });
});
