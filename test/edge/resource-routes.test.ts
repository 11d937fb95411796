import { describe, expect, it } from "vitest";

import { call } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const TOOL = {
  description: "Adds",
  input: { type: "object", properties: { expression: { type: "string" } } },
  builtin: "calculator",
  effect: "pure",
};
const UPSTREAM = {
  kind: "openai",
  models: "*",
  targets: [{ id: "main", base_url: "https://api.example.com/v1" }],
};

/** A key of the tenant with these scopes only. */
async function keyWith(admin: string, ...scopes: string[]): Promise<string> {
  const made = await call("POST /v1/keys", { key: admin, body: { name: "k", scopes } });
  return (await made.json<{ key: string }>()).key;
}

/** Resources that are put under a name. `bad` is of the wrong shape, `refused` is well formed but cannot be. */
const RESOURCES = [
  {
    path: "/v1/tools",
    good: TOOL,
    bad: { ...TOOL, oops: 1 },
    refused: { description: "x", input: { type: "object" } },
    isReadable: true,
  },
  {
    path: "/v1/upstreams",
    good: UPSTREAM,
    bad: { ...UPSTREAM, oops: 1 },
    refused: { ...UPSTREAM, targets: [{ id: "main", base_url: "https://10.0.0.1/v1" }] },
    isReadable: true,
  },
  {
    path: "/v1/secrets",
    good: { value: "CANARY", hosts: ["api.example.com"] },
    bad: { value: "CANARY", hosts: ["api.example.com"], oops: 1 },
    refused: null,
    isReadable: false,
  },
] as const;

describe.each(RESOURCES)("$path", ({ path, good, bad, refused, isReadable }) => {
  it("201, 200, 200, 204, 404 through a resource's life, never showing a secret", async () => {
    const { key } = await newTestTenant();
    const made = await call(`PUT ${path}/one`, { key, body: good });
    expect(made.status).toBe(201);
    const again = await call(`PUT ${path}/one`, { key, body: good });
    expect(again.status).toBe(200);
    const listed = await (await call(`GET ${path}`, { key })).text();
    expect(JSON.parse(listed)).toMatchObject({ data: [{ name: "one", version: 2 }], next: null });
    expect((await made.text()) + (await again.text()) + listed).not.toContain("CANARY");
    const read = await call(`GET ${path}/one`, { key });
    expect(read.status).toBe(isReadable ? 200 : 405);
    expect((await call(`DELETE ${path}/one`, { key })).status).toBe(204);
    expect((await call(`DELETE ${path}/one`, { key })).status).toBe(404);
    expect((await call(`GET ${path}/one`, { key })).status).toBe(isReadable ? 404 : 405);
  });

  it("404 for another tenant's", async () => {
    const other = await newTestTenant();
    await call(`PUT ${path}/theirs`, { key: other.key, body: good });
    const { key } = await newTestTenant();
    expect((await call(`DELETE ${path}/theirs`, { key })).status).toBe(404);
    expect(await (await call(`GET ${path}`, { key })).json()).toMatchObject({ data: [] });
  });

  it("400 for an unknown field, a name that cannot be one and a bad page", async () => {
    const { key } = await newTestTenant();
    const unknown = await call(`PUT ${path}/one`, { key, body: bad });
    expect(unknown.status).toBe(400);
    expect(await unknown.json()).toMatchObject({ violations: [{ pointer: "/oops" }] });
    const name = await call(`PUT ${path}/${encodeURIComponent("ä b")}`, { key, body: good });
    expect(name.status).toBe(400);
    expect((await call(`DELETE ${path}/${encodeURIComponent("ä b")}`, { key })).status).toBe(404);
    expect((await call(`GET ${path}/%20`, { key })).status).toBe(isReadable ? 404 : 405);
    expect((await call(`GET ${path}?limit=x`, { key })).status).toBe(400);
  });

  it.runIf(refused !== null)("422 for a definition that cannot work", async () => {
    const { key } = await newTestTenant();
    const response = await call(`PUT ${path}/one`, { key, body: refused });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      code: "unprocessable",
      violations: [{ pointer: expect.any(String), message: expect.any(String) }],
    });
  });
});

describe("GET /v1/tools", () => {
  it("304 to a client that has the list, for a key that may only read", async () => {
    const { key } = await newTestTenant();
    await call("PUT /v1/tools/add", { key, body: TOOL });
    const reader = await keyWith(key, "tools:read");
    const first = await call("GET /v1/tools", { key: reader });
    const tag = first.headers.get("etag") ?? "";
    const headers = { "if-none-match": tag };
    const again = await call("GET /v1/tools", { key: reader, headers });
    expect(again.status).toBe(304);
    // No cache may show it to another key.
    expect(again.headers.get("vary")).toBe("authorization");
    expect(again.headers.get("cache-control")).toBe("private, no-cache");
    await call("PUT /v1/tools/sub", { key, body: TOOL });
    expect((await call("GET /v1/tools", { key: reader, headers })).status).toBe(200);
    expect((await call("PUT /v1/tools/x", { key: reader, body: TOOL })).status).toBe(403);
  });
});

describe("GET /v1/models", () => {
  it("200 in OpenAI's list, with a tag", async () => {
    const { key } = await newTestTenant();
    const body = { ...UPSTREAM, models: { "gpt-5.2": {}, small: { as: "gpt-5.2-mini" } } };
    await call("PUT /v1/upstreams/main", { key, body });
    const response = await call("GET /v1/models", { key });
    expect(response.headers.get("etag")).not.toBe(null);
    expect(await response.json()).toEqual({
      object: "list",
      data: [
        { id: "gpt-5.2", object: "model", created: 0, owned_by: "main" },
        { id: "small", object: "model", created: 0, owned_by: "main" },
      ],
    });
  });

  it("401 in OpenAI's envelope without a key", async () => {
    const response = await call("GET /v1/models");
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { code: "invalid_api_key" } });
  });
});
