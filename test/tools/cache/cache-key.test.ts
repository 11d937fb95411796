/** Cached results belong to one tenant, one tool version and one set of inputs. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { resultKey, resultKeyPrefix, tenantScope } from "../../../src/tools/cache/cache-key.ts";
import { storedTool } from "../../support/tools.ts";

const HTTP = { method: "GET", url: "https://api.example.com/x" };
const TOOL = storedTool("weather", { http: HTTP, effect: "read", cache: { ttl_s: 60 } });
const INPUTS = {
  arguments: { city: "Paris" },
  locale: "en",
  credentials: { key: "1" },
  generation: "0.0",
};

function scopeOf(tenantId: string) {
  const scope = tenantScope({ tenantId });
  if (scope === null) throw new Error("no scope");
  return scope;
}

describe("tenantScope", () => {
  it("is null without a tenant", () => {
    expect(tenantScope({ tenantId: "" })).toBeNull();
  });
});

describe("resultKey", () => {
  it("starts with the tenant's prefix and fits KV", async () => {
    const key = await resultKey(scopeOf("ten_1"), TOOL, INPUTS);
    expect(key).toMatch(/^r1:ten_1:[A-Za-z0-9_-]{43}$/);
    expect(key.startsWith(resultKeyPrefix("ten_1"))).toBe(true);
  });

  it("is the same for the same inputs in another order", async () => {
    const one = await resultKey(scopeOf("t"), TOOL, {
      ...INPUTS,
      arguments: { a: 1, b: { c: 2, d: 3 } },
    });
    const other = await resultKey(scopeOf("t"), TOOL, {
      ...INPUTS,
      arguments: { b: { d: 3, c: 2 }, a: 1 },
    });
    expect(one).toBe(other);
  });

  it("changes with tenant, tool, version, definition, arguments, locale, credential and invalidation", async () => {
    const keys = await Promise.all([
      resultKey(scopeOf("t"), TOOL, INPUTS),
      resultKey(scopeOf("u"), TOOL, INPUTS),
      resultKey(scopeOf("t"), { ...TOOL, name: "weather2" }, INPUTS),
      resultKey(scopeOf("t"), { ...TOOL, version: 2 }, INPUTS),
      resultKey(scopeOf("t"), { ...TOOL, definition: { ...TOOL.definition, output: {} } }, INPUTS),
      resultKey(
        scopeOf("t"),
        { ...TOOL, definition: { ...TOOL.definition, cache: { ttl_s: 61 } } },
        INPUTS,
      ),
      resultKey(
        scopeOf("t"),
        { ...TOOL, definition: { ...TOOL.definition, http: { ...HTTP, method: "POST" } } },
        INPUTS,
      ),
      resultKey(scopeOf("t"), TOOL, { ...INPUTS, arguments: { city: "Lyon" } }),
      resultKey(scopeOf("t"), TOOL, { ...INPUTS, locale: "fr" }),
      resultKey(scopeOf("t"), TOOL, { ...INPUTS, credentials: { key: "2" } }),
      resultKey(scopeOf("t"), TOOL, { ...INPUTS, credentials: {} }),
      resultKey(scopeOf("t"), TOOL, { ...INPUTS, generation: "0.1" }),
    ]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("never meets another tenant's, whatever the tenants and arguments", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        fc.json(),
        async (a, b, text) => {
          fc.pre(a !== b);
          const inputs = { ...INPUTS, arguments: { value: text } };
          const [one, other] = await Promise.all([
            resultKey(scopeOf(a), TOOL, inputs),
            resultKey(scopeOf(b), TOOL, inputs),
          ]);
          expect(one).not.toBe(other);
        },
      ),
      { seed: 2, numRuns: 300 },
    );
  });
});
