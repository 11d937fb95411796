/** The unmodified Anthropic SDK: what the model is asked, limits, idempotency, and errors as the SDK's own classes. */

import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { textOf } from "../../dev/http/json.ts";
import { startModelServer, type ModelServer } from "../../dev/model-server.ts";
import {
  ask,
  askedOf,
  call,
  errorOf,
  OWN_TOOL,
  sdkOf,
  tenantOf,
  textIn,
  typesOf,
} from "./anthropic-scene.ts";
import { gateway, ledgerEntries, plain, send, unique } from "./scene.ts";

let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer();
});
afterAll(() => model.close());

describe("what the model is asked", () => {
  it("is the client's request in the provider's words, with the tools x-gw-tools names", async () => {
    const mark = unique("asked");
    const png = { type: "base64", media_type: "image/png", data: "AAAA" } as const;
    // The SDK's types have dropped what its API still takes from older clients.
    const body: Anthropic.MessageCreateParamsNonStreaming & { temperature: number; top_k: number } =
      {
        model: "scripted-1",
        max_tokens: 77,
        system: [{ type: "text", text: mark, cache_control: { type: "ephemeral" } }],
        messages: [
          {
            role: "user",
            content: [
              { type: "image", source: png },
              { type: "text", text: "nothing" },
            ],
          },
        ],
        tools: [OWN_TOOL],
        tool_choice: { type: "auto", disable_parallel_tool_use: true },
        stop_sequences: ["END"],
        temperature: 0.5,
        top_k: 3,
        metadata: { user_id: "u1" },
      };
    const headers = { "x-gw-tools": "wait" };
    for (const kind of ["anthropic", "openai"]) {
      await sdkOf(await tenantOf(model, kind)).messages.create(body, { headers });
    }
    const [messages, chat] = await askedOf(model, mark);
    expect(messages).toMatchObject({
      max_tokens: 77,
      // The gateway's own instruction about its tools may stand beside it.
      system: expect.arrayContaining([
        { type: "text", text: mark, cache_control: { type: "ephemeral" } },
      ]),
      messages: [{ content: [{ type: "image", source: png }, { type: "text" }] }],
      tools: [{ name: "mine" }, { name: "wait" }],
      tool_choice: { type: "auto", disable_parallel_tool_use: true },
      stop_sequences: ["END"],
      temperature: 0.5,
      top_k: 3,
      metadata: { user_id: "u1" },
    });
    expect(chat).toMatchObject({
      max_tokens: 77,
      messages: expect.arrayContaining([
        { role: "system", content: expect.arrayContaining([{ type: "text", text: mark }]) },
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
            { type: "text", text: "nothing" },
          ],
        },
      ]),
      tools: [{ function: { name: "mine" } }, { function: { name: "wait" } }],
      parallel_tool_calls: false,
      stop: ["END"],
      temperature: 0.5,
      user: "u1",
    });
    expect(chat).not.toHaveProperty("top_k");
    expect(JSON.stringify(chat)).not.toContain("cache_control");
  });
});

describe("a message under a limit", () => {
  it("pauses, and goes on from there when it is sent back as it is", async () => {
    const tenant = await tenantOf(model, "openai", { policy: { runs: { max_turns: 2 } } });
    const look = (city: string) => ({ calls: [call("get_weather", { city })] });
    const body = ask(look("Oslo"), look("Rome"), { text: "Never reached here." });
    const first = await sdkOf(tenant).messages.create(body);
    expect(first.stop_reason).toBe("pause_turn");
    expect(typesOf(first)).toEqual(["mcp_tool_use", "mcp_tool_result"]);
    const second = await sdkOf(tenant).messages.create({
      ...body,
      messages: [...body.messages, { role: "assistant", content: first.content }],
    });
    expect(textIn(second)).toContain("Never reached here.");
  });
});

