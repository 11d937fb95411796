/** Calls whose answers are scrubbed, kept or made inside the gateway. */

import { describe, expect, it } from "vitest";

import { tenantScope } from "../../src/tools/cache/cache-key.ts";
import type { ToolPorts } from "../../src/tools/tool-ports.ts";
import { at, memoryCache, origin, planned, portsFor, run } from "../support/tool-call.ts";

const { host } = new URL(origin);

describe("a call with secrets", () => {
  const openSecret: ToolPorts["openSecret"] = (name, asked) =>
    Promise.resolve(asked === host && name === "key" ? "sk-12345678" : null);

  it("takes them out of an answer that echoes them", async () => {
    const http = {
      url: `${origin}/echo`,
      headers: { "x-key": "{{secret.key}}" },
      query: { key: "{{secret.key}}" },
    };
    const outcome = await run(portsFor(http, {}, { openSecret }));
    expect(outcome.status).toBe("succeeded");
    expect(outcome.outputJson).not.toContain("sk-12345678");
    expect(JSON.parse(outcome.outputJson ?? "")).toMatchObject({
      url: "/echo?key=[secret]",
      headers: { "x-key": "[secret]" },
    });
  });
});

describe("a call of a built-in tool", () => {
  const ports = (builtin: string) => portsFor({}, { http: undefined, builtin });

  it("runs here", async () => {
    expect(await run(ports("calculator"), planned({ arguments: { expression: "6*7" } }))).toEqual({
      status: "succeeded",
      outputJson: '{"result":42}',
      cache: "bypass",
      attempts: 0,
    });
    expect(await run(ports("current_time"))).toMatchObject({ status: "succeeded" });
  });

  it("says what is wrong with its arguments", async () => {
    expect(
      await run(ports("calculator"), planned({ arguments: { expression: "1+" } })),
    ).toMatchObject({
      status: "failed",
      error: { code: "arguments_invalid", message: "A number is missing at position 3." },
    });
  });
});

describe("a call that may be cached", () => {
  const scope = tenantScope({ tenantId: "ten_1" });

  function cached(http: object, definition: object = {}, overrides: Partial<ToolPorts> = {}) {
    const { kept, results } = memoryCache();
    const cache = scope === null ? null : { scope, results };
    return {
      kept,
      ports: portsFor(http, { cache: { ttl_s: 60 }, ...definition }, { cache, ...overrides }),
    };
  }

  it("is answered from the cache the second time, without a request", async () => {
    const { ports } = cached(at("/echo?id=cached-once"));
    const first = await run(ports);
    expect(first).toMatchObject({ cache: "miss", attempts: 1 });
    expect(await run(ports)).toEqual({
      status: "succeeded",
      outputJson: first.outputJson,
      cache: "hit",
      cacheLayer: "isolate",
      attempts: 0,
    });
    const stats: unknown = await (await fetch(`${origin}/stats`)).json();
    expect(stats).toMatchObject({ byId: { "cached-once": { requests: 1 } } });
  });

  it("is sent again for other arguments, another locale or another version of its secret", async () => {
    const http = {
      ...at("/echo"),
      headers: { "x-key": "{{secret.key}}" },
      query: { city: "{city}" },
    };
    const openSecret = () => Promise.resolve("sk-12345678");
    const { ports, kept } = cached(http, {}, { openSecret, credentials: new Map([["key", "1"]]) });
    await run(ports, planned({ arguments: { city: "Paris" } }));
    await run(ports, planned({ arguments: { city: "Lyon" } }));
    await run({ ...ports, locale: "fr" }, planned({ arguments: { city: "Paris" } }));
    await run(
      { ...ports, credentials: new Map([["key", "2"]]) },
      planned({ arguments: { city: "Paris" } }),
    );
    await run({ ...ports, credentials: new Map() }, planned({ arguments: { city: "Paris" } }));
    expect(kept.size).toBe(5);
    expect(JSON.stringify([...kept])).not.toContain("sk-12345678");
  });

  it("keeps successes only", async () => {
    for (const path of ["/status/500", "/status/429", "/reset"]) {
      const { ports, kept } = cached(at(path));
      expect(await run(ports)).toMatchObject({ cache: "miss" });
      expect(kept.size).toBe(0);
    }
  });

  it("bypasses the cache for writes, tools without a cache and tenants that have none", async () => {
    const write = cached(at("/echo"), { effect: "write" });
    expect(await run(write.ports, planned({ effect: "write" }))).toMatchObject({ cache: "bypass" });
    const undeclared = cached(at("/echo"), { cache: undefined });
    expect(await run(undeclared.ports)).toMatchObject({ cache: "bypass" });
    expect(await run({ ...cached(at("/echo")).ports, cache: null })).toMatchObject({
      cache: "bypass",
    });
    expect(write.kept.size + undeclared.kept.size).toBe(0);
  });

  it("says miss when the request could not be built", async () => {
    const { ports } = cached({ ...at("/echo"), headers: { a: "{{secret.none}}" } });
    expect(await run(ports)).toMatchObject({
      cache: "miss",
      attempts: 0,
      error: { code: "secret_unavailable" },
    });
  });
});
