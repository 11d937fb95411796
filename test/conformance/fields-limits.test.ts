/** Every field of a policy's limits changes behaviour; test/node/field-inventory.test.ts keeps this list complete. */

import { createServer, type Server } from "node:http";

import { expect, it } from "vitest";

import { isObject, listOf, type UnknownObject } from "../../dev/http/json.ts";
import { callsOf, callTool, chat, echoTool, resultsOf, run, waitTool } from "./field-scene.ts";
import { newTenant, send, type TestTenant, unique } from "./scene.ts";

const HOUR = 3600;

/** Tries each of which takes one request, one call, or some twenty tokens at a cent each. */
const TRIES = 5;

type Kind = "requests" | "calls" | "tokens" | "money_usd";

/** A cent a token, so that twenty tokens are twenty cents. */
const DEAR = { input_per_mtok: 10_000, output_per_mtok: 10_000 };

function tenantUnder(limits: UnknownObject, price: UnknownObject = DEAR): Promise<TestTenant> {
  return newTenant({
    tools: { echo: echoTool({}, { rate_limit_group: "crowd" }), other: echoTool() },
    policy: { limits: { requests: null, ...limits } },
    upstream: { models: { "scripted-1": { price } } },
  });
}

/** Whether one request, one call or one turn of a model passes. */
async function passes(tenant: TestTenant, kind: Kind, tool = "echo"): Promise<boolean> {
  if (kind === "requests") return (await run(tenant, callsOf(tool, 1))).status === 200;
  const status =
    kind === "calls"
      ? (await callTool(tenant, tool))["status"]
      : (await chat(tenant, [{ text: "Done." }], { max_tokens: 5 })).status;
  expect(["succeeded", "rate_limited", 200, 429]).toContain(status);
  return status === "succeeded" || status === 200;
}

/** How many of five tries, one after the other, pass under one limit of a kind. */
async function passing(kind: Kind, limit: UnknownObject): Promise<number> {
  const tenant = await tenantUnder({ [kind]: [limit] });
  let passed = 0;
  for (let n = 0; n < TRIES; n += 1) if (await passes(tenant, kind)) passed += 1;
  return passed;
}

/** Passes again soon in a short window, and not in a long one. */
async function expectBack(kind: Kind, much: number, burst: number): Promise<void> {
  const slow = await passing(kind, { limit: burst, window_s: HOUR });
  expect(slow).toBeLessThan(TRIES);
  const tenant = await tenantUnder({ [kind]: [{ limit: much, window_s: 1, burst }] });
  for (let n = 0; n < 3; n += 1) {
    await expect.poll(() => passes(tenant, kind), { timeout: 8000 }).toBe(true);
  }
}

it("policy/limits/requests[]/strict: promises at most the limit in every window, so less may come at once", async () => {
  expect(await passing("requests", { limit: 4, window_s: HOUR })).toBe(4);
  expect(await passing("requests", { limit: 4, window_s: HOUR, strict: true })).toBe(1);
});

it("policy/limits/requests[]/shadow: counts and refuses nothing", async () => {
  const tenant = await tenantUnder({ requests: [{ limit: 2, window_s: HOUR, shadow: true }] });
  for (let n = 0; n < 4; n += 1) expect(await passes(tenant, "requests")).toBe(true);
  const left = async () => {
    const { json } = await send("GET", "/v1/limits", { key: tenant.apiKey });
    return listOf(json, "data").find((one) => isObject(one) && one["id"] === `tenant:${HOUR}`);
  };
  await expect.poll(left, { timeout: 8000 }).toMatchObject({ shadow: true, left: -2, used: 4 });
});

it("policy/limits/calls[]/limit: is how many calls are made", async () => {
  expect(await passing("calls", { limit: 1, window_s: HOUR })).toBe(1);
  expect(await passing("calls", { limit: 3, window_s: HOUR })).toBe(3);
});

it("policy/limits/calls[]/window_s: is how soon more are made", () => expectBack("calls", 1, 1));

it("policy/limits/calls[]/burst: is how many are made at once", async () => {
  expect(await passing("calls", { limit: 4, window_s: HOUR, burst: 2 })).toBe(2);
});

it("policy/limits/calls[]/strict: lets less come at once, for every window", async () => {
  expect(await passing("calls", { limit: 20, window_s: HOUR, strict: true })).toBe(2);
});

it("policy/limits/calls[]/shadow: refuses nothing", async () => {
  expect(await passing("calls", { limit: 1, window_s: HOUR, shadow: true })).toBe(TRIES);
});

