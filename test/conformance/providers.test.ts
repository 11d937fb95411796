/**
 * The unmodified `openai` client over every kind of upstream: the same conversation, whatever protocol the provider speaks.
 * The provider's stand-in is as strict as the real one about what it must see again.
 */

import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isObject, listOf, parseObject, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { startModelServer, type ModelServer } from "../../dev/model-server.ts";
import {
  clientOf,
  newTenant,
  plain,
  scripted,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

const PATHS = {
  openai: "/v1/chat/completions",
  openai_responses: "/v1/responses",
  anthropic: "/v1/messages",
  workers_ai: "/v1/chat/completions",
} as const;

type Kind = keyof typeof PATHS;

const KINDS: readonly Kind[] = ["openai", "openai_responses", "anthropic", "workers_ai"];

let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer();
});
afterAll(() => model.close());

function tenantOf(kind: Kind): Promise<TestTenant> {
  return newTenant({ modelBaseUrl: `${model.url}/v1`, upstream: { kind } });
}

/** Paths and bodies the model was asked with by requests that hold `mark`, in order. */
async function askedOf(mark: string): Promise<readonly { path: string; body: UnknownObject }[]> {
  const seen: unknown = await (await fetch(`${model.url}/_requests`)).json();
  return (Array.isArray(seen) ? seen : [])
    .map(plain)
    .filter((one) => textOf(one, "body")?.includes(mark))
    .map((one) => ({
      path: textOf(one, "path") ?? "",
      body: parseObject(textOf(one, "body") ?? ""),
    }));
}

function call(name: string, args: object) {
  return { name, arguments: args };
}

const OWN_TOOL: OpenAI.ChatCompletionFunctionTool = {
  type: "function",
  function: {
    name: "mine",
    parameters: { type: "object", properties: { n: { type: "integer" } } },
  },
};

describe.each(KINDS)("an upstream of kind %s", (kind) => {
  it("runs the gateway's tools over several turns, streaming and not", async () => {
    const tenant = await tenantOf(kind);
    const mark = unique("kind");
    const turns = scripted(
      {
        reasoning: `thinking of ${mark}`,
        text: "Looking. ",
        calls: [call("get_weather", { city: "Oslo" }), call("get_weather", { city: "Rome" })],
      },
      { reasoning: "thinking again", calls: [call("wait", { ms: 1 })] },
      { text: "Done: {{results}}" },
    );
    const body = { model: "scripted-1", messages: [turns], thinking: { type: "adaptive" } };
    const client = clientOf(tenant);
    const whole = await client.chat.completions.create(body);
    const stream = await client.chat.completions.create({ ...body, stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    expect(whole.choices[0]?.message.content).toBe(text);
    expect(text).toContain("Oslo");
    expect(text).toContain("Rome");
    expect(whole.choices[0]?.finish_reason).toBe("stop");
    expect(whole.usage?.total_tokens).toBeGreaterThan(10);
    expect((await toolRequests(tenant.mark)).started).toBe(6);
    const asked = await askedOf(mark);
    expect(asked.map(({ path }) => path)).toEqual(Array.from({ length: 6 }, () => PATHS[kind]));
  });

  it("hands the client's calls out and takes their results, in a mixed turn", async () => {
    const tenant = await tenantOf(kind);
    const message = scripted(
      {
        reasoning: "deep thought",
        text: "Half. ",
        calls: [call("get_weather", { city: "Oslo" }), call("mine", { n: 7 })],
      },
      { text: "Whole: {{results}}" },
    );
    const body = { model: "scripted-1", tools: [OWN_TOOL], thinking: { type: "adaptive" } };
    const client = clientOf(tenant);
    const first = await client.chat.completions.create({ ...body, messages: [message] });
    const assistant = first.choices[0]?.message;
    const [own] = assistant?.tool_calls ?? [];
    if (assistant === undefined || own?.type !== "function") throw new Error("no call");
    expect(own.function).toEqual({ name: "mine", arguments: '{"n":7}' });
    // A client that keeps nothing but the standard fields.
    const { role, content, tool_calls } = assistant;
    const second = await client.chat.completions.create({
      ...body,
      messages: [
        message,
        { role, content, ...(tool_calls && { tool_calls }) },
        { role: "tool", tool_call_id: own.id, content: "own result" },
      ],
    });
    const text = second.choices[0]?.message.content ?? "";
    expect(text).toContain("own result");
    expect(text).toContain("Oslo");
  });

  it("gives the provider's errors a right status and none of its prose", async () => {
    const tenant = await tenantOf(kind);
    for (const [status, expected] of [
      [429, OpenAI.RateLimitError],
      [500, OpenAI.InternalServerError],
    ] as const) {
      const messages = [scripted({ status, message: "canary prose" })];
      const error: unknown = await clientOf(tenant)
        .chat.completions.create({ model: "scripted-1", messages })
        .then(
          () => null,
          (reason: unknown) => reason,
        );
      expect(error).toBeInstanceOf(expected);
      expect(JSON.stringify(plain(error))).not.toContain("canary");
    }
  });

  it.each(["scripted-cut", "scripted-garbage"])(
    "ends a stream of %s with an error",
    async (name) => {
      const tenant = await tenantOf(kind);
      const body = { model: name, messages: [scripted({ text: "one two three four five six" })] };
      const stream = await clientOf(tenant).chat.completions.create({ ...body, stream: true });
      const read = async () => {
        for await (const chunk of stream) expect(isObject(chunk)).toBe(true);
      };
      await expect(read()).rejects.toBeInstanceOf(OpenAI.APIError);
    },
  );
});

describe("what a provider is asked", () => {
  it("is Anthropic's own form", async () => {
    const tenant = await tenantOf("anthropic");
    const mark = unique("form");
    await clientOf(tenant).chat.completions.create({
      model: "scripted-1",
      messages: [
        { role: "system", content: mark },
        { role: "user", content: "nothing" },
      ],
      tool_choice: "required",
      parallel_tool_calls: false,
      max_completion_tokens: 50,
    });
    const [first] = await askedOf(mark);
    expect(first?.body).toMatchObject({
      // The gateway's own instruction about its tools may follow it.
      system: [{ type: "text", text: expect.stringContaining(mark) }],
      max_tokens: 50,
      tool_choice: { type: "any", disable_parallel_tool_use: true },
      tools: expect.arrayContaining([
        expect.objectContaining({ name: "get_weather", input_schema: expect.any(Object) }),
      ]),
    });
  });

  it("is OpenAI's Responses form, with encrypted reasoning back before its calls", async () => {
    const tenant = await tenantOf("openai_responses");
    const mark = unique("form");
    await clientOf(tenant).chat.completions.create({
      model: "scripted-1",
      messages: [
        scripted({ reasoning: mark, calls: [call("wait", { ms: 1 })] }, { text: "Done." }),
      ],
    });
    const [, second] = await askedOf(mark);
    expect(second?.body).toMatchObject({ store: false, include: ["reasoning.encrypted_content"] });
    const types = listOf(second?.body ?? {}, "input").map((item) => {
      const { type, role } = plain(item);
      return type ?? role;
    });
    const made = types.filter((type) => type !== "system");
    expect(made).toEqual(["user", "reasoning", "function_call", "function_call_output"]);
  });

  it("400 with the place for what the provider's protocol cannot say", async () => {
    const refused = clientOf(await tenantOf("openai_responses")).chat.completions.create({
      model: "scripted-1",
      messages: [scripted({ text: "never" })],
      stop: ["END"],
    });
    await expect(refused).rejects.toMatchObject({ status: 400, param: "stop" });
  });
});
