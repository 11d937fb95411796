/** Every field by which a tenant says how failing upstreams are met; test/node/field-inventory.test.ts keeps this list complete. */

import { expect, it } from "vitest";

import type { UnknownObject } from "../../dev/http/json.ts";
import { callTool, callsOf, echoTool, resultsOf, run, waitTool } from "./field-scene.ts";
import { newTenant, servers, toolRequests, unique, type TestTenant } from "./scene.ts";

/** A tenant under this policy, with a tool that always answers 500 and is counted under the tenant's mark. */
async function brokenTenant(resilience: UnknownObject, extra: object = {}): Promise<TestTenant> {
  const mark = unique("k");
  const step = echoTool({ query: { k: mark, fault: "500" } }, extra);
  const tenant = await newTenant({ tools: { step }, policy: { resilience } });
  return { ...tenant, mark };
}

/** Statuses of so many calls, one after the other. */
async function statusesOf(tenant: TestTenant, tool: string, calls: number): Promise<unknown[]> {
  const answer = await run(tenant, callsOf(tool, calls), { mode: "sequential" });
  return resultsOf(answer).map(({ status }) => status);
}

it("policy/resilience/retry/max_attempts: is how often a failing read is sent", async () => {
  for (const max_attempts of [1, 2, 3]) {
    const tenant = await brokenTenant({ retry: { max_attempts } });
    expect(await callTool(tenant, "step")).toMatchObject({
      status: "failed",
      error: { code: "upstream_status" },
      attempts: max_attempts,
    });
    expect((await toolRequests(tenant.mark)).started).toBe(max_attempts);
  }
});

it("policy/resilience/retry/budget: is what successes earn for repeated requests", async () => {
  for (const [budget, fewest, most] of [
    [0, 0, 14],
    [1, 30, 60],
  ] as const) {
    const input = { type: "object", properties: { q: { type: "string" }, n: { type: "string" } } };
    const query = { fault: "{q}", n: "{n}" };
    const tenant = await newTenant({
      tools: { flaky: echoTool({ query }, { input }) },
      policy: { resilience: { retry: { budget }, breaker: { enabled: false } } },
    });
    // Every second request succeeds, so each failure could be paid by a success.
    const calls = Array.from({ length: 60 }, (_, n) => ({
      tool: "flaky",
      arguments: { q: n % 2 === 0 ? "none" : "500", n: String(n) },
    }));
    const answer = await run(tenant, calls, { max_parallel: 4 });
    const attempts = resultsOf(answer).reduce((sum, one) => sum + Number(one["attempts"]), 0);
    expect(attempts - 60).toBeGreaterThanOrEqual(fewest);
    expect(attempts - 60).toBeLessThanOrEqual(most);
  }
});

/** A tool that answers at once, or after so many milliseconds. */
function paceTool(extra: object = {}): UnknownObject {
  const input = { type: "object", properties: { ms: { type: "integer" }, n: { type: "integer" } } };
  return echoTool({ url: `${servers.tools}/sleep/{ms}`, query: { n: "{n}" } }, { input, ...extra });
}

/** How many of eight slow calls were hedged, after a hundred of which one in fifty was slow. */
async function hedgedOfEight(hedge: UnknownObject, extra: object = {}): Promise<number> {
  const policy = { resilience: { hedge, breaker: { enabled: false } } };
  const tenant = await newTenant({ tools: { step: paceTool(extra) }, policy });
  const of = (ms: number, n: number) => ({ tool: "step", arguments: { ms, n } });
  const usual = Array.from({ length: 100 }, (_, n) => of(n % 50 === 0 ? 200 : 5, n));
  await run(tenant, usual, { max_parallel: 2 });
  const slow = Array.from({ length: 8 }, (_, n) => of(600, 1_000 + n));
  const answer = await run(tenant, slow, { max_parallel: 2 });
  const results = resultsOf(answer);
  expect(results.map(({ status }) => status)).toEqual(results.map(() => "succeeded"));
  return results.filter((one) => one["hedged"] === true && one["attempts"] === 2).length;
}

it("policy/resilience/hedge/enabled: is whether a slow read gets a second request", async () => {
  expect(await hedgedOfEight({ enabled: true, budget: 0.5 })).toBeGreaterThan(3);
  expect(await hedgedOfEight({ enabled: false, budget: 0.5 })).toBe(0);
});

it("policy/resilience/hedge/quantile: is how slow a request is before it is hedged", async () => {
  expect(await hedgedOfEight({ budget: 0.5, quantile: 0.9 })).toBeGreaterThan(3);
});

it("policy/resilience/hedge/budget: is how many second requests there may be", async () => {
  expect(await hedgedOfEight({ budget: 0 })).toBe(0);
});

it("tool/hedge/enabled: is whether slow calls of this tool are hedged, whatever the policy says", async () => {
  const all = { enabled: false, budget: 0.5 };
  expect(await hedgedOfEight(all, { hedge: { enabled: true } })).toBeGreaterThan(3);
  expect(await hedgedOfEight({ ...all, enabled: true }, { hedge: { enabled: false } })).toBe(0);
});

