import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { KeyCreate } from "../../src/contract/key.ts";
import { MAX_VIOLATIONS, parse, pointerMember, type Schema } from "../../src/contract/parse.ts";
import { RunRequest } from "../../src/contract/run.ts";
import { ToolDefinition } from "../../src/contract/tool.ts";
import { Upstream } from "../../src/contract/upstream.ts";

function violations(schema: Schema<unknown>, value: unknown): Record<string, string> {
  const parsed = parse(schema, value);
  if (parsed.ok) return {};
  return Object.fromEntries(
    parsed.error.violations.map(({ pointer, message }) => [pointer, message]),
  );
}

describe("parse", () => {
  it("fills in defaults", () => {
    const parsed = parse(RunRequest, { calls: [{ tool: "add" }] });
    expect(parsed).toEqual({
      ok: true,
      value: { calls: [{ tool: "add", arguments: {} }], mode: "parallel", stream: false },
    });
  });

  it("names every wrong place by its pointer and says what was expected", () => {
    const value = {
      calls: [
        { tool: "no spaces", arguments: [] },
        { tool: "a", extra: 1 },
      ],
      mode: "sideways",
      max_parallel: 0,
      stream: "yes",
      "a/b~c": 1,
    };
    expect(violations(RunRequest, value)).toEqual({
      "/calls/0/tool": "Must match /^[A-Za-z0-9_.:-]{1,64}$/.",
      "/calls/0/arguments": "Must be an object.",
      "/calls/1/extra": "This field is unknown.",
      "/mode": "Must be one of: parallel, sequential.",
      "/max_parallel": "Must be at least 1.",
      "/stream": "Must be a boolean.",
      "/a~1b~0c": "This field is unknown.",
    });
  });

  it("says how long a text and a list may be", () => {
    const key = { name: "", scopes: [], expires_at: "tomorrow", tools: "all" };
    expect(violations(KeyCreate, key)).toEqual({
      "/name": "Must have at least 1 characters.",
      "/scopes": "Must have at least 1 items.",
      "/expires_at": "Must be a date and time with an offset (ISO 8601).",
      "/tools": "Must be an array.",
    });
    expect(violations(KeyCreate, { name: "x".repeat(201), scopes: ["run"] })).toEqual({
      "/name": "Must have at most 200 characters.",
    });
  });

  it("points into the alternative of a union that came closest", () => {
    const upstream = { kind: "openai", targets: [{ id: "a", base_url: "x" }] };
    expect(violations(Upstream, { ...upstream, models: { m: { as: "" } } })).toEqual({
      "/models/m/as": "Must have at least 1 characters.",
    });
    expect(violations(Upstream, { ...upstream, models: 3 })).toEqual({
      "/models": "Matches none of the allowed forms.",
    });
  });

  it("tells a value that is merely too big from one of the wrong shape", () => {
    const call = { tool: "a" };
    const isOnlyTooBig = (value: unknown) => {
      const parsed = parse(RunRequest, value);
      return !parsed.ok && parsed.error.onlyTooBig;
    };
    expect(isOnlyTooBig({ calls: [call], max_parallel: 156 })).toBe(true);
    expect(isOnlyTooBig({ calls: Array.from({ length: 257 }, () => call) })).toBe(true);
    expect(isOnlyTooBig({ calls: [call], max_parallel: 156, stream: 1 })).toBe(false);
  });

  it(`names at most ${MAX_VIOLATIONS} places`, () => {
    const value = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`f${at}`, at]));
    const parsed = parse(RunRequest, value);
    expect(!parsed.ok && parsed.error.violations.length).toBe(MAX_VIOLATIONS);
  });

  it("never throws and never repeats the refused value, whatever JSON it gets", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const canary = "CANARY-3f1c";
        const bodies = [value, { description: canary, input: value, effect: canary }];
        for (const body of bodies) {
          expect(JSON.stringify(parse(ToolDefinition, body))).not.toContain(`: ${canary}`);
        }
      }),
      { seed: 20, numRuns: 200 },
    );
  });

  it("keeps a __proto__ key from becoming anything's prototype", () => {
    const body: unknown = JSON.parse(
      '{"calls":[{"tool":"a","arguments":{"__proto__":{"evil":true},"b":{"__proto__":{"evil":true}}}}]}',
    );
    const parsed = parse(RunRequest, body);
    const sent = parsed.ok ? parsed.value.calls[0]?.arguments : undefined;
    expect(sent).toEqual({ b: {} });
    expect(sent).not.toHaveProperty("evil");
    expect({}).not.toHaveProperty("evil");
    expect(violations(RunRequest, JSON.parse('{"calls":[{"tool":"a"}],"__proto__":{}}'))).toEqual({
      "/__proto__": "This field is unknown.",
    });
  });
});

describe("pointerMember", () => {
  it("escapes as RFC 6901 says", () => {
    expect(pointerMember("a/b~1")).toBe("/a~1b~01");
    expect(pointerMember(0)).toBe("/0");
  });
});
