import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../../src/contract/chat.ts";
import type { Predictor, Prediction } from "../../../src/orchestration/speculation/predictor.ts";
import { ASK_LIMIT_MS } from "../../../src/orchestration/speculation/second-opinion.ts";
import { TenantMemory } from "../../../src/orchestration/speculation/tenant-memory.ts";
import type { JsonObject } from "../../../src/platform/canonical-json.ts";
import {
  call,
  ChatScene,
  type ChatSetup,
  finish,
  type ModelScript,
  says,
  text,
} from "../../support/chat-scene.ts";
import { succeeded } from "../../support/fake-lanes.ts";

/** The model thinks for half a second and then writes this. */
function thinks(...steps: readonly ModelEvent[]): ModelScript {
  return { steps: [{ type: "wait", ms: 500 }, ...steps, finish("tool_calls")] };
}

const weather = (city: string) => call(0, "weather", JSON.stringify({ city }));
const foretold = (city: string, name = "weather") => ({
  name,
  argumentsJson: JSON.stringify({ city }),
});

/** A memory that may guess and knows of nothing to guess. */
function ready(): TenantMemory {
  const memory = new TenantMemory();
  memory.budget.earn(10, 0, 1);
  return memory;
}

interface Opinion {
  readonly memory?: TenantMemory;
  readonly threshold?: number;
  /** Until the predictor answers; for ever when absent. */
  readonly afterMs?: number;
  readonly prediction?: Prediction;
}

/** A scene with a predictor, and what that was asked. */
function sceneWith(
  { memory = ready(), threshold = 0.7, afterMs, prediction = { calls: [] } }: Opinion,
  setup: Partial<ChatSetup> = {},
) {
  const asked: { readonly request: JsonObject; readonly signal: AbortSignal }[] = [];
  const predictor: Predictor = {
    async predict(body, signal) {
      asked.push({ request: body, signal });
      await scene.clock.sleep(afterMs ?? 1_000_000, signal);
      return prediction;
    },
  };
  const scene = new ChatScene({
    model: [thinks(...weather("Cork")), says("Done.")],
    speculation: { memory, budget: 1, threshold, typicalMs: () => null, predictor },
    ...setup,
  });
  return { scene, asked, memory };
}

async function summaryOf(scene: ChatScene) {
  const end = await scene.run();
  expect([scene.lanes.inFlight, scene.clock.pending]).toEqual([0, 0]);
  return end?.type === "finished" ? end.summary : null;
}

