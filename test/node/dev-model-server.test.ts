import OpenAI, { RateLimitError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { demoTools } from "../../dev/demo/tools.ts";
import { objectOf, parseJson, parseObject, type UnknownObject } from "../../dev/http/json.ts";
import { startModelServer, type ModelServer } from "../../dev/model-server.ts";

type Message = OpenAI.Chat.ChatCompletionMessageParam;
type Body = Partial<OpenAI.Chat.ChatCompletionCreateParamsNonStreaming>;

const TODAY = Date.parse("2026-11-20T12:00:00Z"); // A Friday.
const TRAVEL = "I am visiting Paris next week: weather, events, the best French restaurants?";

let server: ModelServer;
let client: OpenAI;

beforeAll(async () => {
  server = await startModelServer({ todayMs: TODAY });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "k", maxRetries: 0 });
});
afterAll(() => server.close());

const tools = Object.entries(demoTools("http://tools")).map(([name, definition]) => ({
  type: "function" as const,
  function: {
    name,
    description: String(definition["description"]),
    parameters: { ...objectOf(definition, "input") },
  },
}));

async function ask(content: string | Message[], extra: Body = {}) {
  const messages: Message[] = typeof content === "string" ? [{ role: "user", content }] : content;
  const answer = await client.chat.completions.create({ model: "scripted-1", messages, ...extra });
  const [choice] = answer.choices;
  const calls = (choice?.message.tool_calls ?? []).flatMap((call) =>
    call.type === "function"
      ? [{ id: call.id, name: call.function.name, input: parseObject(call.function.arguments) }]
      : [],
  );
  return {
    answer,
    choice,
    calls,
    text: choice?.message.content ?? null,
    finish: choice?.finish_reason,
  };
}

function script(...turns: readonly UnknownObject[]): string {
  return `please\n#script ${JSON.stringify({ turns })}`;
}

describe("the travel scenario", () => {
  it("asks for weather, events and restaurants at once, then for the exchange rate, then answers", async () => {
    const messages: Message[] = [{ role: "user", content: TRAVEL }];
    const first = await ask(messages, { tools });
    expect(first.finish).toBe("tool_calls");
    expect(first.calls.map(({ name, input }) => [name, input])).toEqual([
      ["weather", { city: "Paris", days: 7 }],
      ["events", { city: "Paris", from: "2026-11-23" }],
      ["restaurants", { city: "Paris", cuisine: "french" }],
    ]);
    const results: Record<string, unknown> = {
      weather: {
        temperature_c: 12,
        condition: "cloudy",
        forecast: [{ high_c: 13, low_c: 7, condition: "light rain" }],
      },
      events: { events: [{ name: "Jazz", date: "2026-11-24", venue: "Cave", price_eur: 0 }] },
      restaurants: {
        cuisine: "french",
        restaurants: [{ name: "Odette", district: "6e", rating: 4.8, price_eur: 62 }],
      },
    };
    messages.push({
      role: "assistant",
      content: null,
      tool_calls: first.choice?.message.tool_calls ?? [],
    });
    for (const call of first.calls) {
      messages.push({
        role: "tool",
        tool_call_id: call.id,
        content: JSON.stringify(results[call.name]),
      });
    }
    const second = await ask(messages, { tools });
    expect(second.calls).toMatchObject([
      { name: "currency", input: { from: "EUR", to: "USD", amount: 124 } },
    ]);
    expect(second.calls[0]?.id).not.toBe(first.calls[0]?.id);
    messages.push({
      role: "assistant",
      content: null,
      tool_calls: second.choice?.message.tool_calls ?? [],
    });
    messages.push({
      role: "tool",
      tool_call_id: second.calls[0]?.id ?? "",
      content: JSON.stringify({ from: "EUR", to: "USD", amount: 124, result: 133.92 }),
    });
    const last = await ask(messages, { tools });
    expect(last.finish).toBe("stop");
    for (const word of ["cloudy", "raincoat", "Jazz", "free", "Odette", "133.92 USD"])
      expect(last.text).toContain(word);
  });

  it("goes one by one when parallel calls are off", async () => {
    const { calls } = await ask(TRAVEL, { tools, parallel_tool_calls: false });
    expect(calls.map((call) => call.name)).toEqual(["weather"]);
  });
});

describe("other prompts", () => {
  it.each([
    ["What is (3 + 4) * 12.5?", [["calculate", { expression: "(3 + 4) * 12.5" }]]],
    [
      "Convert 250 USD to JPY, what is the exchange rate?",
      [["currency", { from: "USD", to: "JPY", amount: 250 }]],
    ],
    [
      "How is the weather in Berlin and New York?",
      [
        ["weather", { city: "Berlin" }],
        ["weather", { city: "New York" }],
      ],
    ],
    [
      "Analyze this code\n```ts\nlet a = 1;\n```",
      [["analyze_code", { source: "let a = 1;\n", language: "typescript" }]],
    ],
  ])("%j picks tools by words and fills arguments by their schema", async (prompt, expected) => {
    const { calls } = await ask(prompt, { tools });
    expect(calls.map(({ name, input }) => [name, input])).toEqual(expected);
  });

  it("answers with text when no tool fits, and says what it is", async () => {
    const { answer, text, finish } = await ask("Good morning", { tools });
    expect(finish).toBe("stop");
    expect(text).toContain("scripted stand-in");
    expect(answer.system_fingerprint).toBe("scripted-stand-in");
  });
});

