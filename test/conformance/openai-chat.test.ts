/** The unmodified `openai` client: text, the gateway's tools, and what stays hidden. */

import type OpenAI from "openai";
import { describe, expect, it } from "vitest";

import { clientOf, newTenant, plain, scripted, toolRequests, type TestTenant } from "./scene.ts";
import { numberOf, objectOf, textOf } from "../../dev/http/json.ts";

const MODEL = "scripted-1";

/** Two inner turns with text before, between and after; three gateway calls. */
const THREE_TURNS = scripted(
  { text: "Looking. ", calls: [call("get_weather", { city: "Paris" }), call("wait", { ms: 10 })] },
  { text: "And Rome. ", calls: [call("get_weather", { city: "Rome" })] },
  { text: "Done with {{results}}" },
);

function call(name: string, args: object) {
  return { name, arguments: args };
}

async function collect(tenant: TestTenant, body: object, headers: Record<string, string> = {}) {
  const stream = await clientOf(tenant).chat.completions.create(
    { model: MODEL, messages: [THREE_TURNS], ...body, stream: true },
    { headers },
  );
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

describe("chat.completions.create", () => {
  it("answers one message with the text of all turns, one finish_reason and summed usage", async () => {
    const tenant = await newTenant();
    const answer = await clientOf(tenant).chat.completions.create({
      model: MODEL,
      messages: [THREE_TURNS],
    });
    expect(answer.choices).toHaveLength(1);
    const [choice] = answer.choices;
    expect(choice?.finish_reason).toBe("stop");
    expect(choice?.message.tool_calls).toBeUndefined();
    expect(choice?.message.role).toBe("assistant");
    expect(choice?.message.content).toMatch(
      /^Looking\. \n\nAnd Rome\. \n\nDone with \[.*temperature_c/,
    );
    const gw = objectOf(plain(answer), "x_gw");
    expect(gw).toMatchObject({ turns: 3, calls: 3, cache_hits: 0 });
    expect(textOf(gw, "run")).toMatch(/^run_/);
    expect((await toolRequests(tenant.mark)).started).toBe(3);
  });

  it("sums usage over all inner turns", async () => {
    const tenant = await newTenant();
    const client = clientOf(tenant);
    const ask = (message: OpenAI.ChatCompletionMessageParam) =>
      client.chat.completions.create({ model: MODEL, messages: [message] });
    const one = await ask(scripted({ text: "alpha beta gamma" }));
    const two = await ask(
      scripted(
        { text: "alpha beta gamma", calls: [call("wait", { ms: 0 })] },
        { text: "alpha beta gamma" },
      ),
    );
    expect(two.usage?.completion_tokens).toBeGreaterThan((one.usage?.completion_tokens ?? 0) * 2);
    expect(two.usage?.prompt_tokens).toBeGreaterThan((one.usage?.prompt_tokens ?? 0) * 2);
    expect(two.usage?.total_tokens).toBe(
      (two.usage?.prompt_tokens ?? 0) + (two.usage?.completion_tokens ?? 0),
    );
  });

  it("hands the model's error result on when a tool fails, and the run goes on", async () => {
    const tenant = await newTenant();
    const answer = await clientOf(tenant).chat.completions.create({
      model: MODEL,
      messages: [scripted({ calls: [call("broken", {})] }, { text: "saw {{results}}" })],
    });
    expect(answer.choices[0]?.finish_reason).toBe("stop");
    expect(answer.choices[0]?.message.content).toContain("upstream_status");
    expect(answer.choices[0]?.message.content).toContain("500");
  });

  it("carries the request id, the time added and the rate limits in headers", async () => {
    const tenant = await newTenant();
    const { response, request_id: requestId } = await clientOf(tenant)
      .chat.completions.create({ model: MODEL, messages: [scripted({ text: "hi" })] })
      .withResponse();
    expect(requestId).toMatch(/^req_/);
    expect(response.headers.get("server-timing")).toMatch(/^gw;dur=\d/);
    expect(response.headers.get("ratelimit-policy")).toContain("q=6000;w=60");
    expect(response.headers.get("ratelimit")).toMatch(/r=\d+;t=\d+/);
    expect(response.headers.get("content-language")).toBe("en");
    expect(response.headers.get("cache-control")).toBe("no-store");
  });
});

describe("chat.completions.create with stream: true", () => {
  it("streams one message: one id, one role, one finish_reason, no gateway call, x_gw at the end", async () => {
    const chunks = await collect(await newTenant(), {});
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
    expect(chunks.every((chunk) => Array.isArray(chunk.choices))).toBe(true);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    expect(choices.filter(({ delta }) => delta.role !== undefined)).toHaveLength(1);
    expect(choices.map((one) => one.finish_reason).filter(Boolean)).toEqual(["stop"]);
    expect(choices.some(({ delta }) => delta.tool_calls !== undefined)).toBe(false);
    const text = choices.map(({ delta }) => delta.content ?? "").join("");
    expect(text).toMatch(/^Looking\. \n\nAnd Rome\. \n\nDone with \[.*temperature_c/);
    const last = chunks.at(-1);
    expect(last?.choices).toEqual([]);
    expect(objectOf(plain(last), "x_gw")).toMatchObject({ turns: 3, calls: 3 });
  });

  it("sends usage only when it was asked for, and then summed", async () => {
    const tenant = await newTenant();
    const without = await collect(tenant, {});
    expect(without.some((chunk) => chunk.usage !== undefined)).toBe(false);
    const chunks = await collect(tenant, { stream_options: { include_usage: true } });
    const usages = chunks.flatMap((chunk) => (chunk.usage ? [chunk.usage] : []));
    expect(usages).toHaveLength(1);
    const whole = await clientOf(tenant).chat.completions.create({
      model: MODEL,
      messages: [THREE_TURNS],
    });
    expect(usages[0]?.completion_tokens).toBe(whole.usage?.completion_tokens);
    expect(usages[0]?.prompt_tokens).toBe(whole.usage?.prompt_tokens);
  });

  it("streams the text of a turn before its tools have ended", async () => {
    const tenant = await newTenant();
    const message = scripted(
      { text: "First. ", calls: [call("wait", { ms: 600 })] },
      { text: "Then." },
    );
    const began = Date.now();
    let firstMs = 0;
    let text = "";
    const stream = await clientOf(tenant).chat.completions.create({
      model: MODEL,
      messages: [message],
      stream: true,
    });
    for await (const chunk of stream) {
      const piece = chunk.choices[0]?.delta.content ?? "";
      if (piece !== "" && text === "") firstMs = Date.now() - began;
      text += piece;
    }
    expect(text).toBe("First. \n\nThen.");
    expect(firstMs).toBeLessThan(Date.now() - began - 300);
  });

  it("hands reasoning on as reasoning_content", async () => {
    const chunks = await collect(await newTenant(), {
      messages: [scripted({ reasoning: "because of this", text: "Yes." })],
    });
    const reasoning = chunks
      .flatMap((chunk) => chunk.choices)
      .map(({ delta }) => textOf(plain(delta), "reasoning_content") ?? "");
    expect(reasoning.join("")).toBe("because of this");
  });

  it("adds chunks about tools, with empty choices, when x-gw-events asks for them", async () => {
    const tenant = await newTenant();
    const chunks = await collect(tenant, {}, { "x-gw-events": "tools" });
    const activity = chunks
      .map((chunk) => objectOf(plain(chunk), "x_gw"))
      .filter((one) => textOf(one, "type") !== null);
    const count = (type: string) => activity.filter((one) => textOf(one, "type") === type).length;
    expect([count("tool.started"), count("tool.result"), activity.length]).toEqual([3, 3, 6]);
    expect(activity.every((one) => numberOf(one, "t_ms") !== null)).toBe(true);
    const text = chunks.flatMap((chunk) => chunk.choices).map(({ delta }) => delta.content ?? "");
    expect(text.join("")).toMatch(/^Looking\. \n\nAnd Rome\. \n\nDone/);
  });

  it("is read by the client's own stream helper", async () => {
    const runner = clientOf(await newTenant()).chat.completions.stream({
      model: MODEL,
      messages: [THREE_TURNS],
      stream_options: { include_usage: true },
    });
    const final = await runner.finalChatCompletion();
    expect(final.choices[0]?.message.content).toMatch(/^Looking\. \n\nAnd Rome\. \n\nDone/);
    expect((await runner.totalUsage()).completion_tokens).toBeGreaterThan(0);
  });

  it("stops the run's tools when the client aborts the stream", async () => {
    const tenant = await newTenant();
    const message = scripted({ text: "Wait. ", calls: [call("wait", { ms: 20_000 })] });
    const stream = await clientOf(tenant).chat.completions.create({
      model: MODEL,
      messages: [message],
      stream: true,
    });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content === undefined) continue;
      const isOpen = async () => (await toolRequests(tenant.mark)).open === 1;
      await expect.poll(isOpen, { timeout: 5000 }).toBe(true);
      break; // Leaving the loop aborts the request.
    }
    const isClosed = async () => (await toolRequests(tenant.mark)).open === 0;
    await expect.poll(isClosed, { timeout: 3000 }).toBe(true);
  });
});

describe("models.list", () => {
  it("lists the models the tenant's upstreams have", async () => {
    const tenant = await newTenant();
    const models = await clientOf(tenant).models.list();
    expect(models.data.map((model) => model.id)).toContain("scripted-1");
    await tenant.call("PUT", "/v1/upstreams/model", {
      kind: "openai",
      models: { fast: { as: "scripted-1" }, best: {} },
      targets: [{ id: "main", base_url: "http://127.0.0.1:9/v1" }],
    });
    const named = await clientOf(tenant).models.list();
    expect(named.data.map((model) => model.id).toSorted()).toEqual(["best", "fast"]);
  });
});