describe("what a predictor foretells", () => {
  it("runs before the model asks for it, is sent once, is joined, and its cost is told", async () => {
    const prediction = { calls: [foretold("Cork")], usage: { total_tokens: 7 } };
    const { scene, asked } = sceneWith({ afterMs: 100, prediction });
    const summary = await summaryOf(scene);
    expect(scene.lanes.starts).toMatchObject([{ tool: "weather", atMs: 1_100 }]);
    expect(summary).toMatchObject({
      calls: 1,
      speculation: {
        launched: 1,
        hits: 1,
        wasted: 0,
        saved_ms: 100,
        // One for each turn: in the second it was left when the model had answered.
        predictor: { asked: 2, unanswered: 1, usage: { total_tokens: 7 } },
      },
    });
    // It is asked exactly what the model is asked.
    expect(asked.map((one) => one.request)).toEqual(scene.asked);
    expect(asked.every(({ signal }) => signal.aborted)).toBe(true);
  });

  it("is aborted when it was wrong, and nothing of it shows", async () => {
    const prediction = { calls: [foretold("Dublin")] };
    const slow = { tool: () => ({ durationMs: 60_000, outcome: succeeded() }) };
    const { scene } = sceneWith({ afterMs: 100, prediction }, slow);
    const run = scene.start();
    await scene.clock.advance(501);
    expect(scene.lanes.aborted).toEqual(["guess~0"]);
    scene.cancel();
    await scene.clock.runUntil(run);
    expect(JSON.stringify(scene.events)).not.toContain("Dublin");
    expect([scene.lanes.inFlight, scene.clock.pending]).toEqual([0, 0]);
  });

  it("comes too late when the model calls first: it is left and starts nothing", async () => {
    const prediction = { calls: [foretold("Dublin")], usage: { total_tokens: 7 } };
    const { scene, asked } = sceneWith({ afterMs: 501, prediction });
    const run = scene.start();
    await scene.clock.advance(500);
    expect(asked[0]?.signal.aborted).toBe(true);
    await scene.clock.runUntil(run);
    expect(scene.lanes.starts.map(({ id }) => id)).toEqual(["m0_weather"]);
    expect(scene.events.at(-1)).toMatchObject({
      summary: { speculation: { launched: 0, predictor: { asked: 2, unanswered: 2, usage: {} } } },
    });
  });

  it.each<[string, Opinion, Partial<ChatSetup>]>([
    [
      "below its own confidence",
      { prediction: { calls: [{ ...foretold("Cork"), probability: 0.6 }] } },
      {},
    ],
    ["of a write", { prediction: { calls: [foretold("x", "shop_buy")] } }, {}],
    ["of an unknown tool", { prediction: { calls: [foretold("x", "nobody")] } }, {}],
    [
      "with arguments that do not fit",
      { prediction: { calls: [{ name: "weather", argumentsJson: '{"bad":1}' }] } },
      {},
    ],
    [
      "of a tool the world can observe",
      { prediction: { calls: [foretold("Cork")] } },
      { isObservable: true },
    ],
  ])("is not made %s", async (_when, opinion, setup) => {
    const { scene } = sceneWith(
      { afterMs: 10, ...opinion },
      { model: [thinks(text("No."))], ...setup },
    );
    await scene.run();
    expect(scene.lanes.starts).toEqual([]);
  });

  it("is at most three calls a turn, and no more than the budget", async () => {
    const calls = ["a", "b", "c", "d"].map((city) => foretold(city));
    const all = sceneWith({ afterMs: 10, prediction: { calls } });
    await summaryOf(all.scene);
    expect(all.scene.lanes.starts.filter(({ id }) => id.startsWith("guess"))).toHaveLength(3);
    const memory = new TenantMemory();
    memory.budget.earn(1, 0, 1);
    const few = sceneWith({ memory, afterMs: 10, prediction: { calls } });
    await summaryOf(few.scene);
    expect(few.scene.lanes.starts.filter(({ id }) => id.startsWith("guess"))).toHaveLength(1);
  });

  it("counts for it or against it: a predictor that is wrong is asked ever less", async () => {
    const memory = ready();
    const wrong = { calls: [foretold("Dublin")] };
    let asked = 0;
    for (let n = 0; n < 40; n += 1) {
      memory.budget.earn(4, 0, 1);
      const one = sceneWith(
        { memory, afterMs: 10, prediction: wrong },
        { bounds: { maxTurns: 2 } },
      );
      await one.scene.run();
      asked += one.asked.length;
    }
    expect(memory.trust.chanceOf("weather")).toBeLessThan(0.7);
    expect(asked).toBeLessThan(8);
  });
});

describe("a predictor", () => {
  it("is not asked when nothing could be guessed: no budget, only writes, the last turn", async () => {
    const askedBy = async (opinion: Opinion, setup: Partial<ChatSetup> = {}) => {
      const { scene, asked } = sceneWith({ afterMs: 10, ...opinion }, setup);
      await scene.run();
      return asked.length;
    };
    expect(await askedBy({})).toBe(2);
    expect(await askedBy({ memory: new TenantMemory() }, { model: [says("No.")] })).toBe(0);
    const only = [
      { wireName: "shop_buy", name: "shop.buy", description: "", input: { type: "object" } },
    ];
    expect(await askedBy({}, { offered: only, model: [says("No.")] })).toBe(0);
    expect(await askedBy({}, { bounds: { maxTurns: 1 } })).toBe(0);
    expect(await askedBy({}, { bounds: { earlyStart: false } })).toBe(0);
  });

  it("has a limited time, also when it ignores its signal, and may fail", async () => {
    const model = [{ steps: [{ type: "wait" as const, ms: 30_000 }, text("."), finish("stop")] }];
    const slow = sceneWith({ afterMs: ASK_LIMIT_MS + 1 }, { model });
    const run = slow.scene.start();
    await slow.scene.clock.advance(ASK_LIMIT_MS);
    expect(slow.asked[0]?.signal.aborted).toBe(true);
    await slow.scene.clock.runUntil(run);
    for (const predict of [
      () => new Promise<Prediction>(() => undefined),
      () => Promise.reject(new Error("no")),
    ]) {
      const speculation = { memory: ready(), budget: 1, threshold: 0.7, typicalMs: () => null };
      const scene = new ChatScene({
        model: [thinks(...weather("Cork")), says("Done.")],
        speculation: { ...speculation, predictor: { predict } },
      });
      expect(await summaryOf(scene)).toMatchObject({ calls: 1, speculation: { launched: 0 } });
    }
  });
});
