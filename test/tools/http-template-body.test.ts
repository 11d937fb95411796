/** Bodies and secrets of requests built from templates. */

import { describe, expect, it } from "vitest";

import type { JsonObject } from "../../src/platform/canonical-json.ts";
import type { OpenSecret } from "../../src/tools/http-template.ts";
import { build, built } from "../support/request-template.ts";

describe("the body", () => {
  it("is the arguments used nowhere else", async () => {
    const http = {
      method: "POST",
      url: "https://api.example.com/{id}",
      query: { q: "{q}" },
      headers: { "x-h": "{h}" },
    };
    const request = await built(http, { id: 1, q: "2", h: "3", a: [1], b: { c: null } });
    expect(request).toMatchObject({ method: "POST", body: '{"a":[1],"b":{"c":null}}' });
    expect(request.headers["content-type"]).toBe("application/json");
  });

  it("keeps types of whole leaves, fills texts and drops what hangs on an absent argument", async () => {
    const body = {
      n: "{n}",
      list: ["{flag}", "{absent}", "x{n}"],
      deep: {
        text: "Hello {name}, {n}!",
        gone: "Hi {absent}",
        fixed: true,
        literal: "query { user }",
      },
      nothing: "{null}",
    };
    const request = await built(
      { method: "PUT", body },
      { n: 5, flag: false, name: "Ada", null: null },
    );
    expect(JSON.parse(request.body ?? "")).toEqual({
      n: 5,
      list: [false, "x5"],
      deep: { text: "Hello Ada, 5!", fixed: true, literal: "query { user }" },
      nothing: null,
    });
  });

  it.each([
    ["GET", undefined],
    ["DELETE", undefined],
    ["POST", null],
  ])("is absent for %s with %j", async (method, body) => {
    const request = await built({ method, ...(body === undefined ? {} : { body }) }, { a: 1 });
    expect(request.body).toBeNull();
    expect(request.headers).not.toHaveProperty("content-type");
  });

  it("may be a template for DELETE", async () => {
    expect(await built({ method: "DELETE", body: { id: "{id}" } }, { id: 3 })).toMatchObject({
      body: '{"id":3}',
    });
  });

  it("keeps an argument named __proto__ an argument", async () => {
    const values: JsonObject = JSON.parse('{"__proto__": {"x": 1}}');
    expect((await built({ method: "POST" }, values)).body).toBe('{"__proto__":{"x":1}}');
  });

  it("never expands a template inside an argument", async () => {
    const request = await built(
      { method: "POST", body: { a: "{a} {b}" }, query: { q: "{a}" } },
      { a: "{b}{{secret.x}}", b: "!" },
    );
    expect(request.body).toBe('{"a":"{b}{{secret.x}} !"}');
    expect(request.url.searchParams.get("q")).toBe("{b}{{secret.x}}");
  });
});

describe("secrets", () => {
  const opened: [string, string][] = [];
  const vault: OpenSecret = (name, host) => {
    opened.push([name, host]);
    const values: Record<string, string> = { key: "s3cr&t", multiline: "a\nb" };
    return Promise.resolve(host === "api.example.com" ? (values[name] ?? null) : null);
  };

  it("are put into headers and query, each opened once for the final host", async () => {
    opened.length = 0;
    const http = {
      headers: { authorization: "Bearer {{secret.key}}" },
      query: { key: "{{secret.key}}" },
    };
    const result = await build(http, {}, vault);
    expect(result).toMatchObject({ ok: true, value: { secrets: ["s3cr&t"] } });
    expect(result.ok && result.value.request.headers["authorization"]).toBe("Bearer s3cr&t");
    expect(result.ok && result.value.request.url.search).toBe("?key=s3cr%26t");
    expect(opened).toEqual([["key", "api.example.com"]]);
  });

  it("are asked for with the port where it is not the scheme's own", async () => {
    opened.length = 0;
    await build(
      { url: "https://api.example.com:8443/x", headers: { a: "{{secret.key}}" } },
      {},
      vault,
    );
    expect(opened).toEqual([["key", "api.example.com:8443"]]);
  });

  it.each([
    [{ headers: { a: "{{secret.unknown}}" } }, "unknown"],
    [{ url: "https://other.example.com/", headers: { a: "{{secret.key}}" } }, "key"],
    [{ headers: { a: "{{secret.multiline}}" } }, "cannot be sent"],
  ])("that cannot be used stop the call: %j", async (http, message) => {
    expect(await build(http, {}, vault)).toMatchObject({
      ok: false,
      error: { code: "secret_unavailable", message: expect.stringContaining(message) },
    });
  });

  it("are not opened when the arguments are refused, nor for a template that takes no part", async () => {
    opened.length = 0;
    await build(
      { url: "https://api.example.com/{a}", headers: { x: "{{secret.key}}" } },
      { a: ".." },
      vault,
    );
    await build({ headers: { x: "{{secret.key}} {absent}" } }, {}, vault);
    expect(opened).toEqual([]);
  });
});
