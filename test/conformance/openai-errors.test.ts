/** Errors arrive as the unmodified `openai` client's own error classes, with a right status and no cause inside. */

import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";

import OpenAI from "openai";
import { describe, expect, it } from "vitest";

import { objectOf, textOf } from "../../dev/http/json.ts";
import { clientOf, gateway, newTenant, plain, scripted, send, type TestTenant } from "./scene.ts";

const MODEL = "scripted-1";
const HELLO = { model: MODEL, messages: [scripted({ text: "hello" })] };

/** A key of the tenant with other rights. */
async function keyOf(tenant: TestTenant, body: object): Promise<string> {
  const made = await tenant.call("POST", "/v1/keys", { name: "other", scopes: ["run"], ...body });
  return textOf(made, "key") ?? "";
}

/** Sends the headers of a request with so long a body, and returns the status that comes back without any of it. */
async function announceBody(apiKey: string, bytes: number): Promise<number | undefined> {
  const request = httpRequest(`${gateway.baseUrl}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${apiKey}`,
      "content-type": "application/json",
      "content-length": bytes,
    },
  });
  request.flushHeaders();
  const [response]: IncomingMessage[] = await once(request, "response");
  request.destroy();
  return response?.statusCode;
}

function headerOf(error: unknown, name: string): string | null {
  return error instanceof OpenAI.APIError ? (error.headers?.get(name) ?? null) : null;
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}

describe("401 AuthenticationError", () => {
  it("for a malformed key and for one nobody made", async () => {
    for (const apiKey of ["sk-something", "tfe_live_us_0000000000000000000000000000000000AA"]) {
      const error = await errorOf(clientOf({ apiKey }).chat.completions.create(HELLO));
      expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
      expect(error).toMatchObject({ status: 401, code: "invalid_api_key" });
    }
  });
});

describe("403 PermissionDeniedError", () => {
  it("for a key without the scope run", async () => {
    const tenant = await newTenant();
    const apiKey = await keyOf(tenant, { scopes: ["tools:read"] });
    const error = await errorOf(clientOf({ apiKey }).chat.completions.create(HELLO));
    expect(error).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(error).toMatchObject({ code: "insufficient_scope", type: "permission_error" });
  });
});

describe("404 NotFoundError", () => {
  it("for a model no upstream has", async () => {
    const tenant = await newTenant({ upstream: { models: { known: { as: MODEL } } } });
    const client = clientOf(tenant);
    const known = await client.chat.completions.create({ ...HELLO, model: "known" });
    expect(known.choices[0]?.message.content).toBe("hello");
    const error = await errorOf(client.chat.completions.create({ ...HELLO, model: "unknown" }));
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: "model_not_found" });
  });

  it("for an OpenAI route the gateway does not serve", async () => {
    const tenant = await newTenant();
    const error = await errorOf(clientOf(tenant).files.list());
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
  });
});

describe("400 BadRequestError", () => {
  it("names the field by OpenAI's notation, and nothing is sent", async () => {
    const tenant = await newTenant();
    const answer = await send("POST", "/v1/chat/completions", {
      key: tenant.apiKey,
      body: { model: MODEL, messages: [{ role: 5 }] },
    });
    expect(answer.status).toBe(400);
    expect(objectOf(answer.json, "error")).toMatchObject({
      type: "invalid_request_error",
      param: "messages[0].role",
    });
    const error = await errorOf(
      clientOf(tenant).chat.completions.create({ model: MODEL, messages: [] }),
    );
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
  });

  it("for bad JSON, a body nested too deep, and no JSON at all", async () => {
    const { apiKey: key } = await newTenant();
    const path = "/v1/chat/completions";
    const bad = await send("POST", path, { key, body: '{"model": "x",' });
    expect([bad.status, textOf(objectOf(bad.json, "error"), "code")]).toEqual([
      400,
      "invalid_json",
    ]);
    const deep = `{"model":"x","messages":[{"role":"user","content":${"[".repeat(70)}${"]".repeat(70)}}]}`;
    expect((await send("POST", path, { key, body: deep })).status).toBe(400);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect((await send("POST", path, { key, body: "a=b", headers: form })).status).toBe(415);
  });

  it("413 for a body announced above 20 MiB, while one with a large image passes", async () => {
    const tenant = await newTenant();
    const body = { ...HELLO, image: "x".repeat(5 * 1024 * 1024) };
    const large = await send("POST", "/v1/chat/completions", { key: tenant.apiKey, body });
    expect(large.status).toBe(200);
    expect(await announceBody(tenant.apiKey, 20 * 1024 * 1024 + 1)).toBe(413);
  });
});

