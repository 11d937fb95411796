/** Every field of a tool's cache changes behaviour; test/node/field-inventory.test.ts keeps this list complete. */

import { expect, it } from "vitest";

import { objectOf } from "../../dev/http/json.ts";
import { callTool, chat, echoTool, waitTool } from "./field-scene.ts";
import { becomes, newTenant, servers, toolRequests, unique, type TestTenant } from "./scene.ts";

it("tool/cache/stale_s: lets a result whose time is over answer while it is asked for anew", async () => {
  const mark = unique("k");
  const cached = waitTool(0, mark, { cache: { ttl_s: 1, stale_s: 60 } });
  const tenant = await newTenant({ tools: { cached } });
  const use = async () => (await callTool(tenant, "cached", { q: "x" }))["cache"];
  expect(await use()).toBe("miss");
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(await use()).toBe("stale");
  expect(await becomes(async () => (await toolRequests(mark)).started === 2, 5000)).toBe(true);
  expect(await becomes(async () => (await use()) === "hit", 5000)).toBe(true);
});

it("tool/cache/negative_ttl_s: is how long a refusal of the arguments answers for", async () => {
  const http = { url: `${servers.tools}/nothing-here` };
  const tenant = await newTenant({
    tools: {
      kept: echoTool(http, { cache: { ttl_s: 60, negative_ttl_s: 60 } }),
      asked: echoTool(http, { cache: { ttl_s: 60 } }),
    },
  });
  const uses = async (tool: string) => {
    const first = await callTool(tenant, tool);
    const second = await callTool(tenant, tool);
    expect(second).toMatchObject({ status: "failed", error: first["error"] });
    return [first["cache"], second["cache"]];
  };
  expect(await uses("kept")).toEqual(["miss", "hit"]);
  expect(await uses("asked")).toEqual(["miss", "miss"]);
});

it("tool/cache/vary: says whether a result depends on the caller's language", async () => {
  const tenant = await newTenant({
    tools: {
      same: echoTool({}, { cache: { ttl_s: 60, vary: [] } }),
      each: echoTool({}, { cache: { ttl_s: 60, vary: ["locale"] } }),
      unsaid: echoTool({}, { cache: { ttl_s: 60 } }),
    },
  });
  const inFrench = async (tool: string) => {
    await callTool(tenant, tool, {}, { "accept-language": "en" });
    return (await callTool(tenant, tool, {}, { "accept-language": "fr" }))["cache"];
  };
  expect(await inFrench("same")).toBe("hit");
  expect(await inFrench("each")).toBe("miss");
  expect(await inFrench("unsaid")).toBe("miss");
});

it("tool/cache/ttl_s: is how long a result answers for", async () => {
  const tenant = await newTenant({
    tools: {
      never: echoTool(),
      long: echoTool({}, { cache: { ttl_s: 600 } }),
      short: echoTool({}, { cache: { ttl_s: 1 } }),
    },
  });
  const cacheOf = async (tool: string) => (await callTool(tenant, tool, { q: "x" }))["cache"];
  for (const tool of ["long", "short"]) {
    expect(await becomes(async () => (await cacheOf(tool)) === "hit", 10_000)).toBe(true);
  }
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(await cacheOf("long")).toBe("hit");
  expect(await cacheOf("short")).toBe("miss");
  expect(await cacheOf("never")).toBe("bypass");
});

it("tool/cache/tags: are names under which its results are invalidated", async () => {
  const tenant = await newTenant({
    tools: {
      tagged: echoTool({}, { cache: { ttl_s: 60, tags: ["weather"] } }),
      plain: echoTool({}, { cache: { ttl_s: 60 } }),
    },
  });
  const use = async (tool: string) => (await callTool(tenant, tool))["cache"];
  for (const tool of ["tagged", "plain"]) await use(tool);
  await tenant.call("POST", "/v1/cache/invalidate", { tag: "weather" });
  expect([await use("tagged"), await use("plain")]).toEqual(["miss", "hit"]);
});

it("upstream/cache/ttl_s: is how long an answer of a model answers the same request again", async () => {
  const turns = [{ text: "The same." }];
  const isKept = async (tenant: TestTenant) => {
    const answer = await chat(tenant, turns, { temperature: 0 });
    return "cached_answers" in objectOf(answer.json, "x_gw");
  };
  const never = await newTenant({ tools: {} });
  const short = await newTenant({ tools: {}, upstream: { cache: { ttl_s: 1 } } });
  const long = await newTenant({ tools: {}, upstream: { cache: { ttl_s: 300 } } });
  for (const tenant of [never, short, long]) expect(await isKept(tenant)).toBe(false);
  expect(await becomes(() => isKept(long), 5000)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect([await isKept(never), await isKept(short), await isKept(long)]).toEqual([
    false,
    false,
    true,
  ]);
});
