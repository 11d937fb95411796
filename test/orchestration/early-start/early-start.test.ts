import { describe, expect, it } from "vitest";

import type { ModelEvent, ToolActivity } from "../../../src/contract/chat.ts";
import {
  call,
  calls,
  ChatScene,
  type ChatSetup,
  finish,
  type ModelStep,
  OFFERED,
  request,
  says,
} from "../../support/chat-scene.ts";
import { succeeded } from "../../support/fake-lanes.ts";

const STARTED_AT_MS = 1_000;

function wait(ms: number): ModelStep {
  return { type: "wait", ms };
}

/** A call that takes the model 100 ms to write. */
function slowly(index: number, name: string, argumentsJson = `{"n":${index}}`): ModelStep[] {
  return call(index, name, argumentsJson).flatMap((event): ModelStep[] =>
    event.type === "call" ? [event] : [wait(50), event],
  );
}

/** A scene whose first turn is these steps and whose second one ends it. */
function sceneOf(steps: readonly ModelStep[], setup: Partial<ChatSetup> = {}): ChatScene {
  return new ChatScene({ model: [{ steps }, says("Done.")], ...setup });
}

/** When each call started, since the run began; of a call tried again, each time. */
function startsOf(scene: ChatScene): readonly (readonly [tool: string, atMs: number])[] {
  return scene.lanes.starts.map(({ tool, atMs }) => [tool, atMs - STARTED_AT_MS]);
}

function activities(scene: ChatScene): readonly ToolActivity[] {
  return scene.events.flatMap((event) => (event.type === "tool" ? [event.activity] : []));
}

async function summaryOf(scene: ChatScene) {
  const end = await scene.run();
  return end?.type === "finished" ? end.summary : null;
}

describe("a turn that is still being written", () => {
  it("has its first call running before the model has finished its second", async () => {
    const steps = [0, 1, 2, 3, 4].flatMap((index) => slowly(index, "weather"));
    const scene = sceneOf([...steps, finish("tool_calls")]);
    const summary = await summaryOf(scene);
    expect(startsOf(scene).map(([, atMs]) => atMs)).toEqual([100, 200, 300, 400, 500]);
    expect(summary).toMatchObject({ calls: 5, early_starts: 5, early_cancelled: 0 });
    expect(scene.toolContents(1)).toHaveLength(5);
  });

  it("shows nothing of its calls until it is complete, and then everything, in order", async () => {
    const scene = sceneOf([...slowly(0, "weather"), wait(1_000), finish("tool_calls")]);
    const run = scene.start();
    await scene.clock.advance(900);
    expect(activities(scene)).toEqual([]);
    await scene.clock.runUntil(run);
    expect(activities(scene)).toMatchObject([
      { type: "tool.started", call_id: "m0_weather", t_ms: 100 },
      { type: "tool.result", call_id: "m0_weather", t_ms: 200, duration_ms: 100 },
    ]);
  });

  it.each([
    ["a write", { name: "shop_buy" }],
    ["what the world can observe, on a weak signal", { setup: { isObservable: true } }],
    ["a call of which a run may make so many only", { setup: { callsOf: counted } }],
    ["a call that needs approval", { setup: approval() }],
    ["anything when the policy says so", { setup: { bounds: { earlyStart: false } } }],
    ["a call with arguments its tool does not take", { argumentsJson: '{"bad":1}', starts: 0 }],
  ] as const)("does not start %s", async (_what, given) => {
    const { name = "weather", setup = {}, argumentsJson, starts = 1 } = { ...DEFAULTS, ...given };
    const steps = [...slowly(0, name, argumentsJson), wait(500), finish("tool_calls")];
    const scene = sceneOf(steps, setup);
    await scene.run();
    expect(scene.lanes.starts).toHaveLength(starts);
    expect(startsOf(scene).every(([, atMs]) => atMs >= 600)).toBe(true);
  });

  it("starts what the world can observe once the next call begins", async () => {
    const steps = [...slowly(0, "weather"), wait(100), ...slowly(1, "weather"), wait(500)];
    const scene = sceneOf([...steps, finish("tool_calls")], { isObservable: true });
    await scene.run();
    expect(startsOf(scene).map(([, atMs]) => atMs)).toEqual([200, 800]);
  });

  it("starts no more calls than the run may still make", async () => {
    const steps = [0, 1, 2].flatMap((index) => slowly(index, "weather"));
    const scene = sceneOf([...steps, finish("tool_calls")], { bounds: { maxCalls: 2 } });
    expect(await summaryOf(scene)).toMatchObject({ calls: 2, stopped_by: "max_calls" });
    expect(scene.lanes.starts).toHaveLength(2);
  });

  it("starts calls early also in the last turn whose results a model reads", async () => {
    const scene = sceneOf([...slowly(0, "weather"), wait(500), finish("tool_calls")], {
      bounds: { maxTurns: 2 },
    });
    await scene.run();
    expect(startsOf(scene).map(([, atMs]) => atMs)).toEqual([100]);
  });

  it("says what was held back in order, however slow its reader is, before the model goes on", async () => {
    const scene = sceneOf([...slowly(0, "weather"), wait(1_000), finish("tool_calls")]);
    const said: string[] = [];
    const never = new AbortController().signal;
    const run = scene.start(async (event) => {
      await scene.clock.sleep(50, never);
      said.push(event.type === "tool" ? event.activity.type : event.type);
    });
    await scene.clock.runUntil(run);
    expect(said).toEqual(["started", "tool.started", "tool.result", "delta", "finished"]);
  });

  it("keeps the order of what was held back and what comes meanwhile", async () => {
    const steps = [...slowly(0, "weather"), ...slowly(1, "weather"), finish("tool_calls")];
    const scene = sceneOf(steps);
    const said: string[] = [];
    const never = new AbortController().signal;
    const run = scene.start(async (event) => {
      await scene.clock.sleep(80, never);
      if (event.type === "tool") said.push(`${event.activity.type} ${event.activity.call_id}`);
    });
    await scene.clock.runUntil(run);
    expect(said).toEqual([
      "tool.started m0_weather",
      "tool.result m0_weather",
      "tool.started m1_weather",
      "tool.result m1_weather",
    ]);
  });

  it("makes one call after the other where the client wants no parallel calls", async () => {
    const steps = [...slowly(0, "weather"), ...slowly(1, "weather"), finish("tool_calls")];
    const scene = sceneOf(steps, {
      request: request({ parallel_tool_calls: false }),
      tool: () => ({ durationMs: 300, outcome: succeeded() }),
    });
    await scene.run();
    expect(startsOf(scene).map(([, atMs]) => atMs)).toEqual([100, 400]);
  });

  it("uses no lane when the model makes no call", async () => {
    const scene = sceneOf([finish("stop")]);
    expect(await summaryOf(scene)).toMatchObject({ calls: 0, shards: 0 });
  });

  it("starts nothing when no model would read the results", async () => {
    const scene = sceneOf([...slowly(0, "weather"), finish("tool_calls")], {
      bounds: { maxTurns: 1 },
    });
    expect(await summaryOf(scene)).toMatchObject({ calls: 0, stopped_by: "max_turns" });
    expect(scene.lanes.starts).toEqual([]);
  });
});

