/** Every field of the policy changes behaviour; test/node/field-inventory.test.ts keeps this list complete. */

import { expect, it } from "vitest";

import { objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import {
  callsOf,
  callTool,
  chat,
  echoTool,
  outputOf,
  resultsOf,
  run,
  saidBy,
  startsWhileWriting,
  waitTool,
} from "./field-scene.ts";
import {
  becomes,
  newTenant,
  plain,
  pointersOf,
  send,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

/** A tenant under these bounds, with a tool that takes `ms` and is counted under the tenant's mark. */
async function boundedBy(runs: UnknownObject, ms = 0): Promise<TestTenant> {
  const mark = unique("k");
  const tenant = await newTenant({ tools: { step: waitTool(ms, mark) }, policy: { runs } });
  return { ...tenant, mark };
}

/** A tenant with exactly this rate limit. */
function limitedTo(limit: UnknownObject): Promise<TestTenant> {
  return newTenant({
    tools: { echo: echoTool() },
    policy: { limits: { requests: [limit] } },
  });
}

/** How many of six runs, one after the other, are admitted; the others must be refused for their number. */
async function admittedOfSix(tenant: TestTenant): Promise<number> {
  const statuses: number[] = [];
  for (let n = 0; n < 6; n += 1) statuses.push((await run(tenant, callsOf("echo", 1))).status);
  const admitted = statuses.filter((status) => status === 200).length;
  expect(statuses.filter((status) => status === 429)).toHaveLength(6 - admitted);
  return admitted;
}

/** A model's turn that calls the tool `step` so often. */
function turnOf(calls: number): UnknownObject {
  return {
    calls: Array.from({ length: calls }, (_, n) => ({ name: "step", arguments: { q: String(n) } })),
  };
}

/** The gateway's account of a chat. */
async function account(tenant: TestTenant, ...turns: UnknownObject[]): Promise<UnknownObject> {
  const answer = await chat(tenant, turns);
  expect(answer.status).toBe(200);
  return objectOf(answer.json, "x_gw");
}

it("policy/profile: is the preset that the rest goes back to", async () => {
  const cached = echoTool({}, { cache: { ttl_s: 300 } });
  const tenant = await newTenant({ tools: { cached } });
  for (const [profile, cache] of [
    ["robust", "miss"],
    ["simple", "bypass"],
    ["autonomous", "miss"],
  ]) {
    await tenant.call("PATCH", "/v1/policy", { profile, cache: null });
    const result = await callTool(tenant, "cached", { q: profile });
    expect([profile, result["cache"]]).toEqual([profile, cache]);
  }
});

it("policy/limits/requests[]/limit: is how many requests pass", async () => {
  for (const limit of [1, 4]) {
    const tenant = await limitedTo({ limit, window_s: 3600 });
    expect(await admittedOfSix(tenant)).toBe(limit);
  }
});

it("policy/limits/requests[]/window_s: is how soon they may come again", async () => {
  const slow = await limitedTo({ limit: 1, window_s: 3600 });
  expect(await admittedOfSix(slow)).toBe(1);
  const refused = await run(slow, callsOf("echo", 1));
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(1800);
  expect(refused.headers.get("ratelimit-policy")).toContain("w=3600");
  const quick = await limitedTo({ limit: 1, window_s: 1 });
  for (let n = 0; n < 3; n += 1) {
    const passes = async () => (await run(quick, callsOf("echo", 1))).status === 200;
    expect(await becomes(passes, 8000)).toBe(true);
  }
});

it("policy/limits/requests[]/burst: is how many may come at once", async () => {
  for (const burst of [1, 3]) {
    const tenant = await limitedTo({ limit: 4, window_s: 3600, burst });
    expect(await admittedOfSix(tenant)).toBe(burst);
  }
});

it("policy/limits/concurrent_runs: is how many runs go on at once", async () => {
  for (const [most, second] of [
    [1, 429],
    [2, 200],
  ] as const) {
    const mark = unique("k");
    const tenant = await newTenant({
      tools: { long: waitTool(20_000, mark), echo: echoTool() },
      policy: { limits: { concurrent_runs: most } },
    });
    const leaving = new AbortController();
    const body = { calls: callsOf("long", 1) };
    const first = send("POST", "/v1/runs", {
      key: tenant.apiKey,
      body,
      signal: leaving.signal,
    }).catch(() => null);
    await expect.poll(async () => (await toolRequests(mark)).open, { timeout: 8000 }).toBe(1);
    expect((await run(tenant, callsOf("echo", 1))).status).toBe(second);
    leaving.abort();
    expect(await first).toBeNull();
  }
});

it("policy/runs/max_turns: ends the loop and says so", async () => {
  const turns = [turnOf(1), turnOf(1), { text: "Finished." }];
  const short = await account(await boundedBy({ max_turns: 2 }), ...turns);
  expect(short).toMatchObject({ turns: 2, stopped_by: "max_turns" });
  const enough = await account(await boundedBy({ max_turns: 3 }), ...turns);
  expect(enough).toMatchObject({ turns: 3, calls: 2 });
  expect(enough["stopped_by"]).toBeUndefined();
});

it("policy/runs/max_calls: ends the loop, and refuses a run with more", async () => {
  const turns = [turnOf(3), { text: "Finished." }];
  const few = await boundedBy({ max_calls: 2 });
  expect(await account(few, ...turns)).toMatchObject({ stopped_by: "max_calls" });
  const refused = await run(few, callsOf("step", 3));
  expect([refused.status, pointersOf(refused)]).toEqual([422, ["/calls"]]);
  const enough = await boundedBy({ max_calls: 3 });
  const whole = await account(enough, ...turns);
  expect([whole["calls"], whole["stopped_by"]]).toEqual([3, undefined]);
  expect((await run(enough, callsOf("step", 3))).status).toBe(200);
});

it("policy/runs/references: is whether calls of one turn may use each other's results, and what the model sees of it", async () => {
  const turns = [
    {
      calls: [
        { name: "step", arguments: { q: "first" }, label: "a" },
        { name: "step", arguments: { q: { $tmpl: "after ${a#/query/q}" } } },
      ],
    },
    { text: "{{results}}" },
  ];
  for (const references of ["on", "auto", "off"]) {
    const tenant = await newTenant({
      tools: { step: echoTool({ query: { q: "{q}" } }) },
      policy: { runs: { references } },
    });
    const answer = await chat(tenant, turns, {}, { "x-gw-debug": "1" });
    const told = objectOf(objectOf(objectOf(answer.json, "x_gw"), "debug"), "references");
    const isOff = references === "off";
    expect(told["mode"]).toBe(isOff ? "level_by_level" : "plan");
    expect(saidBy(answer).text.includes("after first")).toBe(!isOff);
    expect(saidBy(answer).text.includes("arguments_invalid")).toBe(isOff);
  }
});

it("policy/runs/max_parallel: is how many calls are in flight, and the most a run may ask for", async () => {
  const one = await boundedBy({ max_parallel: 1 }, 100);
  const four = await boundedBy({ max_parallel: 4 }, 400);
  for (const tenant of [one, four]) {
    const answer = await run(tenant, callsOf("step", 5));
    expect(answer.json).toMatchObject({ status: "completed" });
  }
  expect((await toolRequests(one.mark)).peak).toBe(1);
  const { peak } = await toolRequests(four.mark);
  expect(peak).toBeGreaterThan(1);
  expect(peak).toBeLessThanOrEqual(4);
  const asked = (tenant: TestTenant) => run(tenant, callsOf("step", 1), { max_parallel: 4 });
  expect([(await asked(one)).status, (await asked(four)).status]).toEqual([422, 200]);
});

it("policy/runs/deadline_ms: ends a run with what it has", async () => {
  for (const [deadline, status] of [
    [400, "failed"],
    [20_000, "completed"],
  ] as const) {
    const tenant = await boundedBy({ deadline_ms: deadline }, 2000);
    const answer = await run(tenant, callsOf("step", 1));
    expect(answer.json).toMatchObject({ status });
    const code = textOf(objectOf(resultsOf(answer)[0] ?? {}, "error"), "code");
    expect(code).toBe(status === "failed" ? "deadline_exceeded" : null);
  }
});

it("policy/runs/heartbeat_ms: is how long a stream stays silent", async () => {
  const keepalives = async (heartbeat: number) => {
    const tenant = await boundedBy({ heartbeat_ms: heartbeat }, 1000);
    const answer = await run(tenant, callsOf("step", 1), { stream: true });
    expect(answer.text).toContain('"run.completed"');
    return answer.text.match(/^: keepalive$/gm)?.length ?? 0;
  };
  expect(await keepalives(60_000)).toBe(0);
  expect(await keepalives(50)).toBeGreaterThanOrEqual(3);
});

it("policy/runs/model_timeout_ms: ends a model's answer", async () => {
  const slow = { text: "Late.", delay_ms: 1500 };
  const impatient = await chat(await boundedBy({ model_timeout_ms: 300 }), [slow]);
  expect([impatient.status, saidBy(impatient).code]).toEqual([504, "upstream_timeout"]);
  const patient = await chat(await boundedBy({ model_timeout_ms: 20_000 }), [slow]);
  expect([patient.status, saidBy(patient).text]).toEqual([200, "Late."]);
});

it("policy/runs/early_start: lets calls that read start while the model is still writing", async () => {
  expect(await startsWhileWriting(await boundedBy({ early_start: true }))).toBe(true);
  expect(await startsWhileWriting(await boundedBy({ early_start: false }))).toBe(false);
});

it("policy/cache/enabled: lets a kept result answer", async () => {
  const mark = unique("k");
  const cached = waitTool(0, mark, { cache: { ttl_s: 300 } });
  const tenant = await newTenant({ tools: { cached } });
  const isHit = async () => (await callTool(tenant, "cached", { q: "x" }))["cache"] === "hit";
  await tenant.call("PATCH", "/v1/policy", { cache: { enabled: true } });
  expect(await becomes(isHit, 8000)).toBe(true);
  const { started } = await toolRequests(mark);
  await tenant.call("PATCH", "/v1/policy", { cache: { enabled: false } });
  expect(await isHit()).toBe(false);
  expect((await toolRequests(mark)).started).toBe(started + 1);
});

it("policy/locale: is what tools are asked for when the caller names no language", async () => {
  const tenant = await newTenant({ tools: { echo: echoTool() } });
  const language = async (headers: Record<string, string> = {}) => {
    const { headers: seen } = await outputOf(tenant, "echo", {}, headers);
    return plain(seen)["accept-language"];
  };
  for (const [locale, told] of [
    ["auto", "en"],
    ["de-CH", "de-CH"],
    ["pt-BR", "pt-BR"],
  ] as const) {
    await tenant.call("PATCH", "/v1/policy", { locale });
    expect(await language()).toBe(told);
    expect(await language({ "accept-language": "fr" })).toBe("fr");
  }
});
