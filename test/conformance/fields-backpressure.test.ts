/** Every field of a policy's backpressure changes behaviour; test/node/field-inventory.test.ts keeps this list complete. */

import { expect, it } from "vitest";

import { objectOf, numberOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { listen } from "../../dev/http/listen.ts";
import { callsOf, callTool, echoTool, run } from "./field-scene.ts";
import { newTenant, send } from "./scene.ts";

/** Statuses of so many requests at once, of which one a second passes. */
async function statuses(count: number, backpressure: UnknownObject): Promise<readonly number[]> {
  const tenant = await newTenant({
    tools: { echo: echoTool() },
    policy: { limits: { requests: [{ limit: 1, window_s: 1 }] }, backpressure },
  });
  const answers = await Promise.all(
    Array.from({ length: count }, () => run(tenant, callsOf("echo", 1))),
  );
  return answers.map(({ status }) => status).toSorted((a, b) => a - b);
}

it("policy/backpressure/strategy: refuses at once, lets wait, or keeps room for what matters more", async () => {
  expect(await statuses(2, { strategy: "fail_fast" })).toEqual([200, 429]);
  expect(await statuses(2, { strategy: "queue", max_wait_ms: 10_000 })).toEqual([200, 200]);
  const tenant = await newTenant({
    tools: { echo: echoTool() },
    policy: {
      limits: { requests: [{ limit: 4, window_s: 3600 }] },
      backpressure: { strategy: "drop" },
    },
  });
  const ask = async (priority: string) =>
    (await run(tenant, callsOf("echo", 1), {}, { "x-gw-priority": priority })).status;
  const low = [await ask("low"), await ask("low"), await ask("low"), await ask("low")];
  expect(low).toEqual([200, 200, 200, 429]);
  expect([await ask("high"), await ask("urgent")]).toEqual([200, 400]);
});

/**
 * How three calls end, one after the other, of a tool whose server answers like this; and how long after the one before each
 * arrived there, ms.
 */
async function three(
  backpressure: UnknownObject,
  status: number,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly results: readonly UnknownObject[]; readonly gaps: readonly number[] }> {
  const times: number[] = [];
  const server = await listen(0, ({ response }) => {
    times.push(performance.now());
    response.writeHead(status, { "content-type": "application/json", ...headers }).end("{}");
    return Promise.resolve();
  });
  const http = { url: `${server.url}/` };
  const tenant = await newTenant({
    tools: { limited: echoTool(http, { retry: { max_attempts: 1 }, hedge: { enabled: false } }) },
    policy: { backpressure, resilience: { breaker: { enabled: false } } },
  });
  const results: UnknownObject[] = [];
  for (const q of ["1", "2", "3"]) results.push(await callTool(tenant, "limited", { q }));
  await server.close();
  return { results, gaps: times.slice(1).map((atMs, n) => atMs - (times[n] ?? 0)) };
}

it("policy/backpressure/strategy: lets requests to an upstream wait as long as its headers say that nothing is left", async () => {
  const none = { ratelimit: `"default";r=0;t=1` };
  const adaptive = { strategy: "adaptive", max_wait_ms: 5000 };
  const [eager, patient, hasty] = await Promise.all([
    three({ strategy: "fail_fast" }, 200, none),
    three(adaptive, 200, none),
    three({ ...adaptive, max_wait_ms: 100 }, 200, none),
  ]);
  expect(eager.results.map(({ status }) => status)).toEqual(Array(3).fill("succeeded"));
  expect(patient.results.map(({ status }) => status)).toEqual(Array(3).fill("succeeded"));
  expect(Math.min(...patient.gaps)).toBeGreaterThan(900);
  expect(Math.min(...eager.gaps)).toBeLessThan(900);
  expect(hasty.results.map(({ status }) => status)).toEqual([
    "succeeded",
    "rate_limited",
    "rate_limited",
  ]);
  const { code, retry_after_ms: retryMs } = objectOf(hasty.results[1] ?? {}, "error");
  expect([code, hasty.gaps]).toEqual(["rate_limited", []]);
  expect(retryMs).toBeGreaterThan(100);
});

it("policy/backpressure/strategy: refuses a model request for which its provider says that nothing is left, with when there is", async () => {
  let asked = 0;
  const message = { role: "assistant", content: "pong" };
  const answer = { id: "c", object: "chat.completion", created: 1, model: "limited" };
  const provider = await listen(0, ({ response }) => {
    asked += 1;
    const headers = {
      "content-type": "application/json",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "8s",
    };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    response.writeHead(200, headers).end(JSON.stringify({ ...answer, choices }));
    return Promise.resolve();
  });
  const tenant = await newTenant({
    modelBaseUrl: `${provider.url}/v1`,
    tools: {},
    policy: { backpressure: { strategy: "adaptive", max_wait_ms: 100 } },
  });
  const chat = () =>
    send("POST", "/v1/chat/completions", {
      key: tenant.apiKey,
      body: { model: "limited", messages: [{ role: "user", content: "ping" }] },
    });
  expect((await chat()).status).toBe(200);
  const refused = await chat();
  await provider.close();
  expect([refused.status, textOf(objectOf(refused.json, "error"), "code"), asked]).toEqual([
    429,
    "rate_limit_exceeded",
    1,
  ]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(1);
});

it("policy/backpressure/strategy: does not send what an upstream would refuse, by what it has refused", async () => {
  const adaptive = { strategy: "adaptive", max_wait_ms: 100 };
  const [eager, paced] = await Promise.all([
    three({ strategy: "queue", max_wait_ms: 100 }, 429, {}),
    three(adaptive, 429, {}),
  ]);
  expect([eager.gaps.length, paced.gaps.length]).toEqual([2, 1]);
  const error = objectOf(paced.results[2] ?? {}, "error");
  expect(textOf(error, "code")).toBe("rate_limited");
  expect(numberOf(error, "retry_after_ms")).toBeGreaterThan(100);
});

it("policy/backpressure/max_queue: is how many may wait", async () => {
  const queue = { strategy: "queue", max_wait_ms: 20_000 };
  expect(await statuses(4, { ...queue, max_queue: 10 })).toEqual([200, 200, 200, 200]);
  expect((await statuses(5, { ...queue, max_queue: 1 })).slice(-1)).not.toEqual([200]);
});

it("policy/backpressure/max_wait_ms: is how long each may wait", async () => {
  const queue = { strategy: "queue", max_queue: 10 };
  const short = await statuses(4, { ...queue, max_wait_ms: 100 });
  expect(short.filter((status) => status === 200)).toHaveLength(1);
});