it("policy/limits/tokens[]/limit: is how many tokens models may use", async () => {
  expect(await passing("tokens", { limit: 1, window_s: HOUR })).toBe(1);
  expect(await passing("tokens", { limit: 100_000, window_s: HOUR })).toBe(TRIES);
});

it("policy/limits/tokens[]/window_s: is how soon more may be used", () =>
  expectBack("tokens", 1000, 1));

it("policy/limits/tokens[]/burst: is how many may be used at once", async () => {
  expect(await passing("tokens", { limit: 100_000, window_s: HOUR, burst: 1 })).toBe(1);
});

it("policy/limits/tokens[]/strict: lets less be used at once, for every window", async () => {
  const plain = await passing("tokens", { limit: 3000, window_s: HOUR });
  expect(await passing("tokens", { limit: 3000, window_s: HOUR, strict: true })).toBeLessThan(
    plain,
  );
});

it("policy/limits/tokens[]/shadow: refuses nothing", async () => {
  expect(await passing("tokens", { limit: 1, window_s: HOUR, shadow: true })).toBe(TRIES);
});

it("policy/limits/money_usd[]/limit: is how much models may cost", async () => {
  expect(await passing("money_usd", { limit: 0.01, window_s: HOUR })).toBe(1);
  expect(await passing("money_usd", { limit: 1000, window_s: HOUR })).toBe(TRIES);
});

it("policy/limits/money_usd[]/window_s: is how soon more may be spent", () =>
  expectBack("money_usd", 10, 0.01));

it("policy/limits/money_usd[]/burst: is how much may be spent at once", async () => {
  expect(await passing("money_usd", { limit: 1000, window_s: HOUR, burst: 0.01 })).toBe(1);
});

it("policy/limits/money_usd[]/strict: lets less be spent at once, for every window", async () => {
  const plain = await passing("money_usd", { limit: 30, window_s: HOUR });
  const strict = await passing("money_usd", { limit: 30, window_s: HOUR, strict: true });
  expect(strict).toBeLessThan(plain);
});

it("policy/limits/money_usd[]/shadow: refuses nothing", async () => {
  expect(await passing("money_usd", { limit: 0.01, window_s: HOUR, shadow: true })).toBe(TRIES);
});

it("policy/limits/concurrent_calls: is how many calls go on at once", async () => {
  for (const most of [1, 3]) {
    const tenant = await newTenant({
      tools: { step: waitTool(400, unique("k")) },
      policy: { limits: { concurrent_calls: most } },
    });
    const results = resultsOf(await run(tenant, callsOf("step", 4)));
    const made = results.filter(({ status }) => status === "succeeded").length;
    expect(made).toBe(most);
    const refused = results.find(({ status }) => status === "rate_limited");
    expect(refused).toMatchObject({ attempts: 0, error: { code: "rate_limited" } });
  }
});

/** One named thing under a limit of one in an hour, and under one a second; another name is not limited. */
async function expectNamedLimit(kind: string, name: string, unit: Kind): Promise<void> {
  const tenant = await tenantUnder({ [kind]: { [name]: { limit: 2, window_s: HOUR } } });
  const tries = [];
  for (let n = 0; n < 4; n += 1) tries.push(await passes(tenant, unit));
  expect(tries).toEqual([true, true, false, false]);
  const other = await tenantUnder({ [kind]: { nobody: { limit: 1, window_s: HOUR } } });
  for (let n = 0; n < 3; n += 1) expect(await passes(other, unit)).toBe(true);
}

async function expectNamedWindow(kind: string, name: string, unit: Kind): Promise<void> {
  const tenant = await tenantUnder({ [kind]: { [name]: { limit: 1, window_s: 1 } } });
  for (let n = 0; n < 3; n += 1) {
    await expect.poll(() => passes(tenant, unit), { timeout: 8000 }).toBe(true);
  }
}

it("policy/limits/upstreams/*/limit: is how many turns a model provider is asked for", () =>
  expectNamedLimit("upstreams", "model", "tokens"));

it("policy/limits/upstreams/*/window_s: is how soon it is asked for more", () =>
  expectNamedWindow("upstreams", "model", "tokens"));

it("policy/limits/tools/*/limit: is how often one tool is called", () =>
  expectNamedLimit("tools", "echo", "calls"));

it("policy/limits/tools/*/window_s: is how soon it is called again", () =>
  expectNamedWindow("tools", "echo", "calls"));

