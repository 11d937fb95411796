import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import { startChat } from "../../src/assembly/start-run.ts";
import type { ChatRequest } from "../../src/contract/chat.ts";
import type { Tool } from "../../src/contract/tool.ts";
import { collect, newCaller } from "../support/run-fixture.ts";

const NEVER = new AbortController().signal;
const OPTIONS = { tools: "all", idempotencyKey: null, isDebug: false } as const;

const ADD: Tool = {
  name: "add",
  version: 1,
  definition: {
    description: "Adds numbers.",
    input: {
      type: "object",
      properties: { expression: { type: "string" } },
      required: ["expression"],
    },
    effect: "pure",
    builtin: "calculator",
    timeout_ms: 1_000,
  },
};

function ask(stream: boolean): ChatRequest {
  const script = {
    turns: [
      { calls: [{ name: "add", arguments: { expression: "2+3" } }] },
      { text: "It is {{results}}." },
    ],
  };
  const content = `#script ${JSON.stringify(script)}`;
  return { model: "scripted-1", stream, messages: [{ role: "user", content }] };
}

describe("startChat", () => {
  it.each([true, false])("runs the model's calls and ends once (stream: %s)", async (stream) => {
    const caller = await newCaller({ tools: [ADD] });
    const run = await startChat(env, caller, ask(stream), OPTIONS, NEVER);
    if (!run.ok) throw new Error(run.error.code);
    const events = await collect(run.value.events);
    expect(events.at(-1)).toMatchObject({
      type: "finished",
      summary: { calls: 1, turns: 2, shards: 1 },
    });
    expect(JSON.stringify(events)).toContain("5");
  });

  it.each([
    ["none", { tools: "none" as const }],
    ["a list without it", { tools: ["other"] }],
  ])("offers the model only the tools asked for: %s", async (_, choice) => {
    const caller = await newCaller({ tools: [ADD] });
    const run = await startChat(env, caller, ask(true), { ...OPTIONS, ...choice }, NEVER);
    if (!run.ok) throw new Error(run.error.code);
    const events = await collect(run.value.events);
    expect(events.at(-1)).toMatchObject({ summary: { calls: 0 } });
  });

  it("says where the request went only when it is asked to", async () => {
    const caller = await newCaller();
    const request: ChatRequest = {
      model: "scripted-1",
      messages: [{ role: "user", content: "Hi" }],
    };
    const plain = await startChat(env, caller, request, OPTIONS, NEVER);
    const debug = await startChat(env, caller, request, { ...OPTIONS, isDebug: true }, NEVER);
    if (!plain.ok || !debug.ok) throw new Error("refused");
    expect((await collect(plain.value.events)).at(-1)).not.toHaveProperty("summary.debug");
    expect((await collect(debug.value.events)).at(-1)).toMatchObject({
      summary: { debug: { upstream: "model", target: "only", region: "us" } },
    });
  });

  it("reaches the reader as a throw when the turn store fails, never as an end", async () => {
    const caller = await newCaller({ tools: [ADD] });
    const away = () => {
      throw new Error("the journal is away");
    };
    const journal = Object.assign(Object.create(env.RUN_JOURNAL), { getByName: away });
    const broken: Env = { ...env, RUN_JOURNAL: journal };
    const id = `call_gw${"0".repeat(22)}_0`;
    const call = { id, type: "function", function: { name: "mine", arguments: "{}" } };
    const request: ChatRequest = {
      model: "scripted-1",
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", tool_calls: [call] },
        { role: "tool", tool_call_id: id, content: "1" },
      ],
    };
    const run = await startChat(broken, caller, request, OPTIONS, NEVER);
    if (!run.ok) throw new Error(run.error.code);
    await expect(collect(run.value.events)).rejects.toThrow("the journal is away");
    await run.value.ended;
  });
});
