/** Turns of the gateway's tools alone that came before the client was asked: the model sees them again. */

import { describe, expect, it } from "vitest";

import {
  call,
  calls,
  ChatScene,
  CLIENT_TOOL,
  finish,
  request,
  text,
} from "../support/chat-scene.ts";
import { MemoryTurns } from "../support/memory-stores.ts";
import { answers, followUp, USER, WITH_CLIENT_TOOL } from "../support/mixed-turn.ts";

/** A run that bought something, then asked the client. `last` is the turn that asks. */
async function boughtThenAsked(last: ReturnType<typeof calls>) {
  const scene = new ChatScene({
    model: [
      { steps: [text("Buying."), ...call(0, "shop_buy", "{}", "a"), finish("tool_calls")] },
      last,
    ],
    request: WITH_CLIENT_TOOL,
    store: new MemoryTurns(),
  });
  await scene.run();
  const message = scene.assistantMessage();
  return { scene, next: await followUp(scene.store, [USER, message, ...answers(message)]) };
}

const BOUGHT = [
  USER,
  {
    role: "assistant",
    content: "Buying.",
    tool_calls: [{ id: "a", type: "function", function: { name: "shop_buy", arguments: "{}" } }],
  },
  { role: "tool", tool_call_id: "a", content: '{"tool":"shop.buy"}' },
];

describe("a turn with the client's calls that is not the first", () => {
  it("is restored behind the turns before it, each with its own text", async () => {
    const { scene, next } = await boughtThenAsked({
      steps: [text("Asking."), ...call(0, "ask_user", "{}", "b"), finish("tool_calls")],
    });
    expect(scene.assistantMessage().content).toBe("Buying.\n\nAsking.");
    expect(next.asked[0]?.["messages"]).toEqual([
      ...BOUGHT,
      {
        role: "assistant",
        content: "Asking.",
        tool_calls: [
          { id: "b", type: "function", function: { name: "ask_user", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "b", content: "answer 0" },
    ]);
  });

  it("is restored so when it was mixed and said nothing", async () => {
    const { next } = await boughtThenAsked(calls(call(0, "ask_user"), call(1, "weather")));
    expect(next.asked[0]?.["messages"]).toMatchObject([
      ...BOUGHT,
      {
        content: null,
        tool_calls: [{ function: { name: "ask_user" } }, { function: { name: "weather" } }],
      },
      { role: "tool" },
      { role: "tool", content: "answer 0" },
    ]);
  });

  it("keeps of a later request only what that request added", async () => {
    const { scene } = await boughtThenAsked(calls(call(0, "ask_user")));
    const message = scene.assistantMessage();
    const later = new ChatScene({
      model: [calls(call(0, "weather")), calls(call(0, "ask_user"))],
      request: request({
        tools: [CLIENT_TOOL],
        messages: [USER, message, ...answers(message)],
      }),
      store: scene.store,
    });
    await later.run();
    const [, second] = [...scene.store.turns.values()];
    expect(second?.earlier?.messages).toMatchObject([
      { tool_calls: [{ function: { name: "weather" } }] },
      { role: "tool", content: '{"tool":"weather"}' },
    ]);
  });
});
