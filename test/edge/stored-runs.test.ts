/** Durable runs over HTTP: begun, joined, listed, read, followed, cancelled in part or whole, forgotten. */

import { describe, expect, inject, it } from "vitest";

import { call, dataLines } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const { fault } = inject("servers");

const INTEGER = { type: "integer" };

const DELAY = {
  description: "Takes its time",
  input: { type: "object", properties: { ms: INTEGER, n: INTEGER }, required: ["ms"] },
  http: { method: "GET", url: `${fault}/delay/{ms}`, query: { n: "{n}" } },
  effect: "read",
};

type Answer = Record<string, unknown>;

/** A key of a new tenant with the tool above. */
async function newKey(): Promise<string> {
  const { key } = await newTestTenant();
  const put = await call("PUT /v1/tools/delay", { key, body: DELAY });
  if (put.status !== 201) throw new Error(await put.text());
  return key;
}

/** A key of the same tenant that may only do what `scopes` say. */
async function keyWith(key: string, scopes: readonly string[]): Promise<string> {
  const made = await call("POST /v1/keys", { key, body: { name: "narrow", scopes } });
  if (made.status !== 201) throw new Error(await made.text());
  return (await made.json<{ key: string }>()).key;
}

const wait = (ms: number, n = 0) => ({ tool: "delay", arguments: { ms, n } });

function post(key: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return call("POST /v1/runs", { key, body, headers });
}

/** The id of a run in the background. */
async function begun(key: string, calls: readonly object[], more: object = {}): Promise<string> {
  const response = await post(key, { calls, background: true, ...more });
  if (response.status !== 202) throw new Error(await response.text());
  return (await response.json<{ id: string }>()).id;
}

async function read(key: string, path: string): Promise<Answer> {
  return (await call(`GET /v1/runs${path}`, { key })).json<Answer>();
}

function follow(key: string, id: string, headers: Record<string, string> = {}): Promise<Response> {
  return call(`GET /v1/runs/${id}/events`, { key, headers });
}

/** The answer of the run once it has ended. */
async function ended(key: string, id: string): Promise<Answer> {
  await (await follow(key, id)).text();
  return read(key, `/${id}`);
}

function cancel(key: string, id: string, body?: object): Promise<Response> {
  return call(`POST /v1/runs/${id}/cancel`, { key, ...(body !== undefined && { body }) });
}

/** Status, code and pointers of a refusal. */
async function refusal(response: Response): Promise<readonly unknown[]> {
  const { code, violations = [] } = await response.json<{
    code: string;
    violations?: readonly { pointer: string }[];
  }>();
  return [response.status, code, ...violations.map(({ pointer }) => pointer)];
}

/** Waits until the run has said that this call began. */
async function hasBegun(key: string, id: string, callId: string): Promise<void> {
  const reader = (await follow(key, id)).body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes(`"type":"call.started","id":"${callId}"`)) {
    const next = await reader?.read();
    if (next?.value === undefined) throw new Error(`never began: ${text}`);
    text += next.value;
  }
  await reader?.cancel();
}

describe("POST /v1/runs with background", () => {
  it("202 while it goes on; read as in progress, then with its results", async () => {
    const key = await newKey();
    const response = await post(key, { calls: [wait(400)], background: true });
    expect(response.status).toBe(202);
    const view = await response.json<{ id: string }>();
    expect(view).toMatchObject({ object: "run", kind: "run", status: "in_progress" });
    expect(await read(key, `/${view.id}`)).toEqual({ ...view, ended_at: null });
    const results = [{ status: "succeeded", output: "late" }];
    expect(await ended(key, view.id)).toMatchObject({ id: view.id, status: "completed", results });
  });

  it("422 together with stream, and nothing is kept", async () => {
    const key = await newKey();
    const both = await post(key, { calls: [wait(1)], background: true, stream: true });
    expect(await refusal(both)).toEqual([422, "unprocessable", "/stream"]);
    const unknown = await post(key, { calls: [{ tool: "nobody" }], background: true });
    expect(await refusal(unknown)).toEqual([422, "unprocessable", "/calls/0/tool"]);
    expect(await read(key, "")).toEqual({ data: [], has_more: false, next: null });
  });

  it("202 with the same run for the same Idempotency-Key, during and after it; 409 with another body", async () => {
    const key = await newKey();
    const headers = { "idempotency-key": "once" };
    const body = { calls: [wait(200)], background: true };
    const first = await (await post(key, body, headers)).json<{ id: string }>();
    const joined = await post(key, body, headers);
    expect([joined.status, await joined.json()]).toEqual([202, first]);
    await ended(key, first.id);
    const late = await post(key, body, headers);
    expect(late.status).toBe(202);
    expect(await late.json()).toMatchObject({ id: first.id, status: "completed" });
    const other = await post(key, { calls: [wait(1)], background: true }, headers);
    expect(await refusal(other)).toEqual([409, "idempotency_key_reused"]);
  });
});

