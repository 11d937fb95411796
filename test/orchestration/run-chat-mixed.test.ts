import { describe, expect, it } from "vitest";

import type { ChatMessage } from "../../src/contract/chat.ts";
import { MAX_HIDDEN_TURNS, clientCallId } from "../../src/orchestration/hidden-turn.ts";
import { call, calls, ChatScene, finish, type ModelScript } from "../support/chat-scene.ts";
import { MemoryTurns } from "../support/memory-stores.ts";
import { succeeded } from "../support/fake-lanes.ts";
import {
  answers,
  followUp,
  MIXED,
  mixedTurn,
  USER,
  WITH_CLIENT_TOOL,
} from "../support/mixed-turn.ts";

describe("a mixed turn", () => {
  it("streams the client's calls with gap-free indexes and ids of ours, and ends with tool_calls", async () => {
    const scene = await mixedTurn();
    const made = scene.events.filter(({ type }) => type === "client_call");
    expect(made).toMatchObject([
      { index: 0, name: "ask_user" },
      { index: 1, name: "ask_user" },
    ]);
    const [{ id: first }, { id: second }] = scene.assistantMessage().tool_calls as [
      { id: string },
      { id: string },
    ];
    expect(first).toMatch(/^call_gw[0-9A-Za-z]{22}_0$/);
    expect(second).toBe(`${first.slice(0, -1)}1`);
    expect(scene.events.at(-1)).toMatchObject({ type: "finished", finishReason: "tool_calls" });
    expect(scene.assistantMessage().tool_calls).toMatchObject([
      { function: { arguments: '{"q":1}' } },
      { function: { arguments: '{"q":2}' } },
    ]);
  });

  it("sends the client's calls as soon as the model names them", async () => {
    const scene = new ChatScene({
      model: [
        {
          steps: [
            { type: "call", index: 0, id: "a", name: "ask_user" },
            { type: "wait", ms: 1_000 },
            { type: "call_arguments", index: 0, delta: "{}" },
            finish("tool_calls"),
          ],
        },
      ],
      request: WITH_CLIENT_TOOL,
    });
    const run = scene.start();
    await scene.clock.advance(500);
    expect(scene.events.map(({ type }) => type)).toEqual(["started", "client_call"]);
    await scene.clock.runUntil(run);
  });

  it("runs the gateway's calls at once and keeps their results, of the client's calls only the ids", async () => {
    const scene = await mixedTurn();
    expect(scene.lanes.starts.map(({ tool }) => tool)).toEqual(["weather", "shop.buy"]);
    const [first, second] = scene.assistantMessage().tool_calls;
    expect([...scene.store.turns.values()]).toEqual([
      {
        calls: [
          { id: "a", name: "", argumentsJson: "", clientId: first?.id },
          { id: "b", name: "weather", argumentsJson: '{"city":"Paris"}', clientId: null },
          { id: "c", name: "", argumentsJson: "", clientId: second?.id },
          { id: "d", name: "shop_buy", argumentsJson: "{}", clientId: null },
        ],
        results: { b: '{"tool":"weather"}', d: '{"tool":"shop.buy"}' },
      },
    ]);
  });

  it("is made whole again when the client comes back with its half", async () => {
    const scene = await mixedTurn();
    const message = scene.assistantMessage();
    const next = await followUp(scene.store, [USER, message, ...answers(message)]);
    expect(next.asked[0]?.["messages"]).toEqual([
      USER,
      {
        role: "assistant",
        content: "Asking.",
        tool_calls: [
          { id: "a", type: "function", function: { name: "ask_user", arguments: '{"q":1}' } },
          {
            id: "b",
            type: "function",
            function: { name: "weather", arguments: '{"city":"Paris"}' },
          },
          { id: "c", type: "function", function: { name: "ask_user", arguments: '{"q":2}' } },
          { id: "d", type: "function", function: { name: "shop_buy", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "b", content: '{"tool":"weather"}' },
      { role: "tool", tool_call_id: "d", content: '{"tool":"shop.buy"}' },
      { role: "tool", tool_call_id: "a", content: "answer 0" },
      { role: "tool", tool_call_id: "c", content: "answer 1" },
    ]);
  });

  it("works several times in one history and in any later request", async () => {
    const store = new MemoryTurns();
    const [one, two] = [await mixedTurn(store), await mixedTurn(store)];
    const [first, second] = [one.assistantMessage(), two.assistantMessage()];
    const history = [
      USER,
      first,
      ...answers(first),
      { role: "assistant", content: "And?" },
      second,
      ...answers(second),
      { role: "assistant", content: "Done." },
      USER,
    ];
    const next = await followUp(store, history);
    const messages = next.asked[0]?.["messages"];
    expect(messages).toHaveLength(history.length + 4);
    expect(JSON.stringify(messages)).not.toContain("call_gw");
    const again = await followUp(store, history);
    expect(JSON.stringify(again.asked)).toBe(JSON.stringify(next.asked));
  });

  it("passes on as it is what a client left out or answered only in part", async () => {
    const scene = await mixedTurn();
    const { tool_calls, ...rest } = scene.assistantMessage();
    const message = { ...rest, tool_calls: tool_calls.slice(1) };
    const next = await followUp(scene.store, [USER, message]);
    expect(next.asked[0]).toMatchObject({
      messages: [
        {},
        { tool_calls: [{ id: "b" }, { id: "c" }, { id: "d" }] },
        { tool_call_id: "b" },
        { tool_call_id: "d" },
      ],
    });
  });

  it("keeps calls of other origin in the same message where they are", async () => {
    const scene = await mixedTurn();
    const own = {
      id: "call_own",
      type: "function",
      function: { name: "ask_user", arguments: "{}" },
    };
    const message = scene.assistantMessage();
    const next = await followUp(scene.store, [
      USER,
      { ...message, tool_calls: [own, ...message.tool_calls] },
    ]);
    expect(next.asked[0]).toMatchObject({
      messages: [
        {},
        { tool_calls: [own, { id: "a" }, { id: "b" }, { id: "c" }, { id: "d" }] },
        {},
        {},
      ],
    });
  });

  it("fails with turn_expired when the turn is unknown, another tenant's or expired", async () => {
    const scene = await mixedTurn();
    const message = scene.assistantMessage();
    const next = await followUp(new MemoryTurns(), [USER, message, ...answers(message)]);
    expect(next.events).toEqual([
      { type: "failed", error: { code: "turn_expired" }, run: "run_1" },
    ]);
    expect(next.asked).toEqual([]);
  });

  it("fails with turn_expired for an id that the turn never had", async () => {
    const scene = await mixedTurn();
    const [turnId] = scene.store.turns.keys();
    const forged = { id: clientCallId(turnId ?? "", 9), type: "function" };
    const next = await followUp(scene.store, [USER, { role: "assistant", tool_calls: [forged] }]);
    expect(next.events.at(-1)).toMatchObject({ error: { code: "turn_expired" } });
  });

  it("refuses a conversation with more hidden turns than the limit, and takes one at the limit", async () => {
    const store = new MemoryTurns();
    const history = (count: number): ChatMessage[] =>
      Array.from({ length: count }, (_, index) => {
        const turnId = String(index).padStart(22, "0");
        const id = clientCallId(turnId, 0);
        store.turns.set(turnId, {
          calls: [{ id: `m${index}`, name: "", argumentsJson: "", clientId: id }],
          results: {},
        });
        return { role: "assistant", tool_calls: [{ id }] };
      });
    const atLimit = await followUp(store, history(MAX_HIDDEN_TURNS));
    expect(atLimit.events.at(-1)).toMatchObject({ type: "finished" });
    const beyond = await followUp(store, history(MAX_HIDDEN_TURNS + 1));
    expect(beyond.events).toMatchObject([
      {
        type: "failed",
        error: { code: "validation_failed", violations: [{ pointer: "/messages" }] },
      },
    ]);
  });

  it("keeps error results of gateway calls that could not be made", async () => {
    const scene = new ChatScene({
      model: [calls(call(0, "ask_user"), call(1, "nothing"), call(2, "weather", '{"cut'))],
      request: WITH_CLIENT_TOOL,
    });
    await scene.run();
    const [turn] = scene.store.turns.values();
    expect(turn?.results["m1_nothing"]).toContain("unknown_tool");
    expect(turn?.results["m2_weather"]).toContain("arguments_not_json");
    expect(turn?.calls[2]).toMatchObject({ argumentsJson: "{}" });
  });

  it("keeps a call_limit error for calls beyond max_calls and still lets the client answer", async () => {
    const scene = new ChatScene({
      model: [MIXED],
      request: WITH_CLIENT_TOOL,
      bounds: { maxCalls: 1 },
    });
    expect(await scene.run()).toMatchObject({ finishReason: "tool_calls", summary: { calls: 1 } });
    const [turn] = scene.store.turns.values();
    expect(turn?.results["d"]).toContain("call_limit");
  });

  it("ends at the deadline with what is finished, kept for the client's return", async () => {
    const scene = new ChatScene({
      model: [MIXED],
      request: WITH_CLIENT_TOOL,
      bounds: { deadlineMs: 1_000 },
      tool: (planned) => ({ durationMs: planned.id === "b" ? 10 : 5_000, outcome: succeeded() }),
    });
    expect(await scene.run()).toMatchObject({
      finishReason: "tool_calls",
      summary: { stopped_by: "deadline" },
    });
    const [turn] = scene.store.turns.values();
    expect(turn?.results["b"]).toBe("{}");
    expect(turn?.results["d"]).toContain("deadline_exceeded");
  });

  it("keeps only the client's ids when the model's turn was cut, by the provider or by the deadline", async () => {
    const cuts: readonly ModelScript[] = [
      { steps: [...call(0, "ask_user"), ...call(1, "shop_buy", '{"cut'), finish("length")] },
      {
        steps: [
          ...call(0, "ask_user"),
          ...call(1, "shop_buy", '{"cut'),
          { type: "wait", ms: 90_000 },
        ],
      },
    ];
    for (const model of cuts) {
      const scene = new ChatScene({ model: [model], request: WITH_CLIENT_TOOL });
      expect(await scene.run()).toMatchObject({ type: "finished", finishReason: "length" });
      expect(scene.lanes.starts).toEqual([]);
      expect([...scene.store.turns.values()]).toMatchObject([
        { calls: [{ id: "m0_ask_user" }], results: {} },
      ]);
    }
  });
});
