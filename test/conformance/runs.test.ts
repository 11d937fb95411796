/** `POST /v1/runs`: results in call order, streams, cancel, deadline, caps. */

import { connect } from "node:net";

import { describe, expect, it } from "vitest";

import {
  isObject,
  listOf,
  numberOf,
  objectOf,
  textOf,
  type UnknownObject,
} from "../../dev/http/json.ts";
import {
  eventsOf,
  gateway,
  ledgerEntries,
  newTenant,
  plain,
  send,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

const wait = (ms: number, n = 0) => ({ tool: "wait", arguments: { ms, n } });

function run(tenant: TestTenant, body: object, headers: Record<string, string> = {}) {
  return send("POST", "/v1/runs", { key: tenant.apiKey, body, headers });
}

function resultsOf(answer: UnknownObject): readonly UnknownObject[] {
  return listOf(answer, "results").filter(isObject);
}

/** Opens a streamed run and hands out its events as they arrive. */
async function openStream(tenant: TestTenant, body: object, accept = "text/event-stream") {
  const controller = new AbortController();
  const response = await fetch(`${gateway.baseUrl}/v1/runs`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tenant.apiKey}`,
      "content-type": "application/json",
      accept,
    },
    body: JSON.stringify({ ...body, stream: true }),
    signal: controller.signal,
  });
  let text = "";
  const decoder = new TextDecoder();
  async function* events(): AsyncGenerator<UnknownObject> {
    let told = 0;
    if (response.body === null) return;
    for await (const bytes of response.body) {
      text += decoder.decode(bytes, { stream: true });
      const complete = eventsOf(text.slice(0, text.lastIndexOf("\n") + 1));
      for (const event of complete.slice(told)) yield event;
      told = complete.length;
    }
  }
  return { response, events: events(), leave: () => controller.abort(), text: () => text };
}

describe("a run", () => {
  it("answers in call order whatever ends first, with its times and sums", async () => {
    const tenant = await newTenant();
    const answer = await run(tenant, {
      calls: [
        { id: "slow", ...wait(250, 1) },
        { id: "fast", ...wait(10, 2) },
        { tool: "get_weather", arguments: { city: "Paris" } },
      ],
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ object: "run", status: "completed", success_rate: 1 });
    const results = resultsOf(answer.json);
    expect(results.map((one) => textOf(one, "id"))).toEqual(["slow", "fast", "call_3"]);
    expect(results.map((one) => textOf(one, "status"))).toEqual(Array(3).fill("succeeded"));
    expect(objectOf(results[0] ?? {}, "output")).toEqual({ ms: 250, n: "1" });
    expect(objectOf(answer.json, "usage")).toEqual({ calls: 3, attempts: 3, cache_hits: 0 });
    expect(numberOf(answer.json, "critical_path_ms")).toBeGreaterThanOrEqual(240);
    expect(textOf(answer.json, "id")).toBe(answer.headers.get("x-gw-run"));
  });

  it("goes on when one call fails, and says which and why", async () => {
    const tenant = await newTenant();
    const answer = await run(tenant, { calls: [{ tool: "broken" }, wait(5)] });
    expect(answer.json).toMatchObject({ status: "partial", success_rate: 0.5 });
    const [failed, good] = resultsOf(answer.json);
    expect(failed).toMatchObject({ status: "failed", error: { code: "upstream_status" } });
    expect(good).toMatchObject({ status: "succeeded" });
    const none = await run(tenant, { calls: [{ tool: "broken" }] });
    expect(none.json).toMatchObject({ status: "failed", success_rate: 0 });
  });

  it("runs one after the other in sequential mode, and never more than max_parallel", async () => {
    const calls = Array.from({ length: 6 }, (_, n) => wait(60, n));
    for (const [body, peak] of [
      [{ mode: "sequential" }, 1],
      [{ max_parallel: 2 }, 2],
    ] as const) {
      const tenant = await newTenant();
      const answer = await run(tenant, { calls, ...body });
      expect(answer.json).toMatchObject({ status: "completed" });
      expect((await toolRequests(tenant.mark)).peak).toBe(peak);
    }
  });

  it("fans out beyond five connections, and says over how many shards", async () => {
    const tenant = await newTenant();
    const calls = Array.from({ length: 20 }, (_, n) => wait(400, n));
    const answer = await run(tenant, { calls });
    expect(answer.json).toMatchObject({ status: "completed" });
    const shards = numberOf(answer.json, "shards") ?? 0;
    const { peak, started } = await toolRequests(tenant.mark);
    expect(started).toBe(20);
    expect(peak).toBeGreaterThan(5);
    expect(peak).toBeLessThanOrEqual(5 * shards);
    const numbers = resultsOf(answer.json).map((one) => textOf(objectOf(one, "output"), "n"));
    expect(numbers).toEqual(calls.map((_, n) => String(n)));
  });

  it("holds a tool's own cap while other tools go on", async () => {
    const tenant = await newTenant();
    const wide = await tenant.call("GET", "/v1/tools/wait");
    const { name: _name, version: _version, ...definition } = wide;
    const http = objectOf(definition, "http");
    const capped = unique("capped");
    await tenant.call("PUT", "/v1/tools/capped", {
      ...definition,
      max_parallel: 2,
      http: { ...http, query: { ...objectOf(http, "query"), k: capped } },
    });
    const slow = Array.from({ length: 6 }, (_, n) => ({ ...wait(80, n), tool: "capped" }));
    const others = Array.from({ length: 4 }, (_, n) => wait(80, n));
    const answer = await run(tenant, { calls: [...slow, ...others] });
    expect(answer.json).toMatchObject({ status: "completed" });
    expect((await toolRequests(capped)).peak).toBe(2);
    expect((await toolRequests(tenant.mark)).peak).toBeGreaterThan(1);
  });

  it("answers at its deadline with what is finished", async () => {
    const tenant = await newTenant();
    const began = Date.now();
    const answer = await run(tenant, { calls: [wait(5), wait(20_000)], deadline_ms: 400 });
    expect(Date.now() - began).toBeLessThan(3000);
    expect(answer.json).toMatchObject({ status: "partial" });
    const [first, second] = resultsOf(answer.json);
    expect(first).toMatchObject({ status: "succeeded" });
    expect(second).toMatchObject({ error: { code: "deadline_exceeded" } });
    const open = async () => (await toolRequests(tenant.mark)).open;
    await expect.poll(open, { timeout: 2000 }).toBe(0);
  });

  it("ends a call at the tool's own timeout; a write that was sent has an unknown outcome", async () => {
    const tenant = await newTenant();
    for (const name of ["wait", "record_note"]) {
      const {
        name: _name,
        version: _version,
        ...tool
      } = await tenant.call("GET", `/v1/tools/${name}`);
      const http = objectOf(tool, "http");
      const query = { ...objectOf(http, "query"), latency_ms: "5000" };
      await tenant.call("PUT", `/v1/tools/${name}`, {
        ...tool,
        timeout_ms: 150,
        http: { ...http, query },
      });
    }
    const entry = unique("note");
    const answer = await run(tenant, {
      calls: [wait(1), { tool: "record_note", arguments: { entry } }],
    });
    const [read, write] = resultsOf(answer.json);
    expect(read).toMatchObject({ status: "timeout", error: { code: "tool_timeout" } });
    expect(write).toMatchObject({ status: "outcome_unknown", attempts: 1 });
    expect(await ledgerEntries(entry)).toBe(1);
  });

  it("stops its calls when the client resets the connection", async () => {
    const tenant = await newTenant();
    const body = JSON.stringify({ calls: [wait(20_000, 1), wait(20_000, 2)] });
    const socket = connect(Number(new URL(gateway.baseUrl).port), "127.0.0.1");
    const head = [
      "POST /v1/runs HTTP/1.1",
      "host: gateway",
      `authorization: Bearer ${tenant.apiKey}`,
      "content-type: application/json",
      `content-length: ${body.length}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
    const open = async () => (await toolRequests(tenant.mark)).open;
    await expect.poll(open, { timeout: 5000 }).toBe(2);
    socket.resetAndDestroy();
    await expect.poll(open, { timeout: 3000 }).toBe(0);
  });
});

