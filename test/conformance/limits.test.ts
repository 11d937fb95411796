/** Limits over HTTP: ceilings, what `GET /v1/limits` says, and who may ask. */

import { expect, it } from "vitest";

import { isObject, listOf } from "../../dev/http/json.ts";
import { callsOf, chat, echoTool, run } from "./field-scene.ts";
import { newTenant, pointersOf, send } from "./scene.ts";

it("422 with the pointer of every value above the operator's ceiling, whatever it limits", async () => {
  const limits = {
    requests: [{ limit: 1000, window_s: 60, burst: 50 }],
    tokens: [{ limit: 100, window_s: 60 }],
    money_usd: [{ limit: 1, window_s: 60 }],
    concurrent_calls: 5,
    tools: { echo: { limit: 3, window_s: 60 } },
  };
  const tenant = await newTenant({ tools: {}, tenant: { limits } });
  const raised = {
    requests: [{ limit: 1000, window_s: 60, burst: 51 }],
    tokens: [{ limit: 101, window_s: 60 }],
    money_usd: [{ limit: 1.01, window_s: 60 }],
    concurrent_calls: 6,
    tools: { echo: { limit: 4, window_s: 60 } },
  };
  const patch = (body: unknown) =>
    send("PATCH", "/v1/policy", { key: tenant.apiKey, body: { limits: body } });
  const refused = await patch(raised);
  expect(refused.status).toBe(422);
  expect(pointersOf(refused)).toEqual([
    "/limits/requests/0/burst",
    "/limits/tokens/0/limit",
    "/limits/money_usd/0/limit",
    "/limits/concurrent_calls",
    "/limits/tools/echo/limit",
  ]);
  expect((await patch(limits)).status).toBe(200);
});

it("200 with every limit: configured, ceiling, used, left and leased", async () => {
  const tenant = await newTenant({
    tools: { echo: echoTool() },
    tenant: { limits: { requests: [{ limit: 1000, window_s: 3600 }], concurrent_runs: 30 } },
    policy: {
      limits: {
        requests: [{ limit: 10, window_s: 3600 }],
        calls: [{ limit: 5, window_s: 3600 }],
        tokens: [{ limit: 100_000, window_s: 3600 }],
        money_usd: [{ limit: 0.5, window_s: 3600 }],
        concurrent_runs: 20,
      },
    },
  });
  await run(tenant, callsOf("echo", 2));
  await chat(tenant, [{ text: "Done." }]);
  const limits = async () => {
    const { json, status } = await send("GET", "/v1/limits", { key: tenant.apiKey });
    expect(status).toBe(200);
    return new Map(
      listOf(json, "data")
        .filter(isObject)
        .map((one) => [one["id"], one]),
    );
  };
  const listed = await limits();
  expect(listed.get("operator:3600")).toMatchObject({ limit: 1000, used: 2, left: 998 });
  expect(listed.get("tenant:3600")).toEqual({
    id: "tenant:3600",
    level: "tenant",
    unit: "requests",
    limit: 10,
    window_s: 3600,
    strict: false,
    shadow: false,
    ceiling: 1000,
    used: 2,
    left: 8,
    leased: 0,
    resets_in_ms: expect.any(Number),
  });
  expect(listed.get("tenant:calls:3600")).toMatchObject({ limit: 5, used: 2, left: 3 });
  expect(listed.get("tenant:money_usd:3600")).toMatchObject({ limit: 0.5, left: 0.5 });
  expect(listed.get("tenant")).toMatchObject({
    unit: "runs at once",
    limit: 20,
    ceiling: 30,
  });
  // Reserved at first, then what the provider counted: far less than the thousand taken for an unknown answer.
  const used = async () => Number((await limits()).get("tenant:tokens:3600")?.["used"]);
  await expect.poll(used, { timeout: 8000 }).toBeLessThan(200);
  expect(await used()).toBeGreaterThan(0);
});

it("403 for a key that may neither run nor read usage", async () => {
  const tenant = await newTenant({ tools: {} });
  const made = await send("POST", "/v1/keys", {
    key: tenant.apiKey,
    body: { name: "audit", scopes: ["audit:read"] },
  });
  const { status } = await send("GET", "/v1/limits", { key: String(made.json["key"]) });
  expect(status).toBe(403);
});