it("policy/resilience/breaker/enabled: is whether a failing tool is left alone", async () => {
  const once = { max_attempts: 1 };
  const watched = await brokenTenant({ retry: once });
  const statuses = await statusesOf(watched, "step", 12);
  expect(statuses.slice(0, 4)).toEqual(["failed", "failed", "failed", "failed"]);
  expect(statuses.slice(5)).toEqual(Array.from({ length: 7 }, () => "circuit_open"));
  expect(await callTool(watched, "step")).toMatchObject({
    status: "circuit_open",
    error: { code: "circuit_open", retry_after_ms: expect.any(Number) },
    attempts: 0,
  });
  expect((await toolRequests(watched.mark)).started).toBeLessThanOrEqual(5);
  const unwatched = await brokenTenant({ retry: once, breaker: { enabled: false } });
  expect(new Set(await statusesOf(unwatched, "step", 12))).toEqual(new Set(["failed"]));
  expect((await toolRequests(unwatched.mark)).started).toBe(12);
});

it("policy/resilience/breaker/slow_ms: makes an answer that takes longer a failure of its tool", async () => {
  for (const [slow_ms, last] of [
    [10, "circuit_open"],
    [5_000, "succeeded"],
  ] as const) {
    const tenant = await newTenant({
      tools: { step: waitTool(40, unique("k")) },
      policy: { resilience: { breaker: { slow_ms } } },
    });
    const statuses = await statusesOf(tenant, "step", 8);
    expect([statuses[0], statuses.at(-1)]).toEqual(["succeeded", last]);
  }
});

it("policy/resilience/breaker/baseline: is the share of failures that is nothing new", async () => {
  for (const [baseline, last] of [
    [0, "circuit_open"],
    [0.5, "failed"],
  ] as const) {
    const tenant = await brokenTenant({ retry: { max_attempts: 1 }, breaker: { baseline } });
    expect((await statusesOf(tenant, "step", 8)).at(-1)).toBe(last);
  }
});

it("tool/retry/max_attempts: is how often this tool is asked, whatever the policy says", async () => {
  for (const [policy, tool] of [
    [1, 3],
    [3, 1],
  ] as const) {
    const tenant = await brokenTenant(
      { retry: { max_attempts: policy } },
      { retry: { max_attempts: tool } },
    );
    expect(await callTool(tenant, "step")).toMatchObject({ status: "failed", attempts: tool });
    expect((await toolRequests(tenant.mark)).started).toBe(tool);
  }
});

it("policy/resilience/concurrency: is how many requests are in flight at once at one target", async () => {
  for (const [concurrency, most] of [
    [1, 1],
    [2, 2],
    ["off", 4],
    ["adaptive", 4],
  ] as const) {
    const mark = unique("k");
    const tenant = await newTenant({
      tools: { step: waitTool(250, mark) },
      policy: { resilience: { concurrency } },
    });
    const answer = await run(tenant, callsOf("step", 4));
    const statuses = resultsOf(answer).map((result) => result["status"]);
    expect(new Set(statuses)).toEqual(new Set(["succeeded"]));
    expect((await toolRequests(mark)).peak).toBe(most);
  }
});

it("tool/fallback/value: is the result of a call whose server fails, and must be one of the tool", async () => {
  const output = { type: "object", properties: { city: { type: "string" } } };
  for (const [extra, result] of [
    [{}, { status: "failed", error: { code: "upstream_status" } }],
    [
      { output, fallback: { value: { city: "unknown" } } },
      { status: "degraded", output: { city: "unknown" } },
    ],
  ] as const) {
    const tenant = await brokenTenant({}, extra);
    expect(await callTool(tenant, "step")).toMatchObject(result);
  }
  const { call } = await newTenant();
  for (const wrong of [
    { output, fallback: { value: { city: 7 } } },
    { effect: "write", fallback: { value: null } },
  ])
    await expect(call("PUT", "/v1/tools/wrong", echoTool({}, wrong))).rejects.toMatchObject({
      status: 422,
    });
});

it("tool/fallback: is what stands in for a failing tool, one of the two", async () => {
  const { call } = await newTenant({ tools: { other: echoTool() } });
  for (const fallback of [{}, { value: 1, tool: "other" }, { model: "other" }])
    await expect(call("PUT", "/v1/tools/wrong", echoTool({}, { fallback }))).rejects.toMatchObject({
      status: 400,
    });
});

it("tool/fallback/tool: is called in place of a tool whose server fails, and may do no more", async () => {
  const tenant = await brokenTenant({ retry: { max_attempts: 1 } });
  await tenant.call("PUT", "/v1/tools/other", echoTool({ query: { from: "other" } }));
  const put = (fallback: string, extra: object = {}) =>
    tenant.call(
      "PUT",
      "/v1/tools/step",
      echoTool({ query: { fault: "500" } }, { fallback: { tool: fallback }, ...extra }),
    );
  await put("other");
  expect(await callTool(tenant, "step")).toMatchObject({
    tool: "step",
    status: "degraded",
    output: { query: { from: "other" } },
    attempts: 2,
  });
  // More calls than one invocation has connections: the stand-in is made wherever its call was.
  const answer = await run(tenant, callsOf("step", 8));
  expect(new Set(resultsOf(answer).map(({ status }) => status))).toEqual(new Set(["degraded"]));
  await tenant.call("PUT", "/v1/tools/writer", echoTool({}, { effect: "write" }));
  for (const [name, words] of [
    ["absent", /no tool/],
    ["writer", /does more/],
    ["step", /step → step/],
  ] as const)
    await expect(put(name)).rejects.toMatchObject({
      status: 422,
      body: expect.stringMatching(words),
    });
});
