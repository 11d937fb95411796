import { describe, expect, it } from "vitest";

import {
  CallBudget,
  MAX_SAVED_GUESSES,
} from "../../../src/orchestration/speculation/call-budget.ts";
import { TenantMemory } from "../../../src/orchestration/speculation/tenant-memory.ts";
import { isWorthIt, PRICE } from "../../../src/orchestration/speculation/worth.ts";
import {
  call,
  ChatScene,
  type ChatSetup,
  finish,
  type ModelScript,
  type ModelStep,
  request,
  says,
} from "../../support/chat-scene.ts";
import type { PlannedCall } from "../../../src/orchestration/ports.ts";
import { succeeded } from "../../support/fake-lanes.ts";

/** The model thinks for half a second and then writes this. */
function thinks(...steps: readonly ModelStep[]): ModelScript {
  return { steps: [{ type: "wait", ms: 500 }, ...steps, finish("tool_calls")] };
}

function asks(city: string): Pick<ChatSetup, "request"> {
  return { request: request({ messages: [{ role: "user", content: `Weather in '${city}'?` }] }) };
}

function weather(city: string): ModelStep[] {
  return call(0, "weather", JSON.stringify({ city }));
}

/** A memory that has seen the same kind of question often. */
async function taught(): Promise<TenantMemory> {
  const memory = new TenantMemory();
  for (const city of ["Rome", "Oslo", "Bern", "Kyiv", "Lima", "Bonn"])
    await sceneOf(memory, city, thinks(...weather(city)), { threshold: 1 }).run();
  return memory;
}

function sceneOf(
  memory: TenantMemory,
  city: string,
  turn: ModelScript,
  { threshold = 0.3, ...setup }: Partial<ChatSetup> & { readonly threshold?: number } = {},
): ChatScene {
  return new ChatScene({
    model: [turn, says("Done.")],
    ...asks(city),
    speculation: { memory, budget: 0.2, threshold, typicalMs: () => null },
    ...setup,
  });
}

async function summaryOf(scene: ChatScene) {
  const end = await scene.run();
  return end?.type === "finished" ? end.summary : null;
}

describe("a call that was guessed", () => {
  it("is running before the model asks for it, is sent once, and is joined", async () => {
    const scene = sceneOf(await taught(), "Cork", thinks(...weather("Cork")));
    const summary = await summaryOf(scene);
    expect(scene.lanes.starts).toMatchObject([{ tool: "weather", atMs: 1_000 }]);
    expect(summary).toMatchObject({
      calls: 1,
      speculation: { launched: 1, hits: 1, wasted: 0, saved_ms: 100 },
    });
    expect(
      scene.events.flatMap((event) => (event.type === "tool" ? [event.activity] : [])),
    ).toMatchObject([
      { type: "tool.started", call_id: "m0_weather", t_ms: 0 },
      { type: "tool.result", call_id: "m0_weather" },
    ]);
  });

  it("may be the only one that the run may still make", async () => {
    const turn = thinks(...weather("Cork"));
    const scene = sceneOf(await taught(), "Cork", turn, { bounds: { maxCalls: 1 } });
    expect(await summaryOf(scene)).toMatchObject({ calls: 1, speculation: { hits: 1 } });
  });

  it("is aborted when the model asks for something else, and nothing of it shows", async () => {
    const slow = { tool: () => ({ durationMs: 60_000, outcome: succeeded() }) };
    const scene = sceneOf(await taught(), "Cork", thinks(...weather("Dublin")), slow);
    const run = scene.start();
    await scene.clock.advance(501);
    expect(scene.lanes.aborted).toEqual(["guess~0"]);
    scene.cancel();
    await scene.clock.runUntil(run);
    expect(JSON.stringify(scene.events)).not.toContain("Cork");
    expect([scene.lanes.inFlight, scene.clock.pending]).toEqual([0, 0]);
  });

  it("gives its result to a call of the same turn that refers to it", async () => {
    const made = [
      ...call(0, "weather", '{"city":"Cork","gw_label":"w"}', "m1"),
      ...call(1, "weather", '{"city":{"$ref":"w#/tool"}}', "m2"),
    ];
    const scene = sceneOf(await taught(), "Cork", thinks(...made), { references: true });
    expect(await summaryOf(scene)).toMatchObject({ calls: 2, speculation: { hits: 1 } });
    expect(scene.toolContents(1)).toEqual([{ tool: "weather" }, { tool: "weather" }]);
  });

  it("belongs to the turn it is guessed for, not to the one before", async () => {
    const scene = sceneOf(await taught(), "Cork", thinks(...weather("Cork")));
    const startsBefore: number[] = [];
    Object.assign(scene.lanes, { beginTurn: () => startsBefore.push(scene.lanes.starts.length) });
    await scene.run();
    expect(startsBefore).toEqual([0, 1]);
  });

  it("is counted as wasted when the model simply answers", async () => {
    const scene = sceneOf(await taught(), "Cork", says("No."));
    expect(await summaryOf(scene)).toMatchObject({
      speculation: { launched: 1, hits: 0, wasted: 1 },
    });
    expect(scene.lanes.inFlight).toBe(0);
  });

  it.each<[string, Partial<ChatSetup> & { readonly threshold?: number }]>([
    ["below the threshold", { threshold: 1 }],
    ["of a tool the world can observe", { isObservable: true }],
    [
      "of a tool a run may use so many times only",
      { callsOf: () => ({ isCounted: true as const }) },
    ],
    ["when no model would read its result", { bounds: { maxTurns: 1 } }],
  ])("is not made %s", async (_when, setup) => {
    const scene = sceneOf(await taught(), "Cork", says("No."), setup);
    await scene.run();
    expect(scene.lanes.starts).toEqual([]);
  });

  it("is never a write", async () => {
    const memory = new TenantMemory();
    const buy = () => thinks(...call(0, "shop_buy", '{"item":"x"}'));
    for (let n = 0; n < 8; n += 1) await sceneOf(memory, "Rome", buy(), { threshold: 1 }).run();
    const scene = sceneOf(memory, "Rome", says("No."), { threshold: 0.05 });
    await scene.run();
    expect(scene.lanes.starts).toEqual([]);
  });
});

