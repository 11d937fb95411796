import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { UnknownObject } from "../../dev/http/json.ts";
import { startModelServer, type ModelServer } from "../../dev/model-server.ts";

let server: ModelServer;
let client: OpenAI;

beforeAll(async () => {
  server = await startModelServer();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "k", maxRetries: 0 });
});
afterAll(() => server.close());

function script(...turns: readonly UnknownObject[]): string {
  return `please\n#script ${JSON.stringify({ turns })}`;
}

describe("streaming", () => {
  async function collect(content: string, model = "scripted-1", body: UnknownObject = {}) {
    const stream = await client.chat.completions.create({
      model,
      messages: [{ role: "user", content }],
      stream: true,
      ...body,
    });
    const chunks: OpenAI.Chat.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return chunks;
  }

  it("joins to the same text and calls as the whole answer", async () => {
    const content = script({
      reasoning: "hm",
      text: "Straße, 東京 and\n\nmore  words",
      calls: [
        { name: "a", arguments: { text: "x y" } },
        { name: "b", arguments: {} },
      ],
    });
    const chunks = await collect(content);
    const deltas = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta));
    expect(deltas.map((delta) => delta.content ?? "").join("")).toBe(
      "Straße, 東京 and\n\nmore  words",
    );
    const calls = deltas.flatMap((delta) => delta.tool_calls ?? []);
    expect(
      calls
        .filter((call) => call.function?.name !== undefined)
        .map((call) => [call.index, call.function?.name]),
    ).toEqual([
      [0, "a"],
      [1, "b"],
    ]);
    expect(
      calls.map((call) => (call.index === 0 ? (call.function?.arguments ?? "") : "")).join(""),
    ).toBe('{"text":"x y"}');
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("tool_calls");
  });

  it("sends the usage chunk only when asked", async () => {
    expect((await collect("hi")).some((chunk) => chunk.usage !== undefined)).toBe(false);
    const chunks = await collect("hi", "scripted-1", { stream_options: { include_usage: true } });
    const last = chunks.at(-1);
    expect(last?.choices).toEqual([]);
    expect(last?.usage?.total_tokens).toBe(
      (last?.usage?.prompt_tokens ?? 0) + (last?.usage?.completion_tokens ?? 0),
    );
  });

  it("keeps to its pace", async () => {
    const slow = await startModelServer({ tokensPerSecond: 50, timeToFirstTokenMs: 40 });
    try {
      const paced = new OpenAI({ baseURL: `${slow.url}/v1`, apiKey: "k", maxRetries: 0 });
      const started = performance.now();
      const stream = await paced.chat.completions.create({
        model: "m",
        messages: [
          {
            role: "user",
            content: script({ text: "one two three four five six seven eight nine ten" }),
          },
        ],
        stream: true,
      });
      let first = 0;
      for await (const chunk of stream) {
        if (first === 0 && (chunk.choices[0]?.delta.content ?? "") !== "")
          first = performance.now() - started;
      }
      expect(performance.now() - started).toBeGreaterThanOrEqual(230);
      expect(first).toBeLessThan(200);
    } finally {
      await slow.close();
    }
  });

  it.each(["scripted-cut", "scripted-garbage"])("%s breaks the stream", async (model) => {
    await expect(collect(script({ text: "a b c d e f g h" }), model)).rejects.toThrow(
      /terminated|JSON/,
    );
  });

  it("notices a client that leaves", async () => {
    await fetch(`${server.url}/_stats`, { method: "DELETE" });
    const leaving = new AbortController();
    const stream = await client.chat.completions.create(
      { model: "scripted-hang", messages: [{ role: "user", content: "hi" }], stream: true },
      { signal: leaving.signal },
    );
    setTimeout(() => {
      leaving.abort();
    }, 20);
    for await (const chunk of stream) expect(chunk.object).toBe("chat.completion.chunk");
    const deadline = Date.now() + 5_000;
    while (server.stats().open > 0 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(server.stats()).toMatchObject({ open: 0, aborted: 1 });
  });
});