const DEFAULTS: {
  readonly name?: string;
  readonly setup?: Partial<ChatSetup>;
  readonly argumentsJson?: string;
  readonly starts?: number;
} = {};

/** A wrong start would be a use. */
function counted() {
  return { isCounted: true } as const;
}

/** Both tools need approval and nobody can be asked, so a call of them is an error result. */
function approval(): Partial<ChatSetup> {
  return { offered: OFFERED.map((tool) => ({ ...tool, needsApproval: true })) };
}

describe("a start that was wrong", () => {
  const late = '{"n":0}';

  it("is taken back when more is written, and counted", async () => {
    const more: ModelEvent = { type: "call_arguments", index: 0, delta: '{"n":1}' };
    const scene = sceneOf([...slowly(0, "weather", late), wait(50), more, finish("tool_calls")]);
    const summary = await summaryOf(scene);
    expect(scene.lanes.aborted).toEqual(["m0_weather"]);
    expect(summary).toMatchObject({ calls: 0, early_starts: 1, early_cancelled: 1 });
    expect(activities(scene).map(({ type }) => type)).toEqual(["tool.error"]);
    expect(scene.toolContents(1)).toMatchObject([{ error: { code: "arguments_not_json" } }]);
  });

  it("may not keep the others back", async () => {
    const more: ModelEvent = { type: "call_arguments", index: 0, delta: "!" };
    const scene = sceneOf(
      [...slowly(0, "weather"), ...slowly(1, "weather"), more, finish("tool_calls")],
      { tool: () => ({ durationMs: 300, outcome: succeeded() }) },
    );
    expect(await summaryOf(scene)).toMatchObject({ calls: 1, early_cancelled: 1 });
    expect(activities(scene).map(({ call_id, type }) => [call_id, type])).toEqual([
      ["m0_weather", "tool.error"],
      ["m1_weather", "tool.started"],
      ["m1_weather", "tool.result"],
    ]);
  });

  it.each<[string, ModelEvent]>([
    ["breaks off", { type: "failed", error: { code: "upstream_invalid_response" } }],
    ["is cut off by the provider", finish("length")],
    ["is stopped by a filter", finish("content_filter")],
  ])("is aborted when the turn %s, and nothing of it is shown", async (_how, end) => {
    const scene = sceneOf([...slowly(0, "weather"), wait(20), end]);
    await scene.run();
    expect(scene.lanes.aborted).toEqual(["m0_weather"]);
    expect(scene.lanes.inFlight).toBe(0);
    expect(activities(scene)).toEqual([]);
  });

  it("is aborted when the client leaves, and nothing stays open", async () => {
    const scene = sceneOf([...slowly(0, "weather"), wait(5_000), finish("tool_calls")], {
      tool: () => ({ durationMs: 10_000, outcome: succeeded() }),
    });
    const run = scene.start();
    await scene.clock.advance(300);
    expect(scene.lanes.inFlight).toBe(1);
    scene.cancel();
    await scene.clock.runUntil(run);
    expect([scene.lanes.inFlight, scene.clock.pending]).toEqual([0, 0]);
  });
});

it("gives the model the same results as a run that starts nothing early", async () => {
  const turn = calls(call(0, "weather", '{"a":1}'), call(1, "shop_buy", '{"b":2}'));
  const contents: (readonly unknown[])[] = [];
  for (const earlyStart of [true, false]) {
    const scene = new ChatScene({ model: [turn, says("Done.")], bounds: { earlyStart } });
    await scene.run();
    contents.push(scene.toolContents(1));
  }
  expect(contents[0]).toEqual(contents[1]);
});
