/** A run of items: what protocols learn that show every call, and how a turn is held until somebody approves. */

import { describe, expect, it } from "vitest";

import {
  call,
  calls,
  ChatScene,
  CLIENT_TOOL,
  finish,
  OFFERED,
  request,
  says,
  text,
  type ChatSetup,
} from "../support/chat-scene.ts";
import { succeeded } from "../support/fake-lanes.ts";

const ASKED = OFFERED.map((tool) =>
  tool.name === "shop.buy" ? { ...tool, needsApproval: true } : tool,
);

function scene(setup: ChatSetup): ChatScene {
  return new ChatScene({ items: { asks: true }, offered: ASKED, ...setup });
}

function typesOf({ events }: ChatScene): readonly string[] {
  return events.map(({ type }) => type).filter((type) => type !== "tool" && type !== "delta");
}

describe("a run of items", () => {
  it("says every gateway call in the model's order and each end as it comes", async () => {
    const run = scene({
      model: [calls(call(0, "weather", '{"a":1}'), call(1, "nothing")), says("Fine.")],
      tool: () => ({ durationMs: 5, outcome: succeeded({ sun: true }) }),
    });
    await run.run();
    expect(run.events.filter(({ type }) => type.startsWith("gateway_call"))).toEqual([
      { type: "gateway_call", id: "m0_weather", name: "weather", argumentsJson: '{"a":1}' },
      { type: "gateway_call", id: "m1_nothing", name: "nothing", argumentsJson: "{}" },
      {
        type: "gateway_call_ended",
        id: "m1_nothing",
        status: "failed",
        outputJson: null,
        error: { code: "unknown_tool", message: "There is no such tool." },
      },
      {
        type: "gateway_call_ended",
        id: "m0_weather",
        status: "succeeded",
        outputJson: '{"sun":true}',
        error: null,
      },
    ]);
  });

  it("leaves the texts of two turns apart", async () => {
    const run = scene({
      model: [{ steps: [text("One."), ...call(0, "weather"), finish("tool_calls")] }, says("Two.")],
    });
    await run.run();
    expect(run.content()).toBe("One.Two.");
  });

  it("ends with the whole conversation", async () => {
    const run = scene({ model: [calls(call(0, "weather")), says("Fine.")] });
    const end = await run.run();
    expect(end).toMatchObject({
      type: "finished",
      conversation: {
        heldTurn: null,
        clientIds: {},
        messages: [
          { role: "user", content: "Hello" },
          { role: "assistant", content: null, tool_calls: [{ id: "m0_weather" }] },
          { role: "tool", tool_call_id: "m0_weather" },
          { role: "assistant", content: "Fine." },
        ],
      },
    });
  });

  it("ends with the client's open calls under the model's ids", async () => {
    const run = scene({
      request: request({ tools: [CLIENT_TOOL] }),
      model: [calls(call(0, "ask_user"), call(1, "weather"))],
    });
    const end = await run.run();
    const shown = run.events.flatMap((event) => (event.type === "client_call" ? [event.id] : []));
    expect(end).toMatchObject({
      conversation: {
        clientIds: { [shown[0] ?? ""]: "m0_ask_user" },
        messages: [
          {},
          { tool_calls: [{ id: "m0_ask_user" }, { id: "m1_weather" }] },
          { role: "tool", tool_call_id: "m1_weather" },
        ],
      },
    });
  });

  it("keeps no call in the conversation that was never answered", async () => {
    const cut = { steps: [text("Well"), ...call(0, "weather"), finish("length")] };
    const end = await scene({ model: [cut] }).run();
    const { conversation } = end?.type === "finished" ? end : {};
    expect(conversation?.messages.at(-1)).toEqual({ role: "assistant", content: "Well" });
  });

  it("says none of this in a run of one message", async () => {
    const run = new ChatScene({ model: [calls(call(0, "weather")), says("Fine.")] });
    const end = await run.run();
    expect(typesOf(run)).toEqual(["started", "finished"]);
    expect(end).not.toHaveProperty("conversation");
  });
});

describe("a call that needs approval", () => {
  it("is held, while those that need none are made", async () => {
    const run = scene({
      model: [calls(call(0, "shop_buy", '{"n":1}'), call(1, "weather"), call(2, "shop_buy"))],
    });
    const end = await run.run();
    expect(run.lanes.starts.map(({ tool }) => tool)).toEqual(["weather"]);
    const [[turnId, turn] = ["", undefined]] = [...run.held];
    expect(turn?.calls.map(({ held, content }) => [held?.approvalId, content !== null])).toEqual([
      [`mcpr_${turnId}_0`, false],
      [undefined, true],
      [`mcpr_${turnId}_1`, false],
    ]);
    expect(turn?.calls[0]?.held).toMatchObject({ tool: "shop.buy", toolVersion: 7 });
    expect(typesOf(run)).toEqual([
      "started",
      "gateway_call",
      "gateway_call_ended",
      "approval_request",
      "approval_request",
      "finished",
    ]);
    expect(end).toMatchObject({ conversation: { heldTurn: turnId } });
  });

  it("is not asked for when its arguments are wrong: the model corrects them", async () => {
    const run = scene({ model: [calls(call(0, "shop_buy", "{not json")), says("Sorry.")] });
    await run.run();
    expect(run.held.size).toBe(0);
    expect(run.lanes.starts).toEqual([]);
    expect(run.toolContents(1)).toMatchObject([{ error: { code: "arguments_not_json" } }]);
  });

  it("is not announced when its turn cannot be kept", async () => {
    const run = scene({ model: [calls(call(0, "shop_buy"))] });
    run.held.set = () => {
      throw new Error("the store is down");
    };
    await expect(run.run()).rejects.toThrow("the store is down");
    expect(typesOf(run)).not.toContain("approval_request");
  });
});
