/** The unmodified AI SDK 7 with `@ai-sdk/openai-compatible`: only base URL and key are changed. */

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  generateText,
  isStepCount,
  jsonSchema,
  RetryError,
  streamText,
  tool,
} from "ai";
import { describe, expect, it } from "vitest";

import { textOf } from "../../dev/http/json.ts";
import { gateway, newTenant, scripted, toolRequests, unique, ledgerEntries } from "./scene.ts";

const MODEL = "scripted-1";

function modelOf(apiKey: string, model = MODEL) {
  const provider = createOpenAICompatible({
    name: "toolformer-edge",
    baseURL: `${gateway.baseUrl}/v1`,
    apiKey,
    includeUsage: true,
  });
  return provider(model);
}

function call(name: string, args: object) {
  return { name, arguments: args };
}

/** A tool the client runs itself; it notes what it was called with. */
function ownTool(seen: unknown[]) {
  return tool({
    description: "Own tool",
    inputSchema: jsonSchema<{ n: number }>({
      type: "object",
      properties: { n: { type: "integer" } },
      required: ["n"],
    }),
    execute: (input) => {
      seen.push(input);
      return { own: input.n };
    },
  });
}

const GATEWAY_TURNS = scripted(
  { text: "Looking. ", calls: [call("get_weather", { city: "Paris" })] },
  { text: "It is {{results}}" },
);

describe("generateText", () => {
  it("gets the answer after the gateway's tools ran, which it never sees", async () => {
    const { apiKey, mark } = await newTenant();
    const result = await generateText({ model: modelOf(apiKey), messages: [GATEWAY_TURNS] });
    expect(result.text).toContain("temperature_c");
    expect(result.toolCalls).toEqual([]);
    expect(result.steps).toHaveLength(1);
    expect(result.finishReason).toBe("stop");
    expect(result.usage.outputTokens).toBeGreaterThan(0);
    expect(result.usage.inputTokens).toBeGreaterThan(0);
    expect((await toolRequests(mark)).started).toBe(1);
  });

  it("runs its own tools in its loop, beside the gateway's in a mixed turn", async () => {
    const { apiKey, mark } = await newTenant();
    const seen: unknown[] = [];
    const note = unique("note");
    const result = await generateText({
      model: modelOf(apiKey),
      messages: [
        scripted(
          { calls: [call("mine", { n: 1 }), call("record_note", { entry: note })] },
          { calls: [call("get_weather", { city: "Rome" }), call("mine", { n: 2 })] },
          { text: "All: {{results}}" },
        ),
      ],
      tools: { mine: ownTool(seen) },
      stopWhen: isStepCount(5),
    });
    expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
    expect(result.steps).toHaveLength(3);
    expect(result.text).toContain('\\"own\\":2');
    expect(result.text).toContain("temperature_c");
    expect(await ledgerEntries(note)).toBe(1);
    expect((await toolRequests(mark)).started).toBe(2);
  });
});

describe("streamText", () => {
  it("streams text of all turns, one finish, usage, and no gateway call", async () => {
    const { apiKey } = await newTenant();
    const result = streamText({ model: modelOf(apiKey), messages: [GATEWAY_TURNS] });
    const types: string[] = [];
    let text = "";
    for await (const part of result.fullStream) {
      types.push(part.type);
      if (part.type === "text-delta") text += part.text;
    }
    expect(text).toMatch(/^Looking\. \n\nIt is \[.*temperature_c/);
    expect(types.filter((type) => type === "finish")).toHaveLength(1);
    expect(types.filter((type) => type.startsWith("tool-"))).toEqual([]);
    expect(types).not.toContain("error");
    expect((await result.usage).outputTokens).toBeGreaterThan(0);
    expect(await result.finishReason).toBe("stop");
  });

  it("streams its own tool calls and goes on with their results", async () => {
    const { apiKey } = await newTenant();
    const seen: unknown[] = [];
    const result = streamText({
      model: modelOf(apiKey),
      messages: [
        scripted(
          { calls: [call("get_weather", { city: "Rome" }), call("mine", { n: 5 })] },
          { text: "Got {{results}}" },
        ),
      ],
      tools: { mine: ownTool(seen) },
      stopWhen: isStepCount(3),
    });
    const text = await result.text;
    expect(seen).toEqual([{ n: 5 }]);
    expect(text).toContain('\\"own\\":5');
    expect(text).toContain("temperature_c");
  });

  it("stops the run when it is aborted", async () => {
    const { apiKey, mark } = await newTenant();
    const controller = new AbortController();
    const result = streamText({
      model: modelOf(apiKey),
      messages: [scripted({ text: "Wait. ", calls: [call("wait", { ms: 20_000 })] })],
      abortSignal: controller.signal,
    });
    const reading = result.consumeStream();
    const open = async () => (await toolRequests(mark)).open;
    await expect.poll(open, { timeout: 5000 }).toBe(1);
    controller.abort();
    await reading;
    await expect.poll(open, { timeout: 3000 }).toBe(0);
  });
});

describe("errors", () => {
  const ask = (apiKey: string, model = MODEL, message = scripted({ text: "hi" })) =>
    generateText({ model: modelOf(apiKey, model), messages: [message], maxRetries: 0 }).then(
      () => null,
      (error: unknown) => (RetryError.isInstance(error) ? error.lastError : error),
    );

  it("are APICallErrors with the gateway's status and message", async () => {
    const tenant = await newTenant({ upstream: { models: { [MODEL]: {} } } });
    const scoped = await tenant.call("POST", "/v1/keys", {
      name: "reader",
      scopes: ["tools:read"],
    });
    const cases: readonly (readonly [unknown, number, boolean])[] = [
      [await ask("tfe_live_us_nonsense"), 401, false],
      [await ask(textOf(scoped, "key") ?? ""), 403, false],
      [await ask(tenant.apiKey, "unknown-model"), 404, false],
      [await ask(tenant.apiKey, MODEL, scripted({ status: 429 })), 429, true],
      [await ask(tenant.apiKey, MODEL, scripted({ status: 500 })), 502, true],
    ];
    for (const [error, status, isRetryable] of cases) {
      expect(APICallError.isInstance(error)).toBe(true);
      if (!APICallError.isInstance(error)) continue;
      expect(error.statusCode).toBe(status);
      expect(error.isRetryable).toBe(isRetryable);
      expect(error.message.length).toBeGreaterThan(10);
    }
  });

  it("end a stream that was cut with an error part, never a hang", async () => {
    const { apiKey } = await newTenant();
    const result = streamText({
      model: modelOf(apiKey),
      messages: [scripted({ text: "one two three four five six", cut_after: 4 })],
      maxRetries: 0,
      onError: () => undefined,
    });
    const types: string[] = [];
    for await (const part of result.fullStream) types.push(part.type);
    expect(types).toContain("error");
  });
});
