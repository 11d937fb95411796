/** The unmodified `openai` client with tools of its own: passed through, mixed with the gateway's, and chosen. */

import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { listOf, objectOf, parseObject, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { startModelServer, type ModelServer } from "../../dev/model-server.ts";
import {
  clientOf,
  ledgerEntries,
  newTenant,
  plain,
  scripted,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

const MODEL = "scripted-1";

let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer();
});
afterAll(() => model.close());

function tenantWithOwnModel(): Promise<TestTenant> {
  return newTenant({ modelBaseUrl: `${model.url}/v1` });
}

/** Bodies the model was asked with by requests that hold `mark`, in order. */
async function askedOf(mark: string): Promise<readonly UnknownObject[]> {
  const seen: unknown = await (await fetch(`${model.url}/_requests`)).json();
  const bodies = (Array.isArray(seen) ? seen : []).map((one) => textOf(plain(one), "body") ?? "");
  return bodies.filter((body) => body.includes(mark)).map(parseObject);
}

/** A client's own tool. */
function ownTool(name: string): OpenAI.ChatCompletionFunctionTool {
  const parameters = { type: "object", properties: { n: { type: "integer" } } };
  return { type: "function", function: { name, description: `Own tool ${name}`, parameters } };
}

function call(name: string, args: object) {
  return { name, arguments: args };
}

/** Names of the tools in an inner request. */
function toolNames(body: UnknownObject | undefined): readonly (string | null)[] {
  return listOf(body ?? {}, "tools").map((tool) =>
    textOf(objectOf(plain(tool), "function"), "name"),
  );
}

const ask = (tenant: TestTenant, body: object, headers: Record<string, string> = {}) =>
  clientOf(tenant).chat.completions.create(
    { model: MODEL, messages: [scripted({ text: "unused" })], ...body, stream: false },
    { headers },
  );

const functionCalls = (answer: OpenAI.ChatCompletion) =>
  (answer.choices[0]?.message.tool_calls ?? []).filter((one) => one.type === "function");

describe("the client's own tools", () => {
  it("pass through as tool_calls, alone", async () => {
    const tenant = await newTenant();
    const answer = await ask(tenant, {
      messages: [scripted({ calls: [call("mine", { n: 1 }), call("mine", { n: 2 })] })],
      tools: [ownTool("mine")],
    });
    expect(answer.choices[0]?.finish_reason).toBe("tool_calls");
    expect(functionCalls(answer).map((one) => one.function)).toEqual([
      { name: "mine", arguments: '{"n":1}' },
      { name: "mine", arguments: '{"n":2}' },
    ]);
    expect((await toolRequests(tenant.mark)).started).toBe(0);
  });

  it("stream with gap-free indexes that the client's helper puts together", async () => {
    const tenant = await newTenant();
    const turns = scripted({
      text: "Both: ",
      calls: [
        call("mine", { n: 1 }),
        call("get_weather", { city: "Oslo" }),
        call("mine", { n: 3 }),
      ],
    });
    const runner = clientOf(tenant).chat.completions.stream({
      model: MODEL,
      messages: [turns],
      tools: [ownTool("mine")],
    });
    const indexes = new Set<number>();
    runner.on("chunk", (chunk) => {
      for (const part of chunk.choices[0]?.delta.tool_calls ?? []) indexes.add(part.index);
    });
    const answer = await runner.finalChatCompletion();
    expect([...indexes]).toEqual([0, 1]);
    expect(answer.choices[0]?.finish_reason).toBe("tool_calls");
    expect(functionCalls(answer).map((one) => one.function.arguments)).toEqual([
      '{"n":1}',
      '{"n":3}',
    ]);
    expect(answer.choices[0]?.message.content).toBe("Both: ");
  });

  it("are run by the client's runTools beside the gateway's, until the answer", async () => {
    const tenant = await tenantWithOwnModel();
    const seen: string[] = [];
    const runner = clientOf(tenant).chat.completions.runTools({
      model: MODEL,
      messages: [
        scripted(
          { calls: [call("mine", { n: 7 }), call("get_weather", { city: "Bergen" })] },
          { calls: [call("get_weather", { city: "Oslo" })] },
          { text: "All: {{results}}" },
        ),
      ],
      tools: [
        {
          type: "function",
          function: {
            name: "mine",
            description: "Own",
            parameters: { type: "object", properties: { n: { type: "integer" } } },
            function: (input: string) => {
              seen.push(input);
              return "own result";
            },
          },
        },
      ],
    });
    const text = await runner.finalContent();
    expect(seen).toEqual(['{"n":7}']);
    expect(text).toContain("own result");
    expect((await toolRequests(tenant.mark)).started).toBe(2);
  });

  it("400 when one has the name of a gateway tool", async () => {
    const refused = ask(await newTenant(), { tools: [ownTool("get_weather")] });
    await expect(refused).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(refused).rejects.toMatchObject({ param: "tools[0].function.name" });
  });

  it("may have the name of a gateway tool that x-gw-tools leaves out", async () => {
    const tenant = await newTenant();
    const answer = await ask(
      tenant,
      {
        messages: [scripted({ calls: [call("get_weather", { city: "Oslo" })] })],
        tools: [ownTool("get_weather")],
      },
      { "x-gw-tools": "none" },
    );
    expect(functionCalls(answer)).toHaveLength(1);
    expect((await toolRequests(tenant.mark)).started).toBe(0);
  });
});

