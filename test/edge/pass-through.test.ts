import { describe, expect, inject, it } from "vitest";

import { PASS_THROUGH } from "../../src/contract/pass-through.ts";
import { MAX_CHAT_BODY_BYTES } from "../../src/edge/body.ts";
import { call } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const { fault = "" } = inject("servers");

/** A key of a new tenant whose model `m` is served below `path` of the far end. */
async function newKey(path: string, kind = "openai", more: object = {}): Promise<string> {
  const { key } = await newTestTenant();
  const body = {
    kind,
    models: { m: { as: "provider-m" } },
    targets: [{ id: "t", base_url: `${fault}${path}` }],
    ...more,
  };
  const put = await call("PUT /v1/upstreams/u", { key, body });
  if (put.status !== 201) throw new Error(await put.text());
  return key;
}

function form(fields: Readonly<Record<string, string>>): {
  readonly type: string;
  readonly text: string;
} {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return { type: "multipart/form-data; boundary=b", text: `${parts.join("")}--b--\r\n` };
}

const JSON_SENT = '{"model":"provider-m","input":"i","extra":[1]}';
const FORM_SENT = 'name="model"\r\n\r\nprovider-m';

describe("routes that pass through", () => {
  it("200 with what the upstream answered, for every one of them, under the provider's name of the model", async () => {
    const key = await newKey("/echo");
    for (const route of PASS_THROUGH) {
      const { type, text } = form({ model: "m", prompt: "p" });
      const answer = await call(`POST /v1${route.path}`, {
        key,
        body: route.form === "json" ? { model: "m", input: "i", extra: [1] } : text,
        headers: route.form === "json" ? {} : { "content-type": type },
      });
      expect(answer.status, route.path).toBe(200);
      expect(answer.headers.get("content-type")).toBe("application/json");
      const seen: { url: string; body: string; headers: Record<string, string> } =
        await answer.json();
      expect(seen.url).toBe(`/echo${route.path}`);
      expect(seen.headers["authorization"]).toBeUndefined();
      const sent = route.form === "json" ? JSON_SENT : FORM_SENT;
      expect(seen.body).toContain(sent);
    }
  });

  it("200 without a model from the first upstream that speaks OpenAI's API", async () => {
    const key = await newKey("/echo");
    const answer = await call("POST /v1/moderations", { key, body: { input: "text" } });
    expect(answer.status).toBe(200);
    const seen: { body: string } = await answer.json();
    expect(JSON.parse(seen.body)).toEqual({ input: "text" });
  });

  it("404 for a model nobody has, and when no upstream speaks OpenAI's API", async () => {
    const key = await newKey("/echo", "anthropic");
    const unknown = await call("POST /v1/embeddings", { key, body: { model: "x", input: "i" } });
    expect(unknown.status).toBe(404);
    const none = await call("POST /v1/moderations", { key, body: { input: "i" } });
    expect(none.status).toBe(404);
  });

  it("422 naming the model when its upstream has no such route", async () => {
    const key = await newKey("/echo", "anthropic");
    const answer = await call("POST /v1/embeddings", { key, body: { model: "m", input: "i" } });
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ error: { param: "model" } });
  });

  it("400, 413 and 415 before anything is sent, for a body that is not what the route takes", async () => {
    const key = await newKey("/echo");
    const post = (path: string, body: string, type: string) =>
      call(`POST /v1${path}`, { key, body, headers: { "content-type": type } });
    const json = "application/json";
    expect((await post("/embeddings", "{", json)).status).toBe(400);
    expect((await post("/embeddings", '{"model":7}', json)).status).toBe(400);
    expect((await post("/embeddings", "a=b", "text/plain")).status).toBe(415);
    expect((await post("/images/edits", "{}", json)).status).toBe(415);
    expect((await post("/images/edits", "no form", "multipart/form-data; boundary=b")).status).toBe(
      400,
    );
    const long = `"${"x".repeat(MAX_CHAT_BODY_BYTES)}"`;
    expect((await post("/embeddings", long, json)).status).toBe(413);
    expect((await post("/images/edits", long, "multipart/form-data; boundary=b")).status).toBe(413);
  });

  it("401 without a key and 403 without the scope `run`", async () => {
    expect((await call("POST /v1/embeddings", { body: { model: "m" } })).status).toBe(401);
    const admin = await newKey("/echo");
    const made = await call("POST /v1/keys", {
      key: admin,
      body: { name: "reader", scopes: ["tools:read"] },
    });
    const { key }: { key: string } = await made.json();
    expect((await call("POST /v1/embeddings", { key, body: { model: "m" } })).status).toBe(403);
  });

  it("says what the upstream said, never its prose, when that refuses", async () => {
    const key = await newKey("/status/429");
    const answer = await call("POST /v1/embeddings", { key, body: { model: "m", input: "i" } });
    expect(answer.status).toBe(429);
    expect(await answer.json()).toMatchObject({ error: { code: "upstream_rejected" } });
  });

  it("502 for a redirect and for an upstream that cannot be reached", async () => {
    const redirect = await newKey("/redirect");
    const moved = await call("POST /v1/embeddings", { key: redirect, body: { model: "m" } });
    expect(moved.status).toBe(502);
    const reset = await newKey("/reset");
    const broken = await call("POST /v1/embeddings", { key: reset, body: { model: "m" } });
    expect(broken.status).toBe(502);
  });

  it("504 when the headers do not come in time", async () => {
    const key = await newKey("/hang", "openai", { timeouts: { first_byte_ms: 50 } });
    const answer = await call("POST /v1/embeddings", { key, body: { model: "m" } });
    expect(answer.status).toBe(504);
  });

  it("breaks off when the upstream's answer breaks off or falls silent, so that nobody takes it for whole", async () => {
    const cut = await newKey("/cut");
    const broken = await call("POST /v1/embeddings", { key: cut, body: { model: "m" } });
    expect(broken.status).toBe(200);
    await expect(broken.text()).rejects.toThrow("upstream_unreachable");
    const silent = await newKey("/stall", "openai", { timeouts: { idle_ms: 50 } });
    const stalled = await call("POST /v1/embeddings", { key: silent, body: { model: "m" } });
    await expect(stalled.text()).rejects.toThrow("upstream_timeout");
  });

  it("refuses an address the guard does not let out", async () => {
    const { key } = await newTestTenant();
    const body = {
      kind: "openai",
      models: "*",
      targets: [{ id: "t", base_url: "https://10.0.0.1/v1" }],
    };
    expect((await call("PUT /v1/upstreams/u", { key, body })).status).toBe(422);
  });
});