describe("429 RateLimitError", () => {
  it("with Retry-After once a key's requests are used up, and another key goes on", async () => {
    const tenant = await newTenant();
    const limits = { requests: [{ limit: 2, window_s: 600 }] };
    const apiKey = await keyOf(tenant, { limits });
    const client = clientOf({ apiKey });
    await client.chat.completions.create(HELLO);
    await client.chat.completions.create(HELLO);
    const error = await errorOf(client.chat.completions.create(HELLO));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ code: "rate_limit_exceeded" });
    expect(Number(headerOf(error, "retry-after"))).toBeGreaterThan(200);
    expect(headerOf(error, "ratelimit")).toMatch(/r=0;t=\d+/);
    await clientOf(tenant).chat.completions.create(HELLO);
  });

  it("while as many runs as allowed are going on, and again afterwards", async () => {
    const tenant = await newTenant({ policy: { limits: { concurrent_runs: 1 } } });
    const client = clientOf(tenant);
    const turns = scripted({ text: "Slow. ", calls: [{ name: "wait", arguments: { ms: 600 } }] });
    const stream = await client.chat.completions.create({
      ...HELLO,
      messages: [turns],
      stream: true,
    });
    const error = await errorOf(client.chat.completions.create(HELLO));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    for await (const chunk of stream) expect(chunk.id).toBeDefined();
    const again = () => errorOf(client.chat.completions.create(HELLO));
    await expect.poll(again, { timeout: 3000 }).toBeNull();
  });

  it("is passed on from the upstream with its Retry-After", async () => {
    const tenant = await newTenant();
    const messages = [scripted({ status: 429, code: "slow_down", retry_after_s: 3 })];
    const error = await errorOf(
      clientOf(tenant).chat.completions.create({ model: MODEL, messages }),
    );
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ code: "slow_down" });
    expect(headerOf(error, "retry-after")).toBe("3");
  });
});

describe("5xx InternalServerError", () => {
  it("when the upstream fails, without a word of its answer", async () => {
    const tenant = await newTenant();
    const messages = [scripted({ status: 500, message: "canary prose of the provider" })];
    const error = await errorOf(
      clientOf(tenant).chat.completions.create({ model: MODEL, messages }),
    );
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 502 });
    expect(JSON.stringify(plain(error))).not.toContain("canary prose");
  });

  it("when the upstream refuses the gateway's own key: that is not the client's 401", async () => {
    const tenant = await newTenant();
    const messages = [scripted({ status: 401, code: "invalid_api_key" })];
    const error = await errorOf(
      clientOf(tenant).chat.completions.create({ model: MODEL, messages }),
    );
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ code: "upstream_rejected" });
  });

  it("is tried again by the client's default retries until it works", async () => {
    const tenant = await newTenant({ policy: { limits: { concurrent_runs: 1 } } });
    const turns = scripted({ text: "Slow. ", calls: [{ name: "wait", arguments: { ms: 300 } }] });
    const slow = clientOf(tenant).chat.completions.create({ ...HELLO, messages: [turns] });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const client = clientOf(tenant, { maxRetries: 4 });
    const answer = await client.chat.completions.create(HELLO);
    expect(answer.choices[0]?.message.content).toBe("hello");
    await slow;
  });
});
