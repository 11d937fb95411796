/** Branches of `POST /v1/runs`: groups, losers, aggregates, and cancelling a part of a run while the rest goes on. */

import { describe, expect, it } from "vitest";

import { isObject, listOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import {
  becomes,
  eventsOf,
  gateway,
  newTenant,
  plain,
  pointersOf,
  send,
  servers,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

/** Tools that wait, each counted under a mark of its own. */
async function tenantWithMarks(...names: readonly string[]) {
  const marks = Object.fromEntries(names.map((name) => [name, unique("k")]));
  const tools = Object.fromEntries(
    names.map((name) => [
      name,
      {
        description: "Waits",
        input: { type: "object", properties: { ms: { type: "integer" }, n: { type: "integer" } } },
        effect: "read",
        http: {
          method: "GET",
          url: `${servers.tools}/sleep/{ms}`,
          query: { n: "{n}", k: marks[name] },
        },
      },
    ]),
  );
  const tenant = await newTenant({ tools });
  return { tenant, mark: (name: string) => marks[name] ?? "" };
}

function run(tenant: TestTenant, body: object) {
  return send("POST", "/v1/runs", { key: tenant.apiKey, body });
}

function call(id: string, tool: string, ms: number, branch?: string): UnknownObject {
  return { id, tool, arguments: { ms, n: 1 }, ...(branch === undefined ? {} : { branch }) };
}

const RACE = { one: { group: "race", policy: "first_success" }, two: { group: "race" } };

function statusesOf(answer: UnknownObject): Readonly<Record<string, string | null>> {
  return Object.fromEntries(
    listOf(answer, "results")
      .filter(isObject)
      .map((one) => [textOf(one, "id") ?? "", textOf(one, "status")]),
  );
}

async function abortedAt(mark: string): Promise<number> {
  const stats = plain(await (await fetch(`${servers.tools}/_stats`)).json());
  const [abort] = listOf(stats, "aborts").filter((one) => plain(one)["key"] === mark);
  return Number(plain(abort)["at"]);
}

/** Starts a streamed run and resolves with its id once it is named; `ended` is its last event. */
async function openRun(tenant: TestTenant, body: object) {
  const response = await fetch(`${gateway.baseUrl}/v1/runs`, {
    method: "POST",
    headers: { authorization: `Bearer ${tenant.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true }),
  });
  const id = response.headers.get("x-gw-run") ?? "";
  const ended = response.text().then((text) => eventsOf(text).at(-1) ?? {});
  const cancel = (part: object) =>
    send("POST", `/v1/runs/${id}/cancel`, { key: tenant.apiKey, body: part });
  return { id, ended, cancel };
}

describe("a group of branches", () => {
  it("answers with the winner as soon as there is one, and aborts the losers at their tools", async () => {
    const { tenant, mark } = await tenantWithMarks("fast", "slow", "side");
    const startedAt = Date.now();
    const answer = await run(tenant, {
      calls: [
        call("a", "fast", 150, "one"),
        call("b", "slow", 20_000, "two"),
        { ...call("b2", "slow", 20_000, "two"), arguments: { ms: { $ref: "b#/ms" }, n: 1 } },
        call("c", "side", 200),
      ],
      branches: RACE,
      aggregate: "first_success",
    });
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    expect(answer.json).toMatchObject({
      status: "completed",
      branches: {
        one: { status: "won", group: "race" },
        two: { status: "lost", group: "race" },
      },
      aggregate: { policy: "first_success", call: "a", output: { ms: 150 } },
    });
    expect(statusesOf(answer.json)).toEqual({
      a: "succeeded",
      b: "cancelled",
      b2: "cancelled",
      c: "succeeded",
    });
    expect(await becomes(async () => (await abortedAt(mark("slow"))) > 0, 2_000)).toBe(true);
    expect(await toolRequests(mark("slow"))).toMatchObject({ started: 1, open: 0 });
  });

  it("aborts losers that run in shards, and lets whoever waited have their slots", async () => {
    const { tenant, mark } = await tenantWithMarks("fast", "slow", "side");
    const losers = Array.from({ length: 18 }, (_, n) => call(`b${n}`, "slow", 20_000 + n, "two"));
    const others = Array.from({ length: 6 }, (_, n) => call(`c${n}`, "side", 10 + n));
    const answer = await run(tenant, {
      calls: [call("a", "fast", 300, "one"), ...losers, ...others],
      branches: RACE,
      max_parallel: 12,
    });
    expect(answer.json).toMatchObject({ status: "completed" });
    expect(
      Object.values(statusesOf(answer.json)).filter((one) => one === "succeeded"),
    ).toHaveLength(7);
    const open = async () => (await toolRequests(mark("slow"))).open === 0;
    expect(await becomes(open, 2_000)).toBe(true);
    expect((await toolRequests(mark("side"))).started).toBe(6);
  });

  it("keeps the best by a score in the result, and by the word of a tool", async () => {
    const { tenant } = await tenantWithMarks("find");
    await tenant.call("PUT", "/v1/tools/judge", {
      description: "Judges",
      input: { type: "object", properties: { branch: { type: "string" } } },
      effect: "pure",
      http: { method: "GET", url: `${servers.tools}/weather/Paris`, query: {} },
    });
    const calls = [call("a", "find", 40, "one"), call("b", "find", 90, "two")];
    const group = { group: "g", policy: "top_n", keep: 1 };
    const scored = await run(tenant, {
      calls,
      branches: { one: { ...group, score: "#/ms" }, two: { group: "g" } },
      aggregate: "best",
    });
    expect(scored.json).toMatchObject({
      branches: { one: { status: "lost", score: 40 }, two: { status: "won", score: 90 } },
      aggregate: { policy: "best", call: "b" },
    });
    const judged = await run(tenant, {
      calls,
      branches: { one: { ...group, score: "judge" }, two: { group: "g" } },
    });
    // The judge answers something without a score, so nobody has one and nobody can win.
    expect(judged.json).toMatchObject({
      branches: { one: { status: "lost" }, two: { status: "lost" } },
    });
    expect(statusesOf(judged.json)).toEqual({ a: "succeeded", b: "succeeded" });
  });

  it("422 names what is wrong with it before anything is sent", async () => {
    const { tenant, mark } = await tenantWithMarks("wait");
    const answer = await run(tenant, {
      calls: [call("a", "wait", 1, "one"), call("b", "wait", 1, "nowhere")],
      branches: { one: { group: "g", policy: "top_n" }, two: { group: "g" } },
      aggregate: "nothing",
    });
    expect(answer.status).toBe(422);
    expect(pointersOf(answer)).toEqual([
      "/calls/1/branch",
      "/branches/two",
      "/branches/one/score",
      "/branches/one/keep",
      "/aggregate",
    ]);
    expect((await toolRequests(mark("wait"))).started).toBe(0);
  });
});

describe("an aggregate", () => {
  it("merges lists by a key and names what differs", async () => {
    const { tenant } = await tenantWithMarks("wait");
    const answer = await run(tenant, {
      calls: [call("a", "wait", 5), { ...call("b", "wait", 5), arguments: { ms: 5, n: 2 } }],
      aggregate: { merge: { key: "#/ms" } },
    });
    expect(objectOf(answer.json, "aggregate")).toEqual({
      policy: "merge",
      output: [{ ms: 5, n: "1" }],
      conflicts: [{ key: 5, pointer: "/n", kept: "a", dropped: "b" }],
    });
  });

  it("may be a tool, which is one more call of the run", async () => {
    const { tenant } = await tenantWithMarks("wait");
    await tenant.call("PUT", "/v1/tools/collect", {
      description: "Collects",
      input: { type: "object", properties: { results: { type: "array" } } },
      effect: "pure",
      http: { method: "POST", url: `${servers.tools}/echo`, body: "json" },
    });
    const answer = await run(tenant, { calls: [call("a", "wait", 5)], aggregate: "collect" });
    expect(statusesOf(answer.json)).toEqual({ a: "succeeded", aggregate: "succeeded" });
    const output = objectOf(objectOf(answer.json, "aggregate"), "output");
    expect(objectOf(output, "body")).toEqual({
      results: [{ id: "a", tool: "wait", status: "succeeded", output: { ms: 5, n: "1" } }],
    });
  });
});

describe("POST /v1/runs/{id}/cancel with a part", () => {
  it("cancels one branch; the others end as without it, and it stays cancelled until reset", async () => {
    const { tenant, mark } = await tenantWithMarks("slow", "side");
    const { ended, cancel } = await openRun(tenant, {
      calls: [
        call("a", "slow", 1_500, "one"),
        { ...call("after", "side", 5), arguments: { ms: { $ref: "a#/ms" }, n: 3 } },
        call("c", "side", 2_500),
      ],
      branches: { one: {} },
    });
    const open = async () => (await toolRequests(mark("slow"))).open === 1;
    expect(await becomes(open, 5_000)).toBe(true);
    expect((await cancel({ branch: "one" })).json).toMatchObject({
      branch: "one",
      status: "cancelled",
    });
    const gone = async () => (await toolRequests(mark("slow"))).open === 0;
    expect(await becomes(gone, 2_000)).toBe(true);
    expect((await cancel({ branch: "one", reset: true })).json).toMatchObject({ status: "reset" });
    const last = await ended;
    expect(statusesOf(last)).toEqual({ a: "succeeded", after: "succeeded", c: "succeeded" });
    expect((await toolRequests(mark("slow"))).started).toBe(2);
  });

  it("cancels one call, and 422 for a part the run does not have", async () => {
    const { tenant, mark } = await tenantWithMarks("slow", "side");
    const { ended, cancel } = await openRun(tenant, {
      calls: [call("a", "slow", 20_000), call("c", "side", 800)],
    });
    const open = async () => (await toolRequests(mark("slow"))).open === 1;
    expect(await becomes(open, 5_000)).toBe(true);
    for (const [part, pointer] of [
      [{ branch: "one" }, "/branch"],
      [{ call: "nobody" }, "/call"],
      [{ reset: true }, "/reset"],
      [{ call: "a", branch: "one" }, "/call"],
    ] as const) {
      const refused = await cancel(part);
      expect([refused.status, ...pointersOf(refused)]).toEqual([422, pointer]);
    }
    expect((await cancel({ call: "a" })).json).toMatchObject({ call: "a", status: "cancelled" });
    expect(statusesOf(await ended)).toEqual({ a: "cancelled", c: "succeeded" });
  });

  it("reaches a run under an idempotency key as well", async () => {
    const { tenant, mark } = await tenantWithMarks("slow", "side");
    const answer = send("POST", "/v1/runs", {
      key: tenant.apiKey,
      body: {
        calls: [call("a", "slow", 20_000, "one"), call("c", "side", 1_500)],
        branches: { one: {} },
        stream: true,
      },
      headers: { "idempotency-key": "once" },
    });
    const open = async () => (await toolRequests(mark("slow"))).open === 1;
    expect(await becomes(open, 5_000)).toBe(true);
    const again = await fetch(`${gateway.baseUrl}/v1/runs`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${tenant.apiKey}`,
        "content-type": "application/json",
        "idempotency-key": "once",
      },
      body: JSON.stringify({
        calls: [call("a", "slow", 20_000, "one"), call("c", "side", 1_500)],
        branches: { one: {} },
        stream: true,
      }),
    });
    const id = again.headers.get("x-gw-run") ?? "";
    await again.body?.cancel();
    const cancelled = await send("POST", `/v1/runs/${id}/cancel`, {
      key: tenant.apiKey,
      body: { branch: "one" },
    });
    expect(cancelled.status).toBe(200);
    const last = eventsOf((await answer).text).at(-1) ?? {};
    expect(statusesOf(last)).toEqual({ a: "cancelled", c: "succeeded" });
  });
});
