/** `/v1/cache/invalidate` over HTTP: what it takes, whom it lets, and a tenant's cached calls around it. */

import { describe, expect, inject, it } from "vitest";

import { call } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const { fault } = inject("servers");

const ECHO = {
  description: "Echoes",
  input: { type: "object", properties: { q: { type: "string" } } },
  http: { method: "GET", url: `${fault}/echo`, query: { q: "{q}" } },
  effect: "read",
  cache: { ttl_s: 300, tags: ["a"] },
};

async function run(key: string, tool: string): Promise<unknown> {
  const response = await call("POST /v1/runs", { key, body: { calls: [{ tool }] } });
  const { results } = await response.json<{ results: readonly { cache: string }[] }>();
  return results[0]?.cache;
}

describe("POST /v1/cache/invalidate", () => {
  it("200: what was kept under a tag is asked for again, also after a write that has it", async () => {
    const { key } = await newTestTenant({ residency: "eu" });
    const write = { ...ECHO, effect: "write", cache: undefined, tags: ["a"] };
    await call("PUT /v1/tools/read", { key, body: ECHO });
    await call("PUT /v1/tools/write", { key, body: write });
    expect([await run(key, "read"), await run(key, "read")]).toEqual(["miss", "hit"]);
    const done = await call("POST /v1/cache/invalidate", { key, body: { tag: "a" } });
    expect([done.status, await done.json()]).toMatchObject([200, { tag: "a" }]);
    expect([await run(key, "read"), await run(key, "read")]).toEqual(["miss", "hit"]);
    expect(await run(key, "write")).toBe("bypass");
    expect(await run(key, "read")).toBe("miss");
  });

  it.each([
    [{}, ""],
    [{ all: false }, "/all"],
    [{ tool: "a", tag: "b" }, ""],
    [{ tool: "" }, "/tool"],
    [{ tag: "no spaces here" }, "/tag"],
    [{ everything: true }, "/everything"],
  ])("400 for %o, with the place", async (body, pointer) => {
    const { key } = await newTestTenant();
    const refused = await call("POST /v1/cache/invalidate", { key, body });
    expect(refused.status).toBe(400);
    const { violations } = await refused.json<{ violations: readonly object[] }>();
    expect(violations[0]).toMatchObject({ pointer });
  });

  it("403 for a key that may only run, 401 without one", async () => {
    const { key } = await newTestTenant();
    const made = await call("POST /v1/keys", { key, body: { name: "r", scopes: ["run"] } });
    const { key: narrow } = await made.json<{ key: string }>();
    const body = { all: true };
    expect((await call("POST /v1/cache/invalidate", { key: narrow, body })).status).toBe(403);
    expect((await call("POST /v1/cache/invalidate", { body })).status).toBe(401);
  });
});
