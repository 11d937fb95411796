/** What may be registered as a tool, and every mistake of a definition at once. */

import { describe, expect, it } from "vitest";

import { checkTool } from "../../src/tools/check-tool.ts";
import { toolDefinition } from "../support/tools.ts";

const INPUT = {
  type: "object",
  properties: {
    city: { type: "string" },
    days: { type: "integer" },
    "user-id": { type: "string" },
  },
};

const GOOD_HTTP = {
  method: "GET",
  url: "https://api.example.com/v1/weather/{city}/of-{user-id}?units=metric",
  query: { days: "{days}", q: "{city},{days}", key: "{{secret.weather}}" },
  headers: {
    "x-api-key": "{{secret.weather}}",
    "x-city": "in {city}",
    authorization: "Bearer {{secret.token}}",
  },
};

function pointers(overrides: object, allowLoopback = false): string[] {
  const definition = toolDefinition({ input: INPUT, effect: "read", ...overrides });
  return checkTool("tool", definition, { allowLoopback }).map((violation) => violation.pointer);
}

function httpPointers(http: object, allowLoopback = false): string[] {
  return pointers({ http: { ...GOOD_HTTP, ...http } }, allowLoopback);
}

describe("checkTool", () => {
  it("accepts a complete http tool", () => {
    expect(pointers({ http: GOOD_HTTP, output: { type: "object" }, cache: { ttl_s: 60 } })).toEqual(
      [],
    );
  });

  it.each(["result_query", "result.query", "result:query"])(
    "refuses the reserved name %s",
    (name) => {
      const definition = toolDefinition({ input: INPUT, effect: "read", http: GOOD_HTTP });
      expect(checkTool(name, definition, { allowLoopback: false })).toEqual([
        { pointer: "", message: expect.stringContaining("take another name") },
      ]);
    },
  );

  it("names every mistake at once", () => {
    const http = {
      method: "GET",
      url: "https://api.example.com/{nowhere}",
      query: { q: "{unknown}" },
      headers: { host: "evil.example", "bad name": "x", "x-city": "{missing}" },
      body: { a: "{city}" },
    };
    const definition = {
      input: { type: "dict" },
      output: { type: "float" },
      effect: "write",
      cache: { ttl_s: 1 },
      http,
      builtin: "calculator",
    };
    expect(pointers(definition)).toEqual([
      "",
      "/input/type",
      "/input/type",
      "/output/type",
      "/cache",
      "/http/url",
      "/http/query/q",
      "/http/headers/host",
      "/http/headers/bad name",
      "/http/headers/x-city",
      "/http/body",
      "/input/properties/expression",
      "/cache",
    ]);
  });

  it("needs exactly one kind", () => {
    const { builtin: _, ...bare } = toolDefinition({ input: INPUT });
    expect(checkTool("tool", bare, { allowLoopback: false })).toMatchObject([{ pointer: "" }]);
  });

  it.each([
    "http://api.example.com/x",
    "https://127.0.0.1/x",
    "https://localhost/x",
    "https://api.example.com:22/x",
    "https://user:pass@api.example.com/x",
    "https://api.example.com/x#fragment",
    "ftp://api.example.com/x",
    "//api.example.com/x",
    "https://{city}.example.com/x",
    "https://api.example.com:{days}/x",
    "{city}://api.example.com/x",
    "https://{city}@api.example.com/x",
    "https://api.example.com\\@evil.example/{city}",
    "https://api.example.com/x?q={city}",
    "https://api.example.com/{{secret.weather}}",
    "https://api.example.com/{city",
    "https://api.example.com/{not a name}",
    "https://api.example.com/{nowhere}",
    "https://api.example.com/a b",
  ])("refuses the URL %s", (url) => {
    expect(httpPointers({ url })).toEqual(["/http/url"]);
  });

  it("accepts loopback in development only", () => {
    expect(httpPointers({ url: "http://127.0.0.1:9000/{city}" }, true)).toEqual([]);
    expect(httpPointers({ url: "http://127.0.0.1:9000/{city}" })).toEqual(["/http/url"]);
  });

  it.each([
    ["Host", "x"],
    ["content-length", "1"],
    ["connection", "close"],
    ["CF-Connecting-IP", "1.2.3.4"],
    ["x-forwarded-for", "1.2.3.4"],
    ["cookie", "a=b"],
    ["transfer-encoding", "chunked"],
    ["traceparent", "x"],
    ["x y", "x"],
    ["x-a", "a\r\nb: c"],
    ["x-a", "{city}\n"],
    ["x-a", "ä"],
    ["x-a", "{{city}}"],
    ["x-a", "{{secret.Weather}}"],
  ])("refuses the header %s: %j", (name, value) => {
    expect(new Set(httpPointers({ headers: { [name]: value } }))).toEqual(
      new Set([`/http/headers/${name}`]),
    );
  });

  it("refuses a header named twice", () => {
    expect(httpPointers({ headers: { "X-A": "1", "x-a": "2" } })).toEqual(["/http/headers/x-a"]);
  });

  it("checks every leaf of a body template", () => {
    const body = {
      a: "{city}",
      b: [{ c: "{unknown}" }, "{{secret.weather}}", 5, null],
      "d/e": "text {days}",
    };
    expect(httpPointers({ method: "POST", body })).toEqual(["/http/body/b/0/c", "/http/body/b/1"]);
  });

  it.each([
    ["GET", "json", ["/http/body"]],
    ["GET", { a: 1 }, ["/http/body"]],
    ["GET", null, []],
    ["DELETE", "json", ["/http/body"]],
    ["DELETE", { a: 1 }, []],
    ["DELETE", null, []],
    ["POST", "json", []],
    ["POST", null, []],
  ] as const)("%s with the body %j", (method, body, expected) => {
    expect(httpPointers({ method, body })).toEqual(expected);
  });

  it("caches pure and read tools only, and no built-in ones", () => {
    for (const effect of ["pure", "read"])
      expect(pointers({ http: GOOD_HTTP, effect, cache: { ttl_s: 1 } })).toEqual([]);
    for (const effect of ["idempotent_write", "write"]) {
      expect(pointers({ http: GOOD_HTTP, effect, cache: { ttl_s: 1 } })).toEqual(["/cache"]);
    }
    const input = { type: "object", properties: { expression: {} } };
    expect(pointers({ builtin: "calculator", input, cache: { ttl_s: 1 } })).toEqual(["/cache"]);
  });

  it("treats an input without properties as one without arguments", () => {
    expect(
      pointers({
        input: { type: "object" },
        http: { method: "GET", url: "https://a.example.com/{x}" },
      }),
    ).toEqual(["/http/url"]);
  });
});