it("policy/limits/groups/*/limit: is how often the tools of a group are called", () =>
  expectNamedLimit("groups", "crowd", "calls"));

it("policy/limits/groups/*/window_s: is how soon they are called again", () =>
  expectNamedWindow("groups", "crowd", "calls"));

it("policy/limits/keys/*/limit: is how many requests each key has", () =>
  expectNamedLimit("keys", "*", "requests"));

it("policy/limits/keys/*/window_s: is how soon it has more", () =>
  expectNamedWindow("keys", "*", "requests"));

it("policy/limits/subjects/*/limit: is how many requests are about each subject", async () => {
  const tenant = await tenantUnder({ subjects: { "*": { limit: 1, window_s: HOUR } } });
  const about = async (subject: string) =>
    (await run(tenant, callsOf("echo", 1), {}, { "x-gw-subject": subject })).status;
  expect([await about("ann"), await about("ann"), await about("bob")]).toEqual([200, 429, 200]);
  expect(await passes(tenant, "requests")).toBe(true);
  expect(await about("not an id")).toBe(400);
});

it("policy/limits/subjects/*/window_s: is how soon there may be more", async () => {
  const tenant = await tenantUnder({ subjects: { "*": { limit: 1, window_s: 1 } } });
  const headers = { "x-gw-subject": "ann" };
  for (let n = 0; n < 3; n += 1) {
    const status = async () => (await run(tenant, callsOf("echo", 1), {}, headers)).status;
    await expect.poll(status, { timeout: 8000 }).toBe(200);
  }
});

/** How many turns of a model pass for a dollar at this price. */
async function forADollar(price: UnknownObject): Promise<number> {
  const limits = { money_usd: [{ limit: 1, window_s: HOUR }] };
  const tenant = await tenantUnder(limits, { input_per_mtok: 0, output_per_mtok: 0, ...price });
  let passed = 0;
  for (let n = 0; n < TRIES; n += 1) if (await passes(tenant, "money_usd")) passed += 1;
  return passed;
}

it("upstream/models/*/price/input_per_mtok: is what a token read costs", async () => {
  expect(await forADollar({})).toBe(TRIES);
  expect(await forADollar({ input_per_mtok: 10_000 })).toBeLessThan(TRIES);
});

it("upstream/models/*/price/output_per_mtok: is what a token written costs", async () => {
  expect(await forADollar({ output_per_mtok: 10_000 })).toBeLessThanOrEqual(TRIES);
  const limits = { money_usd: [{ limit: 0.01, window_s: HOUR }] };
  const tenant = await tenantUnder(limits, { input_per_mtok: 0, output_per_mtok: 10_000 });
  expect([await passes(tenant, "money_usd"), await passes(tenant, "money_usd")]).toEqual([
    true,
    false,
  ]);
});

/** A provider that says it read a hundred tokens, all of them cached. */
function cachingProvider(): Promise<Server> {
  const chunk = (part: object) => `data: ${JSON.stringify({ id: "c", ...part })}\n\n`;
  const usage = {
    prompt_tokens: 100,
    completion_tokens: 0,
    total_tokens: 100,
    prompt_tokens_details: { cached_tokens: 100 },
  };
  const delta = { role: "assistant", content: "Done." };
  const body = [
    chunk({ choices: [{ index: 0, delta, finish_reason: "stop" }] }),
    chunk({ choices: [], usage }),
    "data: [DONE]\n\n",
  ].join("");
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(body);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

it("upstream/models/*/price/cached_input_per_mtok: is what a token read costs that was read before", async () => {
  const server = await cachingProvider();
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const passed: number[] = [];
  for (const cached of [{}, { cached_input_per_mtok: 0 }]) {
    const price = { input_per_mtok: 10_000, output_per_mtok: 0, ...cached };
    const tenant = await newTenant({
      modelBaseUrl: `http://127.0.0.1:${port}/v1`,
      tools: {},
      policy: { limits: { money_usd: [{ limit: 2, window_s: HOUR }] } },
      upstream: { models: { "scripted-1": { price } } },
    });
    let count = 0;
    for (let n = 0; n < TRIES; n += 1) {
      if (await passes(tenant, "money_usd")) count += 1;
      // What was reserved is settled a moment after the answer.
      await new Promise((resolve) => {
        setTimeout(resolve, 300);
      });
    }
    passed.push(count);
  }
  server.close();
  expect(passed[0]).toBeLessThan(TRIES);
  expect(passed[1]).toBe(TRIES);
});
