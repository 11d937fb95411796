import { describe, expect, inject, it } from "vitest";

import { call, dataLines } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const { fault } = inject("servers");

const NUMBER = { type: "object", properties: { ms: { type: "integer" } }, required: ["ms"] };

/** Tools of the tenant: one that adds, one that takes its time, one that fails, one that hangs. */
const TOOLS = {
  add: {
    description: "Calculates",
    input: { type: "object", properties: { expression: { type: "string" } } },
    builtin: "calculator",
    effect: "pure",
  },
  delay: {
    description: "Takes its time",
    input: NUMBER,
    http: { method: "GET", url: `${fault}/delay/{ms}` },
    effect: "read",
  },
  broken: {
    description: "Fails",
    input: { type: "object" },
    http: { method: "GET", url: `${fault}/status/500` },
    effect: "read",
  },
  hang: {
    description: "Hangs",
    input: { type: "object", properties: { id: { type: "string" } } },
    http: { method: "GET", url: `${fault}/hang`, query: { id: "{id}" } },
    effect: "read",
  },
};

/** A key of a new tenant with the tools above. */
async function newKey(policy: object = {}): Promise<string> {
  const { key } = await newTestTenant();
  for (const [name, body] of Object.entries(TOOLS)) {
    const put = await call(`PUT /v1/tools/${name}`, { key, body });
    if (put.status !== 201) throw new Error(await put.text());
  }
  const patched = await call("PATCH /v1/policy", { key, body: policy });
  if (patched.status !== 200) throw new Error(await patched.text());
  return key;
}

const ADD = { tool: "add", arguments: { expression: "2+3" } };

