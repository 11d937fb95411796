/** A tenant's tools, secrets, upstreams and policy over the wire. */

import { describe, expect, it } from "vitest";

import { isObject, listOf, numberOf, objectOf, textOf } from "../../dev/http/json.ts";
import { newTenant, pointersOf, send, servers, type TestTenant } from "./scene.ts";

const TOOL = {
  description: "Echoes",
  input: { type: "object", properties: { q: { type: "string" } } },
  effect: "read",
  http: { method: "GET", url: `${servers.tools}/echo/here`, query: { q: "{q}" } },
};

function as(tenant: TestTenant) {
  return (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    send(method, path, { key: tenant.apiKey, headers, ...(body === undefined ? {} : { body }) });
}

describe("tools", () => {
  it("are made with 201, replaced with 200 and a new version, read, listed and deleted", async () => {
    const ask = as(await newTenant({ tools: {} }));
    const made = await ask("PUT", "/v1/tools/web.echo:1", TOOL);
    expect([made.status, numberOf(made.json, "version")]).toEqual([201, 1]);
    const again = await ask("PUT", "/v1/tools/web.echo:1", { ...TOOL, description: "Other" });
    expect([again.status, numberOf(again.json, "version")]).toEqual([200, 2]);
    expect((await ask("GET", "/v1/tools/web.echo:1")).json).toMatchObject({ description: "Other" });
    const listed = await ask("GET", "/v1/tools");
    expect(listOf(listed.json, "data")).toHaveLength(1);
    const run = await ask("POST", "/v1/runs", {
      calls: [{ tool: "web.echo:1", arguments: { q: "x" } }],
    });
    expect(run.json).toMatchObject({ status: "completed" });
    expect((await ask("DELETE", "/v1/tools/web.echo:1")).status).toBe(204);
    expect((await ask("GET", "/v1/tools/web.echo:1")).status).toBe(404);
    expect((await ask("DELETE", "/v1/tools/web.echo:1")).status).toBe(404);
  });

  it("304 while nothing changed, by the ETag of the one and of the list", async () => {
    const ask = as(await newTenant({ tools: { echo: TOOL } }));
    for (const path of ["/v1/tools/echo", "/v1/tools"]) {
      const first = await ask("GET", path);
      const tag = first.headers.get("etag") ?? "";
      const same = await ask("GET", path, undefined, { "if-none-match": tag });
      expect([same.status, same.text]).toEqual([304, ""]);
      await ask("PUT", "/v1/tools/echo", { ...TOOL, timeout_ms: first.text.length });
      const changed = await ask("GET", path, undefined, { "if-none-match": tag });
      expect(changed.status).toBe(200);
      expect(changed.headers.get("etag")).not.toBe(tag);
    }
  });

  it("422 with pointers for definitions no call could be built from, 400 for a wrong shape", async () => {
    const ask = as(await newTenant({ tools: {} }));
    const put = (body: unknown) => ask("PUT", "/v1/tools/bad", body);
    const http = TOOL.http;
    const cases: readonly (readonly [unknown, string])[] = [
      [{ ...TOOL, http: { ...http, url: "http://169.254.169.254/latest" } }, "/http/url"],
      [{ ...TOOL, http: { ...http, url: "https://{q}.example.com/" } }, "/http/url"],
      [{ ...TOOL, http: { ...http, query: { q: "{nope}" } } }, "/http/query/q"],
      [{ ...TOOL, effect: "write", cache: { ttl_s: 5 } }, "/cache"],
      [{ ...TOOL, builtin: "calculator" }, ""],
      [{ ...TOOL, input: { type: "string" } }, "/input/type"],
    ];
    for (const [body, pointer] of cases) {
      const answer = await put(body);
      expect(answer.status).toBe(422);
      expect(pointersOf(answer)).toContain(pointer);
    }
    const shape = await put({ ...TOOL, effekt: "read" });
    expect([shape.status, pointersOf(shape)]).toEqual([400, ["/effekt"]]);
    expect((await ask("PUT", "/v1/tools/no%20name", TOOL)).status).toBe(400);
  });
});

describe("secrets", () => {
  it("reach only the host they are bound to, and are never shown", async () => {
    const tenant = await newTenant({ tools: {} });
    const ask = as(tenant);
    const { host } = new URL(servers.tools);
    const value = "s3cret-canary-value";
    const made = await ask("PUT", "/v1/secrets/api", { value, hosts: [host] });
    expect(made.status).toBe(201);
    expect(made.text).not.toContain(value);
    const headers = { "x-api-key": "{{secret.api}}" };
    await ask("PUT", "/v1/tools/own", { ...TOOL, http: { ...TOOL.http, headers } });
    const elsewhere = servers.fault.replace("127.0.0.1", "localhost");
    await ask("PUT", "/v1/tools/foreign", {
      ...TOOL,
      http: { method: "GET", url: `${elsewhere}/echo`, headers },
    });
    const run = await ask("POST", "/v1/runs", { calls: [{ tool: "own" }, { tool: "foreign" }] });
    const [own, foreign] = listOf(run.json, "results").filter(isObject);
    expect(own).toMatchObject({ status: "succeeded" });
    expect(foreign).toMatchObject({
      status: "failed",
      attempts: 0,
      error: { code: "secret_unavailable" },
    });
    // The tool server echoes its headers; what it sends back of the secret is taken out.
    expect(run.text).not.toContain(value);
    const listed = await ask("GET", "/v1/secrets");
    expect(listed.text).not.toContain(value);
    expect(listOf(listed.json, "data")).toMatchObject([{ name: "api", hosts: [host], version: 1 }]);
    expect((await ask("GET", "/v1/secrets/api")).status).toBe(405);
    expect((await ask("DELETE", "/v1/secrets/api")).status).toBe(204);
    const without = await ask("POST", "/v1/runs", { calls: [{ tool: "own" }] });
    expect(listOf(without.json, "results")).toMatchObject([
      { error: { code: "secret_unavailable" } },
    ]);
  });
});

describe("upstreams", () => {
  it("are made, listed and deleted; an address the gateway may not reach is 422", async () => {
    const tenant = await newTenant();
    const ask = as(tenant);
    const upstream = (url: string) => ({
      kind: "openai",
      models: { other: {} },
      targets: [{ id: "main", base_url: url }],
    });
    const refused = await ask("PUT", "/v1/upstreams/other", upstream("http://10.0.0.1/v1"));
    expect([refused.status, pointersOf(refused)]).toEqual([422, ["/targets/0/base_url"]]);
    expect((await ask("PUT", "/v1/upstreams/other", upstream(`${servers.model}/v1`))).status).toBe(
      201,
    );
    const listed = await ask("GET", "/v1/upstreams");
    expect(listOf(listed.json, "data")).toHaveLength(2);
    expect((await ask("DELETE", "/v1/upstreams/other")).status).toBe(204);
    expect((await ask("GET", "/v1/upstreams/other")).status).toBe(404);
  });
});

describe("the policy", () => {
  it("merges a patch, counts versions, and 412 for a change of what was not read", async () => {
    const ask = as(await newTenant());
    const before = await ask("GET", "/v1/policy");
    const tag = before.headers.get("etag") ?? "";
    expect((await ask("GET", "/v1/policy", undefined, { "if-none-match": tag })).status).toBe(304);
    const patch = { runs: { max_turns: 5 } };
    const changed = await ask("PATCH", "/v1/policy", patch, { "if-match": tag });
    expect(changed.status).toBe(200);
    expect(changed.headers.get("etag")).not.toBe(tag);
    expect(objectOf(changed.json, "runs")).toEqual({
      ...objectOf(before.json, "runs"),
      max_turns: 5,
    });
    const stale = await ask("PATCH", "/v1/policy", patch, { "if-match": tag });
    expect(stale.status).toBe(412);
    const versions = await ask("GET", "/v1/policy/versions");
    const numbers = listOf(versions.json, "data")
      .filter(isObject)
      .map((one) => one["version"]);
    expect(numbers).toEqual([2, 1]);
  });

  it("goes back to an earlier version as a new one, and 404 for one that never was", async () => {
    const tenant = await newTenant({ policy: { runs: { max_turns: 2 } } });
    const ask = as(tenant);
    const back = await ask("POST", "/v1/policy/rollback", { version: 1 });
    expect(back.status).toBe(200);
    expect(objectOf(back.json, "runs")["max_turns"]).toBe(8);
    expect(back.headers.get("etag")).toBe('"3"');
    expect((await ask("POST", "/v1/policy/rollback", { version: 99 })).status).toBe(404);
  });

  it("400 with the pointer for unknown fields and values out of bounds; null goes back to the preset", async () => {
    const ask = as(await newTenant());
    const bad = await ask("PATCH", "/v1/policy", {
      runs: { max_turns: 0, turbo: true },
      colour: 1,
    });
    expect(bad.status).toBe(400);
    expect(new Set(pointersOf(bad))).toEqual(
      new Set(["/runs/max_turns", "/runs/turbo", "/colour"]),
    );
    await ask("PATCH", "/v1/policy", { runs: { max_turns: 3 } });
    const reset = await ask("PATCH", "/v1/policy", { runs: { max_turns: null } });
    expect(objectOf(reset.json, "runs")["max_turns"]).toBe(8);
  });

  it("changes what chats may do at once: max_turns ends the loop and says so", async () => {
    const tenant = await newTenant({ policy: { runs: { max_turns: 2 } } });
    const turn = { text: "again ", calls: [{ name: "wait", arguments: { ms: 1 } }] };
    const content = `#script ${JSON.stringify({ turns: [turn, turn, turn, turn] })}`;
    const chat = await as(tenant)("POST", "/v1/chat/completions", {
      model: "scripted-1",
      messages: [{ role: "user", content }],
    });
    expect(objectOf(chat.json, "x_gw")).toMatchObject({ turns: 2, stopped_by: "max_turns" });
    expect(listOf(chat.json, "choices")).toMatchObject([{ finish_reason: "length" }]);
    expect(textOf(objectOf(chat.json, "x_gw"), "run")).toMatch(/^run_/);
  });
});
