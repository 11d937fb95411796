/** A client that answers its half of a turn gets the whole conversation back: every turn, write and result of the run. */

import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isObject, listOf, parseObject, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { startModelServer, type ModelServer } from "../../dev/model-server.ts";
import {
  clientOf,
  ledgerEntries,
  newTenant,
  plain,
  scripted,
  servers,
  unique,
  type TestTenant,
} from "./scene.ts";

const MODEL = "scripted-1";
const MINE: OpenAI.ChatCompletionTool = {
  type: "function",
  function: { name: "mine", parameters: { type: "object", properties: {} } },
};

let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer();
});
afterAll(() => model.close());

/** The messages of the last request that holds `mark`, as the model got them. */
async function lastAsked(mark: string): Promise<readonly UnknownObject[]> {
  const seen: unknown = await (await fetch(`${model.url}/_requests`)).json();
  const bodies = (Array.isArray(seen) ? seen : []).map((one) => textOf(plain(one), "body") ?? "");
  const last = bodies.findLast((body) => body.includes(mark)) ?? "";
  return listOf(parseObject(last), "messages").filter(isObject);
}

/** Asks, answers every own call with "own result", and asks again. */
async function twoSteps(tenant: TestTenant, ...turns: readonly UnknownObject[]) {
  const message = scripted(...turns);
  const create = (messages: OpenAI.ChatCompletionMessageParam[]) =>
    clientOf(tenant).chat.completions.create({ model: MODEL, messages, tools: [MINE] });
  const first = await create([message]);
  const half = first.choices[0]?.message;
  if (half === undefined) throw new Error("there is no message");
  const own = (half.tool_calls ?? []).map((call) => ({
    role: "tool" as const,
    tool_call_id: call.id,
    content: "own result",
  }));
  expect(own.length).toBeGreaterThan(0);
  return { first, second: await create([message, half, ...own]) };
}

const call = (name: string, args: object = {}) => ({ name, arguments: args });

describe("the follow-up of a mixed turn", () => {
  it("shows the model the turns before it too, so that no write is made again", async () => {
    const tenant = await newTenant({ modelBaseUrl: `${model.url}/v1` });
    const note = unique("note");
    await twoSteps(
      tenant,
      { text: "Noting. ", calls: [call("record_note", { entry: note })] },
      { text: "Asking you. ", calls: [call("mine"), call("wait", { ms: 1 })] },
      { text: "Whole." },
    );
    const [instruction, ...messages] = await lastAsked(note);
    expect(textOf(instruction ?? {}, "role")).toBe("system");
    const shape = messages.map(
      (one) => `${textOf(one, "role")}:${listOf(one, "tool_calls").length}`,
    );
    expect(shape).toEqual(["user:0", "assistant:1", "tool:0", "assistant:2", "tool:0", "tool:0"]);
    expect(textOf(messages[2] ?? {}, "content")).toContain(note);
    expect(textOf(messages[1] ?? {}, "content")).toBe("Noting. ");
    expect(textOf(messages[3] ?? {}, "content")).toBe("Asking you. ");
    expect(await ledgerEntries(note)).toBe(1);
  });

  it("shows them also when the last turn called the client's tools alone", async () => {
    const tenant = await newTenant({ modelBaseUrl: `${model.url}/v1` });
    const note = unique("note");
    const { second } = await twoSteps(
      tenant,
      { calls: [call("record_note", { entry: note })] },
      { calls: [call("mine")] },
      { text: "All: {{results}}" },
    );
    expect(second.choices[0]?.message.content).toContain(note);
    expect(second.choices[0]?.message.content).toContain("own result");
    expect(await ledgerEntries(note)).toBe(1);
  });

  it("brings results back that are larger than one row of storage", async () => {
    const tenant = await newTenant({
      modelBaseUrl: `${model.url}/v1`,
      policy: { results: { max_tokens_per_turn: 1_000_000 } },
    });
    await tenant.call("PUT", "/v1/tools/large", {
      description: "A large text",
      input: { type: "object", properties: {} },
      effect: "read",
      http: { method: "GET", url: `${servers.fault}/huge`, query: { bytes: "2000000" } },
    });
    const { first, second } = await twoSteps(
      tenant,
      { calls: [call("large"), call("mine")] },
      { text: "Seen {{results}}" },
    );
    expect(first.choices[0]?.finish_reason).toBe("tool_calls");
    expect(second.choices[0]?.message.content?.length).toBeGreaterThan(2_000_000);
  });
});
