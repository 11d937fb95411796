/** What a provider must see again (reasoning, signatures beside a call) reaches it, whatever the client keeps. */

import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../src/contract/chat.ts";
import { call, calls, ChatScene, finish, says, type ModelScript } from "../support/chat-scene.ts";
import { MemoryTurns } from "../support/memory-stores.ts";
import { answers, followUp, USER, WITH_CLIENT_TOOL } from "../support/mixed-turn.ts";

const SIGNED = { extra_content: { google: { thought_signature: "sig" } } };

/** A turn that reasons and makes one call with a signature. */
function signedTurn(name: string, detail: string, id: string): ModelScript {
  const [opened, ...rest] = call(0, name, "{}", id);
  const signed: ModelEvent[] = opened?.type === "call" ? [{ ...opened, extra: SIGNED }] : [];
  const reasoning: ModelEvent = {
    type: "delta",
    delta: { reasoning_details: [{ text: detail }] },
  };
  return { steps: [reasoning, ...signed, ...rest, finish("tool_calls")] };
}

describe("what a provider must see again", () => {
  it("goes back with an inner turn's calls", async () => {
    const scene = new ChatScene({ model: [signedTurn("weather", "one", "a"), says("Done.")] });
    await scene.run();
    expect(scene.asked[1]?.["messages"]).toMatchObject([
      {},
      {
        reasoning_details: [{ text: "one" }],
        tool_calls: [{ id: "a", function: { name: "weather" }, ...SIGNED }],
      },
      {},
    ]);
  });

  it("is kept for the client's calls by the gateway, each turn its own", async () => {
    const scene = new ChatScene({
      model: [signedTurn("weather", "one", "a"), signedTurn("ask_user", "two", "b")],
      request: WITH_CLIENT_TOOL,
      store: new MemoryTurns(),
    });
    await scene.run();
    const message = scene.assistantMessage();
    const everything = { ...message, reasoning_details: [{ text: "one" }, { text: "two" }] };
    for (const sent of [message, everything]) {
      const next = await followUp(scene.store, [USER, sent, ...answers(message)]);
      expect(next.asked[0]?.["messages"]).toMatchObject([
        {},
        { reasoning_details: [{ text: "one" }], tool_calls: [{ id: "a", ...SIGNED }] },
        {},
        { reasoning_details: [{ text: "two" }], tool_calls: [{ id: "b", ...SIGNED }] },
        {},
      ]);
    }
  });

  it("is not made up of the reasoning of other turns", async () => {
    const scene = new ChatScene({
      model: [signedTurn("weather", "one", "a"), calls(call(0, "ask_user"))],
      request: WITH_CLIENT_TOOL,
      store: new MemoryTurns(),
    });
    await scene.run();
    const message = { ...scene.assistantMessage(), reasoning_details: [{ text: "one" }] };
    const next = await followUp(scene.store, [USER, message, ...answers(message)]);
    expect(next.asked[0]?.["messages"]).toMatchObject([
      {},
      { reasoning_details: [{ text: "one" }] },
      {},
      { reasoning_details: [] },
      {},
    ]);
  });

  it("says which of the client's calls are free text", async () => {
    const [opened, ...rest] = call(0, "ask_user", "SELECT 1", "a");
    const custom: ModelEvent[] = opened?.type === "call" ? [{ ...opened, isCustom: true }] : [];
    const scene = new ChatScene({
      model: [{ steps: [...custom, ...rest, finish("tool_calls")] }],
      request: WITH_CLIENT_TOOL,
    });
    await scene.run();
    expect(scene.events.find((event) => event.type === "client_call")).toMatchObject({
      name: "ask_user",
      isCustom: true,
    });
  });
});
