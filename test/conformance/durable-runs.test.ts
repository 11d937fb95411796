/** Durable runs: in the background, stored, followed from every position, listed, cancelled, forgotten. */

import { describe, expect, it } from "vitest";

import { listOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { run as runCalls } from "./field-scene.ts";
import {
  becomes,
  eventsOf,
  gateway,
  ledgerEntries,
  newTenant,
  plain,
  pointersOf,
  send,
  toolRequests,
  unique,
  type TestTenant,
  type WireAnswer,
} from "./scene.ts";

const wait = (ms: number, n = 0) => ({ tool: "wait", arguments: { ms, n } });

function post(
  tenant: TestTenant,
  calls: readonly object[],
  body: object = { background: true },
  headers: Record<string, string> = {},
): Promise<WireAnswer> {
  return send("POST", "/v1/runs", { key: tenant.apiKey, body: { calls, ...body }, headers });
}

function get(
  tenant: TestTenant,
  path: string,
  headers: Record<string, string> = {},
): Promise<WireAnswer> {
  return send("GET", `/v1/runs${path}`, { key: tenant.apiKey, headers });
}

async function started(tenant: TestTenant, calls: readonly object[], body?: object) {
  const answer = await post(tenant, calls, body);
  expect(answer.status).toBe(202);
  return textOf(answer.json, "id") ?? "";
}

async function ended(tenant: TestTenant, id: string): Promise<UnknownObject> {
  const isOver = async () => (await get(tenant, `/${id}`)).json["status"] !== "in_progress";
  expect(await becomes(isOver, 10_000)).toBe(true);
  return (await get(tenant, `/${id}`)).json;
}

/** Events of an SSE text with their ids. */
function numbered(text: string): readonly (readonly [number, unknown])[] {
  return text
    .split("\n\n")
    .filter((block) => block.startsWith("id: "))
    .map((block) => [Number(/^id: (\d+)/.exec(block)?.[1]), eventsOf(block)[0]] as const);
}

describe("POST /v1/runs with background", () => {
  it("202 at once; the run goes on by itself and its answer can be read", async () => {
    const tenant = await newTenant();
    const answer = await post(tenant, [
      wait(300),
      { tool: "get_weather", arguments: { city: "Paris" } },
    ]);
    expect(answer.status).toBe(202);
    expect(answer.json).toMatchObject({ object: "run", status: "in_progress", ended_at: null });
    const id = textOf(answer.json, "id") ?? "";
    expect((await get(tenant, `/${id}`)).json).toMatchObject({ id, status: "in_progress" });
    const done = await ended(tenant, id);
    expect(done).toMatchObject({ id, object: "run", status: "completed" });
    expect(listOf(done, "results")).toHaveLength(2);
  });

  it("422 together with stream, and for calls that cannot be made, before anything is kept", async () => {
    const tenant = await newTenant();
    const both = await post(tenant, [wait(1)], { background: true, stream: true });
    expect([both.status, ...pointersOf(both)]).toEqual([422, "/stream"]);
    const unknown = await post(tenant, [{ tool: "nothing" }]);
    expect([unknown.status, ...pointersOf(unknown)]).toEqual([422, "/calls/0/tool"]);
    expect((await get(tenant, "")).json).toEqual({ data: [], has_more: false, next: null });
  });

  it("is the same run for the same Idempotency-Key, 409 with another body", async () => {
    const tenant = await newTenant();
    const headers = { "idempotency-key": unique("idem") };
    const entry = unique("once");
    const calls = [{ tool: "record_note", arguments: { entry } }];
    const [one, two] = [
      await post(tenant, calls, { background: true }, headers),
      await post(tenant, calls, { background: true }, headers),
    ];
    expect([one.status, two.status, two.json["id"]]).toEqual([202, 202, one.json["id"]]);
    await ended(tenant, textOf(one.json, "id") ?? "");
    expect(await ledgerEntries(entry)).toBe(1);
    const other = await post(tenant, [wait(1)], { background: true }, headers);
    expect([other.status, other.json["code"]]).toEqual([409, "idempotency_key_reused"]);
  });

  it("holds its place under concurrent_runs until it ends", async () => {
    const tenant = await newTenant({ policy: { limits: { concurrent_runs: 1 } } });
    const id = await started(tenant, [wait(600)]);
    expect((await post(tenant, [wait(1)])).status).toBe(429);
    await ended(tenant, id);
    expect(await becomes(async () => (await post(tenant, [wait(1)])).status === 202, 3000)).toBe(
      true,
    );
  });

  it("is cancelled by its id and says what had finished", async () => {
    const tenant = await newTenant();
    const id = await started(tenant, [wait(1), wait(20_000)]);
    const isWaiting = async () => {
      const { started: sent, open } = await toolRequests(tenant.mark);
      return sent === 2 && open === 1;
    };
    expect(await becomes(isWaiting, 3000)).toBe(true);
    const cancelled = await send("POST", `/v1/runs/${id}/cancel`, { key: tenant.apiKey });
    expect(cancelled.status).toBe(200);
    const done = await ended(tenant, id);
    expect(done["status"]).toBe("cancelled");
    expect(listOf(done, "results").map((one) => plain(one)["status"])).toEqual([
      "succeeded",
      "cancelled",
    ]);
    expect((await toolRequests(tenant.mark)).open).toBe(0);
  });
});

describe("GET /v1/runs/{id}/events", () => {
  it("resumes at every position, live and after the end: no gap, no duplicate", async () => {
    const tenant = await newTenant();
    const id = await started(tenant, [wait(1), wait(150), wait(300), wait(450, 1)]);
    const live = Array.from({ length: 14 }, (_, after) =>
      get(tenant, `/${id}/events`, { "last-event-id": String(after) }),
    );
    const streams = await Promise.all(live);
    const whole = numbered(streams[0]?.text ?? "");
    expect(whole.map(([position]) => position)).toEqual(
      Array.from({ length: whole.length }, (_, index) => index + 1),
    );
    expect(whole.at(-1)?.[1]).toMatchObject({ type: "run.completed", status: "completed" });
    for (const [after, stream] of streams.entries())
      expect(numbered(stream.text)).toEqual(whole.slice(after));
    for (let after = 0; after <= whole.length; after += 1) {
      const late = await get(tenant, `/${id}/events`, { "last-event-id": String(after) });
      expect(numbered(late.text)).toEqual(whole.slice(after));
      expect(late.text).not.toContain("run.failed");
    }
  });

  it("200 as NDJSON for who accepts that", async () => {
    const tenant = await newTenant();
    const id = await started(tenant, [wait(1)]);
    const accept = { accept: "application/x-ndjson", "last-event-id": "2" };
    const answer = await get(tenant, `/${id}/events`, accept);
    expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
    expect(eventsOf(answer.text).map(({ type }) => type)).toEqual([
      "call.started",
      "call.completed",
      "run.completed",
    ]);
  });

  it("400 for a Last-Event-ID that is none, 404 for a run that is not kept or another tenant's", async () => {
    const [tenant, other] = [await newTenant(), await newTenant()];
    const id = await started(tenant, [wait(1)]);
    const wrong = await get(tenant, `/${id}/events`, { "last-event-id": "-1" });
    expect([wrong.status, wrong.json["code"]]).toEqual([400, "validation_failed"]);
    const plainRun = await runCalls(tenant, [wait(1)]);
    for (const path of [`/${textOf(plainRun.json, "id") ?? ""}`, "/run_0", "/x"]) {
      expect((await get(tenant, path)).status).toBe(404);
      expect((await get(tenant, `${path}/events`)).status).toBe(404);
    }
    expect((await get(other, `/${id}`)).status).toBe(404);
    expect((await get(other, `/${id}/events`)).status).toBe(404);
    const gone = await send("DELETE", `/v1/runs/${id}`, { key: other.apiKey });
    expect(gone.status).toBe(404);
    expect((await get(tenant, `/${id}`)).status).toBe(200);
  });
});

describe("POST /v1/runs with stored", () => {
  it("200 with the answer, and the same answer and events can be read later", async () => {
    const tenant = await newTenant();
    const answer = await post(tenant, [wait(1), wait(20, 1)], { stored: true });
    expect(answer.status).toBe(200);
    const id = textOf(answer.json, "id") ?? "";
    expect((await get(tenant, `/${id}`)).text).toBe(answer.text);
    const events = eventsOf((await get(tenant, `/${id}/events`)).text);
    expect(events.at(-1)).toMatchObject({ type: "run.completed", id });
  });

  it("goes on without the client of its stream, which finds the rest where it stopped", async () => {
    const tenant = await newTenant();
    const leave = new AbortController();
    const response = await fetch(`${gateway.baseUrl}/v1/runs`, {
      method: "POST",
      headers: { authorization: `Bearer ${tenant.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({ calls: [wait(1), wait(700, 1)], stored: true, stream: true }),
      signal: leave.signal,
    });
    let text = "";
    if (response.body === null) throw new Error("no stream");
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes("call.completed")) break;
    }
    leave.abort();
    const seen = numbered(text);
    const id = textOf(plain(seen[0]?.[1]), "id") ?? "";
    const after = String(seen.at(-1)?.[0] ?? 0);
    const rest = numbered((await get(tenant, `/${id}/events`, { "last-event-id": after })).text);
    const whole = numbered((await get(tenant, `/${id}/events`)).text);
    expect([...seen, ...rest]).toEqual(whole);
    expect(whole.at(-1)?.[1]).toMatchObject({ type: "run.completed", status: "completed" });
  });
});

describe("GET /v1/runs", () => {
  it("lists durable runs newest first, in pages, and forgets what is deleted", async () => {
    const tenant = await newTenant();
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const id = await started(tenant, [wait(1, n)]);
      await ended(tenant, id);
      ids.unshift(id);
    }
    await runCalls(tenant, [wait(1)]);
    const isListed = async () =>
      listOf((await get(tenant, "")).json, "data").every(
        (one) => plain(one)["status"] === "completed",
      );
    expect(await becomes(isListed, 3000)).toBe(true);
    const first = (await get(tenant, "?limit=2")).json;
    expect(first).toMatchObject({ has_more: true });
    const second = (await get(tenant, `?limit=2&after=${textOf(first, "next") ?? ""}`)).json;
    expect(second).toMatchObject({ has_more: false, next: null });
    const listed = [...listOf(first, "data"), ...listOf(second, "data")].map(plain);
    expect(listed.map(({ id }) => id)).toEqual(ids);
    expect(listed[0]).toMatchObject({ object: "run", kind: "run", status: "completed" });

    const path = `/v1/runs/${ids[0] ?? ""}`;
    expect((await send("DELETE", path, { key: tenant.apiKey })).status).toBe(204);
    expect((await send("GET", path, { key: tenant.apiKey })).status).toBe(404);
    const left = listOf((await get(tenant, "")).json, "data").map((one) => plain(one)["id"]);
    expect(left).toEqual(ids.slice(1));
    expect((await get(tenant, "?after=nothing")).status).toBe(400);
  });

  it("403 for a key that only runs: the list names every run of the tenant", async () => {
    const tenant = await newTenant();
    const made = await tenant.call("POST", "/v1/keys", { name: "runner", scopes: ["run"] });
    const answer = await send("GET", "/v1/runs", { key: textOf(made, "key") ?? "" });
    expect([answer.status, answer.json["code"]]).toEqual([403, "insufficient_scope"]);
  });

  it("erases the durable runs of a tenant that is deleted", async () => {
    const tenant = await newTenant();
    const id = await started(tenant, [wait(1)]);
    await ended(tenant, id);
    const path = `/v1/tenants/${tenant.tenantId}`;
    const receipt = await send("DELETE", path, { key: gateway.operatorKey });
    expect(objectOf(objectOf(receipt.json, "stores"), "run_journal")).toEqual({ runs: 1 });
  });
});