describe("POST /v1/runs", () => {
  it("200 with where it was admitted and its limits for x-gw-debug: 1, streamed or not", async () => {
    const key = await newKey({ runs: { max_parallel: 7 } });
    const body = { calls: [ADD], deadline_ms: 4_000 };
    const debug = {
      region: expect.any(String) as string,
      limits: { max_parallel: 7, deadline_ms: 4_000 },
    };
    const headers = { "x-gw-debug": "1" };
    const whole = await call("POST /v1/runs", { key, body, headers });
    expect(await whole.json()).toMatchObject({ status: "completed", debug });
    for (const accept of ["text/event-stream", "application/x-ndjson"]) {
      const streamed = await call("POST /v1/runs", {
        key,
        body: { ...body, stream: true },
        headers: { ...headers, accept },
      });
      const lines = (await streamed.text()).split("\n").map((line) => line.replace("data: ", ""));
      const last = lines.findLast((line) => line.startsWith("{"));
      expect(JSON.parse(last ?? "")).toMatchObject({ type: "run.completed", debug });
    }
    const plain = await call("POST /v1/runs", { key, body });
    expect(await plain.json()).not.toHaveProperty("debug");
  });

  it("200 with results in call order, each with how it went", async () => {
    const key = await newKey();
    const calls = [
      { id: "slow", tool: "delay", arguments: { ms: 60 } },
      { id: "sum", ...ADD },
      { id: "bad", tool: "broken" },
    ];
    const response = await call("POST /v1/runs", { key, body: { calls } });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-gw-run")).toMatch(/^run_/);
    expect(response.headers.get("ratelimit-policy")).toContain('"tenant:60";q=6000;w=60');
    expect(response.headers.get("ratelimit")).toMatch(/"tenant:60";r=\d+;t=\d+/);
    const run = await response.json<Record<string, unknown>>();
    expect(run).toMatchObject({
      id: response.headers.get("x-gw-run"),
      object: "run",
      status: "partial",
      results: [
        { id: "slow", status: "succeeded", output: "late", cache: "bypass", attempts: 1 },
        { id: "sum", status: "succeeded", hedged: false },
        { id: "bad", status: "failed", error: { code: "upstream_status" } },
      ],
      success_rate: 0.67,
      shards: 1,
    });
    // The wait for the run is not the gateway's own time.
    const own = Number(/gw;dur=(\d+)/.exec(response.headers.get("server-timing") ?? "")?.[1]);
    expect(own).toBeLessThan(Number(run["duration_ms"]) + 40);
  });

  it("200 as events, numbered from 1, fastest first", async () => {
    const key = await newKey();
    const calls = [
      { id: "slow", tool: "delay", arguments: { ms: 150 } },
      { id: "fast", ...ADD },
    ];
    const response = await call("POST /v1/runs", { key, body: { calls, stream: true } });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("cache-control")).toContain("no-store");
    const wire = await response.text();
    const ids = [...wire.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    expect(ids).toEqual(ids.map((_, at) => at + 1));
    const events = dataLines(wire);
    expect(events[0]).toMatchObject({ type: "run.created", calls: 2 });
    expect(events.at(-1)).toMatchObject({ type: "run.completed", status: "completed" });
    const completed = [...wire.matchAll(/"type":"call.completed","id":"(\w+)"/g)].map(
      ([, id]) => id,
    );
    expect(completed).toEqual(["fast", "slow"]);
    // Development beats every 100 ms, and the slow call takes longer.
    expect(wire).toContain("\n\n: keepalive\n\n");
  });

  it("200 as NDJSON for who accepts that, with empty lines as heartbeats", async () => {
    const key = await newKey();
    const body = { calls: [{ tool: "delay", arguments: { ms: 250 } }], stream: true };
    const headers = { accept: "application/x-ndjson" };
    const response = await call("POST /v1/runs", { key, body, headers });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = (await response.text()).split("\n");
    expect(lines.slice(0, -1)).toContain("");
    const events = lines.filter(Boolean).map((line): unknown => JSON.parse(line));
    expect(events.at(0)).toMatchObject({ type: "run.created" });
    expect(events.at(-1)).toMatchObject({ type: "run.completed" });
  });

  it("400, 413, 415 and 422 before anything is sent", async () => {
    const key = await newKey({ runs: { max_calls: 2, max_parallel: 3, deadline_ms: 5000 } });
    async function refused(body: unknown, headers: Record<string, string> = {}) {
      const response = await call("POST /v1/runs", { key, body, headers });
      const { code, violations = [] } = await response.json<{
        code: string;
        violations?: { pointer: string }[];
      }>();
      return [response.status, code, ...violations.map(({ pointer }) => pointer)];
    }
    expect(await refused("{")).toEqual([400, "invalid_json"]);
    expect(await refused(`{"calls":${"[".repeat(100)}`)).toEqual([400, "invalid_json"]);
    expect(await refused({ calls: [ADD], oops: 1 })).toEqual([400, "validation_failed", "/oops"]);
    expect(await refused(`"${"x".repeat(1024 * 1024)}"`)).toEqual([413, "body_too_large"]);
    expect(await refused({ calls: [ADD] }, { "content-type": "text/plain" })).toEqual([
      415,
      "unsupported_media_type",
    ]);
    expect(await refused({ calls: [ADD, ADD, ADD], max_parallel: 4, deadline_ms: 6000 })).toEqual([
      422,
      "unprocessable",
      "/calls",
      "/max_parallel",
      "/deadline_ms",
    ]);
    expect(await refused({ calls: [ADD], max_parallel: 156 })).toEqual([
      422,
      "unprocessable",
      "/max_parallel",
    ]);
    expect(await refused({ calls: [{ tool: "nobody" }] })).toEqual([
      422,
      "unprocessable",
      "/calls/0/tool",
    ]);
    expect(await refused({ calls: [ADD] }, { "idempotency-key": "x".repeat(256) })).toEqual([
      400,
      "validation_failed",
      "",
    ]);
  });

  it("429 with Retry-After and the state of the limits once the tenant's are used up", async () => {
    const limits = { requests: [{ limit: 2, window_s: 60, burst: 2 }] };
    const key = await newKey({ limits });
    const statuses: number[] = [];
    let last = new Response();
    for (let n = 0; n < 3; n++) {
      last = await call("POST /v1/runs", { key, body: { calls: [ADD] } });
      statuses.push(last.status);
    }
    expect(statuses).toEqual([200, 200, 429]);
    expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(last.headers.get("ratelimit")).toMatch(/"tenant:60";r=0;t=\d+/);
    expect(await last.json()).toMatchObject({
      code: "quota_exceeded",
      retry_after_ms: expect.any(Number),
    });
  });

  it("gives the permit back when the run has ended, and when it could not begin", async () => {
    const key = await newKey({ limits: { concurrent_runs: 1 } });
    for (const body of [{ calls: [{ tool: "nobody" }] }, { calls: [ADD] }, { calls: [ADD] }]) {
      await (await call("POST /v1/runs", { key, body })).text();
      // The release travels after the answer.
      await scheduler.wait(50);
    }
    const response = await call("POST /v1/runs", { key, body: { calls: [ADD] } });
    expect(response.status).toBe(200);
  });

  it("stops every request when the reader of the stream leaves", async () => {
    const key = await newKey();
    const id = crypto.randomUUID();
    const body = { calls: [{ tool: "hang", arguments: { id } }], stream: true };
    const response = await call("POST /v1/runs", { key, body });
    const reader = response.body?.getReader();
    await reader?.read();
    expect(await openRequests(id, 1)).toBe(1);
    await reader?.cancel();
    expect(await openRequests(id, 0)).toBe(0);
  });

  it("stops every request when a client without a stream is known to have left", async () => {
    const key = await newKey();
    const id = crypto.randomUUID();
    const left = new AbortController();
    const body = { calls: [{ tool: "hang", arguments: { id } }] };
    const answer = call("POST /v1/runs", { key, body, signal: left.signal }).catch(() => null);
    expect(await openRequests(id, 1)).toBe(1);
    left.abort();
    await answer;
    expect(await openRequests(id, 0)).toBe(0);
  });
});

