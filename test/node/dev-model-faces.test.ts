/** The scripted model's other protocols refuse what the real providers refuse. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startModelServer, type ModelServer } from "../../dev/model-server.ts";

let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer();
});
afterAll(() => model.close());

async function post(path: string, body: object): Promise<[number, string]> {
  const answer = await fetch(model.url + path, { method: "POST", body: JSON.stringify(body) });
  return [answer.status, await answer.text()];
}

const USER = { role: "user", content: "hello" };
const CALL = { type: "tool_use", id: "a", name: "one", input: {} };
const RESULT = { type: "tool_result", tool_use_id: "a", content: "1" };

describe("the Messages face", () => {
  const ask = (messages: readonly object[], fields: object = {}) =>
    post("/v1/messages", { model: "m", max_tokens: 100, messages, ...fields });

  it("answers a conversation in turns, and 400 for one that is none", async () => {
    const turns = [
      USER,
      { role: "assistant", content: [CALL] },
      { role: "user", content: [RESULT] },
    ];
    expect((await ask(turns))[0]).toBe(200);
    expect((await ask([USER, USER]))[0]).toBe(400);
    expect((await ask(turns.slice(0, 2).concat(USER)))[0]).toBe(400);
    expect((await ask([{ role: "user", content: [{ type: "text", text: "" }] }]))[0]).toBe(400);
    expect((await post("/v1/messages", { messages: [USER] }))[0]).toBe(400);
  });

  it("400 for calls without the thinking that led to them, while thinking is on", async () => {
    const thinking = { thinking: { type: "adaptive" } };
    const line = { turns: [{ reasoning: "hm", calls: [{ name: "one" }] }, { text: "done" }] };
    const first = { role: "user", content: `#script ${JSON.stringify(line)}` };
    const [, text] = await ask([first], thinking);
    const { content }: { content: { id?: string }[] } = JSON.parse(text);
    const result = { ...RESULT, tool_use_id: content[1]?.id };
    const followUp = (blocks: readonly object[]) =>
      ask(
        [first, { role: "assistant", content: blocks }, { role: "user", content: [result] }],
        thinking,
      );
    expect((await followUp(content))[0]).toBe(200);
    expect((await followUp(content.slice(1)))[0]).toBe(400);
    expect((await followUp([{ ...content[0], signature: "x" }, ...content.slice(1)]))[0]).toBe(400);
  });
});

describe("the Responses face", () => {
  it("400 for an output without its call, and for reasoning nobody sent", async () => {
    const output = { type: "function_call_output", call_id: "a", output: "1" };
    const call = { type: "function_call", call_id: "a", name: "one", arguments: "{}" };
    const ask = (...input: readonly object[]) => post("/v1/responses", { model: "m", input });
    expect((await ask(USER, call, output))[0]).toBe(200);
    expect((await ask(USER, output))[0]).toBe(400);
    expect((await ask(USER, { type: "reasoning", encrypted_content: "made up" }))[0]).toBe(400);
  });
});