it("never makes a reference of an earlier call part of a guess, nor takes such a guess for the model's call", async () => {
  const memory = new TenantMemory();
  const sent: unknown[] = [];
  const tool = (planned: PlannedCall) => {
    sent.push(planned.arguments);
    return { durationMs: 100, outcome: succeeded({ city: "Rome" }) };
  };
  const ask = { $ref: "a#/city" };
  const twice = thinks(
    ...call(0, "weather", JSON.stringify({ city: "Oslo", gw_label: "a" })),
    ...call(1, "weather", JSON.stringify({ city: ask })),
  );
  const again = thinks(...call(0, "weather", JSON.stringify({ city: ask })));
  for (let n = 0; n < 12; n += 1)
    await sceneOf(memory, "x", twice, {
      model: [twice, again, again, says("Done.")],
      references: true,
      tool,
    }).run();
  expect(sent.length).toBeGreaterThan(40);
  expect(sent.filter((one) => JSON.stringify(one).includes("$ref"))).toEqual([]);
});

it("stops guessing when the guesses are wrong: the budget bounds the extra calls", async () => {
  const memory = await taught();
  let launched = 0;
  for (let n = 0; n < 40; n += 1) {
    const scene = sceneOf(memory, "Cork", thinks(...weather(`Elsewhere ${n}`)), {
      threshold: 0.05,
    });
    launched += (await summaryOf(scene))?.speculation?.launched ?? 0;
  }
  expect(launched).toBeGreaterThan(0);
  expect(launched).toBeLessThanOrEqual(0.2 * 46);
});

describe("CallBudget", () => {
  it("gives a right guess back and saves up no more than its cap", () => {
    const budget = new CallBudget();
    expect(budget.take()).toBe(false);
    budget.earn(1, 1, 0);
    expect(budget.take()).toBe(true);
    budget.earn(1_000, 0, 0.1);
    const taken = Array.from({ length: 10 }, () => budget.take()).filter(Boolean);
    expect(taken).toHaveLength(MAX_SAVED_GUESSES);
  });
});

describe("isWorthIt", () => {
  it("weighs the time a right guess saves against the load of a wrong one", () => {
    const guess = { probability: 0.5, expectedMs: 1_000, runwayMs: 1_000 };
    expect(isWorthIt(guess, 0.5)).toBe(true);
    expect(isWorthIt(guess, 0.51)).toBe(false);
    expect(isWorthIt({ ...guess, runwayMs: PRICE * 1_000 - 1 }, 0.5)).toBe(false);
  });
});
