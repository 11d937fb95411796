/** `POST /v1/runs` with bad input: refused whole, with the place, before anything is sent. */

import { beforeAll, describe, expect, it } from "vitest";

import { textOf } from "../../dev/http/json.ts";
import { newTenant, pointersOf, send, toolRequests, type TestTenant } from "./scene.ts";

const GOOD = { tool: "wait", arguments: { ms: 1 } };

let tenant: TestTenant;
beforeAll(async () => {
  tenant = await newTenant({ policy: { runs: { max_parallel: 20, deadline_ms: 5000 } } });
});

function run(body: unknown, headers: Record<string, string> = {}) {
  return send("POST", "/v1/runs", { key: tenant.apiKey, body, headers });
}

describe("POST /v1/runs refuses", () => {
  it("422 with every pointer: unknown tools and arguments against their schemas", async () => {
    const answer = await run({
      calls: [
        GOOD,
        { tool: "nope" },
        { tool: "wait", arguments: { ms: "soon" } },
        { tool: "get_weather", arguments: { town: "Paris" } },
      ],
    });
    expect(answer.status).toBe(422);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(textOf(answer.json, "code")).toBe("unprocessable");
    const pointers = pointersOf(answer);
    expect(pointers).toContain("/calls/1/tool");
    expect(pointers).toContain("/calls/2/arguments/ms");
    expect(pointers.some((pointer) => pointer.startsWith("/calls/3/arguments"))).toBe(true);
    expect(pointers.some((pointer) => pointer.startsWith("/calls/0"))).toBe(false);
  });

  it("422 for more than the policy allows", async () => {
    const parallel = await run({ calls: [GOOD], max_parallel: 21 });
    expect([parallel.status, pointersOf(parallel)]).toEqual([422, ["/max_parallel"]]);
    const deadline = await run({ calls: [GOOD], deadline_ms: 5001 });
    expect([deadline.status, pointersOf(deadline)]).toEqual([422, ["/deadline_ms"]]);
    const beyondAny = await run({ calls: [GOOD], max_parallel: 156 });
    expect([beyondAny.status, pointersOf(beyondAny)]).toEqual([422, ["/max_parallel"]]);
  });

  it("422 for 257 calls", async () => {
    const answer = await run({ calls: Array.from({ length: 257 }, () => GOOD) });
    expect([answer.status, pointersOf(answer)]).toEqual([422, ["/calls"]]);
  });

  it("413 for one byte above 1 MiB", async () => {
    const body = JSON.stringify({ calls: [GOOD] });
    const exact = body.padEnd(1024 * 1024, " ");
    expect((await run(`${exact} `)).status).toBe(413);
    const unknownField = exact.replace('"calls"', '"callz"');
    expect((await run(unknownField)).status).toBe(400);
  });

  it("400 for nesting 65 levels, while 64 are read", async () => {
    const nested = (levels: number) => {
      // The body, the list, the call and its arguments are four levels.
      const inner = levels - 4;
      return `{"calls":[{"tool":"nope","arguments":{"a":${"[".repeat(inner)}${"]".repeat(inner)}}}]}`;
    };
    expect((await run(nested(64))).status).toBe(422);
    const deep = await run(nested(65));
    expect([deep.status, textOf(deep.json, "code")]).toEqual([400, "invalid_json"]);
  });

  it("400 for unknown fields and wrong types, each with its pointer", async () => {
    const answer = await run({ calls: [{ ...GOOD, extra: 1 }, { tool: 5 }], modus: "x" });
    expect(answer.status).toBe(400);
    expect(textOf(answer.json, "code")).toBe("validation_failed");
    expect(new Set(pointersOf(answer))).toEqual(
      new Set(["/calls/0/extra", "/calls/1/tool", "/modus"]),
    );
    const empty = await run({ calls: [] });
    expect([empty.status, pointersOf(empty)]).toEqual([400, ["/calls"]]);
    const twice = await run({
      calls: [
        { id: "a", ...GOOD },
        { id: "a", ...GOOD },
      ],
    });
    expect([twice.status, pointersOf(twice)]).toEqual([422, ["/calls/1/id"]]);
  });

  it("400 for what is no JSON, 415 for what does not say it is, and no body", async () => {
    const broken = await run('{"calls": [');
    expect([broken.status, textOf(broken.json, "code")]).toEqual([400, "invalid_json"]);
    expect((await run("[]")).status).toBe(400);
    const form = await run(JSON.stringify({ calls: [GOOD] }), { "content-type": "text/plain" });
    expect(form.status).toBe(415);
    const none = await send("POST", "/v1/runs", { key: tenant.apiKey });
    expect([400, 415]).toContain(none.status);
  });

  it("400 for an idempotency key that is no key", async () => {
    const answer = await run({ calls: [GOOD] }, { "idempotency-key": "x".repeat(256) });
    expect(answer.status).toBe(400);
  });

  it("405 for another method, 404 for another path, both as problems", async () => {
    const method = await send("PATCH", "/v1/runs", { key: tenant.apiKey, body: {} });
    expect(method.status).toBe(405);
    expect(method.headers.get("allow")).toContain("POST");
    const path = await send("GET", "/v1/nothing", { key: tenant.apiKey });
    expect(path.status).toBe(404);
    expect(path.headers.get("content-type")).toContain("application/problem+json");
  });

  it("and sends nothing of all that, though every body above held a good call", async () => {
    expect((await toolRequests(tenant.mark)).started).toBe(0);
    expect((await run({ calls: [GOOD] })).status).toBe(200);
    expect((await toolRequests(tenant.mark)).started).toBe(1);
  });
});
