/** Cached tool results: a repeated call asks nobody, and nothing that should make a difference is ever mixed up. */

import { describe, expect, it } from "vitest";

import { isObject, listOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { becomes, newTenant, send, servers, toolRequests, unique } from "./scene.ts";

/** A cached read that echoes its request; `k` is the mark by which the tool server counts. */
function echoTool(k: string, extra: object = {}): UnknownObject {
  return {
    description: "Echoes",
    input: { type: "object", properties: { q: { type: "string" } } },
    effect: "read",
    http: { method: "GET", url: `${servers.tools}/echo`, query: { q: "{q}", k } },
    cache: { ttl_s: 300 },
    ...extra,
  };
}

interface Asked {
  readonly key: string;
  readonly q?: string;
  readonly language?: string;
}

/** One call of the tool `echo`: what the gateway says about its cache. */
async function ask({ key, q = "same", language = "en" }: Asked): Promise<string | null> {
  const answer = await send("POST", "/v1/runs", {
    key,
    body: { calls: [{ tool: "echo", arguments: { q } }] },
    headers: { "accept-language": language },
  });
  const [result] = listOf(answer.json, "results").filter(isObject);
  expect(result).toMatchObject({ status: "succeeded" });
  return textOf(result ?? {}, "cache");
}

/** Asks until the answer is a hit: the cache is filled after the answer has left. */
async function warm(asked: Asked): Promise<void> {
  expect(await becomes(async () => (await ask(asked)) === "hit", 5000)).toBe(true);
}

describe("the same call", () => {
  it("asks the origin once, for runs and for chats alike", async () => {
    const k = unique("k");
    const tenant = await newTenant({ tools: { echo: echoTool(k) } });
    expect(await ask({ key: tenant.apiKey })).toBe("miss");
    await warm({ key: tenant.apiKey });
    const { started } = await toolRequests(k);
    for (let n = 0; n < 3; n += 1) expect(await ask({ key: tenant.apiKey })).toBe("hit");
    const turns = [
      { calls: [{ name: "echo", arguments: { q: "same" } }] },
      { text: "{{results}}" },
    ];
    const chat = await send("POST", "/v1/chat/completions", {
      key: tenant.apiKey,
      body: {
        model: "scripted-1",
        messages: [{ role: "user", content: `#script ${JSON.stringify({ turns })}` }],
      },
      headers: { "accept-language": "en" },
    });
    expect(chat.json["x_gw"]).toMatchObject({ calls: 1, cache_hits: 1 });
    expect((await toolRequests(k)).started).toBe(started);
    expect(started).toBe(1);
  });

  it("is asked again once its ttl_s is over, also below KV's sixty seconds", async () => {
    const k = unique("k");
    const tenant = await newTenant({ tools: { echo: echoTool(k, { cache: { ttl_s: 1 } }) } });
    const key = tenant.apiKey;
    await warm({ key });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await ask({ key })).toBe("miss");
  });

  it("gives a failure no place", async () => {
    const k = unique("k");
    const http = { method: "GET", url: `${servers.tools}/echo`, query: { k, fault: "500" } };
    const tenant = await newTenant({
      tools: { echo: echoTool(k, { http, retry: { max_attempts: 1 } }) },
    });
    for (let n = 0; n < 3; n += 1) {
      const answer = await send("POST", "/v1/runs", {
        key: tenant.apiKey,
        body: { calls: [{ tool: "echo" }] },
      });
      expect(listOf(answer.json, "results")).toMatchObject([{ status: "failed", cache: "miss" }]);
    }
    expect((await toolRequests(k)).started).toBe(3);
  });
});

describe("a hit is never shared", () => {
  it("with other arguments, another language, or another tenant", async () => {
    const k = unique("k");
    const tenant = await newTenant({ tools: { echo: echoTool(k) } });
    const other = await newTenant({ tools: { echo: echoTool(k) } });
    const key = tenant.apiKey;
    await warm({ key });
    const before = (await toolRequests(k)).started;
    expect(await ask({ key, q: "other" })).toBe("miss");
    expect(await ask({ key, language: "fr" })).toBe("miss");
    expect(await ask({ key: other.apiKey })).toBe("miss");
    expect((await toolRequests(k)).started).toBe(before + 3);
    expect(await ask({ key })).toBe("hit");
  });

  it("with another version of the tool, even when it is put back as it was", async () => {
    const k = unique("k");
    const tenant = await newTenant({ tools: { echo: echoTool(k) } });
    const key = tenant.apiKey;
    await warm({ key });
    await tenant.call("PUT", "/v1/tools/echo", echoTool(k, { description: "Changed" }));
    expect(await ask({ key })).toBe("miss");
    await tenant.call("PUT", "/v1/tools/echo", echoTool(k));
    expect(await ask({ key })).toBe("miss");
  });

  it("with another value of the secret it uses", async () => {
    const k = unique("k");
    const tool = echoTool(k, {
      http: {
        method: "GET",
        url: `${servers.tools}/echo`,
        query: { q: "{q}", k },
        headers: { "x-api-key": "{{secret.api}}" },
      },
    });
    const tenant = await newTenant({ tools: {} });
    const { host } = new URL(servers.tools);
    const secret = (value: string) =>
      tenant.call("PUT", "/v1/secrets/api", { value, hosts: [host] });
    await secret("first-secret");
    await tenant.call("PUT", "/v1/tools/echo", tool);
    const key = tenant.apiKey;
    await warm({ key });
    await secret("second-secret");
    expect(await ask({ key })).toBe("miss");
  });
});

describe("no cache at all", () => {
  it("for writes, for tools without one, and while the policy switches it off", async () => {
    const k = unique("k");
    const { cache: _cache, ...uncached } = echoTool(k);
    const tenant = await newTenant({ tools: { echo: uncached } });
    const key = tenant.apiKey;
    expect(await ask({ key })).toBe("bypass");
    await tenant.call("PUT", "/v1/tools/echo", echoTool(k));
    await warm({ key });
    await tenant.call("PATCH", "/v1/policy", { cache: { enabled: false } });
    expect(await ask({ key })).toBe("bypass");
    await tenant.call("PATCH", "/v1/policy", { cache: { enabled: true } });
    expect(await ask({ key })).toBe("hit");
  });
});

describe("a resident tenant", () => {
  it("has its results in objects of its jurisdiction: the origin is asked once", async () => {
    const k = unique("k");
    const tenant = await newTenant({
      tenant: { residency: "eu" },
      tools: { echo: echoTool(k) },
    });
    expect(await ask({ key: tenant.apiKey })).toBe("miss");
    for (let n = 0; n < 3; n += 1) expect(await ask({ key: tenant.apiKey })).toBe("hit");
    expect((await toolRequests(k)).started).toBe(1);
  });
});