describe("request options", () => {
  it("tool_choice none, required and named are honoured", async () => {
    expect((await ask("weather in Oslo", { tools, tool_choice: "none" })).calls).toEqual([]);
    expect((await ask("Good morning", { tools, tool_choice: "required" })).calls).toHaveLength(1);
    const named = await ask("Good morning", {
      tools,
      tool_choice: { type: "function", function: { name: "search" } },
    });
    expect(named.calls).toMatchObject([{ name: "search", input: { query: "Good morning" } }]);
  });

  it("response_format gives JSON, by the schema where there is one", async () => {
    const { text } = await ask("hello", { response_format: { type: "json_object" } });
    expect(Object.keys(parseObject(text ?? ""))).toEqual(["answer"]);
    const schema = {
      type: "object",
      properties: { city: { type: "string" }, n: { type: "integer" } },
      required: ["city", "n"],
    };
    const shaped = await ask("Go to Rome in 3 days", {
      response_format: { type: "json_schema", json_schema: { name: "x", schema } },
    });
    expect(parseObject(shaped.text ?? "")).toEqual({ city: "Rome", n: 3 });
  });

  it("n gives that many choices, max_tokens cuts with finish_reason length", async () => {
    expect((await ask("hi", { n: 3 })).answer.choices.map((choice) => choice.index)).toEqual([
      0, 1, 2,
    ]);
    const cut = await ask("hi", { max_completion_tokens: 4 });
    expect(cut.finish).toBe("length");
    expect(cut.answer.usage?.completion_tokens).toBe(4);
  });
});

describe("scripts", () => {
  it("play the turn of the number of assistant messages after the script, then say done", async () => {
    const content = script(
      { text: "one", calls: [{ name: "a", arguments: { x: 1 }, id: "c1" }] },
      { text: "two {{results}}" },
    );
    const user: Message = { role: "user", content };
    const first = await ask([user]);
    expect(first.text).toBe("one");
    expect(first.calls).toEqual([{ id: "c1", name: "a", input: { x: 1 } }]);
    const assistant: Message = {
      role: "assistant",
      content: "one",
      tool_calls: first.choice?.message.tool_calls ?? [],
    };
    const result: Message = { role: "tool", tool_call_id: "c1", content: '{"y":2}' };
    expect((await ask([user, assistant, result])).text).toBe('two ["{\\"y\\":2}"]');
    expect((await ask([user, assistant, result, { role: "assistant", content: "two" }])).text).toBe(
      "done",
    );
  });

  it("send arguments that are text as they are, and an own finish reason", async () => {
    const { choice } = await ask(
      script({ calls: [{ name: "a", arguments: "{broken" }], finish: "stop" }),
    );
    expect(choice?.message.tool_calls?.[0]).toMatchObject({ function: { arguments: "{broken" } });
    expect(choice?.finish_reason).toBe("stop");
  });

  it("answer with an error status in OpenAI's envelope", async () => {
    const refused = ask(script({ status: 429, code: "slow_down", retry_after_s: 2 }));
    await expect(refused).rejects.toMatchObject({ status: 429, code: "slow_down" });
    await expect(refused).rejects.toBeInstanceOf(RateLimitError);
  });
});

describe("model names that select a fault", () => {
  it("scripted-broken-json sends arguments that do not parse", async () => {
    const { choice } = await ask("weather in Oslo", { tools, model: "scripted-broken-json" });
    const call = choice?.message.tool_calls?.[0];
    expect(parseJson(call?.type === "function" ? call.function.arguments : "{}")).toBeUndefined();
  });
});

describe("inspection", () => {
  it("shows the last requests and wants the key when one is set", async () => {
    const guarded = await startModelServer({ apiKey: "right" });
    try {
      const send = (key: string) =>
        fetch(`${guarded.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
      expect((await send("wrong")).status).toBe(401);
      const right = await send("right");
      expect([right.status, right.headers.get("x-scripted-model")]).toEqual([200, "1"]);
      const seen: unknown = await (await fetch(`${guarded.url}/_requests`)).json();
      expect(seen).toMatchObject([
        { path: "/v1/models", headers: { authorization: "Bearer wrong" } },
        { path: "/v1/models", headers: { authorization: "Bearer right" } },
      ]);
    } finally {
      await guarded.close();
    }
  });

  it("refuses a body that is not a chat request", async () => {
    const send = (body: string) =>
      fetch(`${server.url}/v1/chat/completions`, { method: "POST", body });
    expect((await send("{")).status).toBe(400);
    expect((await send('{"messages":[]}')).status).toBe(400);
    expect((await fetch(`${server.url}/v1/nothing`)).status).toBe(404);
  });
});