describe("a mixed turn", () => {
  /** The first answer of a mixed turn, and the messages of the follow-up. */
  async function firstHalf(tenant: TestTenant, note: string) {
    const message = scripted(
      { text: "Half. ", calls: [call("record_note", { entry: note }), call("mine", { n: 1 })] },
      { text: "Whole: {{results}}" },
    );
    const answer = await ask(tenant, { messages: [message], tools: [ownTool("mine")] });
    const [own] = functionCalls(answer);
    const assistant = answer.choices[0]?.message;
    if (own === undefined || assistant === undefined) throw new Error("there is no call to answer");
    const followUp: OpenAI.ChatCompletionMessageParam[] = [
      message,
      assistant,
      { role: "tool", tool_call_id: own.id, content: "own result" },
    ];
    return { answer, own, followUp };
  }

  it("runs the gateway's half at once and is made whole by the follow-up", async () => {
    const tenant = await tenantWithOwnModel();
    const note = unique("note");
    const { answer, followUp } = await firstHalf(tenant, note);
    expect(functionCalls(answer).map((one) => one.function.name)).toEqual(["mine"]);
    expect(await ledgerEntries(note)).toBe(1);
    const whole = await ask(tenant, { messages: followUp, tools: [ownTool("mine")] });
    expect(whole.choices[0]?.message.content).toContain("own result");
    expect(whole.choices[0]?.message.content).toContain(note);
    expect(await ledgerEntries(note)).toBe(1);
    const [, second] = await askedOf(note);
    const roles = listOf(second ?? {}, "messages").map((one) => textOf(plain(one), "role"));
    expect(roles).toEqual(["system", "user", "assistant", "tool", "tool"]);
  });

  it("409 when the follow-up names a turn nobody knows, and for another tenant", async () => {
    const tenant = await newTenant();
    const { own, followUp } = await firstHalf(tenant, unique("note"));
    const stranger = ask(await newTenant(), { messages: followUp, tools: [ownTool("mine")] });
    await expect(stranger).rejects.toMatchObject({ status: 409, code: "turn_expired" });
    const flipped = own.id.replace(/.(?=_\d+$)/, (last) => (last === "0" ? "1" : "0"));
    const text = JSON.stringify(followUp).replaceAll(own.id, flipped);
    const forged = ask(tenant, { messages: JSON.parse(text), tools: [ownTool("mine")] });
    await expect(forged).rejects.toBeInstanceOf(OpenAI.ConflictError);
    await expect(forged).rejects.toMatchObject({ code: "turn_expired" });
  });
});

describe("what the model is asked", () => {
  it("holds a forced tool_choice for the first turn only", async () => {
    const tenant = await tenantWithOwnModel();
    const mark = unique("choice");
    const turns = [{ calls: [call("wait", { ms: 0 })] }, { text: mark }];
    for (const choice of [
      "required",
      { type: "function", function: { name: "wait" } },
      "none",
      "auto",
    ]) {
      await ask(tenant, { messages: [scripted(...turns)], tool_choice: choice });
    }
    const choices = (await askedOf(mark)).map((body) => body["tool_choice"]);
    expect(choices).toEqual([
      "required",
      "auto",
      { type: "function", function: { name: "wait" } },
      "auto",
      "none",
      "none",
      "auto",
      "auto",
    ]);
  });

  it("keeps response_format and fields the gateway does not know", async () => {
    const tenant = await tenantWithOwnModel();
    const mark = unique("format");
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const format = { type: "json_schema", json_schema: { name: "place", schema } };
    await ask(
      tenant,
      {
        messages: [{ role: "user", content: `Weather in Paris ${mark}` }],
        response_format: format,
        seed: 7,
        some_future_field: { a: [1] },
      },
      { "x-gw-tools": "none" },
    );
    const [body] = await askedOf(mark);
    expect(body).toMatchObject({ response_format: format, seed: 7, some_future_field: { a: [1] } });
    expect(body).not.toHaveProperty("tools");
  });

  it("has the tools x-gw-tools names, the key's toolset without it, and the client's own", async () => {
    const tenant = await tenantWithOwnModel();
    const mark = unique("tools");
    const messages = [{ role: "user", content: `nothing ${mark}` }];
    await ask(tenant, { messages });
    await ask(
      tenant,
      { messages, tools: [ownTool("mine")] },
      { "x-gw-tools": "wait, get_weather" },
    );
    await ask(tenant, { messages }, { "x-gw-tools": "none" });
    const offered = (await askedOf(mark)).map((body) => new Set(toolNames(body)));
    expect(offered).toEqual([
      new Set(["get_weather", "wait", "record_note", "broken"]),
      new Set(["mine", "get_weather", "wait"]),
      new Set(),
    ]);
    const unknown = ask(tenant, { messages }, { "x-gw-tools": "wait,nope" });
    await expect(unknown).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });

  it("runs gateway calls one by one with parallel_tool_calls: false", async () => {
    const tenant = await newTenant();
    const calls = [call("wait", { ms: 150, n: 1 }), call("wait", { ms: 150, n: 2 })];
    const turns = [{ calls }, { text: "{{results}}" }];
    const spread = async (parallel: boolean) => {
      const began = Date.now();
      await ask(tenant, { messages: [scripted(...turns)], parallel_tool_calls: parallel });
      return Date.now() - began;
    };
    expect(await spread(false)).toBeGreaterThanOrEqual(300);
    expect((await toolRequests(tenant.mark)).peak).toBe(1);
    await spread(true);
    expect((await toolRequests(tenant.mark)).peak).toBe(2);
  });

  it("400 for n above 1 while gateway tools are offered", async () => {
    const tenant = await newTenant();
    const refused = ask(tenant, { n: 2 });
    await expect(refused).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(refused).rejects.toMatchObject({ param: "n", type: "invalid_request_error" });
  });
});