describe("POST /v1/runs with stored or an Idempotency-Key", () => {
  it("200 with an answer that is read later word for word", async () => {
    const key = await newKey();
    const response = await post(key, { calls: [wait(1), wait(20, 1)], stored: true });
    expect(response.status).toBe(200);
    const text = await response.text();
    const id = response.headers.get("x-gw-run") ?? "";
    expect(await (await call(`GET /v1/runs/${id}`, { key })).text()).toBe(text);
  });

  it("200 as a stream that its client may leave: the run goes on and the rest is found", async () => {
    const key = await newKey();
    const response = await post(key, { calls: [wait(300)], stored: true, stream: true });
    const id = response.headers.get("x-gw-run") ?? "";
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    const events = dataLines(await (await follow(key, id)).text());
    expect(events[0]).toMatchObject({ type: "run.created", calls: 1 });
    expect(events.at(-1)).toMatchObject({ type: "run.completed", id, status: "completed" });
  });

  it("200 with one run's answer for two that share a key, 409 for another body", async () => {
    const key = await newKey();
    const headers = { "idempotency-key": "shared" };
    const body = { calls: [wait(150)] };
    const [one, two] = await Promise.all([post(key, body, headers), post(key, body, headers)]);
    expect([one.status, two.status]).toEqual([200, 200]);
    const text = await one.text();
    expect(await two.text()).toBe(text);
    expect(await (await post(key, body, headers)).text()).toBe(text);
    const other = await post(key, { calls: [wait(151)] }, headers);
    expect(await refusal(other)).toEqual([409, "idempotency_key_reused"]);
  });
});

describe("GET /v1/runs", () => {
  it("200 newest first in pages that meet, and 400 for a cursor of another list", async () => {
    const key = await newKey();
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const id = await begun(key, [wait(1, n)]);
      await ended(key, id);
      ids.unshift(id);
    }
    await expect.poll(async () => (await read(key, ""))["data"]).toHaveLength(3);
    const first = await read(key, "?limit=2");
    expect(first).toMatchObject({ data: [{ id: ids[0] }, { id: ids[1] }], has_more: true });
    const second = await read(key, `?limit=2&after=${String(first["next"])}`);
    expect(second).toMatchObject({ data: [{ id: ids[2] }], has_more: false, next: null });
    for (const query of ["?after=nothing", "?after=-1", "?limit=0"])
      expect((await call(`GET /v1/runs${query}`, { key })).status).toBe(400);
  });

  it("403 for a key without the scope, and 401 without a key", async () => {
    const key = await newKey();
    const runner = await keyWith(key, ["run"]);
    const list = await refusal(await call("GET /v1/runs", { key: runner }));
    expect(list).toEqual([403, "insufficient_scope"]);
    const reader = await keyWith(key, ["usage:read"]);
    expect((await post(reader, { calls: [wait(1)] })).status).toBe(403);
    expect((await call("GET /v1/runs")).status).toBe(401);
  });
});

describe("GET /v1/runs/{id}/events", () => {
  it("200 from every position, live and afterwards, without gap or repetition", async () => {
    const key = await newKey();
    const id = await begun(key, [wait(1), wait(200, 1)]);
    const whole = dataLines(await (await follow(key, id)).text());
    expect(whole.at(-1)).toMatchObject({ type: "run.completed" });
    for (let after = 0; after <= whole.length + 1; after += 1) {
      const rest = await follow(key, id, { "last-event-id": String(after) });
      const text = await rest.text();
      expect(dataLines(text)).toEqual(whole.slice(after));
      const [, position] = /^id: (\d+)$/m.exec(text) ?? [];
      expect(position).toBe(after < whole.length ? String(after + 1) : undefined);
    }
  });

  it("200 as NDJSON from a position for who accepts that, 400 for what is no position", async () => {
    const key = await newKey();
    const id = await begun(key, [wait(1)]);
    const headers = { accept: "application/x-ndjson", "last-event-id": "2" };
    const response = await follow(key, id, headers);
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = (await response.text()).split("\n").filter(Boolean);
    expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
      { type: "call.started" },
      { type: "call.completed" },
      { type: "run.completed" },
    ]);
    for (const bad of ["-1", "x", "1234567890"]) {
      const refused = await refusal(await follow(key, id, { "last-event-id": bad }));
      expect(refused).toEqual([400, "validation_failed", ""]);
    }
  });
});