describe("a streamed run", () => {
  it("tells its events in order, numbered from 1, fastest call first", async () => {
    const tenant = await newTenant();
    const stream = await openStream(tenant, {
      calls: [
        { id: "slow", ...wait(300) },
        { id: "fast", ...wait(10) },
        { id: "bad", tool: "broken" },
      ],
    });
    expect(stream.response.headers.get("content-type")).toContain("text/event-stream");
    const events: UnknownObject[] = [];
    for await (const event of stream.events) events.push(event);
    const types = events.map((event) => textOf(event, "type"));
    expect(types[0]).toBe("run.created");
    expect(types.at(-1)).toBe("run.completed");
    expect(types.filter((type) => type === "call.started")).toHaveLength(3);
    const ended = events.filter((event) =>
      /^call\.(completed|failed)$/.test(textOf(event, "type") ?? ""),
    );
    expect(textOf(ended.at(-1) ?? {}, "id")).toBe("slow");
    expect(ended.find((event) => textOf(event, "id") === "bad")).toMatchObject({
      type: "call.failed",
    });
    const ids = [...stream.text().matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
    expect(ids).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ status: "partial", object: "run" });
    expect(resultsOf(events.at(-1) ?? {}).map((one) => textOf(one, "id"))).toEqual([
      "slow",
      "fast",
      "bad",
    ]);
  });

  it("is NDJSON for those who ask for it", async () => {
    const tenant = await newTenant();
    const stream = await openStream(tenant, { calls: [wait(1)] }, "application/x-ndjson");
    expect(stream.response.headers.get("content-type")).toContain("application/x-ndjson");
    const events: UnknownObject[] = [];
    for await (const event of stream.events) events.push(event);
    expect(events.map((event) => textOf(event, "type"))).toEqual([
      "run.created",
      "call.queued",
      "call.started",
      "call.completed",
      "run.completed",
    ]);
    expect(stream.text()).not.toContain("data:");
  });

  it("writes keepalive comments while nothing happens", async () => {
    const tenant = await newTenant();
    const stream = await openStream(tenant, { calls: [wait(500)] });
    for await (const event of stream.events) expect(event).toBeDefined();
    expect(stream.text().match(/^: keepalive$/gm)?.length).toBeGreaterThanOrEqual(2);
  });

  it("is cancelled by its id, which only its tenant can do", async () => {
    const tenant = await newTenant();
    const other = await newTenant();
    const stream = await openStream(tenant, { calls: [wait(20_000), wait(5)] });
    let last: UnknownObject = {};
    for await (const event of stream.events) {
      last = event;
      if (textOf(event, "type") !== "call.completed") continue;
      const path = `/v1/runs/${stream.response.headers.get("x-gw-run") ?? ""}/cancel`;
      expect((await send("POST", path, { key: other.apiKey })).status).toBe(404);
      const cancelled = await send("POST", path, { key: tenant.apiKey });
      expect([cancelled.status, cancelled.json["status"]]).toEqual([200, "cancelled"]);
    }
    expect(last).toMatchObject({ type: "run.completed", status: "cancelled" });
    expect(resultsOf(last).map((one) => textOf(one, "status"))).toEqual(["cancelled", "succeeded"]);
    const open = async () => (await toolRequests(tenant.mark)).open;
    await expect.poll(open, { timeout: 2000 }).toBe(0);
  });

  it("404 for cancelling what is over or never was", async () => {
    const tenant = await newTenant();
    const done = await run(tenant, { calls: [wait(1)] });
    for (const id of [textOf(done.json, "id") ?? "", "run_0000000000000000000000", "nonsense"]) {
      const answer = await send("POST", `/v1/runs/${id}/cancel`, { key: tenant.apiKey });
      expect(answer.status).toBe(404);
    }
  });

  it("stops everything when its client leaves, also in shards", async () => {
    const tenant = await newTenant();
    const calls = Array.from({ length: 12 }, (_, n) => wait(20_000, n));
    const stream = await openStream(tenant, { calls });
    const open = async () => (await toolRequests(tenant.mark)).open;
    await expect.poll(open, { timeout: 10_000 }).toBe(12);
    const reading = stream.events.next();
    stream.leave();
    await reading.catch(() => null);
    await expect.poll(open, { timeout: 3000 }).toBe(0);
    expect(plain(await reading.catch(() => null))).toBeDefined();
  });
});