describe("POST /v1/runs/{id}/cancel", () => {
  it("200 and a cancelled run; 404 for another tenant", async () => {
    const key = await newKey();
    const id = crypto.randomUUID();
    const body = { calls: [{ tool: "hang", arguments: { id } }, ADD], stream: true };
    const response = await call("POST /v1/runs", { key, body });
    expect(await openRequests(id, 1)).toBe(1);
    const path = `/v1/runs/${response.headers.get("x-gw-run") ?? ""}/cancel`;
    const stranger = await newKey();
    expect((await call(`POST ${path}`, { key: stranger })).status).toBe(404);
    const cancelled = await call(`POST ${path}`, { key });
    expect(cancelled.status).toBe(200);
    expect(await cancelled.json()).toMatchObject({ object: "run", status: "cancelled" });
    const events = dataLines(await response.text());
    expect(events.at(-1)).toMatchObject({
      type: "run.completed",
      results: [{ status: "cancelled" }, { status: "succeeded" }],
    });
    expect(await openRequests(id, 0)).toBe(0);
  });

  it("404 for a run nobody started, 400 for what it does not know", async () => {
    const key = await newKey();
    expect((await call("POST /v1/runs/run_x/cancel", { key })).status).toBe(404);
    const body = { part: "b1" };
    expect((await call("POST /v1/runs/run_x/cancel", { key, body })).status).toBe(400);
  });
});

/** Requests of this group open at the far end, once there are `count`, at the latest after two seconds. */
async function openRequests(id: string, count: number): Promise<number> {
  let open = -1;
  for (let tries = 0; tries < 100 && open !== count; tries++) {
    await scheduler.wait(20);
    const stats = await fetch(`${fault}/stats`);
    const { byId } = await stats.json<{ byId: Record<string, { open: number }> }>();
    open = byId[id]?.open ?? 0;
  }
  return open;
}