describe("a run that is not there", () => {
  it("404 for ids of nobody, of a run that was not kept, and of another tenant's run", async () => {
    const [key, stranger] = [await newKey(), await newKey()];
    const plain = await post(key, { calls: [wait(1)] });
    const kept = await begun(key, [wait(1)]);
    await ended(key, kept);
    const mine = ["x", `run_${"0".repeat(22)}`, plain.headers.get("x-gw-run") ?? ""];
    const asked = [...mine.map((id) => [key, id] as const), [stranger, kept] as const];
    for (const [who, id] of asked)
      for (const line of ["GET /", "GET /events", "DELETE /", "POST /cancel"]) {
        const [method = "", rest = ""] = line.split(" ");
        const path = `/v1/runs/${id}${rest === "/" ? "" : rest}`;
        const answer = await call(`${method} ${path}`, { key: who });
        expect([line, ...(await refusal(answer))]).toEqual([line, 404, "not_found"]);
      }
    expect(await read(key, `/${kept}`)).toMatchObject({ status: "completed" });
  });

  it("204 for a run that goes on or has ended, and it is forgotten", async () => {
    const key = await newKey();
    const [over, going] = [await begun(key, [wait(1)]), await begun(key, [wait(3000)])];
    await ended(key, over);
    for (const id of [over, going]) {
      expect((await call(`DELETE /v1/runs/${id}`, { key })).status).toBe(204);
      expect((await call(`DELETE /v1/runs/${id}`, { key })).status).toBe(404);
      expect((await follow(key, id)).status).toBe(404);
    }
    expect(await read(key, "")).toMatchObject({ data: [] });
  });
});

describe("POST /v1/runs/{id}/cancel of a durable run", () => {
  it("200 for the whole run, which says what had finished; 404 once it has ended", async () => {
    const key = await newKey();
    const id = await begun(key, [{ id: "a", ...wait(15_000) }]);
    await hasBegun(key, id, "a");
    const answer = await cancel(key, id);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ id, object: "run", status: "cancelled" });
    const results = [{ id: "a", status: "cancelled" }];
    expect(await ended(key, id)).toMatchObject({ status: "cancelled", results });
    expect((await cancel(key, id)).status).toBe(404);
  });

  it("200 for a call and a branch, which a reset takes back; 422 for parts it does not have", async () => {
    const key = await newKey();
    const calls = [
      { id: "a", ...wait(15_000) },
      { id: "b", ...wait(600, 1), branch: "one" },
      { id: "c", ...wait(1500, 2) },
    ];
    const id = await begun(key, calls, { branches: { one: {} } });
    await hasBegun(key, id, "c");
    for (const [part, pointer] of [
      [{ branch: "two" }, "/branch"],
      [{ branch: "one", reset: true }, "/reset"],
      [{ call: "nobody" }, "/call"],
      [{ reset: true }, "/reset"],
      [{ call: "a", branch: "one" }, "/call"],
    ] as const)
      expect(await refusal(await cancel(key, id, part))).toEqual([422, "unprocessable", pointer]);
    const asked = [{ call: "a" }, { branch: "one" }, { branch: "one", reset: true }];
    const said: unknown[] = [];
    for (const part of asked) said.push(await (await cancel(key, id, part)).json());
    expect(said).toEqual([
      { id, object: "run", call: "a", status: "cancelled" },
      { id, object: "run", branch: "one", status: "cancelled" },
      { id, object: "run", branch: "one", status: "reset" },
    ]);
    const { results } = await ended(key, id);
    expect(results).toMatchObject([
      { id: "a", status: "cancelled" },
      { id: "b", status: "succeeded" },
      { id: "c", status: "succeeded" },
    ]);
  });
});
