import { describe, expect, it } from "vitest";

import { SAVE_LIMIT_MS } from "../../src/orchestration/run-chat.ts";
import { call, calls, ChatScene, finish } from "../support/chat-scene.ts";
import { MemoryTurns } from "../support/memory-stores.ts";
import {
  answers,
  followUp,
  MIXED,
  mixedTurn,
  USER,
  WITH_CLIENT_TOOL,
} from "../support/mixed-turn.ts";

describe("a turn with the client's calls alone", () => {
  it("is kept by its ids while gateway tools are offered, and gets the model's ids back", async () => {
    const scene = new ChatScene({ model: [calls(call(0, "ask_user"))], request: WITH_CLIENT_TOOL });
    expect(await scene.run()).toMatchObject({ finishReason: "tool_calls", summary: { calls: 0 } });
    const message = scene.assistantMessage();
    const next = await followUp(scene.store, [USER, message, ...answers(message)]);
    expect(next.asked[0]).toMatchObject({
      messages: [{}, { tool_calls: [{ id: "m0_ask_user" }] }, { tool_call_id: "m0_ask_user" }],
    });
  });

  it("passes ids through untouched and keeps nothing when no gateway tool is offered", async () => {
    const scene = new ChatScene({
      model: [
        calls(
          call(0, "ask_user", "{}", "x"),
          call(1, "nothing", "{}", "x"),
          call(2, "ask_user", "{}", ""),
        ),
      ],
      request: WITH_CLIENT_TOOL,
      offered: [],
    });
    expect(await scene.run()).toMatchObject({ finishReason: "tool_calls" });
    expect(scene.assistantMessage().tool_calls.map(({ id }) => id)).toEqual(["x", "x", ""]);
    expect(scene.store.turns.size).toBe(0);
  });

  it("hands on the provider's finish reason", async () => {
    const scene = new ChatScene({
      model: [{ steps: [...call(0, "ask_user"), finish("stop")] }],
      request: WITH_CLIENT_TOOL,
    });
    expect(await scene.run()).toMatchObject({ finishReason: "stop" });
  });
});

describe("a store of turns that does not answer", () => {
  it("fails the run as unavailable rather than announce a turn that was not kept", async () => {
    const store = new MemoryTurns();
    store.hangs = true;
    const scene = new ChatScene({ model: [MIXED], request: WITH_CLIENT_TOOL, store });
    const begin = scene.clock.now();
    expect(await scene.run()).toMatchObject({ type: "failed", error: { code: "unavailable" } });
    expect(scene.clock.now() - begin).toBe(100 + SAVE_LIMIT_MS);
  });

  it.each([
    ["a mixed turn", MIXED, 500],
    ["a turn of the client's calls", calls(call(0, "ask_user")), 500],
    [
      "a turn cut by the deadline",
      { steps: [...call(0, "ask_user"), { type: "wait", ms: 90_000 }] },
      60_500,
    ],
  ] as const)("does not hold %s whose client has gone", async (_name, model, afterMs) => {
    const store = new MemoryTurns();
    store.hangs = true;
    const scene = new ChatScene({ model: [model], request: WITH_CLIENT_TOOL, store });
    const run = scene.start();
    await scene.clock.advance(afterMs);
    scene.cancel();
    await scene.clock.settle();
    expect(scene.events.at(-1)).toEqual({
      type: "failed",
      error: { code: "cancelled" },
      run: "run_1",
    });
    await run;
  });

  it("keeps no run beyond its deadline while it loads", async () => {
    const scene = await mixedTurn();
    scene.store.hangs = true;
    const message = scene.assistantMessage();
    const next = await followUp(scene.store, [USER, message]);
    expect(next.events).toEqual([
      { type: "failed", error: { code: "deadline_exceeded" }, run: "run_1" },
    ]);
  });

  it("keeps nothing of a mixed turn whose client has gone while its tools ran", async () => {
    const scene = new ChatScene({ model: [MIXED], request: WITH_CLIENT_TOOL });
    const run = scene.start();
    await scene.clock.advance(50);
    scene.cancel();
    await scene.clock.runUntil(run);
    expect(scene.events.at(-1)).toEqual({
      type: "failed",
      error: { code: "cancelled" },
      run: "run_1",
    });
    expect(scene.store.turns.size).toBe(0);
  });
});