describe("errors arrive as the SDK's own classes", () => {
  const HELLO = ask({ text: "hello" });

  it("401 AuthenticationError, with the key in either header", async () => {
    const tenant = await tenantOf(model, "openai");
    const wrong = await errorOf(sdkOf({ apiKey: "tfe_wrong" }).messages.create(HELLO));
    expect(wrong).toBeInstanceOf(Anthropic.AuthenticationError);
    expect(wrong).toMatchObject({ type: "authentication_error", requestID: expect.any(String) });
    const bearer = new Anthropic({
      baseURL: gateway.baseUrl,
      apiKey: null,
      authToken: tenant.apiKey,
      maxRetries: 0,
    });
    expect(textIn(await bearer.messages.create(HELLO))).toBe("hello");
  });

  it("400 BadRequestError naming the place", async () => {
    const client = sdkOf(await tenantOf(model, "openai"));
    const typed = await errorOf(
      client.messages.create({
        ...HELLO,
        tools: [{ type: "web_search_20250305", name: "web_search" }],
      }),
    );
    expect(typed).toBeInstanceOf(Anthropic.BadRequestError);
    expect(String(typed)).toContain("tools[0].type");
    const taken = client.messages.create({ ...HELLO, tools: [{ ...OWN_TOOL, name: "wait" }] });
    expect(await errorOf(taken)).toMatchObject({ status: 400, type: "invalid_request_error" });
    const shapeless = await send("POST", "/v1/messages", {
      key: (await tenantOf(model, "openai")).apiKey,
      body: { model: "m", messages: [] },
    });
    expect([shapeless.status, shapeless.json["type"]]).toEqual([400, "error"]);
  });

  it("404 NotFoundError for an unknown model and for what is not served", async () => {
    const tenant = await tenantOf(model, "openai", { upstream: { models: { known: {} } } });
    const unknown = await errorOf(sdkOf(tenant).messages.create({ ...HELLO, model: "unknown" }));
    expect(unknown).toBeInstanceOf(Anthropic.NotFoundError);
    expect(unknown).toMatchObject({ errorCode: "model_not_found" });
    const counted = await errorOf(sdkOf(tenant).messages.countTokens(HELLO));
    expect(counted).toBeInstanceOf(Anthropic.NotFoundError);
    expect(counted).toMatchObject({ type: "not_found_error" });
  });

  it("403 PermissionDeniedError for a key without the scope run", async () => {
    const tenant = await tenantOf(model, "openai");
    const made = await tenant.call("POST", "/v1/keys", { name: "no", scopes: ["tools:read"] });
    const apiKey = textOf(made, "key") ?? "";
    const error = await errorOf(sdkOf({ apiKey }).messages.create(HELLO));
    expect(error).toBeInstanceOf(Anthropic.PermissionDeniedError);
  });

  it("429 RateLimitError and 5xx InternalServerError of the upstream, without its prose", async () => {
    const client = sdkOf(await tenantOf(model, "anthropic"));
    const limited = await errorOf(client.messages.create(ask({ status: 429, retry_after_s: 3 })));
    expect(limited).toBeInstanceOf(Anthropic.RateLimitError);
    const failed = await errorOf(client.messages.create(ask({ status: 500, message: "canary" })));
    expect(failed).toBeInstanceOf(Anthropic.InternalServerError);
    expect(JSON.stringify(plain(failed))).not.toContain("canary");
  });

  it("an error event with the run's id when a stream breaks", async () => {
    const client = sdkOf(await tenantOf(model, "openai"));
    const body = ask({ text: "one two three four five six", cut_after: 3 });
    const stream = client.messages.stream(body);
    const error = await errorOf(stream.finalMessage());
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error).toMatchObject({ type: "api_error" });
    expect(JSON.stringify(plain(error)["error"])).toMatch(/run_[0-9A-Za-z]{22}/);
  });
});

describe("Idempotency-Key", () => {
  it("gives the same run again, and 409 for another body", async () => {
    const tenant = await tenantOf(model, "openai");
    const note = unique("note");
    const body = ask({ calls: [call("record_note", { entry: note })] }, { text: "Noted." });
    const headers = { "idempotency-key": unique("key") };
    const client = sdkOf(tenant);
    const first = await client.messages.stream(body, { headers }).finalMessage();
    const again = await client.messages.stream(body, { headers }).finalMessage();
    expect(again).toEqual(first);
    expect(typesOf(first)).toEqual(["mcp_tool_use", "mcp_tool_result", "text"]);
    expect(await ledgerEntries(note)).toBe(1);
    const other = await errorOf(client.messages.create(ask({ text: "other" }), { headers }));
    expect(other).toBeInstanceOf(Anthropic.ConflictError);
  });
});
