import { describe, expect, it } from "vitest";

import { call } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const MONEY = { limit: 0.5, window_s: 60 };
const MINUTE = { limit: 10, window_s: 60 };

describe("GET /v1/limits", () => {
  it("200 with every limit of every level, in its own unit", async () => {
    const { key } = await newTestTenant({
      limits: { money_usd: [{ ...MONEY, limit: 2 }], concurrent_calls: 7 },
    });
    const named = { a: MINUTE };
    const each = { ...named, "*": MINUTE };
    const limits = {
      requests: [{ ...MINUTE, strict: true }],
      calls: [MINUTE],
      tokens: [{ ...MINUTE, shadow: true }],
      money_usd: [MONEY],
      concurrent_calls: 3,
      upstreams: named,
      tools: named,
      groups: named,
      keys: each,
      subjects: each,
    };
    expect((await call("PATCH /v1/policy", { key, body: { limits } })).status).toBe(200);
    const answer = await call("GET /v1/limits", { key });
    expect(answer.status).toBe(200);
    const { data } = await answer.json<{ data: readonly Record<string, unknown>[] }>();
    const of = (id: string) => data.find((one) => one["id"] === id);
    expect(of("tenant:60:strict")).toMatchObject({ unit: "requests", strict: true, left: 1 });
    expect(of("tenant:tokens:60")).toMatchObject({ unit: "tokens", shadow: true });
    expect(of("operator:money_usd:60")).toMatchObject({ limit: 2, left: 2 });
    expect(of("tenant:money_usd:60")).toMatchObject({ limit: 0.5, ceiling: 2, used: 0 });
    expect(of("tenant:calls")).toMatchObject({ unit: "calls at once", limit: 3, ceiling: 7 });
    expect(data.map(({ level }) => level)).toEqual([
      "operator",
      "tenant",
      "tenant",
      "tenant",
      "tenant",
      "upstreams",
      "tools",
      "groups",
      "keys",
      "tenant",
      "operator",
      "tenant",
    ]);
  });

  it("403 for a key that may not, 400 for a subject that is no id", async () => {
    const { key } = await newTestTenant();
    const made = await call("POST /v1/keys", { key, body: { name: "a", scopes: ["privacy"] } });
    const { key: weak } = await made.json<{ key: string }>();
    expect((await call("GET /v1/limits", { key: weak })).status).toBe(403);
    const headers = { "x-gw-subject": "not an id" };
    expect((await call("GET /v1/limits", { key, headers })).status).toBe(400);
  });
});
